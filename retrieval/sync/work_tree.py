"""What is on disk below a root, and what a reply may say of it: files, lines without secrets, the commit."""

import os
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from retrieval.chunks import chunker
from retrieval.files import confinement, encoding, git, secret_masking, walker
from retrieval.files.walker import Listing
from retrieval.text import digest


class WorkTree:
    """The files of one root; any thread may call it.

    Attributes:
        root: The folder, without a link in its path.
        listing_s: How long it took to list the whole tree the last time, seconds; 0 before that.
    """

    def __init__(self, root: Path, *, max_bytes: int, own: Sequence[Path] = ()) -> None:
        """Open a root; nothing is listed.

        Args:
            root: The folder.
            max_bytes: Larger files are left out.
            own: Files and folders of ours, which are passed over below the root.

        Raises:
            RootError: The root does not exist or may not be read.
        """
        self.root = walker.resolve_root(root)
        self.listing_s = 0.0
        self._max_bytes = max_bytes
        self._own = _below(self.root, own)
        self._known: tuple[Listing | None, git.Head, git.State] | None = None  # what git said, and of what

    def require(self) -> None:
        """Check that the root is still there.

        Raises:
            RootError: It is gone or may not be read.
        """
        walker.resolve_root(self.root)

    def list_all(self) -> Listing:
        """List the whole tree as it is now."""
        start = time.perf_counter()
        listing = walker.walk(self.root, max_bytes=self._max_bytes, own=self._own)
        self.listing_s = time.perf_counter() - start
        return listing

    def list_again(self, last: Listing, touched: Collection[str]) -> Listing | None:
        """List the tree where only some paths can differ from the last listing.

        Returns:
            None when those paths may change what is listed elsewhere: then list the whole tree.
        """
        return walker.walk_again(self.root, last, touched, max_bytes=self._max_bytes, own=self._own)

    def changed_since(self, last: Listing) -> set[str]:
        """List the whole tree and return the paths that are not as they were listed."""
        now = walker.walk(self.root, max_bytes=self._max_bytes, own=self._own).files
        return {path for path in last.files.keys() | now.keys() if last.files.get(path) != now.get(path)}

    def names(self) -> list[str]:
        """Name files without looking at any: all that git lists, or what a moment without git finds."""
        return walker.names(self.root, own=self._own)

    def is_vast(self) -> bool:
        """Tell whether this is a folder outside git with more files than anyone means to index unasked."""
        return walker.is_vast(self.root, own=self._own)

    def read(self, path: str) -> bytes:
        """Read a listed file.

        Raises:
            OSError: It vanished, became a link, or may not be read.
        """
        return walker.read(self.root, path)

    def lines(self, path: str, *, clean_digest: str = "") -> list[str] | None:
        """Read the lines of a listed file with its secrets masked; None when it is gone or may not be read.

        Args:
            path: The file.
            clean_digest: Digest of a content that is known to hold no secrets, or "".
        """
        try:
            return _masked(self.read(path), clean_digest)
        except OSError:
            return None

    def lines_before_listing(self, path: str, *, clean_digest: str = "") -> list[str] | None:
        """Read a file that no listing has judged yet; None when no search may read it. Else as `lines`."""
        if not walker.judged(self.root, [path], max_bytes=self._max_bytes).files:
            return None
        try:
            data = self.read(path)
        except OSError:
            return None
        return None if walker.refusal(path, data) else _masked(data, clean_digest)

    def why_unlisted(self, path: str, *, is_git: bool) -> str:
        """Say why a path is in no listing, neither as a file nor as left out; "" when nothing explains it.

        Args:
            path: Relative to the root.
            is_git: Whether git listed the tree.
        """
        if escape := confinement.escape(path):
            return escape if escape == confinement.HISTORY else ""
        if is_git and git.ask(self.root, "check-ignore", "-q", "--", path) is not None:
            return "git ignores it"
        return ""

    def commit(self, listing: Listing | None, *, is_still: bool) -> str:
        """Describe the commit and whether the tree is dirty, or say why git is silent.

        Git looks at every file to find out whether a tree is dirty, in a large one the longest part of an
        answer. Of a tree that is still, what git said of the same listing and commit is said again.

        Args:
            listing: The files as they were last listed.
            is_still: Whether the system reported that nothing was touched since they were listed.
        """
        head = git.head(self.root)
        if head.refusal:
            return head.refusal
        if not head.commit:
            return "no commit yet"
        known = self._known
        if not (is_still and known and known[0] is listing and known[1] == head):
            known = self._known = (listing, head, git.state(self.root))
        return f"commit {head.commit}, {known[2]}"


def folders_above(path: str) -> Iterator[str]:
    """Yield the folders above a path, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def _masked(data: bytes, clean_digest: str) -> list[str]:
    text = encoding.decode(data).text
    # Most files are as they were indexed, and had no secrets: those need no detector, which is slow to load.
    is_clean = bool(clean_digest) and digest(data) == clean_digest
    return chunker.lines_of(text if is_clean else secret_masking.mask(text).text)


def _below(root: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    """Write those paths that lie below a root relative to it."""
    real = (Path(os.path.realpath(path.expanduser())) for path in paths)
    return tuple(path.relative_to(root).as_posix() for path in real if root in path.parents)
