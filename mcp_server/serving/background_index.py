"""How one repository's index stays up to date on a thread of its own, and how long a question waits for it.

A question wants the index of its moment. It waits as long as the whole index can be ready in time, because
half an answer is worse than some seconds. Otherwise the question is answered after a moment from what is
indexed, the answer says how far the index is, and indexing goes on in the background.

The indexer lists a small tree before each question. For a large tree it relies on the system to report
changes, and lists the tree now and then to find changes that went unreported.
"""

import logging
import threading
import time
from contextlib import suppress
from typing import Literal

from retrieval.errors import CancelledError, GoldrankError
from retrieval.files.watcher import Watcher, can_be_watched
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.sync.repository import Repository
from retrieval.sync.sync import Refresh

log = logging.getLogger(__name__)

WATCH_FROM_S = 0.06  # listing a tree in less time is cheaper than waiting for the system's reports
SWEEP_EVERY_S = 30.0  # how old a full listing may be when a question comes; it serves the next question
LISTED_BY = 0.4  # the share of a question's wait by which the files must be listed
MOMENT_S = 0.7  # a question waits this long before it is judged whether the index can be ready in time
PACE_S = 1.0  # indexing must be seen for this long before its pace is known
_POLL_S = 0.05  # how often a waiting question checks for its cancellation and reports progress

Needed = Literal["index", "listing"]
"""What a question cannot do without: the index of all files, or only the list of them."""

FirstRun = Literal["pending", "indexed", "failed"]
"""What became of an indexer's runs so far."""


