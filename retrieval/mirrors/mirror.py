"""Where the mirror of a URL is kept, when it is refreshed, and which commit a ref names in it.

A mirror is one folder of the cache, shared by all refs of its URL and by all processes of a user:

    CACHE/mirrors/NAME-HASH/
        CACHEDIR.TAG     goldrank's mark
        url              the URL; it holds no password
        lock             held by the one process that fetches
        repo.git/        the bare repository, which git keeps; renamed into place once it is whole
        repo.git/reader/ a git folder with the same objects that never fetches (`bare_repository`)
        repo.git.*.new/  one that is being cloned, or that a killed process left
        state            when it was last fetched, and why not since
        at/REF-HASH/     empty; identifies one ref among the roots of indexes and models

Blobs above a size are left out where the server can leave them out, because they are not searched.
"""

import json
import math
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from retrieval import ownership
from retrieval.errors import CancelledError, MirrorError, RootError, shorten, unwritable
from retrieval.files import exclusion, git
from retrieval.mirrors import bare_repository, inventory, remote
from retrieval.mirrors.source import Protocol, Source, read_source
from retrieval.progress import IsCancelled, Progress, no_progress

RETRY_S = 10.0  # after a failed clone, questions get the same answer for so long without asking the server
_WANTED = "refs/goldrank/commits"  # commits that no branch or tag leads to
_BRANCHES_AND_TAGS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_HEAD = f"+HEAD:{bare_repository.REMOTE_HEAD}"
_HELD = re.compile(r"url|lock|at|state(\.\d+)?|repo\.git(\..*)?|CACHEDIR\.TAG.*")
_POLL_S = 0.2
_LEFT_S = 10.0  # git writes its files at least so often, and ends soon after the process that started it
_SHOWN_REFS = 8


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a mirror's freshness.

    Attributes:
        fetched_at: When it was last fetched, in seconds since 1970; 0 for never.
        tried_at: When that was last tried.
        error: Why the last try failed; "" when it did not.
        limit_bytes: Larger blobs may be missing.
    """

    fetched_at: float = 0.0
    tried_at: float = 0.0
    error: str = ""
    limit_bytes: int = 0


class Mirror:
    """The mirror of one source; any thread and any process may call the methods.

    Attributes:
        source: What it mirrors.
        folder: Its folder in the cache.
        git_folder: The bare repository in it.
        limit_bytes: Larger blobs are left out where the server can.
    """

    def __init__(self, source: Source, *, cache: Path, max_file_bytes: int) -> None:
        """Fetch nothing yet."""
        self.source = source
        self.folder = source.mirror_folder(cache)
        self.root = source.root(cache)
        self.git_folder = self.folder / "repo.git"
        self.limit_bytes = exclusion.CODE_FACTOR * max_file_bytes
        self._doing = ""
        self._asked: tuple[float, MirrorError | None] = (-math.inf, None)  # when in vain, and why
        self._resolved: tuple[object, str] = (None, "")

    @property
    def reader(self) -> Path:
        """The git folder that its objects are read from."""
        return bare_repository.reader(self.git_folder)

    @property
    def exists(self) -> bool:
        """Whether there is a mirror to answer from."""
        return self.git_folder.is_dir()

    @property
    def doing(self) -> str:
        """What is being fetched at the moment, as part of a sentence; or ""."""
        return self._doing

    def state(self) -> State:
        """Return when the mirror was fetched, and why not since."""
        try:
            return State(**json.loads((self.folder / "state").read_bytes()))
        except (OSError, ValueError, TypeError):
            return State()

    def is_older_than(self, seconds: float) -> bool:
        """Return whether the last try to fetch is so long ago, by any process."""
        age_s = time.time() - self.state().tried_at
        return not self.exists or not 0 <= age_s < seconds  # below 0, the clock was set back

    def require(self, *, progress: Progress = no_progress, is_cancelled: IsCancelled = lambda: False) -> None:
        """Fetch the repository unless the mirror has the ref; repeat what has just been found out.

        Raises:
            MirrorError: It cannot be fetched.
            CacheError: The cache cannot be written.
            CancelledError: `is_cancelled` returned True.
        """
        if self.commit():
            self._claim_root()
            return
        at, error = self._asked
        if time.monotonic() - at < RETRY_S and error:
            raise error
        if time.monotonic() - at >= RETRY_S or not self.exists:
            self.refresh(progress=progress, is_cancelled=is_cancelled, if_older_s=math.inf)
            # A ref that is not there now may be pushed later.
            self._asked = (-math.inf if self.commit() else time.monotonic(), None)

    def refresh(
        self,
        *,
        progress: Progress = no_progress,
        is_cancelled: IsCancelled = lambda: False,
        if_older_s: float = 0.0,
    ) -> bool:
        """Fetch what is new, or the whole repository; one process does it, others wait for it.

        Args:
            progress: Called with the percent that is received, of 100.
            is_cancelled: Checked a few times a second.
            if_older_s: Fetch only if nobody tried for so many seconds, once it is this process's turn.

        Returns:
            Whether the commit of this source is another one now.

        Raises:
            MirrorError: It cannot be fetched; an earlier mirror stays, and `state` says since when.
            CacheError: The cache cannot be written.
            CancelledError: `is_cancelled` returned True.
        """
        before = self.commit()
        try:
            self._prepare()
            self._doing = "another call or process fetches the repository"
            with self._held(is_cancelled):
                self._doing = "the repository is being fetched"
                if self.is_older_than(if_older_s) or not self.commit():
                    self._fetch(progress, is_cancelled)
            self._claim_root()
        except OSError as error:
            raise unwritable(self.folder, error.strerror or error) from error
        finally:
            self._doing = ""
        return self.commit() != before

    def commit(self) -> str:
        """Return the commit that the source's ref names in the mirror; "" when there is none.

        Git is asked only after a fetch.
        """
        mark = git.mark(self.folder / "state")
        known_mark, known = self._resolved
        if known and mark == known_mark:
            return known
        found = bare_repository.commit_of(self.git_folder, self.source.ref) if self.exists else ""
        self._resolved = (mark, found)
        return found

    def require_commit(self) -> str:
        """Return the commit that the source's ref names.

        Raises:
            RootError: The repository is empty, or has no such ref.
        """
        if found := self.commit():
            return found
        if not self.source.ref:
            raise RootError(
                f"{self.source.url} has no commit yet", remedy="push one, or name a branch: URL@BRANCH"
            )
        known = bare_repository.names(self.git_folder)
        more = f" and {len(known) - _SHOWN_REFS:,} more" if len(known) > _SHOWN_REFS else ""
        listed = f"{', '.join(known[:_SHOWN_REFS])}{more}" if known else "none at all"
        raise RootError(
            f"{self.source.url} has no branch, tag or commit {shorten(self.source.ref)!r}",
            remedy=f"it has {listed}",
        )

    def size_bytes(self) -> int:
        """Return the size of the mirror on disk."""
        return inventory.size_bytes(self.folder)

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        ownership.claim(self.folder, is_ours=_holds_only_ours)
        with suppress(FileExistsError), (self.folder / "url").open("x", encoding="utf-8") as file:
            file.write(f"{self.source.url}\n")

    def _claim_root(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error.strerror or error) from error

    @contextmanager
    def _held(self, is_cancelled: IsCancelled) -> Iterator[None]:
        lock = FileLock(self.folder / "lock")
        while True:
            try:
                lock.acquire(timeout=_POLL_S, poll_interval=_POLL_S / 4)
                break
            except Timeout:
                if is_cancelled():
                    raise CancelledError("the caller no longer waits for the repository") from None
        try:
            yield
        finally:
            lock.release()

    def _fetch(self, progress: Progress, is_cancelled: IsCancelled) -> None:
        """Fetch, and write down how that went; requires the lock."""
        state = replace(self.state(), tried_at=time.time())
        self._collect_leftovers()

        def received(percent: int, total: int) -> None:
            self._doing = f"the repository is being fetched, {percent} % is here"
            progress(percent, total)

        # Other processes may search larger files, which must not be missing for them after this fetch.
        limit = max(self.limit_bytes, state.limit_bytes)
        options = [f"--filter=blob:limit={limit + 1}"]
        try:
            if not self.exists:
                self._clone(options, received, is_cancelled)
            elif state.limit_bytes < limit:
                self._fetch_into(self.git_folder, [*options, "--refetch"], received, is_cancelled)
            else:
                self._fetch_into(self.git_folder, options, received, is_cancelled)
        except MirrorError as error:
            told = MirrorError(
                f"{self.source.url} cannot be fetched: {error.fact}",
                remedy=error.remedy or _remedy(self.source),
            )
            self._asked = (time.monotonic(), told)
            if self.exists:
                self._write(replace(state, error=error.fact))
            raise told from error
        self._write(State(state.tried_at, state.tried_at, "", limit))

    def _collect_leftovers(self) -> None:
        """Remove what processes left that were killed; git itself would wait for their locks for ever."""
        for left in self.folder.glob("repo.git.*.new"):
            shutil.rmtree(left, ignore_errors=True)
        oldest = time.time() - _LEFT_S
        for left in (*self.git_folder.rglob("*.lock"), *self.git_folder.glob("objects/pack/tmp_*")):
            with suppress(OSError):
                if left.lstat().st_mtime < oldest:
                    left.unlink()

    def _clone(self, options: Sequence[str], progress: Progress, is_cancelled: IsCancelled) -> None:
        """Make the mirror beside its place, and rename it once it is whole."""
        fresh = self.folder / f"repo.git.{uuid.uuid4().hex}.new"
        fresh.mkdir()
        try:
            bare_repository.make(fresh, self.source.url)
            self._fetch_into(fresh, options, progress, is_cancelled)
            fresh.rename(self.git_folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _fetch_into(
        self, folder: Path, options: Sequence[str], progress: Progress, is_cancelled: IsCancelled
    ) -> None:
        protocol = self._protocol()

        def fetch(*arguments: str) -> None:
            own = ("--no-tags", "--force", *options, *arguments)
            remote.fetch(folder, own, protocol=protocol, progress=progress, is_cancelled=is_cancelled)

        try:
            fetch("--prune", "origin", _HEAD, *_BRANCHES_AND_TAGS)
        except MirrorError as error:
            if "remote ref HEAD" not in error.fact:
                raise
            fetch("--prune", "origin", *_BRANCHES_AND_TAGS)  # empty, or its HEAD names no branch
        ref = self.source.ref
        if bare_repository.is_whole_hash(ref) and not bare_repository.commit_of(folder, ref):
            with suppress(MirrorError):  # the error says that there is no such commit
                fetch("origin", f"+{ref}:{_WANTED}/{ref}")

    def _protocol(self) -> Protocol:
        """Return the protocol of the URL, after the user's own `url.*.insteadOf`."""
        url = remote.effective_url(self.source.url)
        scheme = url.partition("://")[0].lower()
        if url != self.source.url and "://" not in url:
            found = read_source(url)
            return found.protocol if found else self.source.protocol
        for protocol in ("https", "ssh", "file"):
            if scheme == protocol:
                return protocol
        return self.source.protocol

    def _write(self, state: State) -> None:
        fresh = self.folder / f"state.{os.getpid()}"
        fresh.write_text(json.dumps(asdict(state)), encoding="utf-8")
        fresh.replace(self.folder / "state")


def _holds_only_ours(folder: Path) -> bool:
    """Recognise a mirror that another process is claiming at this moment."""
    return all(_HELD.fullmatch(path.name) for path in folder.iterdir())


def _remedy(source: Source) -> str:
    own = "git ls-remote " + source.url
    return f"check that this works without a question: {own}"
