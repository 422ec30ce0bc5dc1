"""Keeping one repository's index up to date on a thread of its own, so that no question waits for long.

A question asks for an index as of now, and waits for it where the whole can be ready within its patience:
half an answer is worse than some seconds. Where it cannot, the question is answered after a moment from what
there is, the rest goes on in the background, and the answer says how far it is. Small trees are looked
through before each question. In large ones the system tells what changed, and now and then all is looked
through for what it did not tell.
"""

import logging
import threading
import time
from contextlib import suppress
from typing import Literal

from retrieval.errors import CancelledError, GoldrankError
from retrieval.files.watcher import Watcher, can_be_watched
from retrieval.progress import IsCancelled, Progress
from retrieval.sync.repository import Repository
from retrieval.sync.sync import Refresh

log = logging.getLogger(__name__)

WATCH_FROM_S = 0.06  # a look through the tree that takes less is cheaper than to wait for the system's word
SWEEP_EVERY_S = 30.0  # how old a full look may be when a question comes; what it finds is for the next one
LISTED_BY = 0.4  # the share of a question's patience in which the files must be listed
MOMENT_S = 0.7  # a question waits so long before it is judged whether the whole can be ready in time
PACE_S = 1.0  # the pace of indexing is not known before so much of it was seen
_POLL_S = 0.05  # how often a waiting question looks for its cancellation, and tells how far it is

Needed = Literal["index", "listing"]
"""What a question cannot do without: the index of all files, or only the list of them."""


