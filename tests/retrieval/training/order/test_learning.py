"""An order is only worth serving if what it gains is no chance; the gate is what a user trusts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import write
from history_tree import Tree
from order_factory import pools

from retrieval.rank.need import read_need
from retrieval.rank.weights import QUESTION, WEIGHTS
from retrieval.search.first_stage import features_of
from retrieval.training.order import gate, learning
from retrieval.training.order.climb import question_parts, with_part
from retrieval.training.order.evidence import joined, pool_of
from retrieval.training.order.gate import FILES, LINES, VALUE, decide
from retrieval.training.order.measures import Judged, judge


def judged(value: np.ndarray, lines: np.ndarray, files: np.ndarray) -> Judged:
    """Make what was judged."""
    return Judged({"line_recall10": lines, "ndcg10": files}, value)


def test_a_feature_that_answers_is_learned_and_promoted() -> None:
    """This is what learning is for."""
    learned = learning.learn(pools(150, helps="past"), QUESTION)
    assert learned.decision.promote, learned.decision.reasons
    assert learned.lessons == 90
    assert learned.decision.questions == 60
    assert learned.weights.features["past"] > QUESTION.features["past"]
    assert {item.measure for item in learned.decision.gains} == {VALUE, LINES, FILES}


def test_an_order_that_only_prefers_what_is_always_changed_is_refused() -> None:
    """It would answer every question with the same files, and shuffled answers would teach it as well."""
    learned = learning.learn(pools(150, helps="past", hot=3), QUESTION)
    assert learned.decision.gains[0].low > 0
    assert not learned.decision.promote
    assert "with the answers of other questions, too" in learned.decision.reasons[0]
    before, after = learned.moved["past"]
    assert (before, after) == (QUESTION.features["past"], learned.weights.features["past"])


def test_answers_that_nothing_explains_are_refused() -> None:
    """Of twenty histories whose answers are chance, a user may see at most one promotion."""
    promoted = [learning.learn(pools(150, helps="", seed=n), QUESTION).decision.promote for n in range(20)]
    assert sum(promoted) <= 1


def test_the_newer_questions_teach_nothing() -> None:
    """What is promoted must be what was judged, on questions that it did not learn from."""
    older, newer = pools(90, helps="past"), pools(60, helps="path", seed=2)
    with_path = learning.learn([*older, *newer], QUESTION)
    with_past = learning.learn([*older, *pools(60, helps="past", seed=3)], QUESTION)
    assert with_path.weights == with_past.weights


def test_learning_begins_at_what_serves() -> None:
    """A second run must not undo the first, or promote the same order again."""
    known = pools(150, helps="past")
    first = learning.learn(known, QUESTION)
    again = learning.learn(known, first.weights)
    assert not again.decision.promote
    assert again.weights == first.weights
    assert "No change of the order gains" in again.decision.reasons[0]


def test_few_questions_decide_nothing() -> None:
    """Forty questions of which sixteen judge are an anecdote."""
    few = learning.learn(pools(40, helps="past"), QUESTION)
    assert "16 later questions are too few to judge by: 40 decide" in few.decision.reasons[0]
    empty = learning.learn([], QUESTION)
    assert not empty.decision.promote
    assert empty.decision.reasons == ("The history asks no question that could be learned from.",)


def test_only_the_weights_of_questions_are_learned() -> None:
    """Subjects of commits say nothing of how names, paths and guesses are searched."""
    weights = learning.with_question(replace(QUESTION, decay=1.0))
    assert {kind for kind in WEIGHTS if weights[kind] != WEIGHTS[kind]} == {"question"}
    assert not [part for part in question_parts() if part.startswith("expect")]


FLAT, UP = np.zeros(60), np.full(60, 0.1)
NOISE = np.where(np.arange(60) % 2, 0.5, -0.5)


@pytest.mark.parametrize(
    ("after", "golden", "said"),
    [
        (judged(NOISE, FLAT, FLAT), None, "which may be chance: its interval reaches 0"),
        (judged(-UP, FLAT, FLAT), None, "by -0.100 (-0.100 to -0.100), which is a loss"),
        (judged(UP, -UP, FLAT), None, "fewer of the answering lines are found"),
        (judged(UP, FLAT, -UP), None, "which is not chance"),
        (judged(UP, FLAT, NOISE - 0.02), None, "by more than 0.01"),
        (judged(UP, FLAT, FLAT), (0.8, 0.78), "The golden file falls from 0.800 to 0.780"),
        (judged(UP[:30], FLAT[:30], FLAT[:30]), None, "30 later questions are too few"),
    ],
)
def test_each_loss_is_a_reason(after: Judged, golden: tuple[float, float] | None, said: str) -> None:
    """A refusal that names no reason cannot be argued with."""
    zero = np.zeros(len(after.values))
    decision = decide(judged(zero, zero, zero), after, golden=golden)
    assert not decision.promote
    assert any(said in reason for reason in decision.reasons), decision.reasons
    assert len(decision.reasons) <= 2


def test_a_gain_without_loss_may_serve_and_says_its_numbers() -> None:
    """The history of a repository keeps these sentences."""
    decision = decide(judged(FLAT, FLAT, FLAT), judged(UP, UP, FLAT), golden=(0.8, 0.795))
    assert decision.promote
    assert decision.reasons[0] == "On later commits, quality goes from 0.000 by +0.100 (+0.100 to +0.100)."
    assert decision == decide(judged(FLAT, FLAT, FLAT), judged(UP, UP, FLAT), golden=(0.8, 0.795))
    assert gate.LEAST_LATER == 40


def test_an_empty_pool_is_a_question_without_an_answer() -> None:
    """A tree that holds no word of a question still asks it."""
    (known,) = pools(1, helps="past")
    none = replace(
        known,
        values=known.values[:0],
        file=known.file[:0],
        file_kind=known.file_kind[:0],
        is_asked=known.is_asked[:0],
        is_older=known.is_older[:0],
        hits=known.hits[:0],
    )
    found = judge(joined([none, known, none]), {"question": with_part(QUESTION, ("past", 3.0))})
    assert found.measures["line_recall10"].tolist() == [0.0, 1.0, 0.0]


def test_a_question_that_finds_nothing_is_measured_beside_a_history(tmp_path: Path) -> None:
    """Some subjects hold no word of the tree before them."""
    tree = Tree(write(tmp_path / "r", {"a.py": "def lamp():\n    return 1\n"}), tmp_path / "cache")
    tree.git("init", "-q")
    for number in range(3):
        tree.commit(f"Lamp {number}", {"a.py": f"def lamp():\n    return {number}\n"})
    view = tree.opened().view()
    nothing, something = (
        pool_of("question", features_of(view, read_need(query)), [("a.py", 1, 2)])
        for query in ("zebras graze quietly", "where is the lamp")
    )
    found = judge(joined([nothing, something, nothing]), WEIGHTS)
    assert found.measures["hit1"].tolist() == [0.0, 1.0, 0.0]
