"""A model is judged as a search would use it: what it is not asked, it cannot improve."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import MAX_BYTES, write
from past_factory import ANSWER, Liking, asked

from retrieval.rank.need import read_need
from retrieval.rank.weights import WEIGHTS
from retrieval.rerank.fusion import Reading, fuse, read_pairs
from retrieval.search.first_stage import measure
from retrieval.search.searcher import Request, search
from retrieval.search.second_stage import QUESTIONS, SecondStage
from retrieval.sync.repository import Repository
from retrieval.training.order.evidence import joined, pool_of
from retrieval.training.order.gate import LINES, VALUE, OrderDecision
from retrieval.training.order.readings import readings_of
from retrieval.training.tuning import learning
from retrieval.training.tuning.first_order import Asked
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


class Reads:
    """A reader that asks a scorer at once."""

    def read(self, query: str, passages: Sequence[str], **_: Any) -> Reading:
        """Let it score all passages."""
        return read_pairs(query, passages, Liking("door"))


@pytest.mark.parametrize("question", ["where is the door of a shelf closed", "what opens windows and keys"])
def test_a_measured_question_is_ordered_as_a_search_orders_it(tmp_path: Path, question: str) -> None:
    """The gate would else judge a ranking that nobody sees."""
    kinds = itertools.product("door window key lock handle".split(), "slow quick late".split())
    files = {
        f"src/{name}{number}.py": f"def open_{name}(shelf):\n    # opens the {name} of {number} as {word}\n"
        f"    return shelf\n\n\nclass Closed{number}:\n    def close_{name}(self, shelf):\n"
        f"        # a {word} {name} of a shelf is closed\n        return {number}\n"
        for number, (name, word) in enumerate(kinds)
    }
    files |= {"copy/door0.py": files["src/door0.py"]}
    root = write(tmp_path / "house", files)
    repository = Repository(root, cache=tmp_path / "cache", max_bytes=MAX_BYTES)
    repository.refresh()
    view = repository.view()
    second = SecondStage(Reads(), "likes doors", 0.2, 0.5, 30, 60.0, kinds=QUESTIONS, is_spared=True)
    answer = search(view, Request(question, 60), second)
    need = read_need(question)
    found = measure(view, need)
    pool = pool_of(need.kind, found.features, [("src/door0.py", 1, 3)])
    item = Asked("c", question, pool, readings_of(view, found, question))
    questions = in_order([item], WEIGHTS, depth=30)
    trust = Trust(0.2, 30)
    logits = read_all(questions, Liking("door"), trust)
    assert (logits[0] is None) == (answer.stages.second is None or bool(answer.stages.second.skipped))
    rows = fused(questions.orders[0], logits[0], trust.weight)
    chunks = found.features.pool.chunks
    shown = [result.passage.chunk.span for result in answer.results]
    assert len(shown) > 10
    assert logits[0] is not None
    assert [chunks[row].span for row in rows[: len(shown)]] == shown


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
    return learning.judge(judges, Serving(Liking(before), TRUST), Serving(Liking(after), TRUST)).decision


def test_the_questions_of_a_judgement_add_up_to_its_gain() -> None:
    """A page whose parts contradict its verdict is worse than none."""
    later = in_order(asked(60), WEIGHTS, depth=8)
    found = learning.judge(Judges(later), Serving(Liking("nothing"), TRUST), Serving(Liking(ANSWER), TRUST))
    assert np.mean([item.gain for item in found.questions]) == pytest.approx(found.decision.gains[0].gain)
    assert found.unasked == 0
    for item, question in zip(found.questions, later.asked, strict=True):
        assert (item.commit, item.subject) == (question.identity, question.text)
        assert item.places == question.pool.answers
        assert item.before is not None
        assert item.after == 1, "the model likes the answer, and nothing else"
    mute = learning.judge(
        Judges(later), Serving(Liking(ANSWER), replace(TRUST, weight=0)), Serving(Liking(ANSWER), TRUST)
    )
    assert mute.unasked == 0, "the model that is judged is asked"
    nobody = Serving(Liking(ANSWER), replace(TRUST, weight=0))
    assert learning.judge(Judges(later), nobody, nobody).unasked == 60


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
