"""What this process knows of a store, and which files may differ from what is indexed there."""

import logging
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from retrieval.errors import CacheError
from retrieval.files import walker
from retrieval.index import integrity
from retrieval.index.reader import Index
from retrieval.records import FileStat
from retrieval.sync.indexer import is_settled
from retrieval.sync.store import TOMBSTONES, FileRecord, Store
from retrieval.text import digest

log = logging.getLogger(__name__)


class Ledger:
    """The records of one store as they were last read, and its index, open for reading.

    Attributes:
        records: What is known of each indexed file, by path.
        published: Which making of the store was read, and which news of it; None before there was any.
        index: The index; None while there is none that can be trusted.
    """

    def __init__(self, root: Path, store: Store, *, fingerprint: str) -> None:
        self._root = root
        self._store = store
        self._fingerprint = fingerprint
        self._revision = 0  # of the records that were read
        self._suspects: set[str] | None = None  # paths that may differ from their records; None for any
        self.records: dict[str, FileRecord] = {}
        self.published: tuple[str, bytes] | None = None
        self.index: Index | None = None

    def is_sound(self) -> bool:
        """Tell whether the store can be trusted; read what was written to it since it was last read."""
        if not self._store.is_made_by(self._fingerprint):
            return False
        published = making, news = self._store.published()  # after that: it may be made anew this moment
        if news and published == self.published:
            return True
        try:
            integrity.require(self._store.chunks)
            if self.published is None or making != self.published[0]:
                self.records, self._revision, self._suspects = {}, 0, None
                self.index = Index(self._store.chunks)
            if self.index:
                self.index.snapshot()
            self._learn()
        except BaseException as error:
            if cause := integrity.obstacle(error):
                raise CacheError(
                    f"the index in {self._store.folder} cannot be read: {cause}; mend that, or name another "
                    "cache folder: --cache DIR or GOLDRANK_CACHE=DIR"
                ) from error
            if not integrity.is_damage(error):
                raise
            self.published = self.index = None
            log.warning("the index in %s is damaged and is made anew: %s", self._store.folder, error)
            return False
        # What was read is of one making only if none has begun since: that takes the signature away first.
        if not self._store.is_made_by(self._fingerprint) or self._store.published()[0] != making:
            self.published = self.index = None
            return False
        self.published = published
        return True

    def wrote(self) -> None:
        """Note that the news of the store are this process's own, all of them; hold the lock to call it."""
        self.published, self._revision = self._store.published(), self._store.revision()

    def suspect(self, paths: Iterable[str] | None) -> None:
        """Note which files may differ from what is indexed; None for any."""
        if paths is None:
            self._suspects = None
        elif self._suspects is not None:
            self._suspects.update(paths)

    def difference(self, files: Mapping[str, FileStat]) -> tuple[dict[str, FileStat], list[str]]:
        """List the files that changed, with their stats, and the paths that are gone.

        Args:
            files: What is on disk now.
        """
        asked = files.keys() | self.records.keys() if self._suspects is None else self._suspects
        changed = {path: files[path] for path in asked if path in files and self._differs(path, files[path])}
        gone = [path for path in asked if path in self.records and path not in files]
        unsettled = (path for path in asked if path in self.records and not self.records[path].is_settled)
        self._suspects = {*changed, *gone, *unsettled}
        return changed, gone

    def _differs(self, path: str, stat: FileStat) -> bool:
        record = self.records.get(path)
        if record is None or record.stat != stat:
            return True
        if record.is_settled:
            return False
        now = time.time_ns()
        try:
            is_same = digest(walker.read(self._root, path)) == record.digest
        except OSError:
            return True
        if is_same:
            self.records[path] = replace(record, is_settled=is_settled(stat, now_ns=now))
        return not is_same

    def _learn(self) -> None:
        """Take over what was written, by whichever process."""
        news = self._store.news(self._revision)
        if self._revision and news.revision - self._revision > TOMBSTONES:  # who went since may be forgotten
            self.records, news = {}, self._store.news()
            self.suspect(None)
        for path, record in news.records.items():
            if record:
                self.records[path] = record
            else:
                self.records.pop(path, None)
        self._revision = news.revision
        self.suspect(news.records)
