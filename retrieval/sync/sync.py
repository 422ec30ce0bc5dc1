"""How the index follows the disk: what is written, when it is rebuilt, and which process writes.

A refresh lists the files, compares them with the records, and writes what differs. Where another process
writes, it waits for that process's result instead of doing the same work twice.
"""

import importlib.metadata
import logging
import sqlite3
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.chunks import chunker, tokenizer
from retrieval.errors import CacheError, CancelledError, GoldrankError, IndexLockedError
from retrieval.files import git, secret_masking
from retrieval.files.walker import Listing
from retrieval.index import integrity
from retrieval.index.writer import IndexWriter, make
from retrieval.progress import IsCancelled, Progress
from retrieval.sync import inventory
from retrieval.sync.chunk_cache import ChunkCache
from retrieval.sync.file_table import Contents, Difference, FileTable
from retrieval.sync.indexer import Indexer, is_settled
from retrieval.sync.store import FORMAT, Store, store_folder
from retrieval.sync.work_tree import WorkTree
from retrieval.sync.write_lock import WriterInfo
from retrieval.text import digest

log = logging.getLogger(__name__)

LOCK_PATIENCE_S = 20.0
DAMAGE_PATIENCE_S = 1.0  # an update takes less; a process that holds the lock for longer rebuilds the index
LOCK_STEP_S = 0.05  # how often a waiting process looks whether the work is done: eight servers see one edit


@dataclass(frozen=True, slots=True)
class Refresh:
    """What bringing the index up to date did.

    Attributes:
        changed: Files whose chunks were made anew.
        removed: Files whose chunks were taken out.
        pending: Files that differ from what is indexed and could not be indexed now.
        note: Why the index is not up to date, or "".
    """

    changed: int = 0
    removed: int = 0
    pending: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """The last look at a work tree.

    Attributes:
        listing: The files as they were listed; None while they never were.
        is_still: Whether the system reported that nothing was touched since the look before.
    """

    listing: Listing | None = None
    is_still: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """How one refresh may work.

    Attributes:
        progress: Called with files done and files to do.
        is_cancelled: Asked before each file.
        patience_s: How long to wait while another process writes.
    """

    progress: Progress = lambda _done, _total: None
    is_cancelled: IsCancelled = lambda: False
    patience_s: float = LOCK_PATIENCE_S


