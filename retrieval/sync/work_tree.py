"""What a reply may show of the disk below a root: files, lines with secrets masked, the commit."""

import os
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from retrieval.chunks.chunk_text import masked_lines
from retrieval.files import confinement, exclusion, git, own_ignores, walker
from retrieval.files.walker import Listing
from retrieval.paths import followed_links
from retrieval.paths.followed_links import LinkPolicy
from retrieval.progress import IsCancelled, Progress

GIT_IGNORES = "git ignores it"


class WorkTree:
    """The files of one root; any thread may call its methods.

    Attributes:
        root: The folder, with all links resolved.
        listing_s: How long the last listing of the whole tree took, in seconds; 0 before the first.
        is_on_disk: True.
    """

    is_on_disk = True

    def __init__(
        self, root: Path, *, max_bytes: int, own: Sequence[Path] = (), linked: Sequence[Path] = ()
    ) -> None:
        """Open a root without listing files.

        Args:
            root: The folder.
            max_bytes: Larger files are excluded.
            own: Files and folders that belong to goldrank, which are not listed.
            linked: The roots that links may lead to; without any, no link is followed.

        Raises:
            RootError: The root does not exist or cannot be read.
        """
        self.root = walker.resolve_root(root)
        self.listing_s = 0.0
        self._max_bytes = max_bytes
        self._own = _below(self.root, own)
        self._links = LinkPolicy(_real(linked), _real(own), max_bytes)
        self._known: tuple[Listing | None, git.Head, git.State] | None = None  # git's answer, and its input

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.root.name or str(self.root)

    def at(self, listing: Listing | None) -> "WorkTree":  # noqa: ARG002 - what was listed may be gone
        """Return this tree: a reply shows the files as they are now."""
        return self

    def family(self) -> str:
        """Identify the repository by the git folder that its work trees share; "" without git."""
        return git.family(self.root)

    def require(self, *, progress: Progress, is_cancelled: IsCancelled) -> None:  # noqa: ARG002 - nothing takes long
        """Check that the root still exists.

        Raises:
            RootError: The root is gone or cannot be read.
        """
        walker.resolve_root(self.root)

    def list_all(self) -> Listing:
        """List the whole tree."""
        start = time.perf_counter()
        listing = self._walk()
        self.listing_s = time.perf_counter() - start
        return listing

    def list_again(self, last: Listing, touched: Collection[str]) -> Listing | None:
        """Update the last listing when only some paths can differ.

        Returns:
            The listing, or None when a touched path may affect others and the whole tree must be listed.
        """
        if last.follows_links:
            return None  # nothing tells what changed elsewhere
        return walker.walk_again(self.root, last, touched, max_bytes=self._max_bytes, own=self._own)

    def _walk(self) -> Listing:
        listing = walker.walk(self.root, max_bytes=self._max_bytes, own=self._own)
        return followed_links.follow(self._links, self.root, listing)

    def changed_since(self, last: Listing) -> set[str]:
        """List the whole tree and return the paths that changed since a listing."""
        now = self._walk().files
        return {path for path in last.files.keys() | now.keys() if last.files.get(path) != now.get(path)}

    def names(self) -> list[str]:
        """List file names without checking files: all from git, else those found in a short time."""
        return walker.names(self.root, own=self._own)

    def is_vast(self) -> bool:
        """Return whether this is a folder outside git with too many files to index without asking."""
        return walker.is_vast(self.root, own=self._own)

    def read(self, path: str) -> bytes:
        """Read a listed file.

        Raises:
            OSError: The file vanished, became a link that is not followed, or cannot be read.
        """
        return followed_links.read(self._links, self.root, path)

    def lines(self, path: str, *, clean_digest: str = "") -> list[str] | None:
        """Read the lines of a listed file with secrets masked; None when it is gone or cannot be read.

        Args:
            path: The file.
            clean_digest: Digest of content that is known to contain no secrets, or "".
        """
        try:
            return masked_lines(self.read(path), clean_digest)
        except OSError:
            return None

    def lines_before_listing(self, path: str, *, clean_digest: str = "") -> list[str] | None:
        """Read the lines of a file that is not listed yet; None when it is not searched. Else as `lines`."""
        if not walker.judged(self.root, [path], max_bytes=self._max_bytes).files:
            return None
        try:
            data = self.read(path)
        except OSError:
            return None
        return None if exclusion.reason_in_content(path, data) else masked_lines(data, clean_digest)

    def why_unlisted(self, path: str, *, is_git: bool) -> str:
        """Say why a path is neither listed nor excluded; "" when nothing explains it.

        Args:
            path: Relative to the root.
            is_git: Whether git listed the tree.
        """
        if escape := confinement.escape(path):
            return escape if escape == confinement.HISTORY else ""
        if own_ignores.OwnRules(self.root, walker.folders_of([path]) | {""}).verdict(path):
            return own_ignores.LEFT_OUT
        if is_git and git.ask(self.root, "check-ignore", "-q", "--", path) is not None:
            return GIT_IGNORES
        return ""

    def ignored(self) -> list[str]:
        """List what git ignores, a folder that is ignored whole as one path with a slash at its end."""
        listed = git.ask(
            self.root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"
        )
        return [os.fsdecode(path) for path in (listed or b"").split(b"\0") if path]

    def commit(self, listing: Listing | None, *, is_still: bool) -> str:
        """Describe the commit and whether the tree is dirty, or say why git gives no answer.

        To find out whether a tree is dirty, git checks every file, which in a large tree takes most of the
        time of a reply. So while the tree is still, git's answer for the same listing and commit is reused.

        Args:
            listing: The files as they were last listed.
            is_still: Whether the system reported that nothing was touched since that listing.
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
    """Yield the folders above a path, nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def _below(root: Path, paths: Iterable[Path]) -> tuple[str, ...]:
    """Return the paths that are below a root, relative to it."""
    return tuple(path.relative_to(root).as_posix() for path in _real(paths) if root in path.parents)


def _real(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(Path(os.path.realpath(path.expanduser())) for path in paths)
