"""Which split files are cached by content, for all roots and processes of a user, and which are evicted.

The cache serves other work trees and branches. Everything in it can be recomputed: losing an entry costs only
the time to split that file again, so every failure counts as a miss.
"""

import hashlib
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from retrieval import ownership
from retrieval.chunks.split_file import SplitFile, content_key
from retrieval.errors import CacheError

log = logging.getLogger(__name__)

FOLDER = "documents"
FILE = f"{FOLDER}/documents.sqlite"
_UNMARKED = "documents.sqlite"
"""Where earlier releases kept the database: beside the indexes, in a folder that is not marked."""

_OBJECTS = {"documents", "by_use", "runs", "sqlite_autoindex_documents_1", "sqlite_sequence"}
VERSION = 3
"""Increment when entries of earlier releases must be deleted. 1: unmasked; 2: without notes."""

_PATIENCE_S = 10.0  # other processes lock the database for one batch at a time
_KEPT_SHARE = 0.8  # of the limit, once exceeded; otherwise every batch would evict a little
_TABLES = """
CREATE TABLE IF NOT EXISTS documents (key BLOB PRIMARY KEY, used INTEGER, data BLOB);
CREATE INDEX IF NOT EXISTS by_use ON documents (used);
CREATE TABLE IF NOT EXISTS runs (number INTEGER PRIMARY KEY AUTOINCREMENT);
"""
FLUSH_BYTES = 2_000_000  # about 10,000 chunks and 4 s of work, lost if the process is killed
FLUSH_USED = 10_000
_EVICTION = """
DELETE FROM documents WHERE key IN (
    SELECT key FROM (
        SELECT key, length(data) AS size, sum(length(data)) OVER (ORDER BY used, key) AS total FROM documents
    ) WHERE total - size < ?
)
"""


class ChunkCache:
    """A database of split files with a size limit; the least recently used are evicted first."""

    def __init__(self, folder: Path, *, fingerprint: str, limit_bytes: int) -> None:
        """Configure the cache without opening it.

        Args:
            folder: The folder of all indexes.
            fingerprint: Identifies the code that splits files; entries made by other code are not found.
            limit_bytes: Approximate size limit on disk; 0 caches nothing.
        """
        self._file = folder / FILE
        self._fingerprint = fingerprint
        self._limit_bytes = limit_bytes

    @contextmanager
    def run(self) -> Iterator["Run"]:
        """Open the cache for one indexing run; entries are saved however the run ends."""
        table = self._open() if self._limit_bytes else None
        run = Run(table, fingerprint=self._fingerprint, limit_bytes=self._limit_bytes)
        try:
            yield run
        finally:
            run.flush()
            if table:
                table.close()

    def _open(self) -> sqlite3.Connection | None:
        """Open the database; delete and recreate it if it is damaged."""
        for _ in range(2):
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                ownership.claim(self._file.parent)
                return _prepared(self._file)
            except sqlite3.OperationalError as error:  # read-only, full, locked
                log.warning("the chunk cache %s is disabled: %s", self._file, error)
                return None
            except sqlite3.DatabaseError as error:
                log.warning("the chunk cache %s is damaged and will be recreated: %s", self._file, error)
                _delete(self._file)
            except (OSError, CacheError) as error:
                log.warning("the chunk cache %s is disabled: %s", self._file, error)
                return None
        return None


