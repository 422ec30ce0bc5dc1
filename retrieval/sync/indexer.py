"""How a store is updated in batches, each visible and safe once it is committed."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from retrieval.chunks import split_file
from retrieval.chunks.split_file import ParsedFile, SplitFile
from retrieval.errors import CancelledError
from retrieval.files import exclusion
from retrieval.index.writer import IndexWriter
from retrieval.paths import file_kinds
from retrieval.progress import IsCancelled, Progress
from retrieval.records import FileStat
from retrieval.sync.chunk_cache import Run
from retrieval.sync.file_table import FileTable
from retrieval.sync.record_table import FileRecord
from retrieval.sync.store import Store
from retrieval.text import digest

ReadFile = Callable[[str], bytes]
"""Returns the content of a listed file, or raises an OSError."""

FIRST_BATCH_BYTES = 250_000  # of source: about 0.1 s of work, so that the first search finds something
BATCH_BYTES = 8_000_000  # about 4 s of work; batches double in size up to this
BATCH_SHARE = 16  # and at least 1/16 of all earlier batches, because tantivy merges small segments
AHEAD = 4  # files that are parsed, or queued for it, while earlier files are tokenized
REPORT_EVERY_S = 0.5  # how often the writing process reports its progress

_FINE_TICK_NS = 20_000_000  # kernels stamp files with a clock that ticks every 1 to 10 ms
_COARSE_TICK_NS = 2_000_000_000  # file systems without fractions of a second


@dataclass(slots=True)
class _Batch:
    """The changes to the index since its last commit.

    Attributes:
        done: The new records, by path.
        touched: Files whose chunks changed.
        gone: Files whose chunks were removed.
        size: Bytes of source read.
    """

    done: dict[str, FileRecord] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    size: int = 0


class Indexer:
    """One indexing run by the only writer of a store; hold the store's lock while using it."""

    def __init__(
        self, read: ReadFile, store: Store, writer: IndexWriter, cache: Run, table: FileTable
    ) -> None:
        """Prepare a run without reading files.

        Args:
            read: Reads a listed file.
            store: The store of their records.
            writer: The writer of their chunks.
            cache: Files that were split before.
            table: This process's records of all files, updated after each commit.
        """
        self._read = read
        self._store = store
        self._writer = writer
        self._cache = cache
        self._table = table
        self._batch = _Batch()
        self._parsing: deque[tuple[str, str, Future[ParsedFile]]] = deque()  # path, digest, and result
        self.made = 0  # files whose new chunks were committed
        self.removed = 0  # files whose chunks were removed

    def update(
        self,
        changed: Mapping[str, FileStat],
        gone: Iterable[str],
        *,
        progress: Progress,
        is_cancelled: IsCancelled,
    ) -> None:
        """Remove the files that are gone, and index those that changed: sources before tests and prose.

        Raises:
            CancelledError: `is_cancelled` returned True; committed batches are kept.
            CacheError: The index cannot be written.
            ParserError: The process that parses files cannot be started.
        """
        with ThreadPoolExecutor(1, "ahead") as ahead:
            try:
                self._update(changed, gone, ahead, progress=progress, is_cancelled=is_cancelled)
            finally:
                ahead.shutdown(cancel_futures=True)

    def _update(
        self,
        changed: Mapping[str, FileStat],
        gone: Iterable[str],
        ahead: Executor,
        *,
        progress: Progress,
        is_cancelled: IsCancelled,
    ) -> None:
        for path in gone:
            self._take_out(path)
        reported, limit, written = 0.0, FIRST_BATCH_BYTES, 0
        for number, path in enumerate(sorted(changed, key=lambda path: (file_kinds.is_minor(path), path))):
            if is_cancelled():
                raise CancelledError(f"indexing stopped after {number} of {len(changed)} files")
            finished = number - len(self._parsing)
            progress(finished, len(changed))
            if time.monotonic() - reported > REPORT_EVERY_S:
                self._store.lock.report_progress(finished, len(changed))
                reported = time.monotonic()
            self._index(path, changed[path], ahead)
            if self._batch.size > limit:
                written += self._batch.size
                self._commit()
                limit = max(min(2 * limit, BATCH_BYTES), written // BATCH_SHARE)
        self._commit()
        progress(len(changed), len(changed))

    def _index(self, path: str, stat: FileStat, ahead: Executor) -> None:
        now, known = time.time_ns(), self._table.contents.records.get(path)
        try:
            data = self._read(path)
        except (FileNotFoundError, NotADirectoryError):
            if known:
                self._take_out(path)
            return
        except OSError as error:
            self._put(path, FileRecord(stat, "", f"unreadable: {error.strerror}"), known)
            return
        self._batch.size += len(data)
        record = FileRecord(
            stat, digest(data), exclusion.reason_in_content(path, data), is_settled(stat, now_ns=now)
        )
        if self._put(path, record, known) and not record.reason:
            if cached := self._cache.get(path, record.digest):
                self._add(path, cached)
            else:
                parsing = ahead.submit(split_file.parse, path, data)
                self._parsing.append((path, record.digest, parsing))
                self._finish(AHEAD)

    def _finish(self, left: int) -> None:
        """Add the files that are being parsed, in order, until `left` remain."""
        while len(self._parsing) > left:
            path, content, parsing = self._parsing.popleft()
            made = split_file.with_terms(parsing.result())
            self._cache.put(path, content, made)
            self._add(path, made)

    def _add(self, path: str, made: SplitFile) -> None:
        record = self._batch.done[path]
        self._batch.done[path] = replace(record, has_secrets=made.has_secrets, note=made.note)
        self._writer.add(path, made.chunks)

    def _put(self, path: str, record: FileRecord, known: FileRecord | None) -> bool:
        """Note a file's new record and remove its old chunks; return False if its content is unchanged."""
        self._batch.done[path] = record
        if known and (known.digest, known.reason) == (record.digest, record.reason):
            self._batch.done[path] = replace(record, has_secrets=known.has_secrets, note=known.note)
            return False
        self._writer.remove(path)
        self._batch.touched.append(path)
        return True

    def _take_out(self, path: str) -> None:
        self._writer.remove(path)
        self._batch.gone.append(path)

    def _commit(self) -> None:
        self._finish(0)
        batch, self._batch = self._batch, _Batch()
        if batch.touched or batch.gone:
            self._store.table.mark([*batch.touched, *batch.gone])
            self._store.publish()  # after a kill, another process must reread the records
            self._writer.commit()
        self._store.table.remember(batch.done, batch.gone)
        self._store.publish()
        self._cache.flush()
        self._table.record(batch.done, batch.gone)
        self.made += sum(not batch.done[path].reason for path in batch.touched)
        self.removed += len(batch.gone)


def is_settled(stat: FileStat, *, now_ns: int) -> bool:
    """Return whether a file's next change will have another time: its last one is more than a tick ago.

    Args:
        stat: The file's metadata.
        now_ns: When the metadata was read, in nanoseconds since 1970.
    """
    last = max(stat.mtime_ns, stat.ctime_ns)
    tick = _FINE_TICK_NS if last % 1_000_000_000 else _COARSE_TICK_NS
    return last + tick < now_ns
