"""Keeping one repository's index up to date on a thread of its own, so that no question waits for long.

A question asks for an index as of now and waits a moment for it. What is not done by then goes on in the
background, and the answer says how far it is. Small trees are looked through before each question. In large
ones the system tells what changed, and now and then all is looked through for what it did not tell.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from retrieval.errors import CancelledError, GoldrankError
from retrieval.indexer import Progress
from retrieval.repository import Refresh, Repository
from retrieval.watcher import Watcher, can_be_watched

log = logging.getLogger(__name__)

WATCH_FROM_S = 0.06  # a look through the tree that takes less is cheaper than to wait for the system's word
SWEEP_EVERY_S = 30.0  # how old a full look may be when a question comes; what it finds is for the next one
LISTED_BY = 0.4  # the share of a question's patience in which the files must be listed
_POLL_S = 0.05  # how often a waiting question looks for its cancellation, and tells how far it is


class Keeper:
    """One repository's index and the thread that follows the disk."""

    def __init__(self, repository: Repository, *, patience_s: float) -> None:
        """Nothing is indexed before `begin` or `refresh`.

        Args:
            repository: Whose index is kept; nobody else may refresh it.
            patience_s: How long a question waits for the index of its moment.
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
        self._begun = 0.0  # when the run did that is under way
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
        self, *, progress: Progress = lambda _done, _total: None, is_cancelled: Callable[[], bool]
    ) -> Refresh:
        """Bring the index up to date, or as far as it gets in the time that a question waits.

        Raises:
            CancelledError: `is_cancelled` said so; the index goes on being made.
            GoldrankError: As `Repository.refresh` does.
        """
        self.begin()
        deadline = time.monotonic() + self._patience_s
        with self._turn:
            mine = self._asked
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._done >= mine, min(_POLL_S, self._patience_s))
                is_done, outcome, so_far = self._done >= mine, self._outcome, self._progress
                is_over = is_done or self._is_over(deadline)
            if is_over:
                break
            if is_cancelled():
                raise CancelledError("the caller no longer waits")
            if so_far[1]:
                progress(*so_far)
        if not is_done:
            return self._so_far(*so_far)
        if not isinstance(outcome, Refresh):
            raise outcome
        if outcome.changed:
            progress(outcome.changed, outcome.changed)
        self._sweep_if_due()
        return outcome

    def _is_over(self, deadline: float) -> bool:
        """Tell whether a question has waited long enough, or would wait in vain at the pace of this run."""
        now = time.monotonic()
        done, total = self._progress
        left_s = (now - self._begun) * (total - done) / done if done else 0.0
        # A tree whose files are not even listed by then will not be indexed in time.
        is_large = not self._repository.is_listed and now > deadline - (1 - LISTED_BY) * self._patience_s
        return is_large or now > deadline or now + left_s > deadline + self._patience_s

    def _so_far(self, done: int, total: int) -> Refresh:
        """Say how far the index is that nobody could wait for."""
        if total:
            far = f"{done:,} of {total:,} changed or new files are indexed"
        elif other := self._repository.writer():
            far = f"{other} does it"
        else:
            far = "the files are being listed"
        note = f"the index is being made: {far}; what is not indexed yet is not found. Ask again in a moment."
        return Refresh(pending=max(total - done, 1), note=note)

    def _run(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._asked > self._done or self._is_stopped)
                if self._asked == self._done:
                    self._thread = None
                    break
                ticket, self._begun = self._asked, time.monotonic()
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
        if self._watcher is None and self._can_watch and repository.walk_s > WATCH_FROM_S:
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
            missed = self._repository.missed()
            with self._turn:
                self._missed |= missed
            if missed:
                self.begin()
