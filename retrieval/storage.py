"""Where an index lives and when it may be trusted: folders, locks, format version, file records.

A store is one folder outside the repository, named after the repository's root:

    CACHE/INDEX_FORMAT/NAME-HASH/
        root             the path this store belongs to
        fingerprint      the analyzer and chunker it was made with
        lock             held by the one process that writes
        files.sqlite     what was indexed: path, size, times, digest
        chunks/          the tantivy index

A file's record is marked before its chunks change and written after they are committed, so a process
killed at any moment leaves files that look changed, never files that look done.
"""

import hashlib
import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from retrieval.errors import CacheError, IndexLockedError
from retrieval.records import FileStat

FORMAT = "v3"
"""History.

v1: tantivy 0.27 with fields body, words, names, file_names, symbols, path and a stored record.
v2: positions in body; no words, no file_names.
v3: columns with the lengths of body and names.
"""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What is known of a file that was read once.

    Attributes:
        stat: What the file system said of it then.
        digest: Hash of its content, hexadecimal.
        reason: Why its content is not searched, or "" when it is.
    """

    stat: FileStat
    digest: str
    reason: str = ""


_UNKNOWN = FileRecord(FileStat(-1, 0, 0, 0), "")


def digest(data: bytes) -> str:
    """Hash content; equal digests are taken as equal content."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def store_folder(cache: Path, root: Path) -> Path:
    """Name the folder of a root's index: readable first, unique by the hash of the resolved path."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", root.name)[:40] or "root"
    unique = hashlib.blake2b(str(root).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return cache / FORMAT / f"{readable}-{unique}"


class Store:
    """One root's folder: its lock and its table of indexed files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chunks = folder / "chunks"
        self._lock = FileLock(folder / "lock")

    def is_made_by(self, fingerprint: str) -> bool:
        """Tell whether a complete store of this very fingerprint lies here."""
        try:
            written = (self.folder / "fingerprint").read_text(encoding="utf-8")
        except OSError:
            return False
        return written == fingerprint and (self.folder / "files.sqlite").exists()

    def reset(self, root: Path, fingerprint: str) -> None:
        """Empty the store and mark it as belonging to `root`; hold the lock to call it."""
        (self.folder / "fingerprint").unlink(missing_ok=True)  # first: a half-reset store is nobody's
        shutil.rmtree(self.chunks, ignore_errors=True)
        for leftover in self.folder.glob("files.sqlite*"):
            leftover.unlink(missing_ok=True)
        self.chunks.mkdir(parents=True)
        with self._connect() as table:
            table.execute("PRAGMA journal_mode=WAL")
            table.execute(
                "CREATE TABLE files (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER,"
                " ctime_ns INTEGER, inode TEXT, digest TEXT, reason TEXT)"
            )
        (self.folder / "root").write_bytes(str(root).encode("utf-8", "surrogateescape"))
        (self.folder / "fingerprint").write_text(fingerprint, encoding="utf-8")

    @contextmanager
    def writing(self, *, patience_s: float) -> Iterator[None]:
        """Hold the right to write.

        Raises:
            IndexLockedError: Another process kept it for longer than `patience_s` seconds.
            CacheError: The folder cannot be made or written, or its disk is full.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._lock.acquire(timeout=patience_s):
                yield
        except Timeout as error:
            raise IndexLockedError(
                f"another goldrank process is writing the index in {self.folder}; "
                "it is searched as it was last committed. Ask again when that process is done."
            ) from error
        except (OSError, sqlite3.OperationalError) as error:
            cause = getattr(error, "strerror", None) or error
            raise CacheError(
                f"the index in {self.folder} cannot be written: {cause}; name another cache folder: "
                "--cache DIR or GOLDRANK_CACHE=DIR"
            ) from error

    def files(self) -> dict[str, FileRecord]:
        """Read the record of every file that was read, by path."""
        with self._connect() as table:
            rows = table.execute("SELECT path, size, mtime_ns, ctime_ns, inode, digest, reason FROM files")
            return {
                path.decode("utf-8", "surrogateescape"): FileRecord(
                    FileStat(size, mtime_ns, ctime_ns, int(inode)), content, reason
                )
                for path, size, mtime_ns, ctime_ns, inode, content, reason in rows
            }

    def mark(self, paths: Iterable[str]) -> None:
        """Note that the chunks of `paths` are about to change: until `remember`, they look changed."""
        self.remember(dict.fromkeys(paths, _UNKNOWN))

    def remember(self, records: Mapping[str, FileRecord]) -> None:
        """Write the records of files whose chunks are committed."""
        rows = [
            # SQLite integers have 63 bits and some file systems use all 64 of an inode.
            (
                _key(path),
                stat.size,
                stat.mtime_ns,
                stat.ctime_ns,
                str(stat.inode),
                record.digest,
                record.reason,
            )
            for path, record in records.items()
            for stat in (record.stat,)
        ]
        with self._connect() as table:
            table.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def forget(self, paths: Iterable[str]) -> None:
        """Remove the records of files that are gone, after their chunks are."""
        with self._connect() as table:
            table.executemany("DELETE FROM files WHERE path = ?", [(_key(path),) for path in paths])

    def size_bytes(self) -> int:
        """Add up the sizes of the store's files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        table = sqlite3.connect(self.folder / "files.sqlite", timeout=10)
        try:
            with table:
                yield table
        finally:
            table.close()


def _key(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")  # a file name is bytes; not all are UTF-8
