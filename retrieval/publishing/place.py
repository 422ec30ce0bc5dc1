"""Where indexes are shared, and what can be done there: read, write and list small and large objects.

A place is a folder that several machines mount, or a bucket of an object store, by any URL that fsspec knows.
fsspec's packages read credentials from their own files and variables. A URL that holds a credential is
refused, and the message does not repeat it.

    objects/ab/cdef…                          a segment or the records, named by its SHA-256
    sources/NAME-HASH/FINGERPRINT/
        manifests/DIGEST.json                 the files of one published index, named by its own SHA-256
        commits/COMMIT, latest                pointers: the digest of a manifest
        leases/COMMIT                         which machine is building the index of a commit
    profiles/FINGERPRINT/NAME-HASH            the profile of what was published last (`retrieval.routing`)
"""

import logging
import os
import uuid
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from retrieval import installation
from retrieval.errors import DamagedIndexError, GoldrankError, SharedIndexError, shorten
from retrieval.progress import IsCancelled
from retrieval.publishing import place_url
from retrieval.publishing.patience import SILENT_S, Beat, bounded

BLOCK_BYTES = 1 << 20
POINTER_BYTES = 1_000
_LOCAL = frozenset({"file", "local"})
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("az", "abfs"), "adlfs"),
    **dict.fromkeys(("sftp", "ssh"), "paramiko"),
}

ATTEMPTS = 3
"""One request in ten may fail: the 70 requests of a take-up then succeed in 93 of 100 cases, not in none."""
_LASTING = (GoldrankError, FileNotFoundError, PermissionError, NotADirectoryError, NotImplementedError)

_MARKS = ("size", "ino", "mtime", "created", "ETag", "etag", "LastModified", "last_modified", "updated")
"""What the listings of fsspec's storages tell of an object that was written again."""

T = TypeVar("T")
log = logging.getLogger(__name__)


