"""How one root is served: its files, on disk or in a mirror, and the index that follows them."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.history.archive import Archive
from retrieval.mirrors.commit_tree import CommitTree
from retrieval.mirrors.mirror import Mirror
from retrieval.mirrors.source import Root, Source
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.settings import CHUNK_CACHE_BYTES
from retrieval.sync.sync import LOCK_PATIENCE_S, Refresh, Sharing, Sync, Turn, fingerprint
from retrieval.sync.view import View
from retrieval.sync.work_tree import WorkTree
from retrieval.sync.write_lock import WriterInfo

if TYPE_CHECKING:
    from retrieval.sync.tree import Tree


class Repository:
    """The files of a root and their index: `refresh` updates the index, `view` returns a state to search.

    Only one thread at a time may call `refresh`; any thread may call the other methods meanwhile.

    Attributes:
        mirror: The mirror that the files are read from; None for files on disk.
    """

    def __init__(
        self,
        root: Root,
        *,
        cache: Path,
        max_bytes: int,
        chunk_cache_bytes: int = CHUNK_CACHE_BYTES,
        own: Sequence[Path] = (),
        linked: Sequence[Path] = (),
    ) -> None:
        """Open a root without reading files.

        Args:
            root: The folder, or the source of a repository that is served from its URL.
            cache: Folder of all indexes.
            max_bytes: Larger files are not indexed.
            chunk_cache_bytes: Size limit of the chunk cache.
            own: Other files and folders that belong to goldrank; like the cache, they are not searched.
            linked: The roots that links may lead to; without any, no link is followed.

        Raises:
            RootError: The root does not exist or cannot be read.
        """
        self.mirror: Mirror | None = None
        self._tree: Tree
        if isinstance(root, Source):
            self.mirror = Mirror(root, cache=cache, max_file_bytes=max_bytes)
            self._tree = CommitTree(self.mirror, max_bytes=max_bytes)
        else:
            self._tree = WorkTree(root, max_bytes=max_bytes, own=(cache, *own), linked=linked)
        self._sync = Sync(self._tree, cache=cache, chunk_cache_bytes=chunk_cache_bytes)
        history = self._sync.store.history
        self._archive = (
            Archive(self.mirror.reader, history, pinned=self._listed_commit)
            if self.mirror
            else Archive(self._tree.root, history)
        )

    @property
    def root(self) -> Path:
        """The folder, with all links resolved; for a mirror, the folder that stands for it."""
        return self._tree.root

    @property
    def name(self) -> str:
        """What replies call the repository."""
        return self._tree.name

    @property
    def fetching(self) -> str:
        """What of the repository or its index is being fetched at the moment, part of a sentence; or ""."""
        fetching = self.mirror.doing if self.mirror else ""
        return fetching or (self._sync.sharing.doing if self._sync.sharing else "")

    def refresh(
        self,
        *,
        touched: Collection[str] | None = None,
        progress: Progress = lambda _done, _total: None,
        is_cancelled: IsCancelled = lambda: False,
        patience_s: float = LOCK_PATIENCE_S,
    ) -> Refresh:
        """Index only the files that changed on disk since the last call, and follow HEAD.

        The commits before HEAD are read only if that is a matter of moments; else `is_past_due` tells.

        Args:
            touched: The only paths that may have changed since the last call, if the tree is watched; None
                if any path may have changed.
            progress: Called with files done and files in total.
            is_cancelled: Checked before each file.
            patience_s: How long to wait while another process writes.

        Raises:
            GoldrankError: As `Sync.refresh` does.
        """
        done = self._sync.refresh(touched=touched, turn=Turn(progress, is_cancelled, patience_s))
        if (listing := self._sync.look.listing) is not None and listing.is_git:
            self._archive.follow()
        return done

    @property
    def is_past_due(self) -> bool:
        """Whether so many commits are unread that `read_past` must read them."""
        return self._archive.is_due

    def read_past(
        self, *, progress: Progress = no_progress, is_cancelled: IsCancelled = lambda: False
    ) -> None:
        """Read the commits before HEAD, however many there are; any thread may call this, after a `refresh`.

        Args:
            progress: Called with commits read and the most that are read.
            is_cancelled: Checked between commits.

        Raises:
            CancelledError: `is_cancelled` returned True.
        """
        self._archive.read(progress=progress, is_cancelled=is_cancelled)

    def share(self, sharing: Sharing) -> None:
        """Share the index with other machines; call this before the first `refresh`."""
        self._sync.sharing = sharing

    @property
    def is_shared(self) -> bool:
        """Whether the index is shared with other machines."""
        return self._sync.sharing is not None

    @property
    def is_unpublished(self) -> bool:
        """Whether `publish` may have something to do."""
        listing = self._sync.look.listing
        return self._sync.sharing is not None and listing is not None and self._sync.sharing.is_due(listing)

    def publish(self, *, is_cancelled: IsCancelled = lambda: False) -> None:
        """Publish the index of the listed commit, unless somebody has; call it after a `refresh`.

        Any thread may call this. A place that cannot be used is logged, and `describe_sharing` says it.

        Raises:
            CancelledError: `is_cancelled` returned True.
        """
        listing = self._sync.look.listing
        if self._sync.sharing and listing is not None:
            self._sync.sharing.publish(self._sync.store, listing, is_cancelled=is_cancelled)

    def describe_sharing(self) -> str:
        """Say where the index came from, and whether it is published; "" when nothing is shared."""
        return self._sync.sharing.describe(self._sync.store) if self._sync.sharing else ""

    def describe_past(self) -> str:
        """Say how many commits are evidence for files, which are missing, or why there are none."""
        return self._archive.describe()

    def view(self) -> View:
        """Return the current state for one query; take a new view for each query."""
        look = self._sync.look
        return View(self._tree.at(look.listing), self._sync, look, self._sync.contents, self._archive)

    def rebuild(self) -> None:
        """Discard the index and what was read of commits; the next `refresh` and `read_past` rebuild them."""
        self._sync.rebuild()
        self._archive.discard()

    def discard_if_damaged(self) -> list[str]:
        """Verify all files of the index; discard it if any is damaged, and return those files."""
        return self._sync.discard_if_damaged()

    def changed_since_listed(self) -> set[str]:
        """List the whole tree and return the paths that changed since the last `refresh`."""
        listing = self._sync.look.listing
        return self._tree.changed_since(listing) if listing is not None else set()

    def other_writer(self) -> WriterInfo | None:
        """Return the other process that is writing the index, with its progress, or None."""
        return self._sync.other_writer()

    def is_vast(self) -> bool:
        """Return whether this is a folder outside git with too many files to index without asking."""
        return self._tree.is_vast()

    @property
    def is_listed(self) -> bool:
        """Whether the files below the root have been listed."""
        return self._sync.look.listing is not None

    @property
    def listing_s(self) -> float:
        """How long the last listing of the whole tree took, in seconds; 0 before the first."""
        return self._tree.listing_s

    @property
    def indexed_count(self) -> int:
        """How many files were indexed when the store was last read."""
        return len(self._sync.contents.records)

    @property
    def store_folder(self) -> Path:
        """The folder of the index."""
        return self._sync.store.folder

    @property
    def fingerprint(self) -> str:
        """Identifies what built the index: format, analyzer, chunker, masking and engine."""
        return fingerprint()

    def _listed_commit(self) -> str:
        listing = self._sync.look.listing
        return listing.commit if listing is not None else ""

    def store_bytes(self) -> int:
        """Return the total size of the index's files."""
        return self._sync.store.size_bytes()
