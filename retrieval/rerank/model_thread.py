"""Which reading a model's thread continues next, and how long its caller waits.

This module queues readings and schedules their batches; `model_lifecycle` loads and unloads the model.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field

from retrieval.errors import CancelledError, ModelError
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.rerank.fusion import PairScorer, Reading, read_stepwise
from retrieval.rerank.model_lifecycle import Load, ModelLifecycle, ModelState

LAST_BATCH_S = 1.0  # a batch that began before the deadline is worth waiting for
POLL_S = 0.05  # how often a waiting caller checks for its cancellation and reports its progress

NOT_READY = "the model is still loading or busy; ask again in a few seconds"
UNWANTED = "the caller no longer wants this ranking"


@dataclass(slots=True, eq=False)
class _Job:
    """A reading that is queued or under way.

    Attributes:
        begin: Starts the reading with a scorer; each step reads one batch and yields the reading so far.
        left: Candidates that are not read yet.
        is_unwanted: Whether its caller has left.
        future: Its result.
        batches: The remaining batches, once the first was read.
        reading: The reading so far.
    """

    begin: Callable[[PairScorer], Iterator[Reading]]
    left: int
    is_unwanted: Callable[[], bool]
    future: "Future[Reading]" = field(default_factory=Future)
    batches: Iterator[Reading] | None = None
    reading: Reading = Reading(())  # noqa: RUF009 - it is frozen


class ModelThread:
    """The only thread that loads a model and scores with it; it unloads the model when idle.

    Callers may read concurrently. After each batch, the thread continues with the reading that has the fewest
    candidates left, or the oldest of these, so that a short reading never waits for a long one. It drops
    readings whose caller has left.
    """

    def __init__(self, load: Load, *, idle_unload_s: float | None = None) -> None:
        """Configure the thread; it starts and loads the model on first use.

        Args:
            load: Returns the scorer; called again after the model was unloaded.
            idle_unload_s: Seconds without a reading after which the model is unloaded; None for never.
        """
        self._model = ModelLifecycle(load)  # only the thread drives it
        self._idle_unload_s = idle_unload_s
        self._changed = threading.Condition()  # guards all below
        self._jobs: list[_Job] = []  # in order of submission, including those under way
        self._thread: threading.Thread | None = None
        self._is_stopped = False

    @property
    def state(self) -> ModelState:
        """The current state of the model."""
        return self._model.state

    @property
    def waiting(self) -> int:
        """How many readings are queued or under way."""
        with self._changed:
            return len(self._jobs)

    def warm_up(self) -> "Future[Reading]":
        """Load the model in the background; the empty reading fails with `ModelError` if the load does."""
        return self._submit(_Job(lambda _scorer: iter(()), 0, lambda: False))

    def stop(self) -> None:
        """End the thread after the readings already submitted, and free the model for good."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()

    def read(
        self,
        query: str,
        passages: Sequence[str],
        *,
        deadline_s: float,
        is_cancelled: IsCancelled,
        progress: Progress = no_progress,
    ) -> Reading:
        """Score passages as `fusion.read_pairs` does, and wait for the model no longer than the deadline.

        Args:
            query: The query.
            passages: The `fusion.pair_text` of each candidate, best first.
            deadline_s: Seconds from now after which no batch begins.
            is_cancelled: Checked while waiting and before each batch.
            progress: Called with candidates read and candidates in total.

        Raises:
            ModelError: The model could not be loaded, or was stopped.
            CancelledError: `is_cancelled` returned True; the model stops after its current batch.
        """
        deadline = time.monotonic() + deadline_s
        abandoned = threading.Event()

        def is_unwanted() -> bool:
            return abandoned.is_set() or is_cancelled()

        def begin(scorer: PairScorer) -> Iterator[Reading]:
            return read_stepwise(query, passages, scorer, deadline=deadline, is_cancelled=is_unwanted)

        job = _Job(begin, len(passages), is_unwanted)
        future = self._submit(job)
        while time.monotonic() < deadline + LAST_BATCH_S:
            try:
                return future.result(timeout=POLL_S)
            except FutureTimeoutError:
                if is_cancelled():
                    raise CancelledError(UNWANTED) from None
                progress(len(passages) - job.left, len(passages))
        abandoned.set()
        return Reading((None,) * len(passages), NOT_READY)

    def _submit(self, job: _Job) -> "Future[Reading]":
        with self._changed:
            if self._is_stopped:
                raise ModelError("this model was replaced by another", remedy="ask again")
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cross-encoder", daemon=True)
                self._thread.start()
            self._changed.notify()
        return job.future

    def _run(self) -> None:
        while self._work():
            pass  # no local outlives a step, because a finished reading would keep the scorer in memory
        self._model.close()

    def _work(self) -> bool:
        """Read one batch, or unload an idle model; return whether the thread continues."""
        try:
            job = self._next_job(self._idle_unload_s if self._model.is_settled else None)
        except TimeoutError:
            self._model.unload()
            return True
        if job is None:
            return False
        if self._is_finished(job):
            with self._changed:
                self._jobs.remove(job)
        return True

    def _next_job(self, idle_s: float | None) -> _Job | None:
        """Drop the unwanted readings, and return the shortest or wait for one; None once stopped.

        Raises:
            TimeoutError: No reading was submitted for `idle_s` seconds.
        """
        with self._changed:
            while True:
                for job in [job for job in self._jobs if job.is_unwanted()]:
                    self._jobs.remove(job)
                    job.future.set_exception(CancelledError(UNWANTED))
                if self._jobs:
                    return min(self._jobs, key=lambda job: job.left)  # of equals, the oldest
                if self._is_stopped:
                    return None
                if not self._changed.wait(idle_s):
                    raise TimeoutError

    def _is_finished(self, job: _Job) -> bool:
        """Read one more batch; if that was the last, or failed, settle the job's future."""
        try:
            job.batches = job.batches or job.begin(self._model.scorer())
            reading = next(job.batches, None)
        except Exception as error:  # noqa: BLE001 - passed to the caller that waits for the future
            job.future.set_exception(error)
            return True
        if reading is None:
            job.future.set_result(job.reading)
            return True
        job.reading = reading
        job.left = sum(logit is None for logit in reading.logits)
        return False
