"""What a store remembers of each indexed file: one SQLite table whose rows carry revisions.

Each write raises the revision, so a reader asks for the changes since the revision that it knows. A file that
is gone keeps its row for some revisions, which is how other readers learn that it is gone.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from retrieval.records import FileStat

TOMBSTONES = 1_000  # how many revisions the row of a deleted file is kept for readers of changes
_SCHEMA = """
CREATE TABLE files (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode TEXT,
    digest TEXT, reason TEXT, is_settled INTEGER, has_secrets INTEGER, note TEXT, is_gone INTEGER,
    revision INTEGER);
CREATE INDEX by_revision ON files (revision);
CREATE INDEX gone_by_revision ON files (revision) WHERE is_gone;
"""
UNWRITABLE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL})
"""SQLite's codes for a table that cannot be written for reasons that are not damage."""


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
class Changes:
    """What was written to a table since some revision.

    Attributes:
        records: Files by path; None for a file that is gone.
        revision: The newest revision; 0 for a table in which nothing was written yet.
    """

    records: Mapping[str, FileRecord | None]
    revision: int


_UNKNOWN = FileRecord(FileStat(-1, 0, 0, 0), "")


class RecordTable:
    """The file records of one store; only the process that holds the store's lock writes them."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def exists(self) -> bool:
        """Tell whether the table was made."""
        return self._file.exists()

    def changes(self, since: int = 0) -> Changes:
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
        return Changes(records, newest)

    def revision(self) -> int:
        """Return the newest revision of the records."""
        with self._reading() as table:
            return _newest(table)

    def mark(self, paths: Iterable[str]) -> None:
        """Note that the chunks of `paths` are about to change: until `remember`, the files look changed."""
        self.remember(dict.fromkeys(paths, _UNKNOWN), ())

    def remember(self, records: Mapping[str, FileRecord], gone: Iterable[str]) -> None:
        """Write the records of files whose chunks are committed, and which files' chunks are gone."""
        with self._writing() as table:
            revision = _newest(table) + 1
            rows = [_row(path, record, revision) for path, record in records.items()]
            rows += [_row(path, None, revision) for path in gone]
            table.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
            )
            # A reader that comes back after more revisions reads all records.
            table.execute("DELETE FROM files WHERE is_gone AND revision < ?", (revision - TOMBSTONES,))

    def clear(self) -> None:
        """Delete all records at once, and make the table where there is none; replace a damaged one.

        A file that others have open stays: SQLite finds its log by name, so a process that still read a
        deleted file would delete or misread the log of the new one.

        Raises:
            sqlite3.DatabaseError: The table cannot be written.
        """
        try:
            self._make_empty()
        except sqlite3.DatabaseError as error:
            if _code(error) in {*UNWRITABLE, sqlite3.SQLITE_BUSY}:
                raise
            for damaged in self._file.parent.glob(f"{self._file.name}*"):
                damaged.unlink(missing_ok=True)
            self._make_empty()

    def copy_from(self, other: "RecordTable") -> None:
        """Take over all records of another table, with sizes that no file has: each looks changed."""
        with other._reading() as theirs, closing(sqlite3.connect(self._file)) as ours:  # noqa: SLF001
            theirs.backup(ours)
        with self._writing() as table:
            table.execute("UPDATE files SET size = -1")

    def _make_empty(self) -> None:
        with self._writing() as table:
            table.execute("PRAGMA journal_mode=WAL")
            table.executescript(f"BEGIN IMMEDIATE; DROP TABLE IF EXISTS files; {_SCHEMA} COMMIT;")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=10)) as table, table:
            yield table

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Open the table read-only, or SQLite would make one where there is none."""
        table = self._opened("ro")
        try:
            table.execute("SELECT 1 FROM files LIMIT 1")
        except sqlite3.OperationalError as error:
            table.close()
            if _code(error) not in {*UNWRITABLE, sqlite3.SQLITE_IOERR}:
                raise
            # Nothing may be written beside the table, such as the index of its log: read it without a log.
            table = self._opened("ro&immutable=1")
        with closing(table):
            yield table

    def _opened(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._file.as_uri()}?mode={mode}", uri=True, timeout=10)


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code; 0 for an error that Python itself raised."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


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
