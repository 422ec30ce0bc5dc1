"""The second stage may improve the order, may be cut short, and may never lose or invent a candidate."""

import time
from collections.abc import Sequence

import numpy as np
import pytest
from fakes import KeywordScorer
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval.errors import CancelledError, ModelError
from retrieval.records import Candidate, Chunk
from retrieval.rerank.fusion import BLOCK, PairScorer, fuse, pair_text, read_pairs
from retrieval.rerank.model_loading import CrossEncoderScorer, is_on_disk
from retrieval.rerank.model_thread import ModelThread


def candidates(scores: Sequence[float]) -> list[Candidate]:
    """Make candidates in first-stage order."""
    return [Candidate(Chunk(f"f{i}.py", 1, 2), score, i + 1) for i, score in enumerate(scores)]


def order(ranked: Sequence[object]) -> list[int]:
    """Name fused candidates by their first-stage rank."""
    return [item.candidate.rank for item in ranked]  # type: ignore[attr-defined]  # Ranked


def test_the_cross_encoder_moves_what_it_likes() -> None:
    """Disconnect the logits and this order stays as it was."""
    assert order(fuse(candidates([3, 2, 1]), [-1.0, 0.0, 9.0], weight=0.9)) == [3, 2, 1]
    assert order(fuse(candidates([3, 2, 1]), [-1.0, 0.0, 9.0], weight=0.0)) == [1, 2, 3]


def test_ties_keep_their_first_stage_order() -> None:
    """rank_bm25's own argsort reverses ties; nobody notices until an order flickers."""
    assert order(fuse(candidates([1, 1, 1, 1]), [2.0, 2.0, 2.0, 2.0], weight=0.5)) == [1, 2, 3, 4]


def test_what_was_not_read_stays_below_in_first_stage_order() -> None:
    """A deadline must not push a candidate up for not having been read."""
    assert order(fuse(candidates([4, 3, 2, 1]), [-3.0, 5.0, None, None], weight=1.0)) == [2, 1, 3, 4]


def test_without_any_logit_the_first_stage_decides_alone() -> None:
    """No model: the order and the scores are BM25's."""
    ranked = fuse(candidates([4, 3]), [None, None], weight=0.7)
    assert order(ranked) == [1, 2]
    assert [item.score for item in ranked] == [1.0, 0.75]
    assert [item.logit for item in ranked] == [None, None]


@given(
    st.lists(st.floats(0.001, 100), max_size=30).map(lambda scores: sorted(scores, reverse=True)),
    st.floats(0, 1),
    st.data(),
)
def test_fusing_is_a_permutation_with_falling_scores(
    scores: list[float], weight: float, data: st.DataObject
) -> None:
    """Whatever a model says, every candidate comes back once and ranks follow scores."""
    read = data.draw(st.integers(0, len(scores)))
    logits: list[float | None] = [*data.draw(st.lists(st.floats(-20, 20), min_size=read, max_size=read))]
    ranked = fuse(candidates(scores), [*logits, *[None] * (len(scores) - read)], weight=weight)
    assert sorted(order(ranked)) == list(range(1, len(scores) + 1))
    assert [item.rank for item in ranked] == list(range(1, len(scores) + 1))
    fused = [round(item.score, 9) for item in ranked]
    assert fused == sorted(fused, reverse=True)


def test_each_passage_gets_its_own_logit() -> None:
    """Batches are sorted by length; the scores must come back to their owners."""
    passages = [("x" * (i * 7 % 50)) + (" gold" if i % 3 == 0 else "") for i in range(40)]
    scorer = KeywordScorer("gold")
    reading = read_pairs("q", passages, scorer)
    assert reading.logits == tuple(5.0 if i % 3 == 0 else -5.0 for i in range(40))
    assert reading.note == ""
    assert max(scorer.batches) <= 8


