"""What a reply may show of a repository that is served from its URL: the files and lines of one commit."""

import subprocess
import threading
from collections.abc import Collection
from datetime import UTC, datetime

from retrieval.chunks.chunk_text import masked_lines
from retrieval.errors import MirrorError
from retrieval.files import confinement, exclusion, git, own_ignores
from retrieval.files.walker import Listing
from retrieval.mirrors.blobs import Blobs
from retrieval.mirrors.commit_listing import blob_name, list_commit
from retrieval.mirrors.mirror import Mirror
from retrieval.progress import IsCancelled, Progress

SHORT_CHARS = 12  # of a commit's hash in replies: git itself shortens to 7 to 12 in real repositories
_EMPTY = Listing({}, ())


class CommitTree:
    """The files of the commit that a mirror's ref names; any thread may call its methods.

    A listing is of one commit and never changes. When a refresh moves the ref, the next listing is another
    object, and a tree that was taken `at` the earlier listing goes on reading the earlier commit.

    Attributes:
        root: The folder that identifies this ref; none of the files is in it.
        name: What replies call the repository.
        mirror: Where the objects are.
        listing_s: 0, because no disk has to be listed.
        is_on_disk: False.
    """

    is_on_disk = False
    listing_s = 0.0

    def __init__(self, mirror: Mirror, *, max_bytes: int) -> None:
        """Open a mirror, which need not be there yet.

        Args:
            mirror: The mirror.
            max_bytes: Larger files are excluded.
        """
        self.root = mirror.root
        self.name = mirror.source.name
        self.mirror = mirror
        self._max_bytes = max_bytes
        self._blobs = Blobs(mirror.reader)
        self._pinned: Listing | None = None
        self._last = _EMPTY
        self._lock = threading.Lock()  # guards the one above

    def at(self, listing: Listing | None) -> "CommitTree":
        """Return a tree that stays at the commit of a listing."""
        if listing is None:
            return self
        pinned = CommitTree(self.mirror, max_bytes=self._max_bytes)
        pinned._blobs, pinned._pinned = self._blobs, listing
        return pinned

    def require(self, *, progress: Progress, is_cancelled: IsCancelled) -> None:
        """Fetch the repository unless there is a mirror.

        Raises:
            MirrorError: It cannot be fetched.
            RootError: It has no such ref, or no commit.
            CacheError: The cache cannot be written.
            CancelledError: `is_cancelled` returned True.
        """
        self.mirror.require(progress=progress, is_cancelled=is_cancelled)
        self.mirror.require_commit()

    def list_all(self) -> Listing:
        """List the commit that the ref names now; the same object as long as that is the same commit.

        Raises:
            MirrorError: Git cannot list it.
        """
        commit = self.mirror.commit()
        with self._lock:
            if self._last.commit == commit:
                return self._last
            try:
                self._last = list_commit(
                    self.mirror.reader, commit, read_blob=self._blobs.read, max_bytes=self._max_bytes
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise MirrorError(
                    f"the mirror of {self.mirror.source.url} cannot be read: {git.refusal_in(error)}",
                    remedy=f"fetch it again: goldrank clean {self.mirror.source.written}",
                ) from error
            return self._last

    def list_again(self, _last: Listing, _touched: Collection[str]) -> Listing | None:
        """Return None: a commit is listed whole."""
        return None

    def changed_since(self, last: Listing) -> set[str]:
        """Return the paths that differ between a listing and the commit that the ref names now."""
        now = self.list_all().files
        return {path for path in last.files.keys() | now.keys() if last.files.get(path) != now.get(path)}

    def names(self) -> list[str]:
        """List the files; none while there is no mirror."""
        return list(self._listing().files)

    def is_vast(self) -> bool:
        """Return False: nobody names a URL by accident."""
        return False

    def read(self, path: str) -> bytes:
        """Read a listed file.

        Raises:
            OSError: The commit has no such file, or its content was not fetched.
        """
        listing = self._listing()
        stat = listing.files.get(path)
        if stat is None:
            raise FileNotFoundError(f"{path!r} is no file of commit {listing.commit[:SHORT_CHARS]}")
        return self._blobs.read(blob_name(stat, chars=len(listing.commit)))

    def lines(self, path: str, *, clean_digest: str = "") -> list[str] | None:
        """Read the lines of a listed file with secrets masked; None when it cannot be read."""
        try:
            return masked_lines(self.read(path), clean_digest)
        except OSError:
            return None

    def lines_before_listing(self, path: str, *, clean_digest: str = "") -> list[str] | None:
        """Read the lines of a file that is not indexed yet; None when the file is not searched."""
        try:
            data = self.read(path)
        except OSError:
            return None
        return None if exclusion.reason_in_content(path, data) else masked_lines(data, clean_digest)

    def why_unlisted(self, path: str, *, is_git: bool) -> str:  # noqa: ARG002 - as a work tree
        """Say why a path is neither listed nor excluded; "" when nothing explains it."""
        if escape := confinement.escape(path):
            return escape if escape == confinement.HISTORY else ""
        return own_ignores.LEFT_OUT if self._listing().rules.verdict(path) else ""

    def ignored(self) -> list[str]:
        """Return nothing: a commit holds no ignored files that are not listed."""
        return []

    def commit(self, listing: Listing | None, *, is_still: bool) -> str:  # noqa: ARG002 - as a work tree
        """Name the commit, and say since when the mirror is not refreshed, if the last try failed."""
        commit = listing.commit if listing is not None else self.mirror.commit()
        if not commit:
            return self.mirror.doing or "not fetched yet"
        state = self.mirror.state()
        told = f"commit {commit[:SHORT_CHARS]}"
        if not state.error:
            return told
        since = datetime.fromtimestamp(state.fetched_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"{told}, not refreshed since {since}: {state.error}"

    def family(self) -> str:
        """Identify the repository: all refs of one URL share what was indexed of another."""
        return str(self.mirror.git_folder)

    def close(self) -> None:
        """End the process that reads blobs; the next read starts another."""
        self._blobs.close()

    def _listing(self) -> Listing:
        if self._pinned is not None:
            return self._pinned
        return self.list_all() if self.mirror.exists else _EMPTY
