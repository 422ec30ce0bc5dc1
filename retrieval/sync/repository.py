"""One repository on disk together with its index: brings the index up to date, reads chunks back."""

import importlib.metadata
import logging
import os
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.chunks import chunker, tokenizer
from retrieval.chunks.passages import Passage, read_back
from retrieval.errors import (
    ArgumentError,
    CacheError,
    CancelledError,
    GoldrankError,
    IndexLockedError,
)
from retrieval.files import confinement, encoding, exclusion, git, secret_masking, walker
from retrieval.files.ignores import MANY
from retrieval.files.walker import Listing
from retrieval.index import integrity
from retrieval.index.reader import Snapshot
from retrieval.index.writer import IndexWriter, make
from retrieval.paths.path_filter import Filter, Selection, explain, passing
from retrieval.progress import IsCancelled, Progress
from retrieval.records import Chunk, Exclusion, FileStat
from retrieval.settings import CHUNK_CACHE_BYTES
from retrieval.sync import inventory
from retrieval.sync.chunk_cache import ChunkCache
from retrieval.sync.file_table import Ledger
from retrieval.sync.indexer import Indexer
from retrieval.sync.store import FORMAT, Store, store_folder
from retrieval.sync.view import View
from retrieval.text import digest

log = logging.getLogger(__name__)

LOCK_PATIENCE_S = 20.0
DAMAGE_PATIENCE_S = 1.0  # an update takes less; who holds the lock for longer makes the index anew
LOCK_STEP_S = 0.05  # how often who waits looks whether the work is done: eight servers see one edit at once


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


