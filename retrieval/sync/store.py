"""Where an index lives and when it may be trusted: folders, format version, signature.

A store is one folder outside the repository, named after the repository's root:

    CACHE/INDEX_FORMAT/NAME-HASH/
        CACHEDIR.TAG     the mark without which goldrank deletes nothing here
        root             the path this store belongs to
        family           the git folder that all work trees of its repository share, or nothing
        fingerprint      the analyzer and chunker it was made with
        lock             held by the one process that writes (`write_lock`)
        holder           that process, and how far it is
        published        changes whenever the two below do
        files.sqlite     what was indexed: path, size, times, digest (`record_table`)
        chunks/          the tantivy index
        cookies/         what `watcher` touches to hear of

A file's record is marked before its chunks change and written after they are committed, so a process
killed at any moment leaves files that look changed, never files that look done.
"""

import os
import re
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from retrieval import ownership
from retrieval.errors import CacheError, unwritable
from retrieval.ownership import folder_name, is_named_after
from retrieval.sync.record_table import RecordTable
from retrieval.sync.write_lock import WriteLock

FORMAT = "v6"
"""History.

v1: tantivy 0.27 with fields body, words, names, file_names, symbols, path and a stored record.
v2: positions in body; no words, no file_names.
v3: stored stems for positions; columns with lengths; file records with revisions, settled or not.
v4: secrets masked; how many are in a chunk, whether any in a file.
v5: what is stored of a chunk lies in smaller blocks, its terms as they are counted.
v6: a note on how a file was cut.
"""

_PARTS = ("root", "fingerprint", "files.sqlite", "chunks")  # what every finished store has had since v1
_HELD = re.compile(
    r"root|family|fingerprint|lock|holder|chunks|cookies|published(\.\d+)?|files\.sqlite(-wal|-shm|-journal)?"
)


@dataclass(frozen=True, slots=True)
class Published:
    """What a store last announced to its readers.

    Attributes:
        making: Which making of the store it is: another one whenever the index was rebuilt.
        change: Another one whenever records or chunks were written; b"" before the first.
    """

    making: str
    change: bytes


def store_folder(cache: Path, root: Path) -> Path:
    """Name the folder of a root's index."""
    return cache / FORMAT / folder_name(root)


class Store:
    """One root's folder: its lock, its table of indexed files, and the index that belongs to them.

    Attributes:
        folder: Where all of it lies.
        chunks: The folder of the tantivy index.
        table: The records of indexed files.
        lock: Which process may write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chunks = folder / "chunks"
        self.table = RecordTable(folder / "files.sqlite")
        self.lock = WriteLock(folder)

    @property
    def root(self) -> Path:
        """The path that this store belongs to."""
        return Path(self._read("root").decode("utf-8", "surrogateescape"))

    @property
    def family(self) -> str:
        """The git folder that this root shares with other work trees, or ""."""
        return self._read("family").decode("utf-8", "surrogateescape")

    def is_ours(self) -> bool:
        """Tell whether goldrank made this folder: by its mark, or as releases before the mark left it."""
        if ownership.is_marked(self.folder):
            return True
        return self._holds_only_ours(self.folder) and all((self.folder / part).exists() for part in _PARTS)

    def is_made_by(self, fingerprint: str) -> bool:
        """Tell whether a complete store of this very fingerprint lies here."""
        return self._read("fingerprint") == fingerprint.encode() and self.table.exists()

    def published(self) -> Published:
        """Return what was last announced; all of it empty where nothing was."""
        making, _, change = self._read("published").partition(b" ")
        return Published(making.decode("ascii", "replace"), change)

    def publish(self, making: str = "") -> None:
        """Announce to readers that something changed; hold the lock to call it."""
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
        """Empty the store and mark it as belonging to `root`; hold the lock to call it.

        `make` puts an empty index into its folder: before the store is signed, or it would be found damaged.
        """
        self._clear()
        self.chunks.mkdir(parents=True)
        make(self.chunks)
        self._sign(root, fingerprint, family)

    def grow_from(self, other: "Store", root: Path, fingerprint: str, *, family: str = "") -> None:
        """Begin with another work tree's chunks, and its records with no stat; hold the lock to call it.

        Raises:
            IndexLockedError: The other store is being written.
            CacheError: It was made by another analyzer, chunker or version, or is not complete.
            OSError, sqlite3.Error: It cannot be read.
        """
        with other.writing(patience_s=0.5):
            if not other.is_made_by(fingerprint):
                raise CacheError(f"the index in {other.folder} was made otherwise")
            self._clear()
            self.chunks.mkdir(parents=True)
            for file in other.chunks.iterdir():
                if not file.name.endswith(".lock"):
                    _link(file, self.chunks / file.name)
            self.table.copy_from(other.table)
        self._sign(root, fingerprint, family)

    @contextmanager
    def writing(self, *, patience_s: float) -> Iterator[None]:
        """Hold the right to write.

        Raises:
            IndexLockedError: Another process kept it for longer than `patience_s` seconds.
            CacheError: The folder cannot be made or written, its disk is full, or another program owns it.
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
        """Add up the sizes of the store's files, including those that other work trees' stores share."""
        total = 0
        for path in self.folder.rglob("*"):
            with suppress(OSError):  # it vanished meanwhile
                total += path.lstat().st_size if path.is_file() else 0
        return total

    def remove(self) -> None:
        """Delete the store, unless a process writes it.

        Raises:
            IndexLockedError: A process writes it.
            CacheError: It cannot be deleted, or goldrank did not make it.
        """
        if not self.is_ours():
            raise CacheError(
                f"{self.folder} lacks goldrank's {ownership.MARK}", remedy="delete it yourself if it is yours"
            )
        with self.writing(patience_s=0):
            self._clear()
            shutil.rmtree(self.folder)

    def _holds_only_ours(self, folder: Path) -> bool:
        """Recognise an unmarked store, whole or half-made, by the names of its files and by its own name."""
        if not all(_HELD.fullmatch(path.name) for path in folder.iterdir()):
            return False
        return not (folder / "root").exists() or is_named_after(folder, self._read("root"))

    def _clear(self) -> None:
        (self.folder / "fingerprint").unlink(missing_ok=True)  # first: a half-made store is trusted by nobody
        shutil.rmtree(self.chunks, ignore_errors=True)
        self.table.clear()

    def _sign(self, root: Path, fingerprint: str, family: str) -> None:
        for name, text in (("root", str(root)), ("family", family)):
            (self.folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        self.publish(making=uuid.uuid4().hex)
        # Last: a signed store that announced nothing would be taken for the one that was here before.
        (self.folder / "fingerprint").write_text(fingerprint, encoding="utf-8")

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return b""


def _link(file: Path, to: Path) -> None:
    """Let two indexes share a segment, which is never written again; copy the lists that tantivy replaces."""
    if file.suffix != ".json":
        with suppress(OSError):  # a file system without hard links
            os.link(file, to)
            return
    shutil.copyfile(file, to)
