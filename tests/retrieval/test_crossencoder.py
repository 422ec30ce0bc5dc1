"""The thread that runs a model: how it ends, and how a broken model is found out."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from fakes import KeywordScorer
from numpy.typing import NDArray

from retrieval.crossencoder import ModelThread, probe
from retrieval.errors import ModelError


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
        ([0.25, 0.25, 0.25], r"it says 0\.250 whatever it reads"),
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
    assert [future.result(60) for future in asked] == [None] * 5
    thread.join(60)
    assert not thread.is_alive()
    with pytest.raises(ModelError, match=r"replaced by another; ask again"):
        model.read("q", ["golden"], deadline_s=60, is_cancelled=lambda: False)