class Place:
    """A place that indexes are shared in; any thread and any machine may call the methods.

    Every method raises SharedIndexError when the place cannot be reached, read or written.

    Attributes:
        url: The place, as the setting names it; it holds no credential.
    """

    def __init__(self, url: str, *, silent_s: float = SILENT_S) -> None:
        """Check the URL, and reach for nothing yet.

        Args:
            url: An absolute folder, or a URL.
            silent_s: Seconds without progress after which an operation counts as failed.

        Raises:
            ArgumentError: The URL holds a credential, or several URLs.
        """
        self.url = place_url.checked(url)
        self._scheme = place_url.scheme_of(self.url)
        self._silent_s = silent_s
        self._opened: tuple[Any, str] | None = None

    def read(self, name: str, *, most_bytes: int = POINTER_BYTES) -> bytes | None:
        """Read a small object; None when there is none.

        Raises:
            DamagedIndexError: It has more than `most_bytes`.
            SharedIndexError: It cannot be read.
        """

        def read(_beat: Beat) -> bytes | None:
            fs, path = self._at(name)
            try:
                found: bytes = fs.cat_file(path, end=most_bytes + 1)
            except FileNotFoundError:
                return None
            return found

        data = self._bounded(read)
        if data is not None and len(data) > most_bytes:
            raise DamagedIndexError(f"{name} in {self.url} has more than {most_bytes:,} bytes")
        return data

    def size(self, name: str) -> int | None:
        """Return the size of an object in bytes; None when there is none."""

        def size(_beat: Beat) -> int | None:
            fs, path = self._at(name)
            try:
                return int(fs.info(path)["size"])
            except FileNotFoundError:
                return None

        return self._bounded(size)

    def modified(self, name: str) -> float:
        """Return when an object was written, in seconds since 1970, by the storage's clock.

        0 when there is no such object, or the storage does not tell.
        """

        def modified(_beat: Beat) -> float:
            fs, path = self._at(name)
            try:
                return float(fs.modified(path).timestamp())
            except (FileNotFoundError, NotImplementedError):
                return 0.0

        return self._bounded(modified)

    def write(self, name: str, data: bytes) -> None:
        """Write a small object at once; readers see the old one or the new one."""

        def write(_beat: Beat) -> None:
            self._replace(name, lambda fs, path: fs.pipe_file(path, data))

        self._bounded(write)

    def create(self, name: str, data: bytes) -> bool:
        """Write a small object unless there is one; return whether it was written.

        Exclusive in folders and on object stores with conditional writes; elsewhere a check and a write.
        """

        def create(_beat: Beat) -> bool:
            fs, path = self._at(name)
            try:
                if self._scheme in _LOCAL:
                    _link_new(Path(path), data)
                else:
                    _with_folder(fs, path, lambda: fs.pipe_file(path, data, mode="create"))
            except FileExistsError:
                return False
            return True

        return self._bounded(create)

    def upload(self, file: Path, name: str, *, is_cancelled: IsCancelled = lambda: False) -> None:
        """Write a large object from a file."""

        def upload(beat: Beat) -> None:
            def put(fs: Any, path: str) -> None:
                with file.open("rb") as source, fs.open(path, "wb") as target:
                    while block := source.read(BLOCK_BYTES):
                        target.write(block)
                        beat()

            self._replace(name, put)

        self._bounded(upload, is_cancelled)

    def download(
        self, name: str, file: Path, *, most_bytes: int, is_cancelled: IsCancelled = lambda: False
    ) -> tuple[int, str]:
        """Copy an object to a file, and return the bytes that came and their SHA-256.

        Args:
            name: The object.
            file: Where to; what is there is overwritten.
            most_bytes: Reading stops one byte after so many.
            is_cancelled: Checked a few times a second.

        Raises:
            DamagedIndexError: There is no such object.
            SharedIndexError: It cannot be read.
            OSError: The file cannot be written.
        """
        with file.open("wb") as target:

            def download(beat: Beat) -> tuple[int, str]:
                fs, path = self._at(name)
                received, digest = 0, sha256()
                target.seek(0)
                target.truncate()  # what an earlier try had written
                try:
                    source = fs.open(path, "rb")
                except FileNotFoundError as error:
                    raise DamagedIndexError(f"{name} in {self.url} is missing") from error
                with source:
                    while block := source.read(min(BLOCK_BYTES, most_bytes + 1 - received)):
                        target.write(block)
                        digest.update(block)
                        received += len(block)
                        beat()
                        if received > most_bytes:
                            break
                return received, digest.hexdigest()

            return self._bounded(download, is_cancelled)

    def names(self, folder: str) -> list[str]:
        """List the objects below a folder, sorted; empty when there is none."""
        return list(self.marks(folder))

    def marks(self, folder: str) -> dict[str, str]:
        """List the objects below a folder, sorted, with a mark of each that changes when it is written again.

        On an object store this is one request for a thousand objects.
        """

        def marks(_beat: Beat) -> dict[str, str]:
            fs, path = self._at(folder)
            top = self._at("")[1].rstrip("/")
            return {
                str(one)[len(top) + 1 :]: repr([info.get(key) for key in _MARKS])
                for one, info in sorted(_found(fs, path).items())
                if str(one).startswith(f"{top}/")
            }

        return self._bounded(marks)

    def remove(self, name: str) -> None:
        """Delete an object, if there is one."""

        def remove(_beat: Beat) -> None:
            fs, path = self._at(name)
            with suppress(FileNotFoundError):
                fs.rm_file(path)

        self._bounded(remove)

    def _replace(self, name: str, put: Callable[[Any, str], None]) -> None:
        """Write an object; in a folder, beside its place first, so that a kill leaves no half of it."""
        fs, path = self._at(name)
        if self._scheme not in _LOCAL:
            # Object stores show an object when all of it has arrived, and need no folders.
            _with_folder(fs, path, lambda: put(fs, path))
            return
        fs.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH120 - a path of the storage
        fresh = f"{path}.{uuid.uuid4().hex}.new"
        try:
            put(fs, fresh)
            os.replace(fresh, path)  # noqa: PTH105 - as above
        finally:
            if fs.exists(fresh):
                fs.rm_file(fresh)

    def _at(self, name: str) -> tuple[Any, str]:
        if self._opened is None:
            self._opened = _open(self.url, self._scheme)
        fs, top = self._opened
        fs.invalidate_cache()  # other machines write here
        # A mount point without its disk is empty; writing there would fill this machine's own.
        if self._scheme in _LOCAL and not os.path.isdir(top):  # noqa: PTH112 - a path of the storage
            raise SharedIndexError(f"there is no folder {top}", remedy="mount it, or create it with mkdir")
        return fs, f"{top}/{name}" if name else top

    def _bounded(self, action: Callable[[Beat], T], is_cancelled: IsCancelled = lambda: False) -> T:
        try:
            for _ in range(ATTEMPTS - 1):
                try:
                    return bounded(action, silent_s=self._silent_s, is_cancelled=is_cancelled)
                except _LASTING:
                    raise
                except Exception as error:  # noqa: BLE001 - each storage's library fails in its own ways
                    log.info("%s failed, and is tried again: %s", self.url, error)
            return bounded(action, silent_s=self._silent_s, is_cancelled=is_cancelled)
        except DamagedIndexError:
            raise
        except SharedIndexError as error:
            raise SharedIndexError(
                f"the shared indexes in {self.url} cannot be used: {error.fact}", remedy=error.remedy
            ) from error
        except GoldrankError:
            raise
        except Exception as error:
            cause = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
            raise SharedIndexError(
                f"the shared indexes in {self.url} cannot be used: {shorten(str(cause))}",
                remedy="goldrank doctor checks the place",
            ) from error