class _Pace:
    """How fast files are indexed, as one waiting question sees it."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None
        self._left_s: float | None = None

    def see(self, done: int, total: int) -> None:
        """Note how far it is now."""
        now = time.monotonic()
        if self._first is None:
            self._first = (now, done) if done else None
            return
        since, already = self._first
        if now - since >= PACE_S and total:
            self._left_s = (total - done) * (now - since) / max(done - already, 1)

    def ends_by(self, deadline: float) -> bool:
        """Tell whether all may be done by then; an unknown pace may be any."""
        return self._left_s is None or time.monotonic() + self._left_s <= deadline


class Keeper:
    """One repository's index and the thread that follows the disk."""

    def __init__(self, repository: Repository, *, patience_s: float) -> None:
        """Nothing is indexed before `begin` or `refresh`.

        Args:
            repository: Whose index is kept; nobody else may refresh it.
            patience_s: How long a question waits at most for the index of its moment.
        """
        self._repository = repository
        self._patience_s = patience_s
        self._watcher: Watcher | None = None
        self._can_watch = can_be_watched(repository.root)
        self._missed: set[str] = set()
        self._is_unsure = False  # whether the last run failed
        self._swept = time.monotonic()
        self._turn = threading.Condition()  # holds for all below
        self._asked = self._done = 0
        self._outcome: Refresh | Exception = Refresh()
        self._progress = (0, 0)
        self._thread: threading.Thread | None = None
        self._is_stopped = False

    def begin(self) -> None:
        """Bring the index up to date in the background."""
        with self._turn:
            self._asked += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
                self._thread.start()
            self._turn.notify_all()

    def finish(self) -> None:
        """Wait until all that was asked for is done, however long it takes."""
        with self._turn:
            mine = self._asked
            self._turn.wait_for(lambda: self._done >= mine)

    def stop(self) -> None:
        """Follow the disk no more, once all that was asked for is done; who asks again is still served."""
        with self._turn:
            self._is_stopped = True
            self._turn.notify_all()

    def refresh(
        self,
        *,
        needed: Needed = "index",
        progress: Progress = lambda _done, _total: None,
        is_cancelled: IsCancelled,
    ) -> Refresh:
        """Bring the index up to date, or as far as it gets in the time that a question waits.

        Args:
            needed: What the question cannot do without.
            progress: Called with files done and files to do; both are 0 while that is not known.
            is_cancelled: Asked again and again.

        Raises:
            CancelledError: `is_cancelled` said so; the index goes on being made.
            GoldrankError: As `Repository.refresh` does.
        """
        self.begin()
        start, pace = time.monotonic(), _Pace()
        with self._turn:
            mine = self._asked
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._done >= mine, min(_POLL_S, self._patience_s))
                is_done, outcome, so_far = self._done >= mine, self._outcome, self._progress
            if is_done:
                break
            if is_cancelled():
                raise CancelledError("the caller no longer waits")
            so_far = so_far if so_far[1] else self._done_by_others()
            pace.see(*so_far)
            if self._is_over(start, pace, needed):
                return self._so_far(*so_far)
            progress(*so_far)
        if not isinstance(outcome, Refresh):
            raise outcome
        if outcome.changed:
            progress(outcome.changed, outcome.changed)
        self._sweep_if_due()
        return outcome

    def _is_over(self, start: float, pace: _Pace, needed: Needed) -> bool:
        """Tell whether a question has waited long enough, or would wait in vain."""
        now, deadline = time.monotonic(), start + self._patience_s
        if now > deadline:
            return True
        if not self._repository.is_listed:
            # A tree whose files are not even listed by then will not be indexed in time.
            return needed == "index" and now > start + LISTED_BY * self._patience_s
        return now > start + MOMENT_S and not pace.ends_by(deadline)

    def _so_far(self, done: int, total: int) -> Refresh:
        """Say how far the index is that nobody could wait for."""
        doing = "brought up to date" if self._repository.indexed_count else "made"
        if other := self._repository.other_writer():
            far = f"{other.description} does it"
        elif total:
            far = f"{done:,} of {total:,} changed or new files are indexed"
        else:
            far = "the files are being looked through"
        note = (
            f"the index is being {doing}: {far}; what is not indexed yet is not found. Ask again in a moment."
        )
        return Refresh(pending=max(total - done, 1), note=note)

    def _done_by_others(self) -> tuple[int, int]:
        """Return how many files another process has indexed and has to index; zeros where none writes."""
        writer = self._repository.other_writer()
        return (writer.done, writer.total) if writer else (0, 0)

    def _run(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._asked > self._done or self._is_stopped)
                if self._asked == self._done:
                    self._thread = None
                    break
                ticket = self._asked
            try:
                outcome: Refresh | Exception = self._refresh()
            except GoldrankError as error:
                outcome = error
            except BaseException as error:
                log.exception("the index of %s could not be brought up to date", self._repository.root)
                # A panic of the engine, which is no Exception, ends a question and not the server.
                outcome = (
                    error if isinstance(error, Exception) else RuntimeError(f"the engine gave up: {error}")
                )
            with self._turn:
                is_first = not self._done
                self._done, self._outcome, self._progress = ticket, outcome, (0, 0)
                self._turn.notify_all()
            if is_first:
                threading.Thread(target=self._check, name="check", daemon=True).start()
        if self._watcher:
            self._watcher.stop()

    def _refresh(self) -> Refresh:
        touched = self._touched()
        if self._is_unsure:
            touched = None
        self._is_unsure = (
            True  # what was touched is told once: if this fails, the next must look at everything
        )
        done = self._repository.refresh(touched=touched, progress=self._tell)
        self._is_unsure = False
        return done

    def _touched(self) -> frozenset[str] | None:
        """Return the paths that may have changed; None for any."""
        repository = self._repository
        if self._watcher and self._watcher.is_lost:
            self._watcher.stop()
            self._watcher = None
        if self._watcher is None and self._can_watch and repository.listing_s > WATCH_FROM_S:
            self._watcher = Watcher(repository.root, cookies=repository.store_folder / "cookies")
        if self._watcher is None or self._watcher.is_dead:
            return None
        told = self._watcher.touched()
        with self._turn:
            missed, self._missed = self._missed, set()
        return None if told is None else told | missed

    def _check(self) -> None:
        """Read the whole index once: a bit that flipped on the disk would else be found by a wrong answer."""
        with suppress(GoldrankError, OSError):
            if self._repository.discard_if_damaged():
                self.begin()

    def _tell(self, done: int, total: int) -> None:
        with self._turn:
            self._progress = (done, total)

    def _sweep_if_due(self) -> None:
        if self._watcher and time.monotonic() - self._swept > SWEEP_EVERY_S:
            self._swept = time.monotonic()
            threading.Thread(target=self._sweep, name="sweep", daemon=True).start()

    def _sweep(self) -> None:
        """Look through the whole tree for what the system did not tell."""
        with suppress(GoldrankError):
            missed = self._repository.changed_since_listed()
            with self._turn:
                self._missed |= missed
            if missed:
                self.begin()