class Run:
    """The cache during one indexing run."""

    def __init__(self, table: sqlite3.Connection | None, *, fingerprint: str, limit_bytes: int) -> None:
        self._table = table
        self._fingerprint = fingerprint
        self._limit_bytes = limit_bytes
        self._number: int | None = None
        self._used: list[bytes] = []
        self._new: dict[bytes, bytes] = {}
        self._new_bytes = 0

    def get(self, path: str, content: str) -> SplitFile | None:
        """Return the cached split of a file, or None.

        Args:
            path: The file.
            content: Digest of the file's bytes.
        """
        found = self._get(self._key(content_key(path, content)))
        if len(self._used) > FLUSH_USED:
            self.flush()
        return found

    def put(self, path: str, content: str, made: SplitFile) -> None:
        """Cache a split file."""
        if self._table:
            key = self._key(content_key(path, content))
            self._new[key] = made.to_bytes()
            self._new_bytes += len(self._new[key])
        if self._new_bytes > FLUSH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write new entries and recent uses; evict entries if the cache exceeds its limit."""
        if not self._table or not (self._new or self._used):
            return
        try:
            with self._table:
                number = self._run_number(self._table)
                rows = ((key, number, data) for key, data in self._new.items())
                self._table.executemany("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", rows)
                used = ((number, key) for key in self._used)
                self._table.executemany("UPDATE documents SET used = ? WHERE key = ?", used)
            if self._new:
                _evict(self._table, self._limit_bytes)
        except sqlite3.Error as error:
            self._give_up(error)
        self._new.clear()
        self._used.clear()
        self._new_bytes = 0

    def _get(self, key: bytes) -> SplitFile | None:
        if key in self._new:
            return SplitFile.from_bytes(self._new[key])
        if not self._table:
            return None
        try:
            row = self._table.execute("SELECT data FROM documents WHERE key = ?", (key,)).fetchone()
            found = SplitFile.from_bytes(row[0]) if row else None
        except sqlite3.Error as error:
            self._give_up(error)
            return None
        except ValueError:  # damaged: the file is split again and the entry overwritten
            return None
        if found is not None:
            self._used.append(key)
        return found

    def _key(self, name: str) -> bytes:
        return hashlib.blake2b(f"{self._fingerprint}\0{name}".encode(), digest_size=16).digest()

    def _run_number(self, table: sqlite3.Connection) -> int:
        """Return the number of this run among all runs, which serves as a monotonic clock."""
        if self._number is None:
            self._number = table.execute("INSERT INTO runs DEFAULT VALUES").lastrowid or 0
            table.execute("DELETE FROM runs WHERE number < ?", (self._number,))
        return self._number

    def _give_up(self, error: sqlite3.Error) -> None:
        log.warning("the chunk cache is disabled from now on: %s", error)
        if self._table:
            self._table.close()
        self._table = None


def _prepared(file: Path) -> sqlite3.Connection:
    table = sqlite3.connect(file, timeout=_PATIENCE_S)
    try:
        table.execute("PRAGMA auto_vacuum=INCREMENTAL")  # takes effect only before the first table
        table.execute("PRAGMA journal_mode=WAL")
        table.execute("PRAGMA synchronous=NORMAL")
        if table.execute("PRAGMA user_version").fetchone() != (VERSION,):
            table.execute("PRAGMA secure_delete=ON")
            table.execute("DROP TABLE IF EXISTS documents")
            table.execute("PRAGMA incremental_vacuum").fetchall()
            table.execute(f"PRAGMA user_version={VERSION}")
        table.executescript(_TABLES)
    except BaseException:
        table.close()
        raise
    return table


def _evict(table: sqlite3.Connection, limit_bytes: int) -> None:
    """Delete the least recently used entries until the database is well below its limit."""
    size = _used_bytes(table)
    if size <= limit_bytes:
        return
    with table:
        table.execute(_EVICTION, (size - _KEPT_SHARE * limit_bytes,))
    table.execute("PRAGMA incremental_vacuum").fetchall()


def _used_bytes(table: sqlite3.Connection) -> int:
    (pages,), (free,), (size,) = (
        table.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def size_bytes(folder: Path) -> int:
    """Return the size on disk of the cache in a folder, in bytes."""
    return sum(path.stat().st_size for file in _databases(folder) for path in _files(file))


def remove(folder: Path) -> None:
    """Delete the cache in a folder; a process that has it open keeps using its copy."""
    for file in _databases(folder):
        _delete(file)


def _databases(folder: Path) -> list[Path]:
    """List the databases that certainly belong to goldrank: in a marked folder, or of an earlier release."""
    marked = [folder / FILE] if ownership.is_marked(folder / FOLDER) else []
    return [*marked, *(file for file in [folder / _UNMARKED] if _is_unmarked(file))]


def _is_unmarked(file: Path) -> bool:
    """Recognise the database of an earlier release by its set of objects."""
    if not file.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as table:
            return {name for (name,) in table.execute("SELECT name FROM sqlite_master")} == _OBJECTS
    except sqlite3.Error:
        return False


def _delete(file: Path) -> None:
    for path in _files(file):
        path.unlink(missing_ok=True)


def _files(file: Path) -> list[Path]:
    return [path for end in ("", "-wal", "-shm") if (path := file.with_name(f"{file.name}{end}")).exists()]