class Sync:
    """Keeps the store of one work tree up to date; one process may write it, any number may read it.

    One thread at a time may call `refresh`; everything else may be called from any thread meanwhile.

    Attributes:
        store: Where the index lies.
        look: The files as they were last listed.
    """

    def __init__(self, tree: WorkTree, *, cache: Path, chunk_cache_bytes: int) -> None:
        """Nothing is read yet.

        Args:
            tree: The files.
            cache: Folder of all indexes.
            chunk_cache_bytes: Bound of what is kept of files by content.
        """
        self.store = Store(store_folder(cache, tree.root))
        self.look = Look()
        self._tree = tree
        self._cache = cache
        self._chunk_cache = ChunkCache(cache, fingerprint=fingerprint(), limit_bytes=chunk_cache_bytes)
        self._table = FileTable(self.store, fingerprint=fingerprint())

    @property
    def contents(self) -> Contents:
        """What the store held when it was last read."""
        return self._table.contents

    def refresh(self, *, touched: Collection[str] | None = None, turn: Turn | None = None) -> Refresh:
        """Index what changed on disk since the last time, and nothing else.

        A store that is absent, damaged, or made by another analyzer, chunker or version is rebuilt.

        Args:
            touched: The only paths that may have changed since the last call, where the tree is watched; None
                when any may have.
            turn: How to work; by default to the end, without a word.

        Raises:
            CancelledError: The turn was cancelled; what was committed stays.
            RootError: The root is gone or may not be read.
            IndexLockedError: Another process writes and there is no earlier index to search.
            CacheError: The index cannot be written and there is no earlier one to search.
        """
        self._tree.require()
        is_sound = self._table.sync()  # first: the index there is can answer while the files are listed
        listing = self._listed(touched)
        if is_sound and not self._difference(listing):
            return Refresh()
        return self._catch_up(listing, turn or Turn())

    def rebuild(self) -> None:
        """Throw the index away; the next `refresh` makes it anew."""
        with self.store.writing(patience_s=LOCK_PATIENCE_S):
            self._reset(git.family(self._tree.root))

    def discard_if_damaged(self) -> list[str]:
        """Read all files of the index; throw it away if one is not what was written.

        Returns:
            The files that are damaged; the next `refresh` makes the index anew if there are any.
        """
        found = integrity.damaged(self.store.chunks)
        if found:
            # The process that holds the lock may be rebuilding the index: it must not be discarded twice.
            with suppress(IndexLockedError), self.store.writing(patience_s=DAMAGE_PATIENCE_S):
                if integrity.damaged(self.store.chunks):
                    log.warning("%s is damaged and will be rebuilt: %s", self.store.folder, ", ".join(found))
                    self._reset(git.family(self._tree.root))
        return found

    def is_replaced(self, contents: Contents) -> bool:
        """Tell whether any process has begun to rebuild the index since `contents` was read."""
        known = contents.published
        return known is not None and known.making != self.store.published().making

    def other_writer(self) -> WriterInfo | None:
        """Return the other process that writes the index, and how far it is; None when none does."""
        writer = self.store.lock.writer()
        return writer if writer and writer.is_other else None

    def _listed(self, touched: Collection[str] | None) -> Listing:
        """Look at the files as they are now, and note which may differ from what is indexed."""
        last = self.look.listing
        if last is not None and touched is not None and not touched:
            self.look = Look(last, is_still=True)
            return last
        if last is not None and touched and (again := self._tree.list_again(last, touched)):
            listing, suspects = again, touched
        else:
            listing, suspects = self._tree.list_all(), None
        self._table.mark_changed(suspects)
        self.look = Look(listing)
        return listing

    def _difference(self, listing: Listing) -> Difference:
        """Compare the disk with the records; a file that a stat does not settle is read and compared."""
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
        """Write what differs, unless the process that writes right now does it."""
        deadline = time.monotonic() + turn.patience_s
        while True:
            known = self.contents.published
            try:
                with self.store.writing(patience_s=min(LOCK_STEP_S, turn.patience_s)):
                    if not self._table.sync():
                        self._begin()
                    return self._write(self._difference(listing), turn)
            except (IndexLockedError, CacheError) as error:
                is_last = isinstance(error, CacheError) or time.monotonic() > deadline
                if turn.is_cancelled():
                    raise CancelledError("the caller no longer waits for who writes the index") from error
                if not self._table.sync():
                    if is_last:
                        raise
                elif is_last or self.contents.published != known:
                    left = self._difference(listing)
                    pending = len(left.changed) + len(left.gone)
                    if is_last or not pending:
                        return Refresh(pending=pending, note=str(error) if pending else "")

    def _begin(self) -> None:
        """Make a store where there is none that can be used: from another work tree's, or empty."""
        family = git.family(self._tree.root)
        for other in inventory.stores(self._cache) if family else ():
            if other.folder == self.store.folder or other.family != family:
                continue
            try:
                self.store.grow_from(other, self._tree.root, fingerprint(), family=family)
            except (GoldrankError, OSError, sqlite3.Error) as error:
                log.info("%s gives no index to begin with: %s", other.folder, error)
            else:
                if self._table.sync():
                    return
        self._reset(family)
        self._table.sync()

    def _reset(self, family: str) -> None:
        self.store.reset(self._tree.root, fingerprint(), family=family, make=make)

    def _write(self, difference: Difference, turn: Turn) -> Refresh:
        """Index what differs; hold the lock to call it."""
        if not difference:
            return Refresh()
        with self._chunk_cache.run() as cache, IndexWriter(self.store.chunks) as writer:
            indexer = Indexer(self._tree.root, self.store, writer, cache, self._table)
            indexer.update(
                difference.changed, difference.gone, progress=turn.progress, is_cancelled=turn.is_cancelled
            )
            # Only after all went well: else files may be marked and not remembered, and must be read again.
            self._table.adopt_own_writes()
        return Refresh(indexer.made, indexer.removed)


def fingerprint() -> str:
    """Identify what an index is made by: its format, analyzer, chunker, masking and engine."""
    engine = f"tantivy {importlib.metadata.version('tantivy')}"
    made_by = (f"terms {tokenizer.fingerprint()}", chunker.fingerprint(), secret_masking.fingerprint())
    return " | ".join((FORMAT, *made_by, engine))