def test_a_deadline_keeps_the_blocks_that_were_read() -> None:
    """The best candidates are read first, so that being cut off costs the tail."""
    scorer = SlowScorer()
    reading = read_pairs("q", ["p"] * 60, scorer, deadline=time.monotonic() + 0.12)
    read = [logit is not None for logit in reading.logits]
    assert read == sorted(read, reverse=True)
    assert sum(read) % BLOCK == 0
    assert 0 < sum(read) < 60
    assert reading.note == f"out of time after {sum(read)} of 60 candidates"


class SlowScorer:
    """A scorer that takes 20 ms a batch."""

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Wait, then score everything 1."""
        assert query
        deadline = time.monotonic() + 0.02
        while time.monotonic() < deadline:
            pass
        return np.ones(len(passages), dtype=np.float32)


def test_a_cancelled_call_stops_before_its_next_batch() -> None:
    """An agent that moved on must not pay with its cores."""
    scorer = KeywordScorer("x")
    with pytest.raises(CancelledError):
        read_pairs("q", ["p"] * 60, scorer, is_cancelled=lambda: len(scorer.batches) == 2)
    assert len(scorer.batches) == 2


def test_the_pair_text_says_where_and_what() -> None:
    """A model that knows the path and the names reads the code in their light."""
    chunk = Chunk("src/http.py", 3, 9, kind="method", symbol="send", scope="Client")
    assert pair_text(chunk, "def send(self): ...") == "src/http.py method Client.send\ndef send(self): ..."
    assert pair_text(Chunk("README.md", 1, 2), "# hi") == "README.md\n# hi"


def test_a_file_name_that_is_no_unicode_can_be_read_by_a_model() -> None:
    """A tokenizer refuses half a character, and the whole search would fail for one old file."""
    assert pair_text(Chunk("src/caf\udce9.py", 1, 1), "x = 1") == "src/caf?.py\nx = 1"


def never() -> bool:
    """Cancel nothing."""
    return False


def test_the_model_is_loaded_once_and_only_when_it_is_needed() -> None:
    """Listing the tools must not load a second of imports."""
    loads: list[int] = []

    def load() -> PairScorer:
        loads.append(1)
        return KeywordScorer("gold")

    thread = ModelThread(load)
    assert loads == []
    for _ in range(3):
        reading = thread.read("q", ["gold", "lead"], deadline_s=10, is_cancelled=never)
        assert reading.logits == (5.0, -5.0)
    assert loads == [1]


def test_a_model_that_fails_to_load_says_why_each_time() -> None:
    """The reply must tell; the server must live."""

    def load() -> PairScorer:
        raise ValueError("weights are torn\nlong traceback")

    thread = ModelThread(load)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"failed to load: weights are torn$"):
            thread.read("q", ["p"], deadline_s=10, is_cancelled=never)


def test_a_model_that_loads_too_slowly_is_not_waited_for() -> None:
    """The first answer comes from BM25 rather than late."""
    loading = SlowLoad()
    thread = ModelThread(loading)
    reading = thread.read("q", ["p"], deadline_s=-0.95, is_cancelled=never)
    loading.go_on = True
    assert reading.logits == (None,)
    assert "still loading" in reading.note


class SlowLoad:
    """A load that waits to be told."""

    go_on = False

    def __call__(self) -> PairScorer:
        """Wait for the test."""
        while not self.go_on:
            time.sleep(0.001)
        return KeywordScorer("p")


def test_an_error_while_scoring_reaches_its_caller_and_no_other() -> None:
    """One bad request must not end the model's thread."""
    thread = ModelThread(lambda: KeywordScorer("gold"))
    with pytest.raises(AssertionError):
        thread.read("", ["p"], deadline_s=10, is_cancelled=never)
    assert thread.read("q", ["gold"], deadline_s=10, is_cancelled=never).logits == (5.0,)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("/nowhere/model", "the model folder /nowhere/model does not exist"),
        ("nobody/has-this-model", "is not on this machine; `goldrank doctor --download-model` fetches it"),
    ],
)
def test_an_absent_model_says_how_to_get_one(model: str, said: str) -> None:
    """An OSError about a connection helps nobody."""
    assert not is_on_disk(model, revision="")
    with pytest.raises(ModelError, match=said):
        CrossEncoderScorer(model)
