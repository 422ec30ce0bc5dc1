"""What a store records about each indexed file: one SQLite table whose rows have revisions.

Each write raises the revision, so readers fetch only the changes since the revision they know. The row of a
deleted file is kept for some revisions, so that readers learn of the deletion.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from retrieval.records import FileStat

TOMBSTONES = 1_000  # revisions for which the row of a deleted file is kept
_SCHEMA = """
CREATE TABLE files (path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode TEXT,
    digest TEXT, reason TEXT, is_settled INTEGER, has_secrets INTEGER, note TEXT, is_gone INTEGER,
    revision INTEGER);
CREATE INDEX by_revision ON files (revision);
CREATE INDEX gone_by_revision ON files (revision) WHERE is_gone;
"""
UNWRITABLE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_FULL})
"""SQLite's error codes for a table that cannot be written although it is not damaged."""


@dataclass(frozen=True, slots=True)
class FileRecord:
    """The record of a file that was read.

    Attributes:
        stat: The file's metadata before it was read.
        digest: Hash of its content, hexadecimal.
        reason: Why its content is not searched, or "" when it is.
        is_settled: Whether any later change is visible in `stat`; a file that changed just before it was
            read may change again within one tick of the file system's clock.
        has_secrets: Whether its text must be masked; True while unknown.
        note: What was unusual about reading the file, such as its encoding or a failed grammar; or "".
    """

    stat: FileStat
    digest: str
    reason: str = ""
    is_settled: bool = True
    has_secrets: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes to a table since some revision.

    Attributes:
        records: Records by path; None for a deleted file.
        revision: The newest revision; 0 for an empty table.
    """

    records: Mapping[str, FileRecord | None]
    revision: int


_UNKNOWN = FileRecord(FileStat(-1, 0, 0, 0), "")


class RecordTable:
    """The file records of one store; only the process that holds the store's lock writes them."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def exists(self) -> bool:
        """Return whether the table's file exists."""
        return self._file.exists()

    def changes(self, since: int = 0) -> Changes:
        """Read the records written after a revision; by default all."""
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
        """Mark `paths` before their chunks change: until `remember`, these files look changed."""
        self.remember(dict.fromkeys(paths, _UNKNOWN), ())

    def remember(self, records: Mapping[str, FileRecord], gone: Iterable[str]) -> None:
        """Write the records of files whose chunks are committed, and mark the deleted files."""
        with self._writing() as table:
            revision = _newest(table) + 1
            rows = [_row(path, record, revision) for path, record in records.items()]
            rows += [_row(path, None, revision) for path in gone]
            table.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
            )
            # A reader that missed more revisions reads all records.
            table.execute("DELETE FROM files WHERE is_gone AND revision < ?", (revision - TOMBSTONES,))

    def clear(self) -> None:
        """Delete all records at once, creating the table if needed and replacing a damaged one.

        The file itself is kept while others have it open: SQLite finds its log by name, so a process still
        reading a deleted file would delete or misread the log of the new one.

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
        """Copy all records of another table with an impossible size, so that every file looks changed."""
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
        """Open the table read-only, because SQLite would otherwise create a missing one."""
        table = self._opened("ro")
        try:
            table.execute("SELECT 1 FROM files LIMIT 1")
        except sqlite3.OperationalError as error:
            table.close()
            if _code(error) not in {*UNWRITABLE, sqlite3.SQLITE_IOERR}:
                raise
            # SQLite cannot write its log's index beside the table, so read the table without a log.
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
    # SQLite integers have 63 bits, and some file systems use all 64 bits of an inode.
    times = (stat.size, stat.mtime_ns, stat.ctime_ns, str(stat.inode))
    read = (record.digest, record.reason, record.is_settled, record.has_secrets, record.note)
    return (_key(path), *times, *read, is_gone, revision)


def _key(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")  # a file name is bytes; not all are UTF-8
