"""Many calls at once: who waits for whom, who is told to come again, and what a cancelled one leaves."""

import threading
from collections.abc import Sequence

import anyio
import numpy as np
import pytest
from example_repository import MakeWorkspace
from fakes import KeywordScorer
from mcp_client import MODES, Mode, call, connected, trusting
from numpy.typing import NDArray

from mcp_server.serving.answers import READINGS, READINGS_AT_ONCE
from mcp_server.serving.lanes import BusyError, Lane
from retrieval.progress import IsCancelled

pytestmark = pytest.mark.anyio

PATIENCE_S = 60  # for a machine that is busy with other things


async def untold(_before: int) -> None:
    """Wait without being told."""


class Gate:
    """Work that waits until it is let through, and tells how much of it runs."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.running = threading.Semaphore(0)

    def work(self, is_cancelled: IsCancelled) -> str:
        """Wait for the gate, or for the caller to go."""
        self.running.release()
        while not self.opened.wait(0.01):
            if is_cancelled():
                return "gone"
        return "done"


async def reached(gate: Gate, count: int = 1) -> None:
    """Wait until so much work has begun."""
    for _ in range(count):
        assert await anyio.to_thread.run_sync(gate.running.acquire, True, PATIENCE_S)


async def test_a_full_lane_says_so_at_once_and_is_open_again_afterwards() -> None:
    """A queue without an end is a hang that a client learns of by its time-out."""
    gate, lane = Gate(), Lane("searches", at_once=1, most=3)
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(lane.run, gate.work, untold)
        await reached(gate)
        with pytest.raises(BusyError, match=r"^busy: 3 searches are being answered; try again in a moment$"):
            await lane.run(gate.work, untold)
        gate.opened.set()
    assert await lane.run(gate.work, untold) == "done"


async def test_calls_that_were_cancelled_give_back_their_places() -> None:
    """Whoever gave up must not make others come again: neither by waiting nor by having begun."""
    lane = Lane("searches", at_once=1, most=9)
    for _ in range(5):
        gate = Gate()
        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(lane.run, gate.work, untold)
            await reached(gate)
            group.cancel_scope.cancel()
    gate.opened.set()
    assert await lane.run(gate.work, untold) == "done"


async def test_whoever_waits_is_told_and_served_in_order_and_what_work_raises_comes_out_as_it_is() -> None:
    """To be told must cost nobody the place in the line, nor wrap what went wrong."""
    gate, lane = Gate(), Lane("searches", at_once=1, most=9)
    told: list[tuple[int, int]] = []
    served: list[int] = []
    all_told = anyio.Event()

    async def one(number: int) -> None:
        async def waiting(before: int) -> None:
            told.append((number, before))
            if len(told) == 6:  # each of three twice
                all_told.set()

        def work(is_cancelled: IsCancelled) -> str:
            served.append(number)
            gate.work(is_cancelled)
            raise BusyError(f"{number} failed")

        with pytest.raises(BusyError, match=f"^{number} failed$"):
            await lane.run(work, waiting)

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(one, number)
            await anyio.wait_all_tasks_blocked()
        await all_told.wait()
        gate.opened.set()
    assert told == [(1, 1), (2, 2), (3, 3)] * 2
    assert served == [0, 1, 2, 3]


class Stuck(KeywordScorer):
    """A model that reads nothing before it is let."""

    def __init__(self) -> None:
        super().__init__("x")
        self.reading, self.may_go_on = threading.Event(), threading.Event()

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Wait, then score."""
        self.reading.set()
        assert self.may_go_on.wait(PATIENCE_S)
        return super().score(query, passages)


