"""Where an index is stored and when it can be trusted: folders, format version, fingerprint.

A store is one folder outside the repository, named after the repository's root:

    CACHE/INDEX_FORMAT/NAME-HASH/
        CACHEDIR.TAG     goldrank's mark; without it, goldrank deletes nothing here
        root             the path this store belongs to
        family           the git folder that all work trees of the repository share, or nothing
        fingerprint      the analyzer, chunker and masking that built the index
        lock             held by the one process that writes (`write_lock`)
        holder           that process and its progress
        published        changes whenever files.sqlite or chunks/ changes
        origin           where a published index was taken up from, and what was published (`publishing`)
        incoming/        a published index that is being downloaded
        outgoing-*/      links to the segments that are being published
        files.sqlite     the indexed files: path, size, times, digest (`record_table`)
        chunks/          the tantivy index
        history/         what was read of the commits before HEAD, with a lock of its own (`history.archive`)
        cookies/         files that `watcher` touches

A file's record is marked before its chunks change and written after they are committed. So a process that is
killed at any moment leaves files that look changed, never files that look up to date but are not.
"""

import os
import re
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from retrieval import ownership
from retrieval.errors import CacheError, unwritable
from retrieval.ownership import folder_name, is_named_after
from retrieval.sync.record_table import FileRecord, RecordTable
from retrieval.sync.write_lock import WriteLock

FORMAT = "v6"
"""History.

v1: tantivy 0.27 with fields body, words, names, file_names, symbols, path and a stored record.
v2: positions in body; no words, no file_names.
v3: stored stems instead of positions; columns with lengths; file records with revisions, settled or not.
v4: secrets masked; how many in a chunk, and whether any in a file.
v5: chunks stored in smaller blocks, with terms in the format in which they are counted.
v6: a note on how a file was split.
"""

_PARTS = ("root", "fingerprint", "files.sqlite", "chunks")  # every finished store has had these since v1
_HELD = re.compile(
    r"root|family|fingerprint|lock|holder|chunks|history|cookies|(published|origin)(\.\d+)?|incoming|outgoing-.*"
    r"|files\.sqlite(-wal|-shm|-journal)?"
)


@dataclass(frozen=True, slots=True)
class Published:
    """A store's last announcement to its readers.

    Attributes:
        making: Identifies the build; changes whenever the index is rebuilt.
        change: Changes whenever records or chunks are written; b"" before the first write.
    """

    making: str
    change: bytes


@dataclass(frozen=True, slots=True)
class Content:
    """An index outside a store.

    Attributes:
        chunks: The folder of its segments.
        records: The record of each indexed file, by path.
    """

    chunks: Path
    records: Mapping[str, FileRecord]


def store_folder(cache: Path, root: Path) -> Path:
    """Return the folder of a root's index."""
    return cache / FORMAT / folder_name(root)


