"""What this process knows of a store, and which files may differ from what is indexed there."""

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
    """What a store held when this process last read it; replaced whole, never changed.

    Attributes:
        records: What is known of each indexed file, by path.
        index: The index, open for reading; None while there is none that can be trusted.
        published: What the store had announced; None before anything was read.
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
        changed: Files with another stat than their record, or without a record, with their stats.
        gone: Files that have a record and are no longer there.
        unsettled: Files with the stat of their record that may have changed within one tick of the clock.
    """

    changed: Mapping[str, FileStat]
    gone: tuple[str, ...]
    unsettled: Mapping[str, FileStat]

    def __bool__(self) -> bool:
        """Tell whether the index has to be written."""
        return bool(self.changed or self.gone)


class FileTable:
    """The records of one store as this process last read them, and its index, open for reading.

    One thread at a time may call its methods; `contents` may be read from any thread.

    Attributes:
        contents: What was read.
    """

    def __init__(self, store: Store, *, fingerprint: str) -> None:
        self._store = store
        self._fingerprint = fingerprint
        self._suspects: set[str] | None = None  # paths that may differ from their records; None for any
        self.contents = Contents()

    def sync(self) -> bool:
        """Read what was written to the store since the last call; False where it cannot be trusted."""
        if not self._store.is_made_by(self._fingerprint):
            return False
        published = self._store.published()  # after that: another process may be rebuilding it right now
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
        # All of it belongs to one making only if no rebuild has begun: that removes the signature first.
        is_replaced = self._store.published().making != published.making
        if is_replaced or not self._store.is_made_by(self._fingerprint):
            self._distrust()
            return False
        self.contents = contents
        return True

    def adopt_own_writes(self) -> None:
        """Take all that the store announces as written by this process; hold the lock to call it."""
        self.contents = replace(
            self.contents, published=self._store.published(), revision=self._store.table.revision()
        )

    def record(self, records: Mapping[str, FileRecord], gone: Iterable[str] = ()) -> None:
        """Take over the records of files that this process has just indexed, and drop those that are gone."""
        known = {**self.contents.records, **records}
        for path in gone:
            known.pop(path, None)
        self.contents = replace(self.contents, records=known)

    def mark_changed(self, paths: Iterable[str] | None) -> None:
        """Note which files may differ from what is indexed; None for any."""
        if paths is None:
            self._suspects = None
        elif self._suspects is not None:
            self._suspects.update(paths)

    def mark_same(self, paths: Collection[str]) -> None:
        """Note that unsettled files still hold what is indexed, and that the clock has ticked since."""
        if not paths:
            return
        records = self.contents.records
        self.record({path: replace(records[path], is_settled=True) for path in paths})
        if self._suspects is not None:
            self._suspects.difference_update(paths)

    def difference(self, files: Mapping[str, FileStat]) -> Difference:
        """Compare the files that may differ with their records; the next call compares those that do.

        Args:
            files: What is on disk now.
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
        """Read what a store holds that announces `published`: its records, and its index by opening it."""
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
        """Add what any process wrote since the known revision."""
        changes = self._store.table.changes(known.revision)
        records = dict(known.records)
        if known.revision and changes.revision - known.revision > TOMBSTONES:  # deletions may be forgotten
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
        """Search nothing of what was read before `sync` has read a store that can be trusted."""
        self.contents = replace(self.contents, index=None, published=None)