async def test_no_number_of_rankings_delays_a_search_or_a_listing(workspace: MakeWorkspace) -> None:
    """With threads shared by all, forty rankings left none to read the next message with."""
    scorer = Stuck()
    texts = [{"text": f"x {i}", "id": f"{i}"} for i in range(3)]
    said: list[str] = []
    twenty = anyio.Event()

    async with connected(workspace(second=trusting(scorer))) as client:

        async def rerank() -> None:
            result = await client.call_tool("rag_rerank", {"query": "x", "candidates": texts})
            said.append(str(result.content))
            if len(said) == 20:
                twenty.set()

        async with anyio.create_task_group() as group:
            for _ in range(READINGS + 20):
                group.start_soon(rerank)
            assert await anyio.to_thread.run_sync(scorer.reading.wait, PATIENCE_S)
            assert "src/client.py" in await call(client, "rag_search", query="retry", rerank=False)
            assert "src/client.py" in await call(client, "rag_search", query="client")  # a name is not read
            assert len((await client.list_tools()).tools) == 2
            await twenty.wait()  # those that are too many need not wait to learn it
            assert not scorer.batches
            scorer.may_go_on.set()
    busy = [text for text in said if f"busy: {READINGS} rankings are being answered; try again" in text]
    assert len(busy) == 20
    assert sum("fake-model on 3 candidates" in text for text in said) == READINGS


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_that_waits_for_its_turn_says_so_and_its_progress_never_falls(
    workspace: MakeWorkspace, mode: Mode
) -> None:
    """A client that hears nothing gives up, and asks again at the end of the line."""
    scorer, another = Stuck(), anyio.CancelScope()
    seen: list[tuple[float, float | None, str | None]] = []
    first, fewer = (
        f"waiting for its turn; calls before it: {READINGS_AT_ONCE + 1 - gone}" for gone in (0, 1)
    )

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))
        another.cancel()
        if message == fewer:
            scorer.may_go_on.set()

    texts = [{"text": f"x {i}", "id": f"{i}"} for i in range(3)]
    async with connected(workspace(second=trusting(scorer)), mode) as client:

        async def rerank() -> None:
            await client.call_tool("rag_rerank", {"query": "x", "candidates": texts})

        async def rerank_until_cancelled() -> None:
            with another:
                await rerank()

        async with anyio.create_task_group() as group:
            for _ in range(READINGS_AT_ONCE):
                group.start_soon(rerank)
            assert await anyio.to_thread.run_sync(scorer.reading.wait, PATIENCE_S)
            group.start_soon(rerank_until_cancelled)
            await anyio.wait_all_tasks_blocked()
            result = await client.call_tool(
                "rag_rerank", {"query": "x", "candidates": texts}, progress_callback=note
            )
    assert not result.is_error
    assert seen[0] == (1.0, None, first)
    assert fewer in [message for _, _, message in seen]
    counts = [progress for progress, _, _ in seen]
    assert counts == sorted(set(counts))


async def test_a_cancelled_ranking_is_read_no_further(workspace: MakeWorkspace) -> None:
    """An agent that moved on must not pay with its cores."""
    scorer = Stuck()
    texts = [{"text": f"x {i}", "id": f"{i}"} for i in range(10)]
    async with connected(workspace(second=trusting(scorer))) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "rag_rerank", {"query": "x", "candidates": texts})
            assert await anyio.to_thread.run_sync(scorer.reading.wait, PATIENCE_S)
            group.cancel_scope.cancel()
        assert len((await client.list_tools()).tools) == 2  # so the server has read of the cancelling
        scorer.may_go_on.set()
        await call(client, "rag_rerank", query="another", candidates=["src/client.py"])
    assert scorer.batches == [8, 1], "the batch that was under way, and the other call's"


async def test_progress_never_falls_and_tells_what_is_done(workspace: MakeWorkspace) -> None:
    """The specification wants it to rise, and files and candidates are counted one after the other."""
    scorer = Stuck()
    seen: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))
        if message and message.startswith("read"):
            scorer.may_go_on.set()

    class OneByOne(Stuck):
        def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
            if len(self.batches) >= 2:  # a whole block was read
                self.reading.set()
                assert scorer.may_go_on.wait(PATIENCE_S)
            return KeywordScorer.score(self, query, passages)

    texts = [{"text": f"x {i}", "id": f"{i}"} for i in range(40)]
    second = trusting(OneByOne(), depth=40)
    async with connected(workspace(second=second)) as client:
        await client.call_tool("rag_rerank", {"query": "x", "candidates": texts}, progress_callback=note)
    counts = [progress for progress, _, _ in seen]
    assert counts == sorted(set(counts))
    assert any(message and message.startswith("indexed") for _, _, message in seen)
    assert seen[-1][2] == "read 16 of 40 candidates"
