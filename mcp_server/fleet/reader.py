"""How the cross-encoder reads for many searchers: callers' pairs are scored together, one replica at a time.

A searcher reads in steps of a few pairs (`fusion.read_stepwise`), and each step is one call. So a replica
takes the steps of several callers in turn, and nobody's deadline waits for another's whole list. Every pair
is a run of the graph of its own: which pairs are scored together changes no logit.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ray import serve

from mcp_server.fleet.calls import NoAnswerError, Refused, ask
from mcp_server.protocol.process import begin_process
from mcp_server.serving.lanes import BusyError
from retrieval.errors import CancelledError, GoldrankError
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.rerank.fusion import PairScorer, Reading, read_stepwise
from retrieval.rerank.model_loading import open_scorer
from retrieval.rerank.model_thread import LAST_BATCH_S, NOT_READY, POLL_S, UNWANTED
from retrieval.settings import Settings

STEPS_TOGETHER = 4
"""Steps of so many callers are scored together; more would make each wait longer, as no pair gets cheaper."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """A few pairs of one caller."""

    query: str
    passages: tuple[str, ...]


class Reader:
    """One replica of the cross-encoder, on a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        """Load the model in the background; what fails is told to whoever asks."""
        begin_process(settings)
        self._thread = ThreadPoolExecutor(1, "cross-encoder")
        self._settings = settings
        self._scorer: PairScorer | None = None
        self._thread.submit(self._load)

    async def read(self, step: Step) -> list[float] | Refused:
        """Score a few pairs: a logit for each."""
        logits: list[float] | Refused = await self._together(step)
        return logits

    @serve.batch(max_batch_size=STEPS_TOGETHER, batch_wait_timeout_s=0)
    async def _together(self, steps: list[Step]) -> list[list[float] | Refused]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self.scored, steps)

    def scored(self, steps: Sequence[Step]) -> list[list[float] | Refused]:
        """Score the pairs of several callers, on the thread."""
        return [self._score(step) for step in steps]

    def _score(self, step: Step) -> list[float] | Refused:
        try:
            return [float(logit) for logit in self._load().score(step.query, step.passages)]
        except GoldrankError as error:  # the others of the batch are answered
            return Refused(error)

    def _load(self) -> PairScorer:
        if self._scorer is None:
            self._scorer = open_scorer(self._settings.model, revision=self._settings.model_revision)
        return self._scorer


class RemoteReader:
    """Reads with the readers of the fleet; in a searcher, where a `ModelThread` would read otherwise."""

    def __init__(self, readers: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Ask nobody yet.

        Args:
            readers: The handle of the readers.
            loop: The loop that calls are sent from; `read` runs on other threads.
        """
        self._readers = readers
        self._loop = loop

    def read(
        self,
        query: str,
        passages: Sequence[str],
        *,
        deadline_s: float,
        is_cancelled: IsCancelled,
        progress: Progress = no_progress,
    ) -> Reading:
        """Score passages as `ModelThread.read` does; what no reader answers for is not read.

        Raises:
            ModelError: The readers cannot load the model.
            CancelledError: `is_cancelled` returned True.
        """
        deadline = time.monotonic() + deadline_s
        scorer = _RemoteScorer(self._readers, self._loop, deadline + LAST_BATCH_S, is_cancelled)
        reading = Reading((None,) * len(passages))
        steps = read_stepwise(query, passages, scorer, deadline=deadline, is_cancelled=is_cancelled)
        try:
            for reading in steps:
                read = sum(logit is not None for logit in reading.logits)
                progress(read, len(passages))
        except (NoAnswerError, BusyError) as error:
            log.warning("%s", error)
            read = sum(logit is not None for logit in reading.logits)
            said = f"out of time after {read} of {len(passages)} candidates" if read else NOT_READY
            return Reading(reading.logits, said)
        return reading


class _RemoteScorer:
    """Scores each step with whichever reader has time."""

    def __init__(
        self, readers: Any, loop: asyncio.AbstractEventLoop, until: float, is_cancelled: IsCancelled
    ) -> None:
        self._readers = readers
        self._loop = loop
        self._until = until
        self._is_cancelled = is_cancelled

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        step = Step(query, tuple(passages))
        asked = asyncio.run_coroutine_threadsafe(self._ask(step), self._loop)
        while True:
            try:
                return np.asarray(asked.result(timeout=POLL_S), dtype=np.float32)
            except TimeoutError:
                if self._is_cancelled():
                    asked.cancel()
                    raise CancelledError(UNWANTED) from None

    async def _ask(self, step: Step) -> list[float]:
        found: list[float] = await ask(
            lambda: self._readers.read.remote(step), what="the reader", until=self._until
        )
        return found