class Repository:
    """A served root and its store; one process may write it, any number may read it.

    One thread at a time may call `refresh`; everything else may be called from any thread meanwhile.
    """

    def __init__(
        self,
        root: Path,
        *,
        cache: Path,
        max_bytes: int,
        chunk_cache_bytes: int = CHUNK_CACHE_BYTES,
        own: Sequence[Path] = (),
    ) -> None:
        """Open a root; nothing is read.

        Args:
            root: The folder.
            cache: Folder of all indexes.
            max_bytes: Larger files are not indexed.
            chunk_cache_bytes: Bound of what is kept of files by content.
            own: Further files and folders of ours; like the cache, they are passed over below the root.
        """
        self.root = walker.resolve_root(root)
        self._cache = cache
        self._store = Store(store_folder(cache, self.root))
        self._kept = ChunkCache(cache, fingerprint=_fingerprint(), limit_bytes=chunk_cache_bytes)
        self._max_bytes = max_bytes
        self._own = _below(self.root, (cache, *own))
        self._state = View(Listing({}, ()), {})
        self._ledger = Ledger(self.root, self._store, fingerprint=_fingerprint())
        self._told: tuple[Listing, object, git.State] | None = None  # what git said, and when
        self._is_still = False  # nothing was touched between the last two refreshes
        self.walk_s = 0.0  # how long it took to look through the whole tree

    def refresh(
        self,
        *,
        touched: Collection[str] | None = None,
        progress: Progress = lambda _done, _total: None,
        is_cancelled: IsCancelled = lambda: False,
        patience_s: float = LOCK_PATIENCE_S,
    ) -> Refresh:
        """Index what changed on disk since the last time, and nothing else.

        A store that is absent, damaged, or made by another analyzer, chunker or version is made anew.

        Args:
            touched: The only paths that may have changed since the last call, where somebody watched; None
                when anything may have.
            progress: Called with files done and files to do.
            is_cancelled: Asked before each file.
            patience_s: How long to wait while another process writes.

        Raises:
            CancelledError: `is_cancelled` said so; what was committed stays.
            RootError: The root is gone or may not be read.
            IndexLockedError: Another process writes and there is no earlier index to search.
            CacheError: The index cannot be written and there is no earlier one to search.
        """
        walker.resolve_root(self.root)
        self._is_still = touched is not None and not touched and self.is_listed
        is_sound = self._ledger.is_sound()  # first: what there is can answer while the files are listed
        listing = self._look(touched)
        self._state = View(listing, self._ledger.records)
        if is_sound and not any(self._ledger.difference(listing.files)):
            return Refresh()
        try:
            return self._catch_up(listing, progress, is_cancelled, patience_s)
        finally:
            self._state = View(listing, dict(self._ledger.records))

    def snapshot(self) -> Snapshot:
        """Return the newest committed state of the index; call `refresh` first."""
        index = self._ledger.index  # once: another thread may find it damaged
        if index is None:
            raise CacheError(f"there is no index in {self._store.folder}; refresh makes it")
        return index.snapshot()

    def discard_if_damaged(self) -> list[str]:
        """Read all files of the index; throw it away if one is not what was written.

        Returns:
            The files that are damaged; the next `refresh` makes the index anew if there are any.
        """
        found = integrity.damaged(self._store.chunks)
        if found:
            # Whoever holds the lock may be making it anew, and must not do so twice.
            with suppress(IndexLockedError), self._store.writing(patience_s=DAMAGE_PATIENCE_S):
                if integrity.damaged(self._store.chunks):
                    log.warning("%s is damaged and is made anew: %s", self._store.folder, ", ".join(found))
                    self._reset(git.family(self.root))
        return found

    @property
    def is_replaced(self) -> bool:
        """Whether another process has begun to make the index anew since the last `refresh`."""
        known = self._ledger.published
        return known is not None and known[0] != self._store.published()[0]

    @property
    def is_listed(self) -> bool:
        """Whether the files below the root were listed once."""
        return self.walk_s > 0

    @property
    def is_indexed(self) -> bool:
        """Whether there is an index to search, be it of a part."""
        return self._ledger.index is not None

    @property
    def indexed_count(self) -> int:
        """How many files were indexed when that was last looked at."""
        return len(self._ledger.records)

    def written_by_others(self) -> tuple[int, int]:
        """Return how many files another process has indexed and has to index; zeros where none tells."""
        holder = self._store.holder()
        return (holder.done, holder.total) if holder and holder.pid != os.getpid() else (0, 0)

    def writer(self) -> str:
        """Name the other process that writes the index; "" when none does."""
        holder = self._store.holder()
        return self._store.who_writes() if holder and holder.pid != os.getpid() else ""

    def missed(self) -> set[str]:
        """Look through the whole tree; return the paths that are not as `refresh` last saw them."""
        seen = self._state.listing.files
        now = walker.walk(self.root, max_bytes=self._max_bytes, own=self._own).files
        return {path for path in seen.keys() | now.keys() if seen.get(path) != now.get(path)}

    def rebuild(self) -> None:
        """Throw the index away; the next `refresh` makes it anew."""
        with self._store.writing(patience_s=LOCK_PATIENCE_S):
            self._reset(git.family(self.root))

    @property
    def paths(self) -> list[str]:
        """The paths of all files that are searched, indexed already or not, in order."""
        return self._state.paths

    @property
    def excluded(self) -> list[Exclusion]:
        """The files that are not searched, with reasons, in order."""
        return self._state.excluded

    @property
    def notes(self) -> Mapping[str, str]:
        """What is odd about how searched files were read, by path, in order."""
        return self._state.notes

    def note(self, path: str) -> str:
        """Say what is odd about how a file was read, or ""."""
        return self._state.note(path)

    def left_out(self) -> str:
        """Say how many files that may hold an answer are not searched, and why; "" where none."""
        return self._state.left_out()

    @property
    def store_folder(self) -> Path:
        """Where the index lies."""
        return self._store.folder

    @property
    def fingerprint(self) -> str:
        """What the index was made by: its format, analyzer, chunker and engine."""
        return _fingerprint()

    def store_bytes(self) -> int:
        """Add up the sizes of the index's files."""
        return self._store.size_bytes()

    def select(self, wanted: Filter, *, is_cancelled: IsCancelled = lambda: False) -> Selection | None:
        """List the searched files that pass a filter; None when there is no filter.

        Before the files are listed it holds for those that the index knows, and finding none is no error.

        Raises:
            ArgumentError: A pattern is invalid, a language is unknown, or no searched file passes.
            CancelledError: `is_cancelled` said so.
        """
        if not wanted:
            return None
        is_listed = self.is_listed
        paths = self.paths if is_listed else self._indexed()
        selection = passing(paths, self._rooted(wanted), is_cancelled=is_cancelled)
        if not selection.paths and is_listed:
            raise ArgumentError(explain(self._rooted(wanted), self.excluded, name=self.root.name))
        return selection

    def names(self, wanted: Filter) -> list[str]:
        """List files that pass the filters before anything is indexed, even those that no search will read.

        Where there is no git to ask, it lists what it finds in a moment.

        Raises:
            ArgumentError: A pattern is invalid, or the language is unknown.
        """
        listed = self.paths if self.is_listed else walker.names(self.root, own=self._own)
        return passing(listed, self._rooted(wanted)).paths

    def reason(self, path: str) -> str:
        """Say why a path is not searched, as it was left out or lies below what was; "" when it was not."""
        left_out = self._state.reasons
        for folder in (path, *_above(path)):
            if reason := left_out.get(folder, ""):
                return reason if folder == path else f"it is below {folder}, {reason}"
        if escape := confinement.escape(path):
            return escape if escape == confinement.HISTORY else ""
        if self._state.listing.is_git and git.ask(self.root, "check-ignore", "-q", "--", path) is not None:
            return "git ignores it"
        return ""

    def is_vast(self) -> bool:
        """Tell whether this is a folder outside git with more files than anybody means to index unasked."""
        return walker.is_vast(self.root, own=self._own)

    @property
    def unmeant(self) -> int:
        """How many files outside git are indexed, if they are more than anybody may have meant; else 0."""
        listing = self._state.listing
        return len(listing.files) if not listing.is_git and len(listing.files) > MANY else 0

    def _rooted(self, wanted: Filter) -> Filter:
        return replace(wanted, root=str(self.root))

    def _indexed(self) -> list[str]:
        """List the files that the index knows, in order."""
        known = self._ledger.records.copy()  # whoever brings the index up to date adds to it
        return sorted((path for path, record in known.items() if not record.reason), key=os.fsencode)

    def peek(self, path: str) -> list[str] | None:
        """Read the lines of a file that was not judged yet; None when no search may read it."""
        if not walker.judged(self.root, [path], max_bytes=self._max_bytes).files:
            return None
        try:
            data = walker.read(self.root, path)
        except OSError:
            return None
        return None if exclusion.reason_in_content(path, data) else self._lines(path, data)

    def passages(self, chunks: Iterable[Chunk]) -> list[Passage]:
        """Read chunks back from disk, each file once, and tell which are as they were indexed."""
        return read_back(chunks, self.lines)

    def lines(self, path: str) -> list[str] | None:
        """Read a file's lines, secrets masked; None when it is gone or may not be read."""
        try:
            return self._lines(path, walker.read(self.root, path))
        except OSError:
            return None

    def _lines(self, path: str, data: bytes) -> list[str]:
        text, known = encoding.decode(data).text, self._state.records.get(path)
        # Most files are as they were indexed, and had none: no detector needs to be loaded for those.
        is_clean = known and not known.has_secrets and not known.reason and known.digest == digest(data)
        return chunker.lines_of(text if is_clean else secret_masking.mask(text).text)

    def commit(self) -> str:
        """Describe the state of the work tree: its commit and whether it is dirty, or why git is silent."""
        refusal = git.refusal(self.root)
        if refusal:
            return refusal
        head = git.ask(self.root, "rev-parse", "--short", "HEAD")
        if head is None:
            return "no commit yet"
        return f"commit {head.decode().strip()}, {self._git_state(head)}"

    def _git_state(self, head: bytes) -> git.State:
        """Ask git for the state of its files, unless the system told that none was touched since.

        In a large tree that is the longest part of an answer.
        """
        listing, seen = self._state.listing, (head, git.index_mark(self.root))
        told = self._told
        if self._is_still and told and told[0] is listing and told[1] == seen:
            return told[2]
        state = git.state(self.root)
        self._told = (listing, seen, state)
        return state

    def _look(self, touched: Collection[str] | None) -> Listing:
        """List the files as they are now, and note which may differ from what is indexed."""
        if self._is_still:
            return self._state.listing
        if touched and self.is_listed:
            again = walker.walk_again(
                self.root, self._state.listing, touched, max_bytes=self._max_bytes, own=self._own
            )
            if again:
                self._ledger.suspect(touched)
                return again
        start = time.perf_counter()
        listing = walker.walk(self.root, max_bytes=self._max_bytes, own=self._own)
        self.walk_s = time.perf_counter() - start
        self._ledger.suspect(None)
        return listing

    def _begin(self) -> None:
        """Make a store where there is none that can be used: from another work tree's, or empty."""
        family, fingerprint = git.family(self.root), _fingerprint()
        for other in inventory.stores(self._cache) if family else ():
            if other.folder == self._store.folder or other.family != family:
                continue
            try:
                self._store.grow_from(other, self.root, fingerprint, family=family)
            except (GoldrankError, OSError, sqlite3.Error) as error:
                log.info("%s gives no index to begin with: %s", other.folder, error)
            else:
                if self._ledger.is_sound():
                    return
        self._reset(family)
        self._ledger.is_sound()

    def _reset(self, family: str) -> None:
        self._store.reset(self.root, _fingerprint(), family=family, make=make)

    def _catch_up(
        self, listing: Listing, progress: Progress, is_cancelled: IsCancelled, patience_s: float
    ) -> Refresh:
        """Write what differs, unless the process that writes just now does it."""
        deadline = time.monotonic() + patience_s
        while True:
            known = self._ledger.published
            try:
                with self._store.writing(patience_s=min(LOCK_STEP_S, patience_s)):
                    if not self._ledger.is_sound():
                        self._begin()
                    return self._write(*self._ledger.difference(listing.files), progress, is_cancelled)
            except (IndexLockedError, CacheError) as error:
                is_last = isinstance(error, CacheError) or time.monotonic() > deadline
                if is_cancelled():
                    raise CancelledError("the caller no longer waits for who writes the index") from error
                if not self._ledger.is_sound():
                    if is_last:
                        raise
                elif is_last or self._ledger.published != known:
                    pending = sum(map(len, self._ledger.difference(listing.files)))
                    if is_last or not pending:
                        return Refresh(pending=pending, note=str(error) if pending else "")

    def _write(
        self,
        changed: Mapping[str, FileStat],
        gone: Sequence[str],
        progress: Progress,
        is_cancelled: IsCancelled,
    ) -> Refresh:
        if not changed and not gone:
            return Refresh()
        with self._kept.run() as kept, IndexWriter(self._store.chunks) as writer:
            indexer = Indexer(self.root, self._store, writer, kept, self._ledger.records)
            indexer.update(changed, gone, progress=progress, is_cancelled=is_cancelled)
            self._ledger.wrote()  # else it reads what was written: files may be marked and not remembered
        return Refresh(indexer.made, indexer.removed)


def _below(root: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    """Write those paths that lie below a root relative to it."""
    real = (Path(os.path.realpath(path.expanduser())) for path in paths)
    return tuple(path.relative_to(root).as_posix() for path in real if root in path.parents)


def _above(path: str) -> Iterator[str]:
    """Yield the folders above a path, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def _fingerprint() -> str:
    engine = f"tantivy {importlib.metadata.version('tantivy')}"
    made_by = (f"terms {tokenizer.fingerprint()}", chunker.fingerprint(), secret_masking.fingerprint())
    return " | ".join((FORMAT, *made_by, engine))