def _found(fs: Any, path: str) -> dict[str, Any]:
    """List a folder with all below it, or raise: walking, fsspec leaves out what it cannot list."""
    from fsspec.spec import AbstractFileSystem  # noqa: PLC0415 - as in `_at`

    found, left = dict[str, Any](), [path]
    try:
        if type(fs).find is not AbstractFileSystem.find:  # an object store, which lists by itself
            return dict(fs.find(path, detail=True))
        while left:
            for info in fs.ls(left.pop(), detail=True):
                if info["type"] == "directory":
                    left.append(info["name"])
                else:
                    found[info["name"]] = info
    except FileNotFoundError:
        if found or fs.isdir(path):
            raise OSError(f"{path} changed while it was listed") from None
    return found


def _with_folder(fs: Any, path: str, write: Callable[[], None]) -> None:
    """Write an object, and make its folder first if the storage has folders."""
    try:
        write()
    except FileNotFoundError:
        fs.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH120 - a path of the storage
        write()


def _link_new(file: Path, data: bytes) -> None:
    """Write a file unless there is one; nobody sees it before it is whole.

    Raises:
        FileExistsError: There is one.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f"{file.name}.{uuid.uuid4().hex}.new")
    fresh.write_bytes(data)
    try:
        os.link(fresh, file)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with file.open("xb") as opened:
            opened.write(data)
    finally:
        fresh.unlink()


def _open(url: str, scheme: str) -> tuple[Any, str]:
    """Load the file system of a URL; return it with the path of the place in it."""
    installation.require("fleet", "sharing indexes", SharedIndexError, only=("fsspec",))
    import fsspec  # noqa: PLC0415 - only those who share indexes load it

    try:
        fs, top = fsspec.url_to_fs(url)
    except ImportError as error:
        package = _PACKAGES.get(scheme)
        remedy = f"add it with: {installation.with_package(package)}" if package else str(error)
        raise SharedIndexError(f"{scheme}:// needs {package or 'another package'}", remedy=remedy) from error
    except ValueError as error:
        raise SharedIndexError(
            f"{shorten(scheme)}:// is no storage that fsspec knows", remedy="name a folder, s3://… or gs://…"
        ) from error
    return fs, str(top).rstrip("/")
