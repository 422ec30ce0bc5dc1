"""What a learned order changes, and for whom: question by question, and step by step of the climb."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.rank.learned_order import LEARNED as KIND
from retrieval.rank.weights import Weights
from retrieval.training.order.climb import Step, with_part
from retrieval.training.order.evidence import joined
from retrieval.training.order.learning import LearnedOrder
from retrieval.training.order.lessons import Lesson
from retrieval.training.order.measures import NEVER, first_ranks, judge
from retrieval.training.past.questions import PastQuestion


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one later question.

    Attributes:
        question: The question.
        before: The rank of its first answering lines in the order that served; None beyond the fiftieth.
        after: The same in the learned order.
        gain: The difference in quality.
    """

    question: PastQuestion
    before: int | None
    after: int | None
    gain: float


@dataclass(frozen=True, slots=True)
class Point:
    """Where the climb stood after a step.

    Attributes:
        step: The step; None at the start.
        lessons: The mean quality of the questions that teach.
        later: That of the questions that judge.
    """

    step: Step | None
    lessons: float
    later: float


@dataclass(frozen=True, slots=True)
class OrderChange:
    """A learned order, and what it changes.

    Attributes:
        learned: The order.
        version: Its name if it was promoted, or None.
        questions: What became of the questions that judge, oldest first.
        climb: The climb, from its start.
    """

    learned: LearnedOrder
    version: str | None
    questions: tuple[Change, ...]
    climb: tuple[Point, ...]


def changed(
    learned: LearnedOrder,
    serving: Weights,
    teach: Sequence[Lesson],
    judges: Sequence[Lesson],
    *,
    version: str | None,
) -> OrderChange:
    """Say what an order changes.

    Args:
        learned: The order, learned from `teach` and judged by `judges`.
        serving: The weights that served.
        teach: The questions that taught, oldest first.
        judges: Those that judged, oldest first.
        version: The order's name if it was promoted.
    """
    if not (learned.moved and teach and judges):
        return OrderChange(learned, version, (), ())
    return OrderChange(
        learned,
        version,
        tuple(_changes(serving, learned.weights, judges)),
        tuple(_climb(serving, learned.steps, teach, judges)),
    )


def _changes(before: Weights, after: Weights, judges: Sequence[Lesson]) -> Iterator[Change]:
    evidence = joined([lesson.pool for lesson in judges])
    (old, new), ranks = (
        [judge(evidence, {KIND: weights}).values for weights in (before, after)],
        [first_ranks(evidence, {KIND: weights}) for weights in (before, after)],
    )
    for row, lesson in enumerate(judges):
        first, then = (None if rank[row] == NEVER else int(rank[row]) for rank in ranks)
        yield Change(lesson.question, first, then, float(new[row] - old[row]))


def _climb(
    start: Weights, steps: Sequence[Step], teach: Sequence[Lesson], judges: Sequence[Lesson]
) -> Iterator[Point]:
    sides = [joined([lesson.pool for lesson in side]) for side in (teach, judges)]
    weights = start
    for step in (None, *steps):
        weights = with_part(weights, step) if step else weights
        lessons, later = (float(judge(side, {KIND: weights}).values.mean()) for side in sides)
        yield Point(step, lessons, later)
