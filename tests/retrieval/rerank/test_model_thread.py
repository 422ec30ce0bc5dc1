"""The thread that runs a model: how it ends, and how a broken model is found out."""

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import pytest
from fakes import KeywordScorer
from numpy.typing import NDArray

from retrieval.errors import CancelledError, ModelError
from retrieval.rerank.fusion import Reading
from retrieval.rerank.model_lifecycle import ModelState
from retrieval.rerank.model_loading import probe
from retrieval.rerank.model_thread import ModelThread


class Saying:
    """A scorer that always says the same numbers."""

    def __init__(self, logits: Sequence[float]) -> None:
        self._logits = logits

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return the numbers, whatever is asked."""
        assert query
        assert passages
        return np.array(self._logits, dtype=np.float32)


def test_a_model_that_tells_passages_apart_passes_its_probe() -> None:
    """A probe that nothing passes would never let a model serve."""
    probe(KeywordScorer("retry"))


@pytest.mark.parametrize(
    ("logits", "said"),
    [
        ([1, 2], r"returns \(2,\) logits for 3 pairs"),
        ([1, float("nan"), 2], "not all numbers"),
        ([1, float("inf"), 2], "not all numbers"),
        ([0.25, 0.25, 0.25], r"it returns 0\.250 for every pair"),
    ],
)
def test_a_model_that_cannot_rank_fails_its_probe(logits: Sequence[float], said: str) -> None:
    """Weights of a training that diverged load well, and rank by nonsense."""
    with pytest.raises(ModelError, match=said):
        probe(Saying(logits))


def test_a_stopped_thread_answers_what_was_asked_before_and_ends() -> None:
    """A model that is replaced must drop nobody who asked it, and free its memory."""
    gate = threading.Event()
    before = set(threading.enumerate())

    def load() -> KeywordScorer:
        assert gate.wait(60)
        return KeywordScorer("golden")

    model = ModelThread(load)
    asked = [model.warm_up() for _ in range(5)]
    (thread,) = set(threading.enumerate()) - before
    model.stop()
    model.stop()
    gate.set()
    assert [future.result(60) for future in asked] == [Reading(())] * 5
    thread.join(60)
    assert not thread.is_alive()
    with pytest.raises(ModelError, match=r"replaced by another; ask again"):
        model.read("q", ["golden"], deadline_s=60, is_cancelled=lambda: False)


class Recording:
    """A scorer that waits before its first batch, then notes which question each batch is of."""

    def __init__(self) -> None:
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        self.read: list[str] = []

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Score everything 1."""
        self.begun.set()
        assert self.may_go_on.wait(60)
        self.read.append(query)
        return np.ones(len(passages), dtype=np.float32)


def reading(model: ModelThread, query: str, count: int, is_cancelled: Callable[[], bool]) -> threading.Thread:
    """Begin a reading on a thread of its own."""

    def read() -> None:
        with suppress(CancelledError):
            model.read(query, ["p"] * count, deadline_s=60, is_cancelled=is_cancelled)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def test_a_short_reading_overtakes_a_long_one_and_equals_keep_their_order() -> None:
    """A grep's five hits must not wait until somebody's two hundred are read."""
    scorer = Recording()
    model = ModelThread(lambda: scorer)
    threads = [reading(model, "long", 48, never)]
    assert scorer.begun.wait(60)
    for number, (query, count) in enumerate([("second", 16), ("third", 16), ("short", 3)], 2):
        threads.append(reading(model, query, count, never))
        while model.waiting < number:
            pass
    scorer.may_go_on.set()
    for thread in threads:
        thread.join(60)
    assert scorer.read == ["long", "short", "second", "second", "third", "third", *["long"] * 5]


def test_a_reading_that_nobody_waits_for_is_dropped_unread() -> None:
    """Its candidates would be read for nobody while others wait."""
    scorer, gone = Recording(), threading.Event()
    model = ModelThread(lambda: scorer)
    first = reading(model, "first", 3, never)
    assert scorer.begun.wait(60)
    dropped = reading(model, "dropped", 3, gone.is_set)
    while model.waiting < 2:
        pass
    gone.set()
    dropped.join(60)
    assert not dropped.is_alive(), "it must not wait for the model to learn that it is not wanted"
    scorer.may_go_on.set()
    first.join(60)
    assert model.read("last", ["p"], deadline_s=60, is_cancelled=never).logits == (1.0,)
    assert scorer.read == ["first", "last"]


def never() -> bool:
    """Cancel nothing."""
    return False


def test_a_model_that_nobody_asks_is_let_go_and_comes_back() -> None:
    """An idle server should not hold what it does not use; the next question loads it again."""
    loads: list[weakref.ref[KeywordScorer]] = []

    def load() -> KeywordScorer:
        scorer = KeywordScorer("gold")
        loads.append(weakref.ref(scorer))
        return scorer

    model = ModelThread(load, idle_unload_s=0.01)
    for count in (1, 2):
        reading = model.read("where is gold", ["gold"], deadline_s=60, is_cancelled=lambda: False)
        assert reading.logits == (5.0,)
        assert len(loads) == count
        while loads[-1]() is not None:
            threading.Event().wait(0.01)
    model.stop()


def test_a_model_that_was_mended_answers_after_a_rest() -> None:
    """Who fetches the missing model should not have to find out which servers to start anew."""
    is_mended = threading.Event()

    def load() -> KeywordScorer:
        if not is_mended.is_set():
            raise ModelError("broken")
        return KeywordScorer("gold")

    model = ModelThread(load, idle_unload_s=0.01)
    with pytest.raises(ModelError, match="broken"):
        model.read("where", ["gold"], deadline_s=60, is_cancelled=lambda: False)
    is_mended.set()
    logits: tuple[float | None, ...] = ()
    while not logits:
        with suppress(ModelError):
            logits = model.read("where", ["gold"], deadline_s=60, is_cancelled=lambda: False).logits
        threading.Event().wait(0.05)
    assert logits == (5.0,)
    model.stop()


def test_the_state_of_a_model_tells_what_it_costs_and_why_it_does_not_answer() -> None:
    """Whoever asks why a server holds memory, or ranks without its model, reads one word."""
    is_mended, may_load = threading.Event(), threading.Event()

    def load() -> KeywordScorer:
        assert may_load.wait(60)
        if not is_mended.is_set():
            raise ModelError("broken")
        return KeywordScorer("gold")

    model = ModelThread(load, idle_unload_s=0.01)
    assert model.state is ModelState.NOT_LOADED
    failing = model.warm_up()
    poll_until(lambda: model.state is ModelState.LOADING)
    may_load.set()
    with pytest.raises(ModelError, match="broken"):
        failing.result(60)
    poll_until(lambda: model.state is ModelState.NOT_LOADED)  # a failure is forgotten like a scorer
    is_mended.set()
    model.warm_up().result(60)
    poll_until(lambda: model.state is ModelState.NOT_LOADED)
    model.stop()
    poll_until(lambda: model.state is ModelState.CLOSED)


def poll_until(is_true: Callable[[], bool]) -> None:
    """Poll, but not for ever."""
    deadline = time.monotonic() + 60
    while not is_true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.002)


def test_a_reading_reports_how_many_candidates_the_model_has_read() -> None:
    """A client that hears nothing for seconds gives the call up."""
    scorer = Recording()
    model = ModelThread(lambda: scorer)
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        scorer.may_go_on.set()

    model.read("q", ["p"] * 3, deadline_s=60, is_cancelled=never, progress=progress)
    assert told[0] == (0, 3)
