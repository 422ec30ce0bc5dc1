"""How the index follows the disk: what is written, when it is rebuilt, and which process writes.

A refresh lists the files, compares them with the records, and indexes the differences. If another process is
writing, the refresh waits for its result instead of doing the same work twice.
"""

import importlib.metadata
import logging
import sqlite3
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from retrieval.chunks import chunker, tokenizer
from retrieval.errors import CacheError, CancelledError, GoldrankError, IndexLockedError
from retrieval.files import secret_masking
from retrieval.files.walker import Listing
from retrieval.index import integrity
from retrieval.index.writer import IndexWriter, make
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.sync import inventory
from retrieval.sync.chunk_cache import ChunkCache
from retrieval.sync.file_table import Contents, Difference, FileTable
from retrieval.sync.indexer import Indexer, is_settled
from retrieval.sync.store import FORMAT, Store, store_folder
from retrieval.sync.tree import Tree
from retrieval.sync.write_lock import WriterInfo
from retrieval.text import digest

log = logging.getLogger(__name__)

LOCK_PATIENCE_S = 20.0
DAMAGE_PATIENCE_S = 1.0  # an update is faster; a process that holds the lock longer is rebuilding the index
LOCK_STEP_S = 0.05  # how often a waiting process checks for the result: eight servers may see one edit


@dataclass(frozen=True, slots=True)
class Refresh:
    """The result of a refresh.

    Attributes:
        changed: Files whose chunks were rebuilt.
        removed: Files whose chunks were removed.
        pending: Files that differ from their indexed content and could not be indexed now.
        note: Why the index is not up to date, or "".
    """

    changed: int = 0
    removed: int = 0
    pending: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """The last look at the files of a root.

    Attributes:
        listing: The files as they were listed; None before the first listing.
        is_still: Whether the system reported that nothing was touched since the previous look.
    """

    listing: Listing | None = None
    is_still: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """The options of one refresh.

    Attributes:
        progress: Called with files done and files in total.
        is_cancelled: Checked before each file.
        patience_s: How long to wait while another process writes.
    """

    progress: Progress = lambda _done, _total: None
    is_cancelled: IsCancelled = lambda: False
    patience_s: float = LOCK_PATIENCE_S


@dataclass(frozen=True, slots=True)
class Target:
    """The store that is to be filled, and what it will belong to.

    Attributes:
        store: The store; this process holds its lock.
        root: The root that it belongs to.
        family: What the root shares with others, as `Tree.family` says.
    """

    store: Store
    root: Path
    family: str


class Sharing(Protocol):
    """Shares the index of one source; `publishing.shared_index.SharedIndex` does.

    A place that cannot be used is never an error here: the index is built on this machine instead.
    """

    @property
    def doing(self) -> str:
        """What is being downloaded or waited for, as part of a sentence; or ""."""

    def take_up(self, target: Target, listing: Listing, *, is_cancelled: IsCancelled) -> bool:
        """Fill a store from a published index, if there is one; the next refresh indexes what differs.

        Raises:
            CancelledError: `is_cancelled` returned True.
        """

    def is_due(self, listing: Listing) -> bool:
        """Return whether `publish` may have something to do for a listed commit; costs nothing."""

    def publish(self, store: Store, listing: Listing, *, is_cancelled: IsCancelled) -> None:
        """Publish the index of the listed commit, unless somebody has.

        Raises:
            CancelledError: `is_cancelled` returned True.
        """

    def describe(self, store: Store) -> str:
        """Say where the index in a store came from, and whether it is published."""


