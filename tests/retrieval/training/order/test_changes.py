"""What is said of a learned order must be what was judged, question by question."""

import numpy as np
import pytest
from order_factory import pools

from retrieval.rank.weights import QUESTION
from retrieval.training.order import learning
from retrieval.training.order.changes import OrderChange, changed
from retrieval.training.order.lessons import Lesson
from retrieval.training.past.hunks import Span
from retrieval.training.past.questions import PastQuestion

COUNT, TEACH = 150, 90


@pytest.fixture(scope="module")
def change() -> OrderChange:
    """Learn an order from questions whose answers the past names."""
    lessons = [
        Lesson(PastQuestion(f"c{n}", "", f"question {n}", n, (Span("a.py", 1, 9),)), pool)
        for n, pool in enumerate(pools(COUNT, helps="past"))
    ]
    learned = learning.learn([lesson.pool for lesson in lessons], QUESTION, lessons=TEACH)
    return changed(learned, QUESTION, lessons[:TEACH], lessons[TEACH:], version="0001-aaaaaaaa")


def test_the_questions_add_up_to_the_gain_that_was_judged(change: OrderChange) -> None:
    """A page whose parts contradict its verdict is worse than none."""
    quality = change.learned.decision.gains[0]
    assert np.mean([item.gain for item in change.questions]) == pytest.approx(quality.gain)
    assert [item.commit for item in change.questions] == [f"c{n}" for n in range(TEACH, COUNT)]
    better = [item for item in change.questions if item.before and item.after and item.after < item.before]
    assert better
    assert all(item.gain >= 0 for item in better), "each file has one place here, so a rank is all there is"


def test_the_climb_ends_where_the_order_does(change: OrderChange) -> None:
    """The curve shows each step that was taken, on those that taught and on those that judged."""
    assert change.climb[0].step is None
    assert [point.step for point in change.climb[1:]] == list(change.learned.steps)
    lessons = [point.lessons for point in change.climb]
    assert lessons == sorted(lessons), "a step that loses is not taken"
    quality = change.learned.decision.gains[0]
    assert change.climb[0].later == pytest.approx(quality.before)
    assert change.climb[-1].later == pytest.approx(quality.before + quality.gain)


def test_an_order_that_moved_nothing_changes_nothing() -> None:
    """The page then has a verdict alone."""
    made = [Lesson(PastQuestion("c", "", "q", 0, ()), pool) for pool in pools(60, helps="")]
    learned = learning.learn([lesson.pool for lesson in made], QUESTION, lessons=60)
    assert changed(learned, QUESTION, made, [], version=None).questions == ()
