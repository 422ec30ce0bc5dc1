"""How the cross-encoder reads for many: the same logits whoever reads beside, and a word when it cannot."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from ray.exceptions import RayActorError

from mcp_server.fleet.calls import Refused
from mcp_server.fleet.reader import Reader, RemoteReader, Step
from retrieval.errors import CancelledError, ModelError
from retrieval.rerank.fusion import Reading
from retrieval.rerank.model_loading import open_scorer
from retrieval.rerank.model_thread import NOT_READY, ModelThread
from retrieval.settings import Settings

pytestmark = pytest.mark.anyio

QUERIES = ("retry a failed upload", "draw a line", "parse a date")
PASSAGES = tuple(
    f"src/m{number}.py function f{number}\ndef f{number}(a):\n    return retry({number}, upload=a)"
    for number in range(20)
)


def test_pairs_that_are_scored_together_have_the_logits_of_pairs_alone() -> None:
    """Else an answer would depend on who asks at the same moment."""
    scorer = open_scorer(Settings().model, revision="")
    alone = [[float(one) for one in scorer.score(query, PASSAGES[:8])] for query in QUERIES]
    together = Reader(Settings()).scored([Step(query, PASSAGES[:8]) for query in QUERIES])
    assert together == alone


def test_a_model_that_cannot_be_loaded_is_told_to_each_caller() -> None:
    """One bad file must not look like a dead machine."""
    (told,) = Reader(Settings(model="/nowhere/at-all")).scored([Step("q", ("p",))])
    assert isinstance(told, Refused)
    assert isinstance(told.error, ModelError)


class Readers:
    """A handle of readers that answer as a test says."""

    def __init__(self, run: Callable[[Step], Awaitable[Any]]) -> None:
        """Run this for each step."""
        self._run = run

    @property
    def read(self) -> "Readers":
        """The method."""
        return self

    def remote(self, step: Step) -> Any:
        """Send a step."""
        return asyncio.ensure_future(self._run(step))


async def read(run: Callable[[Step], Awaitable[Any]], *, deadline_s: float = 60, **options: Any) -> Reading:
    """Read all passages with some readers, on a thread as a searcher does."""
    reader = RemoteReader(Readers(run), asyncio.get_running_loop())
    options.setdefault("is_cancelled", lambda: False)
    return await asyncio.to_thread(
        lambda: reader.read(QUERIES[0], PASSAGES, deadline_s=deadline_s, **options)
    )


async def test_a_remote_reading_is_that_of_a_thread_in_this_process() -> None:
    """A fleet's answer is that of one machine."""
    replica = Reader(Settings())
    seen: list[tuple[int, int]] = []

    async def run(step: Step) -> Any:
        return (await asyncio.to_thread(replica.scored, [step]))[0]

    here = ModelThread(lambda: open_scorer(Settings().model, revision=""))
    expected = here.read(QUERIES[0], PASSAGES, deadline_s=60, is_cancelled=lambda: False)
    assert await read(run, progress=lambda done, total: seen.append((done, total))) == expected
    assert seen[-1] == (len(PASSAGES), len(PASSAGES))
    here.stop()


async def test_a_reader_that_hangs_is_given_up_at_the_deadline() -> None:
    """The first stage's order is worth more than a client that has left."""

    async def run(_step: Step) -> Any:
        await asyncio.Event().wait()

    assert await read(run, deadline_s=0.1) == Reading((None,) * len(PASSAGES), NOT_READY)


async def test_what_was_read_before_a_reader_died_counts() -> None:
    """Whole blocks are kept, as at a deadline."""
    left = [2, 0]

    async def run(step: Step) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise RayActorError
        return [1.0] * len(step.passages)

    reading = await read(run)
    assert reading.logits == (1.0,) * 16 + (None,) * 4
    assert reading.note == "out of time after 16 of 20 candidates"


async def test_a_caller_who_leaves_stops_the_reading() -> None:
    """Others wait for the same cores."""
    left = threading.Event()

    async def run(_step: Step) -> Any:
        left.set()
        await asyncio.Event().wait()

    with pytest.raises(CancelledError):
        await read(run, is_cancelled=left.is_set)
