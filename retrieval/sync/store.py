"""Where an index lives and when it may be trusted: folders, locks, format version, file records.

A store is one folder outside the repository, named after the repository's root:

    CACHE/INDEX_FORMAT/NAME-HASH/
        CACHEDIR.TAG     the mark without which goldrank deletes nothing here
        root             the path this store belongs to
        family           the git folder that all work trees of its repository share, or nothing
        fingerprint      the analyzer and chunker it was made with
        lock             held by the one process that writes
        holder           that process, and how far it is
        published        changes whenever the two below did
        files.sqlite     what was indexed: path, size, times, digest
        chunks/          the tantivy index
        cookies/         what `watcher` touches to hear of

A file's record is marked before its chunks change and written after they are committed, so a process
killed at any moment leaves files that look changed, never files that look done.
"""

import json
import os
import re
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from retrieval import ownership
from retrieval.errors import CacheError, IndexLockedError, unwritable
from retrieval.ownership import folder_name, is_named_after
from retrieval.records import FileStat

FORMAT = "v6"
"""History.

v1: tantivy 0.27 with fields body, words, names, file_names, symbols, path and a stored record.
v2: positions in body; no words, no file_names.
v3: stored stems for positions; columns with lengths; file records with revisions, settled or not.
v4: secrets masked; how many are in a chunk, whether any in a file.
v5: what is stored of a chunk lies in smaller blocks, its terms as they are counted.
v6: a note on how a file was cut.
"""

TOMBSTONES = 1_000  # how many revisions the records of files that are gone are kept for those who read news
_TABLES = """
CREATE TABLE files (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode TEXT,
    digest TEXT, reason TEXT, is_settled INTEGER, has_secrets INTEGER, note TEXT, is_gone INTEGER,
    revision INTEGER);
CREATE INDEX by_revision ON files (revision);
CREATE INDEX gone_by_revision ON files (revision) WHERE is_gone;
"""
_PARTS = ("root", "fingerprint", "files.sqlite", "chunks")  # what every finished store has had since v1
_HELD = re.compile(
    r"root|family|fingerprint|lock|holder|chunks|cookies|published(\.\d+)?|files\.sqlite(-wal|-shm|-journal)?"
)
_UNWRITABLE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL}
_LOCK_POLL_S = 0.01  # one file is updated in some 30 ms; whoever waits for that should not wait twice as long


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What is known of a file that was read once.

    Attributes:
        stat: What the file system said of it before it was read.
        digest: Hash of its content, hexadecimal.
        reason: Why its content is not searched, or "" when it is.
        is_settled: Whether a later change must show in `stat`; a file that changed the moment before it was
            read may change again within one tick of the file system's clock.
        has_secrets: Whether its text must be masked; true as long as that is not known.
        note: What is odd about how it was read: its encoding, a grammar that failed; or "".
    """

    stat: FileStat
    digest: str
    reason: str = ""
    is_settled: bool = True
    has_secrets: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that writes an index.

    Attributes:
        pid: Its number.
        done: Files it has indexed in this run.
        total: Files it has to index.
    """

    pid: int
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class News:
    """What was written to a store since some revision.

    Attributes:
        records: Files by path; None for one that is gone.
        revision: The newest one; 0 for a store in which nothing was written yet.
    """

    records: Mapping[str, FileRecord | None]
    revision: int


_UNKNOWN = FileRecord(FileStat(-1, 0, 0, 0), "")


def store_folder(cache: Path, root: Path) -> Path:
    """Name the folder of a root's index."""
    return cache / FORMAT / folder_name(root)