class Store:
    """The folder of one root's index, with its lock and its table of indexed files.

    Attributes:
        folder: The store's folder.
        chunks: The folder of the tantivy index.
        history: The folder for what is read of commits; it outlives a rebuilt index.
        table: The records of indexed files.
        lock: The lock of the process that writes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chunks = folder / "chunks"
        self.history = folder / "history"
        self.table = RecordTable(folder / "files.sqlite")
        self.lock = WriteLock(folder)

    @property
    def root(self) -> Path:
        """The root that this store belongs to."""
        return Path(self._read("root").decode("utf-8", "surrogateescape"))

    @property
    def family(self) -> str:
        """The git folder that this root shares with other work trees, or ""."""
        return self._read("family").decode("utf-8", "surrogateescape")

    def is_ours(self) -> bool:
        """Return whether goldrank created this folder: it has the mark, or the layout of earlier releases."""
        if ownership.is_marked(self.folder):
            return True
        return self._holds_only_ours(self.folder) and all((self.folder / part).exists() for part in _PARTS)

    def is_made_by(self, fingerprint: str) -> bool:
        """Return whether this is a complete store with exactly this fingerprint."""
        return self._read("fingerprint") == fingerprint.encode() and self.table.exists()

    def published(self) -> Published:
        """Return the last announcement; its fields are empty before the first."""
        making, _, change = self._read("published").partition(b" ")
        return Published(making.decode("ascii", "replace"), change)

    def publish(self, making: str = "") -> None:
        """Announce a change to readers; requires the lock."""
        fresh = self.folder / f"published.{os.getpid()}"
        fresh.write_text(f"{making or self.published().making} {uuid.uuid4().hex}", encoding="ascii")
        fresh.replace(self.folder / "published")

    def reset(
        self,
        root: Path,
        fingerprint: str,
        *,
        family: str = "",
        make: Callable[[Path], None] = lambda _chunks: None,
    ) -> None:
        """Empty the store and assign it to `root`; requires the lock.

        `make` creates an empty index in its folder before the fingerprint is written; without an index, a
        store with a fingerprint would count as damaged.
        """
        self._clear()
        self.chunks.mkdir(parents=True)
        make(self.chunks)
        self._sign(root, fingerprint, family)

    def grow_from(self, other: "Store", root: Path, fingerprint: str, *, family: str = "") -> None:
        """Start with another work tree's chunks, and its records without stats; requires the lock.

        Raises:
            IndexLockedError: The other store is being written.
            CacheError: The other store has another fingerprint, or is incomplete.
            OSError, sqlite3.Error: The other store cannot be read.
        """
        with other.writing(patience_s=0.5):
            if not other.is_made_by(fingerprint):
                raise CacheError(f"the index in {other.folder} has another fingerprint")
            self._clear()
            self.chunks.mkdir(parents=True)
            for file in other.chunks.iterdir():
                if not file.name.endswith(".lock"):
                    link_segment(file, self.chunks / file.name)
            self.table.copy_from(other.table)
        self._sign(root, fingerprint, family)

    def adopt(
        self, content: Content, root: Path, fingerprint: str, *, family: str = "", origin: str = ""
    ) -> None:
        """Start with an index that another machine built; requires the lock.

        A process that is killed in here leaves a store without a fingerprint, which nobody trusts.

        Args:
            content: The index; its folder is moved here.
            root: As in `reset`.
            fingerprint: As in `reset`.
            family: As in `reset`.
            origin: Where it came from.

        Raises:
            OSError, sqlite3.Error: The store cannot be written.
        """
        self._clear()
        content.chunks.rename(self.chunks)
        self.table.remember(content.records, ())
        self.write_origin(origin)
        self._sign(root, fingerprint, family)

    def read_origin(self) -> str:
        """Return what `write_origin` wrote since the index was last discarded, or ""."""
        return self._read("origin").decode("utf-8", "replace")

    def write_origin(self, text: str) -> None:
        """Note where the index came from."""
        fresh = self.folder / f"origin.{os.getpid()}"
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(self.folder / "origin")

    @contextmanager
    def writing(self, *, patience_s: float) -> Iterator[None]:
        """Hold the write lock.

        Raises:
            IndexLockedError: Another process held the lock for longer than `patience_s` seconds.
            CacheError: The folder cannot be created or written, the disk is full, or others own the folder.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            ownership.claim(self.folder, is_ours=self._holds_only_ours)
            with self.lock.held(patience_s=patience_s):
                yield
        except (OSError, sqlite3.OperationalError) as error:
            cause = getattr(error, "strerror", None) or error
            raise unwritable(self.folder, cause) from error

    def size_bytes(self) -> int:
        """Return the total size of the store's files, including those shared with other stores."""
        return ownership.size_bytes(self.folder)

    def remove(self) -> None:
        """Delete the store, unless a process is writing it.

        Raises:
            IndexLockedError: A process is writing the store.
            CacheError: The store cannot be deleted, or goldrank did not create it.
        """
        if not self.is_ours():
            raise CacheError(
                f"{self.folder} lacks goldrank's {ownership.MARK}", remedy="delete it yourself if it is yours"
            )
        with self.writing(patience_s=0):
            self._clear()
            shutil.rmtree(self.folder)

    def _holds_only_ours(self, folder: Path) -> bool:
        """Recognise an unmarked store, complete or not, by the names of its files and its own name."""
        if not all(_HELD.fullmatch(path.name) for path in folder.iterdir()):
            return False
        return not (folder / "root").exists() or is_named_after(folder, self._read("root"))

    def _clear(self) -> None:
        (self.folder / "fingerprint").unlink(missing_ok=True)  # first: no process trusts a store without it
        (self.folder / "origin").unlink(missing_ok=True)
        shutil.rmtree(self.chunks, ignore_errors=True)
        self.table.clear()

    def _sign(self, root: Path, fingerprint: str, family: str) -> None:
        for name, text in (("root", str(root)), ("family", family)):
            (self.folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        self.publish(making=uuid.uuid4().hex)
        # Last: with a fingerprint but no announcement, this store would be mistaken for the previous one.
        (self.folder / "fingerprint").write_text(fingerprint, encoding="utf-8")

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return b""


def link_segment(file: Path, to: Path) -> None:
    """Share a segment, which never changes, by a hard link; copy the lists, which tantivy replaces."""
    if file.suffix != ".json":
        with suppress(OSError):  # a file system without hard links
            os.link(file, to)
            return
    shutil.copyfile(file, to)
