"""What this process knows about a store, and which files may differ from their indexed content."""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from retrieval.errors import CacheError
from retrieval.index import integrity
from retrieval.index.reader import Index
from retrieval.records import FileStat
from retrieval.sync.record_table import TOMBSTONES, FileRecord
from retrieval.sync.store import Published, Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Contents:
    """The contents of a store when this process last read it; replaced as a whole, never modified.

    Attributes:
        records: The record of each indexed file, by path.
        index: The index, open for reading; None while there is no trusted index.
        published: The store's announcement at that time; None before the first read.
        revision: The newest revision of the records.
    """

    records: Mapping[str, FileRecord] = field(default_factory=dict)
    index: Index | None = None
    published: Published | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """How the disk differs from the records.

    Attributes:
        changed: Files whose stat differs from their record or that have no record, with their stats.
        gone: Files with a record that no longer exist.
        unsettled: Files whose stat equals their record but that may have changed within one clock tick.
    """

    changed: Mapping[str, FileStat]
    gone: tuple[str, ...]
    unsettled: Mapping[str, FileStat]

    def __bool__(self) -> bool:
        """Return whether the index must be written."""
        return bool(self.changed or self.gone)


class FileTable:
    """The records of one store as this process last read them, with the index open for reading.

    Only one thread at a time may call its methods; any thread may read `contents`.

    Attributes:
        contents: The contents that were last read.
    """

    def __init__(self, store: Store, *, fingerprint: str) -> None:
        self._store = store
        self._fingerprint = fingerprint
        self._suspects: set[str] | None = None  # paths that may differ from their records; None for all
        self.contents = Contents()

    def sync(self) -> bool:
        """Read the changes to the store since the last call; return False if the store cannot be trusted."""
        if not self._store.is_made_by(self._fingerprint):
            return False
        published = (
            self._store.published()
        )  # after the check above: another process may be rebuilding the store
        if published.change and published == self.contents.published:
            return True
        try:
            contents = self._read(published)
        except BaseException as error:
            if cause := integrity.obstacle(error):
                raise CacheError(
                    f"the index in {self._store.folder} cannot be read: {cause}",
                    remedy="correct that, or choose another cache folder with --cache DIR",
                ) from error
            if not integrity.is_damage(error):
                raise
            self._distrust()
            log.warning("the index in %s is damaged and will be rebuilt: %s", self._store.folder, error)
            return False
        # The contents are consistent only if no rebuild has begun; a rebuild removes the fingerprint first.
        is_replaced = self._store.published().making != published.making
        if is_replaced or not self._store.is_made_by(self._fingerprint):
            self._distrust()
            return False
        self.contents = contents
        return True

    def adopt_own_writes(self) -> None:
        """Count everything in the store as written by this process; requires the lock."""
        self.contents = replace(
            self.contents, published=self._store.published(), revision=self._store.table.revision()
        )

    def record(self, records: Mapping[str, FileRecord], gone: Iterable[str] = ()) -> None:
        """Add the records of files that this process has just indexed, and drop those of deleted files."""
        known = {**self.contents.records, **records}
        for path in gone:
            known.pop(path, None)
        self.contents = replace(self.contents, records=known)

    def mark_changed(self, paths: Iterable[str] | None) -> None:
        """Note which files may differ from their indexed content; None for all files."""
        if paths is None:
            self._suspects = None
        elif self._suspects is not None:
            self._suspects.update(paths)

    def mark_same(self, paths: Collection[str]) -> None:
        """Note that unsettled files are unchanged and that the clock has ticked since."""
        if not paths:
            return
        records = self.contents.records
        self.record({path: replace(records[path], is_settled=True) for path in paths})
        if self._suspects is not None:
            self._suspects.difference_update(paths)

    def difference(self, files: Mapping[str, FileStat]) -> Difference:
        """Compare the files that may differ with their records; files that do are compared again next time.

        Args:
            files: The files on disk now.
        """
        records = self.contents.records
        asked = files.keys() | records.keys() if self._suspects is None else self._suspects
        there = {path: files[path] for path in asked if path in files}
        changed = {
            path: stat for path, stat in there.items() if path not in records or records[path].stat != stat
        }
        unsettled = {
            path: stat for path, stat in there.items() if path not in changed and not records[path].is_settled
        }
        gone = tuple(path for path in asked if path in records and path not in files)
        self._suspects = {*changed, *gone, *unsettled}
        return Difference(changed, gone, unsettled)

    def _read(self, published: Published) -> Contents:
        """Read the records of a store that announces `published`, and open its index."""
        chunks = self._store.chunks
        integrity.require(chunks)
        known = self.contents
        if known.published is None or known.published.making != published.making:
            self._suspects = None
            known = Contents(index=Index(chunks))
        if known.index:
            known.index.snapshot()
        return replace(self._with_changes(known), published=published)

    def _with_changes(self, known: Contents) -> Contents:
        """Add the changes that any process wrote since the known revision."""
        changes = self._store.table.changes(known.revision)
        records = dict(known.records)
        if known.revision and changes.revision - known.revision > TOMBSTONES:  # old deletions are purged
            records, changes = {}, self._store.table.changes()
            self._suspects = None
        for path, record in changes.records.items():
            if record:
                records[path] = record
            else:
                records.pop(path, None)
        self.mark_changed(changes.records)
        return replace(known, records=records, revision=changes.revision)

    def _distrust(self) -> None:
        """Drop the index until `sync` has read a trusted store."""
        self.contents = replace(self.contents, index=None, published=None)