class Sync:
    """Keeps the store of one work tree up to date; one process may write it, any number may read it.

    Only one thread at a time may call `refresh`; any thread may call the other methods meanwhile.

    Attributes:
        store: The store of the index.
        look: The last look at the files.
        sharing: Takes up an index that another machine published; None to build every index here.
    """

    def __init__(self, tree: Tree, *, cache: Path, chunk_cache_bytes: int) -> None:
        """Prepare to sync without reading files.

        Args:
            tree: The files.
            cache: Folder of all indexes.
            chunk_cache_bytes: Size limit of the chunk cache.
        """
        self.store = Store(store_folder(cache, tree.root))
        self.look = Look()
        self._tree = tree
        self._cache = cache
        self.sharing: Sharing | None = None
        self._chunk_cache = ChunkCache(cache, fingerprint=fingerprint(), limit_bytes=chunk_cache_bytes)
        self._table = FileTable(self.store, fingerprint=fingerprint())

    @property
    def contents(self) -> Contents:
        """The contents of the store when it was last read."""
        return self._table.contents

    def refresh(self, *, touched: Collection[str] | None = None, turn: Turn | None = None) -> Refresh:
        """Index only the files that changed on disk since the last call.

        A store that is missing, damaged, or has another fingerprint is rebuilt.

        Args:
            touched: The only paths that may have changed since the last call, if the tree is watched; None
                if any path may have changed.
            turn: The options; by default without progress or cancellation.

        Raises:
            CancelledError: The turn was cancelled; committed batches are kept.
            RootError: The root is gone or cannot be read.
            MirrorError: The repository cannot be fetched from its URL.
            IndexLockedError: Another process is writing, and there is no earlier index to search.
            CacheError: The index cannot be written, and there is no earlier index to search.
        """
        turn = turn or Turn()
        self._tree.require(progress=no_progress, is_cancelled=turn.is_cancelled)
        is_sound = (
            self._table.sync()
        )  # first, so that an existing index can answer while the files are listed
        listing = self._listed(touched)
        if is_sound and not self._difference(listing):
            return Refresh()
        return self._catch_up(listing, turn)

    def rebuild(self) -> None:
        """Discard the index; the next `refresh` rebuilds it."""
        with self.store.writing(patience_s=LOCK_PATIENCE_S):
            self._reset(self._tree.family())

    def discard_if_damaged(self) -> list[str]:
        """Verify all files of the index; discard it if any is damaged.

        Returns:
            The damaged files; if there are any, the next `refresh` rebuilds the index.
        """
        found = integrity.damaged(self.store.chunks)
        if found:
            # The process that holds the lock may be rebuilding the index, which must not be discarded twice.
            with suppress(IndexLockedError), self.store.writing(patience_s=DAMAGE_PATIENCE_S):
                if integrity.damaged(self.store.chunks):
                    log.warning("%s is damaged and will be rebuilt: %s", self.store.folder, ", ".join(found))
                    self._reset(self._tree.family())
        return found

    def is_replaced(self, contents: Contents) -> bool:
        """Return whether any process has begun to rebuild the index since `contents` was read."""
        known = contents.published
        return known is not None and known.making != self.store.published().making

    def other_writer(self) -> WriterInfo | None:
        """Return the other process that is writing the index, with its progress, or None."""
        writer = self.store.lock.writer()
        return writer if writer and writer.is_other else None

    def _listed(self, touched: Collection[str] | None) -> Listing:
        """List the current files, and note which may differ from their indexed content."""
        last = self.look.listing
        if last is not None and last.follows_links:
            touched = None  # what changes where links lead is not watched
        if last is not None and touched is not None and not touched:
            self.look = Look(last, is_still=True)
            return last
        if last is not None and touched and (again := self._tree.list_again(last, touched)):
            listing, suspects = again, touched
        else:
            listing, suspects = self._tree.list_all(), None
            if listing is last:  # a commit, which cannot change
                self.look = Look(last, is_still=True)
                return last
        self._table.mark_changed(suspects)
        self.look = Look(listing)
        return listing

    def _difference(self, listing: Listing) -> Difference:
        """Compare the disk with the records; unsettled files are compared by content."""
        found = self._table.difference(listing.files)
        changed = dict(found.changed)
        settled = []
        for path, stat in found.unsettled.items():
            now = time.time_ns()
            if not self._holds_what_is_indexed(path):
                changed[path] = stat
            elif is_settled(stat, now_ns=now):
                settled.append(path)
        self._table.mark_same(settled)
        return replace(found, changed=changed)

    def _holds_what_is_indexed(self, path: str) -> bool:
        try:
            return digest(self._tree.read(path)) == self.contents.records[path].digest
        except OSError:
            return False

    def _catch_up(self, listing: Listing, turn: Turn) -> Refresh:
        """Index the differences, unless the process that is writing does so."""
        deadline = time.monotonic() + turn.patience_s
        while True:
            known = self.contents.published
            try:
                with self.store.writing(patience_s=min(LOCK_STEP_S, turn.patience_s)):
                    if not self._table.sync():
                        self._begin(listing, turn.is_cancelled)
                    return self._write(self._difference(listing), turn)
            except (IndexLockedError, CacheError) as error:
                is_last = isinstance(error, CacheError) or time.monotonic() > deadline
                if turn.is_cancelled():
                    raise CancelledError("the caller no longer waits for the index") from error
                if not self._table.sync():
                    if is_last:
                        raise
                elif is_last or self.contents.published != known:
                    left = self._difference(listing)
                    pending = len(left.changed) + len(left.gone)
                    if is_last or not pending:
                        return Refresh(pending=pending, note=str(error) if pending else "")

    def _begin(self, listing: Listing, is_cancelled: IsCancelled) -> None:
        """Create a store: from an index that was published, from another work tree's store, or empty."""
        family = self._tree.family()
        if self.sharing:
            target = Target(self.store, self._tree.root, family)
            if self.sharing.take_up(target, listing, is_cancelled=is_cancelled) and self._table.sync():
                return
        for other in inventory.relatives(self._cache, family):
            if other.folder == self.store.folder:
                continue
            try:
                self.store.grow_from(other, self._tree.root, fingerprint(), family=family)
            except (GoldrankError, OSError, sqlite3.Error) as error:
                log.info("cannot start from the index in %s: %s", other.folder, error)
            else:
                if self._table.sync():
                    return
        self._reset(family)
        self._table.sync()

    def _reset(self, family: str) -> None:
        self.store.reset(self._tree.root, fingerprint(), family=family, make=make)

    def _write(self, difference: Difference, turn: Turn) -> Refresh:
        """Index the differences; requires the lock."""
        if not difference:
            return Refresh()
        with self._chunk_cache.run() as cache, IndexWriter(self.store.chunks) as writer:
            indexer = Indexer(self._tree.read, self.store, writer, cache, self._table)
            indexer.update(
                difference.changed, difference.gone, progress=turn.progress, is_cancelled=turn.is_cancelled
            )
            # Only after success: otherwise files may be marked without a record, and must be read again.
            self._table.adopt_own_writes()
        return Refresh(indexer.made, indexer.removed)


def fingerprint() -> str:
    """Identify what builds an index: its format, analyzer, chunker, masking and engine."""
    engine = f"tantivy {importlib.metadata.version('tantivy')}"
    made_by = (f"terms {tokenizer.fingerprint()}", chunker.fingerprint(), secret_masking.fingerprint())
    return " | ".join((FORMAT, *made_by, engine))