class _Pace:
    """How fast files are indexed, as one waiting question sees it."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None
        self._left_s: float | None = None

    def see(self, done: int, total: int) -> None:
        """Note how many files are done now."""
        now = time.monotonic()
        if self._first is None:
            self._first = (now, done) if done else None
            return
        since, already = self._first
        if now - since >= PACE_S and total:
            self._left_s = (total - done) * (now - since) / max(done - already, 1)

    def ends_by(self, deadline: float) -> bool:
        """Tell whether all files may be done by then; an unknown pace may be any."""
        return self._left_s is None or time.monotonic() + self._left_s <= deadline


class BackgroundIndexer:
    """One repository's index, and the thread that keeps it up to date."""

    def __init__(self, repository: Repository, *, wait_s: float) -> None:
        """Index nothing before `begin` or `refresh`.

        Args:
            repository: What to index; only this indexer may refresh it.
            wait_s: How long a question waits, at most, for the index of its moment.
        """
        self._repository = repository
        self._wait_s = wait_s
        self._watcher: Watcher | None = None
        self._can_watch = repository.mirror is None and can_be_watched(repository.root)
        self._is_unsure = False  # whether the last run failed
        self._is_checked = False
        self._swept_at = time.monotonic()
        self._changed = threading.Condition()  # guards all below
        self._requested = self._done = 0  # runs
        self._outcome: Refresh | Exception = Refresh()  # of the last run
        self._progress = (0, 0)  # of the current run
        self._missed: set[str] = set()  # changed paths that the system did not report
        self._thread: threading.Thread | None = None
        self._is_stopped = False
        self._publisher: threading.Thread | None = None  # only the indexing thread uses it, and the next
        self._reader: threading.Thread | None = None  # only the indexing thread uses it

    @property
    def first_run(self) -> FirstRun:
        """Whether a run has ended since the start, and how the last one did."""
        with self._changed:
            if not self._done:
                return "pending"
            return "indexed" if isinstance(self._outcome, Refresh) else "failed"

    def begin(self) -> None:
        """Bring the index up to date in the background."""
        with self._changed:
            self._requested += 1
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name=f"indexer {self._repository.root}", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait until all requested runs are done, however long they take."""
        with self._changed:
            mine = self._requested
            self._changed.wait_for(lambda: self._done >= mine)

    def stop(self) -> None:
        """End the thread after the requested runs; a later request starts another."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def refresh(
        self,
        *,
        needed: Needed = "index",
        progress: Progress = no_progress,
        is_cancelled: IsCancelled,
    ) -> Refresh:
        """Bring the index up to date, or as far as it gets while a question waits.

        Args:
            needed: What the question cannot do without.
            progress: Called with files done and files to do; both are 0 while that is not known.
            is_cancelled: Checked while this waits.

        Raises:
            CancelledError: `is_cancelled` said so; indexing goes on.
            GoldrankError: As `Repository.refresh` does.
        """
        self.begin()
        start, pace = time.monotonic(), _Pace()
        with self._changed:
            mine = self._requested
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._done >= mine, min(_POLL_S, self._wait_s))
                is_done, outcome, so_far = self._done >= mine, self._outcome, self._progress
            if is_done:
                break
            if is_cancelled():
                raise CancelledError("the caller no longer waits")
            so_far = so_far if so_far[1] else self._done_by_others()
            pace.see(*so_far)
            if self._is_wait_over(start, pace, needed):
                return self._unfinished(*so_far)
            progress(*so_far)
        if not isinstance(outcome, Refresh):
            raise outcome
        if outcome.changed:
            progress(outcome.changed, outcome.changed)
        self._sweep_if_due()
        return outcome

    def _is_wait_over(self, start: float, pace: _Pace, needed: Needed) -> bool:
        """Tell whether a question has waited long enough, or would wait in vain."""
        now, deadline = time.monotonic(), start + self._wait_s
        if now > deadline:
            return True
        if not self._repository.is_listed:
            # A tree that is not even listed by then will not be indexed in time.
            return needed == "index" and now > start + LISTED_BY * self._wait_s
        return now > start + MOMENT_S and not pace.ends_by(deadline)

    def _unfinished(self, done: int, total: int) -> Refresh:
        """Say how far an index is that a question could not wait for."""
        doing = "brought up to date" if self._repository.indexed_count else "made"
        if fetching := self._repository.fetching:
            return Refresh(
                pending=1, note=f"{fetching}; what is not here yet is not found. Ask again in a moment."
            )
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
        """Return how many files another process has indexed and has to index; zeros if no other writes."""
        writer = self._repository.other_writer()
        return (writer.done, writer.total) if writer else (0, 0)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._requested > self._done or self._is_stopped)
                if self._requested == self._done:
                    self._thread = None
                    break
                ticket = self._requested
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
            with self._changed:
                self._done, self._outcome, self._progress = ticket, outcome, (0, 0)
                self._changed.notify_all()
            self._read_past()
            if isinstance(outcome, Refresh) and not outcome.pending:
                self._publish()
            # Where the first run failed there may be no index yet, which would be taken for a damaged one.
            if not self._is_checked and isinstance(outcome, Refresh):
                self._is_checked = True
                threading.Thread(target=self._check, name="check", daemon=True).start()
        if self._watcher:
            self._watcher.stop()

    def _refresh(self) -> Refresh:
        touched = self._touched()
        if self._is_unsure:
            touched = None
        # The watcher reports a touched path once: if this run fails, the next must look at everything.
        self._is_unsure = True
        done = self._repository.refresh(touched=touched, progress=self._note_progress)
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
        touched = self._watcher.touched()
        with self._changed:
            missed, self._missed = self._missed, set()
        return None if touched is None else touched | missed

    def _check(self) -> None:
        """Read the whole index once: else a wrong answer would be the first sign of a flipped bit."""
        with suppress(GoldrankError, OSError):
            if self._repository.discard_if_damaged():
                self.begin()

    def _read_past(self) -> None:
        """Read many commits on a thread of their own: a question waits for the index, not for them."""
        if self._repository.is_past_due and not (self._reader and self._reader.is_alive()):
            self._reader = threading.Thread(target=self._read, name="history", daemon=True)
            self._reader.start()

    def _read(self) -> None:
        try:
            self._repository.read_past(is_cancelled=lambda: self._is_stopped)
        except CancelledError:
            log.debug("the history of %s is no longer needed", self._repository.root)
        except Exception:
            log.exception("the history of %s could not be read", self._repository.root)

    def _publish(self) -> None:
        """Publish on a thread of its own: a question waits for the index, not for its upload."""
        if self._repository.is_unpublished and not (self._publisher and self._publisher.is_alive()):
            self._publisher = threading.Thread(target=self._upload, name="publish", daemon=True)
            self._publisher.start()

    def _upload(self) -> None:
        try:
            self._repository.publish(is_cancelled=lambda: self._is_stopped)
        except CancelledError:
            log.debug("the index of %s is no longer published", self._repository.root)
        except Exception:
            log.exception("the index of %s could not be published", self._repository.root)

    def _note_progress(self, done: int, total: int) -> None:
        with self._changed:
            self._progress = (done, total)

    def _sweep_if_due(self) -> None:
        if self._watcher and time.monotonic() - self._swept_at > SWEEP_EVERY_S:
            self._swept_at = time.monotonic()
            threading.Thread(target=self._sweep, name="sweep", daemon=True).start()

    def _sweep(self) -> None:
        """List the whole tree for changes that the system did not report."""
        with suppress(GoldrankError):
            missed = self._repository.changed_since_listed()
            with self._changed:
                self._missed |= missed
            if missed:
                self.begin()
