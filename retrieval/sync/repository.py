"""One served root: its work tree, and the index that follows it."""

from collections.abc import Collection, Sequence
from pathlib import Path

from retrieval.progress import IsCancelled, Progress
from retrieval.settings import CHUNK_CACHE_BYTES
from retrieval.sync.sync import LOCK_PATIENCE_S, Refresh, Sync, Turn, fingerprint
from retrieval.sync.view import View
from retrieval.sync.work_tree import WorkTree
from retrieval.sync.write_lock import WriterInfo


class Repository:
    """A work tree together with its index: `refresh` brings the index up to date, `view` is what to ask.

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

        Raises:
            RootError: The root does not exist or may not be read.
        """
        self._tree = WorkTree(root, max_bytes=max_bytes, own=(cache, *own))
        self._sync = Sync(self._tree, cache=cache, chunk_cache_bytes=chunk_cache_bytes)

    @property
    def root(self) -> Path:
        """The folder, without a link in its path."""
        return self._tree.root

    def refresh(
        self,
        *,
        touched: Collection[str] | None = None,
        progress: Progress = lambda _done, _total: None,
        is_cancelled: IsCancelled = lambda: False,
        patience_s: float = LOCK_PATIENCE_S,
    ) -> Refresh:
        """Index what changed on disk since the last time, and nothing else.

        Args:
            touched: The only paths that may have changed since the last call, where the tree is watched; None
                when any may have.
            progress: Called with files done and files to do.
            is_cancelled: Asked before each file.
            patience_s: How long to wait while another process writes.

        Raises:
            GoldrankError: As `Sync.refresh` does.
        """
        return self._sync.refresh(touched=touched, turn=Turn(progress, is_cancelled, patience_s))

    def view(self) -> View:
        """Return what a question asked now is answered from; take a new one for each question."""
        return View(self._tree, self._sync, self._sync.look, self._sync.contents)

    def rebuild(self) -> None:
        """Throw the index away; the next `refresh` makes it anew."""
        self._sync.rebuild()

    def discard_if_damaged(self) -> list[str]:
        """Read all files of the index; throw it away if one is not what was written, and name those."""
        return self._sync.discard_if_damaged()

    def changed_since_listed(self) -> set[str]:
        """List the whole tree and return the paths that are not as `refresh` last saw them."""
        listing = self._sync.look.listing
        return self._tree.changed_since(listing) if listing is not None else set()

    def other_writer(self) -> WriterInfo | None:
        """Return the other process that writes the index, and how far it is; None when none does."""
        return self._sync.other_writer()

    def is_vast(self) -> bool:
        """Tell whether this is a folder outside git with more files than anyone means to index unasked."""
        return self._tree.is_vast()

    @property
    def is_listed(self) -> bool:
        """Whether the files below the root were listed once."""
        return self._sync.look.listing is not None

    @property
    def listing_s(self) -> float:
        """How long it took to list the whole tree the last time, seconds; 0 before that."""
        return self._tree.listing_s

    @property
    def indexed_count(self) -> int:
        """How many files were indexed when that was last looked at."""
        return len(self._sync.contents.records)

    @property
    def store_folder(self) -> Path:
        """Where the index lies."""
        return self._sync.store.folder

    @property
    def fingerprint(self) -> str:
        """What the index was made by: its format, analyzer, chunker and engine."""
        return fingerprint()

    def store_bytes(self) -> int:
        """Add up the sizes of the index's files."""
        return self._sync.store.size_bytes()
