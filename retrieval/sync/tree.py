"""What an index follows and a reply may show: the files of a root, on disk or in a commit."""

from collections.abc import Collection
from pathlib import Path
from typing import Protocol, Self

from retrieval.files.walker import Listing
from retrieval.progress import IsCancelled, Progress


class Tree(Protocol):
    """The files of one root; any thread may call the methods.

    `work_tree.WorkTree` has them on disk, `mirrors.commit_tree.CommitTree` in a commit of a mirror.
    """

    @property
    def root(self) -> Path:
        """The folder that identifies the root, with all links resolved."""

    @property
    def name(self) -> str:
        """What replies call the root."""

    @property
    def is_on_disk(self) -> bool:
        """Whether a listed path is a file below `root`, which an editor can open."""

    @property
    def listing_s(self) -> float:
        """How long the last listing of the whole tree took, in seconds; 0 before the first."""

    def at(self, listing: Listing | None) -> Self:
        """Return a tree that shows the files as they were listed, where that is possible."""

    def require(self, *, progress: Progress, is_cancelled: IsCancelled) -> None:
        """Check that there is something to list; fetch it if it comes from elsewhere.

        Raises:
            GoldrankError: There is not.
        """

    def list_all(self) -> Listing:
        """List the whole tree; the same object as before only if no file has changed."""

    def list_again(self, last: Listing, touched: Collection[str], /) -> Listing | None:
        """Update the last listing when only some paths can differ; None if the whole must be listed."""

    def changed_since(self, last: Listing) -> set[str]:
        """Return the paths that changed since a listing."""

    def names(self) -> list[str]:
        """List file names without checking files, as many as are found in a short time."""

    def is_vast(self) -> bool:
        """Return whether there are too many files to index without asking."""

    def read(self, path: str) -> bytes:
        """Read a listed file.

        Raises:
            OSError: It is gone or cannot be read.
        """

    def lines(self, path: str, *, clean_digest: str = "") -> list[str] | None:
        """Read the lines of a listed file with secrets masked; None when it is gone or cannot be read."""

    def lines_before_listing(self, path: str, *, clean_digest: str = "") -> list[str] | None:
        """Read the lines of a file that is not listed yet; None when it is not searched."""

    def why_unlisted(self, path: str, *, is_git: bool) -> str:
        """Say why a path is neither listed nor excluded; "" when nothing explains it."""

    def ignored(self) -> list[str]:
        """List what git ignores, a folder as one path with a slash at its end."""

    def commit(self, listing: Listing | None, *, is_still: bool) -> str:
        """Describe the commit that the files are of, or say why there is none."""

    def family(self) -> str:
        """Identify the repository among roots that may share an index to start from; "" without one."""