class Store:
    """One root's folder: its lock and its table of indexed files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chunks = folder / "chunks"
        self._lock = FileLock(folder / "lock")
        self._table = folder / "files.sqlite"

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

    def _holds_only_ours(self, folder: Path) -> bool:
        """Recognise an unmarked store, whole or half-made, by the names of its files and by its own name."""
        if not all(_HELD.fullmatch(path.name) for path in folder.iterdir()):
            return False
        return not (folder / "root").exists() or is_named_after(folder, self._read("root"))

    def is_made_by(self, fingerprint: str) -> bool:
        """Tell whether a complete store of this very fingerprint lies here."""
        return self._read("fingerprint") == fingerprint.encode() and self._table.exists()

    def published(self) -> tuple[str, bytes]:
        """Return which making of this store it is, and what changes whenever its records or chunks did."""
        making, _, news = self._read("published").partition(b" ")
        return making.decode("ascii", "replace"), news

    def publish(self, making: str = "") -> None:
        """Tell readers that there is something new; hold the lock to call it."""
        fresh = self.folder / f"published.{os.getpid()}"
        fresh.write_text(f"{making or self.published()[0]} {uuid.uuid4().hex}", encoding="ascii")
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
        """Begin as another work tree's store is: its chunks, and its records with no stat; hold the lock.

        Raises:
            IndexLockedError: The other store is being written.
            CacheError: It was made by another analyzer, chunker or version, or not to its end.
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
            with other._reading() as theirs, closing(sqlite3.connect(self._table)) as ours:  # noqa: SLF001
                theirs.backup(ours)
        with self._connect() as table:
            table.execute("UPDATE files SET size = -1")
        self._sign(root, fingerprint, family)

    @contextmanager
    def writing(self, *, patience_s: float) -> Iterator[None]:
        """Hold the right to write.

        Raises:
            IndexLockedError: Another process kept it for longer than `patience_s` seconds.
            CacheError: The folder cannot be made or written, its disk is full, or it is somebody else's.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            ownership.claim(self.folder, is_ours=self._holds_only_ours)
            with self._lock.acquire(timeout=patience_s, poll_interval=_LOCK_POLL_S):
                self.tell(0, 0)
                try:
                    yield
                finally:
                    (self.folder / "holder").unlink(missing_ok=True)
        except Timeout as error:
            raise IndexLockedError(f"{self.who_writes()} is writing the index in {self.folder}") from error
        except (OSError, sqlite3.OperationalError) as error:
            cause = getattr(error, "strerror", None) or error
            raise unwritable(self.folder, cause) from error

    def tell(self, done: int, total: int) -> None:
        """Say how far the writing is, for those who wait; hold the lock to call it."""
        holder = {"pid": os.getpid(), "done": done, "total": total}
        with suppress(OSError):  # a full disk is told by what matters more
            (self.folder / "holder").write_text(json.dumps(holder), encoding="utf-8")

    def holder(self) -> Holder | None:
        """Read who writes and how far that is; None when nobody does, or nobody knows."""
        try:
            holder = Holder(**json.loads(self._read("holder")))
        except (ValueError, TypeError):
            return None
        return holder if psutil.pid_exists(holder.pid) else None

    def who_writes(self) -> str:
        """Name the process that writes, for a sentence."""
        holder = self.holder()
        if not holder:
            return "another goldrank process"
        far = f", {holder.done:,} of {holder.total:,} files done" if holder.total else ""
        return f"another goldrank process ({holder.pid}{far})"

    def news(self, since: int = 0) -> News:
        """Read the records that were written after a revision; all of them by default."""
        with self._reading() as table:
            rows = table.execute(
                "SELECT path, is_gone, revision, digest, reason, is_settled, has_secrets, note,"
                " size, mtime_ns, ctime_ns, inode FROM files WHERE revision > ?",
                (since,),
            )
            records: dict[str, FileRecord | None] = {}
            newest = since
            for path, is_gone, revision, content, reason, is_settled, has_secrets, note, *stat in rows:
                flags = (bool(is_settled), bool(has_secrets))
                record = FileRecord(_stat(*stat), content, reason, *flags, note)
                records[path.decode("utf-8", "surrogateescape")] = None if is_gone else record
                newest = max(newest, revision)
        return News(records, newest)

    def revision(self) -> int:
        """Return the newest revision of the records."""
        with self._reading() as table:
            return _newest(table)

    def mark(self, paths: Iterable[str]) -> None:
        """Note that the chunks of `paths` are about to change: until `remember`, they look changed."""
        self.remember(dict.fromkeys(paths, _UNKNOWN), ())

    def remember(self, records: Mapping[str, FileRecord], gone: Iterable[str]) -> None:
        """Write the records of files whose chunks are committed, and that of others the chunks are gone."""
        with self._connect() as table:
            revision = _newest(table) + 1
            rows = [_row(path, record, revision) for path, record in records.items()]
            rows += [_row(path, None, revision) for path in gone]
            table.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
            )
            # Who reads news only after so long must read all records.
            table.execute("DELETE FROM files WHERE is_gone AND revision < ?", (revision - TOMBSTONES,))

    def size_bytes(self) -> int:
        """Add up the sizes of the store's files, those that it shares with other work trees' stores too."""
        total = 0
        for path in self.folder.rglob("*"):
            with suppress(OSError):  # it vanished meanwhile
                total += path.lstat().st_size if path.is_file() else 0
        return total

    def remove(self) -> None:
        """Delete the store, unless a process writes it.

        Raises:
            IndexLockedError: One does.
            CacheError: It cannot be deleted, or goldrank did not make it.
        """
        if not self.is_ours():
            raise CacheError(
                f"{self.folder} lacks goldrank's {ownership.MARK}; delete it yourself if it is yours"
            )
        with self.writing(patience_s=0):
            self._clear()
            shutil.rmtree(self.folder)

    def _clear(self) -> None:
        (self.folder / "fingerprint").unlink(missing_ok=True)  # first: a half-made store is nobody's
        shutil.rmtree(self.chunks, ignore_errors=True)
        try:
            self._empty_table()
        except sqlite3.DatabaseError as error:
            if _code(error) in {*_UNWRITABLE, sqlite3.SQLITE_BUSY}:
                raise
            for damaged in self.folder.glob("files.sqlite*"):
                damaged.unlink(missing_ok=True)
            self._empty_table()

    def _empty_table(self) -> None:
        """Take all records away at once, and make the table where there is none.

        A file that others have open stays: SQLite finds its log by name, so whoever still read a deleted file
        would delete or misread the log of the new one.
        """
        with self._connect() as table:
            table.execute("PRAGMA journal_mode=WAL")
            table.executescript(f"BEGIN IMMEDIATE; DROP TABLE IF EXISTS files; {_TABLES} COMMIT;")

    def _sign(self, root: Path, fingerprint: str, family: str) -> None:
        for name, text in (("root", str(root)), ("family", family)):
            (self.folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))
        self.publish(making=uuid.uuid4().hex)
        # Last: a signed store that tells no news would be taken for the one that was here before.
        (self.folder / "fingerprint").write_text(fingerprint, encoding="utf-8")

    def _read(self, name: str) -> bytes:
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            return b""

    @contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._table, timeout=10)) as table, table:
            yield table

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Open the table only to read: else a table is made where there is none."""
        table = self._opened("ro")
        try:
            table.execute("SELECT 1 FROM files LIMIT 1")
        except sqlite3.OperationalError as error:
            table.close()
            if _code(error) not in {*_UNWRITABLE, sqlite3.SQLITE_IOERR}:
                raise
            # Nothing may be written beside it, such as the index of its log: it is read as it lies there.
            table = self._opened("ro&immutable=1")
        with closing(table):
            yield table

    def _opened(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._table.as_uri()}?mode={mode}", uri=True, timeout=10)


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 where Python itself complains."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _link(file: Path, to: Path) -> None:
    """Let two indexes share a segment, which is never written again; what tantivy replaces is copied."""
    if file.suffix != ".json":
        with suppress(OSError):  # a file system without hard links
            os.link(file, to)
            return
    shutil.copyfile(file, to)


def _newest(table: sqlite3.Connection) -> int:
    (newest,) = table.execute("SELECT max(revision) FROM files").fetchone()
    return newest or 0


def _stat(size: int, mtime_ns: int, ctime_ns: int, inode: str) -> FileStat:
    return FileStat(size, mtime_ns, ctime_ns, int(inode))


def _row(path: str, record: FileRecord | None, revision: int) -> tuple[object, ...]:
    is_gone, record = record is None, record or _UNKNOWN
    stat = record.stat
    # SQLite integers have 63 bits and some file systems use all 64 of an inode.
    times = (stat.size, stat.mtime_ns, stat.ctime_ns, str(stat.inode))
    read = (record.digest, record.reason, record.is_settled, record.has_secrets, record.note)
    return (_key(path), *times, *read, is_gone, revision)


def _key(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")  # a file name is bytes; not all are UTF-8
