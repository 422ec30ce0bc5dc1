"""A model is judged as a search would use it: what it is not asked, it cannot improve."""

from dataclasses import replace

import numpy as np
import pytest
from past_factory import ANSWER, Liking, asked

from retrieval.rank.weights import WEIGHTS
from retrieval.rerank.fusion import fuse
from retrieval.training.order.evidence import joined
from retrieval.training.order.gate import LINES, VALUE, OrderDecision
from retrieval.training.tuning import learning
from retrieval.training.tuning.learning import Judges, Serving
from retrieval.training.tuning.served import Trust, fused, in_order, judge_of, read_all

TRUST = Trust(weight=0.2, depth=8)


def test_the_model_moves_what_it_likes_up_as_a_search_does() -> None:
    """The fusion is the search's own."""
    questions = in_order(asked(5), WEIGHTS, depth=8)
    logits = read_all(questions, Liking(ANSWER), TRUST)
    for item, order, read in zip(questions.asked, questions.orders, logits, strict=True):
        assert read is not None
        assert len(read) == 8
        rows = fused(order, read, 0.2)
        assert rows[0] == item.pool.hits[0, 0]
        assert sorted(rows) == sorted(order.order)
        ranked = fuse(order.candidates, read, weight=0.2)
        assert [order.candidates[one.candidate.rank - 1] for one in ranked] == [
            one.candidate for one in ranked
        ]
        assert rows[:8].tolist() == [order.rows[one.candidate.rank - 1] for one in ranked]


@pytest.mark.parametrize(
    ("text", "confidence", "trust"),
    [
        ("how does the door open", 0.95, TRUST),
        ("def open(door: Door, key: Key) -> Lock", 0.2, TRUST),
        ("open_door", 0.2, TRUST),
        ("how does the door open", 0.2, replace(TRUST, weight=0.0)),
    ],
)
def test_it_is_not_asked_what_a_search_does_not_ask(text: str, confidence: float, trust: Trust) -> None:
    """The first stage is sure, the question is code or a name, or nobody listens."""
    item = asked(1)[0]
    values = item.pool.values.copy()
    values[1:] *= 0.1
    item = replace(
        item,
        text=text,
        pool=replace(item.pool, values=values),
        readings=replace(item.readings, confidence=np.full(12, confidence)),
    )
    questions = in_order([item], WEIGHTS, depth=8)
    logits = read_all(questions, Liking(ANSWER), trust)
    assert logits == [None]
    evidence = joined([item.pool])
    before = judge_of(questions, logits, 0.2)(evidence)
    assert fused(questions.orders[0], None, 0.2).tolist() == questions.orders[0].order.tolist()
    assert before.values.shape == (1,)


def judged(before: str, after: str, *, count: int = 60, golden: str = "") -> OrderDecision:
    """Judge a model that likes one word against another that likes another."""
    judges = Judges(
        in_order(asked(count), WEIGHTS, depth=8),
        in_order(asked(20, answer=golden, seed=2), WEIGHTS, depth=8) if golden else None,
    )
    return learning.judge(judges, Serving(Liking(before), TRUST), Serving(Liking(after), TRUST))


def test_a_model_that_knows_the_answers_may_serve() -> None:
    """This is what learning is for."""
    decision = judged("nothing", ANSWER)
    assert decision.promote, decision.reasons
    gains = {item.measure: item for item in decision.gains}
    assert gains[VALUE].low > 0
    assert gains[LINES].gain >= 0


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (ANSWER, ANSWER, "which may be chance"),
        (ANSWER, "nothing", "which is a loss"),
        ("nothing", "r3", "with the answers of other questions, too"),
    ],
)
def test_a_model_that_gains_nothing_of_its_own_is_refused(before: str, after: str, said: str) -> None:
    """A model that prefers one place of a repository, whatever is asked, has understood nothing."""
    decision = judged(before, after)
    assert not decision.promote
    assert any(said in reason for reason in decision.reasons), decision.reasons


def test_few_later_questions_decide_nothing() -> None:
    """A user with a young repository is told so instead of being served an accident."""
    assert "30 later questions are too few" in judged("nothing", ANSWER, count=30).reasons[0]
    assert not judged("nothing", ANSWER, count=0).promote


def test_a_golden_file_is_a_second_judge() -> None:
    """Commits must not teach a model to forget what its people ask."""
    decision = judged("key", ANSWER, golden="key")
    assert not decision.promote
    assert decision.golden is not None
    assert any("The golden file falls" in reason for reason in decision.reasons), decision.reasons
