"""What learning changes, and for whom: question by question, and for an order, step by step of the climb."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.rank.learned_order import LEARNED as KIND
from retrieval.rank.weights import Weights
from retrieval.training.order.climb import Step, with_part
from retrieval.training.order.evidence import Evidence, Ints, Place, joined
from retrieval.training.order.learning import LearnedOrder
from retrieval.training.order.lessons import Lesson, answers_of
from retrieval.training.order.measures import NEVER, Judged, first_ranks, judge, judge_order
from retrieval.training.order.scoring import order_of


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one later question.

    Attributes:
        commit: The commit that asks it.
        subject: The question.
        places: The lines that answer it.
        before: The rank of its first answering lines with what served; None beyond the fiftieth.
        after: The same with what was learned.
        gain: The difference in quality.
    """

    commit: str
    subject: str
    places: tuple[Place, ...]
    before: int | None
    after: int | None
    gain: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """The results of the questions that judge, with what served or with what was learned.

    Attributes:
        order: The rows of each question, best first, question after question, int64 [n_rows].
        judged: The measures of that order.
    """

    order: Ints
    judged: Judged


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


def outcomes(
    evidence: Evidence, before: Ranking, after: Ranking
) -> Iterator[tuple[int | None, int | None, float]]:
    """Yield the last three values of each question's `Change`."""
    first, then = (first_ranks(evidence, ranking.order).tolist() for ranking in (before, after))
    gains = (after.judged.values - before.judged.values).tolist()
    for old, new, gain in zip(first, then, gains, strict=True):
        yield None if old == NEVER else old, None if new == NEVER else new, gain


def _changes(before: Weights, after: Weights, judges: Sequence[Lesson]) -> Iterator[Change]:
    evidence = joined([lesson.pool for lesson in judges])
    orders = [order_of(evidence, {KIND: weights}) for weights in (before, after)]
    old, new = (Ranking(order, judge_order(evidence, order)) for order in orders)
    for lesson, outcome in zip(judges, outcomes(evidence, old, new), strict=True):
        question = lesson.question
        yield Change(question.commit, question.subject, answers_of(question), *outcome)


def _climb(
    start: Weights, steps: Sequence[Step], teach: Sequence[Lesson], judges: Sequence[Lesson]
) -> Iterator[Point]:
    sides = [joined([lesson.pool for lesson in side]) for side in (teach, judges)]
    weights = start
    for step in (None, *steps):
        weights = with_part(weights, step) if step else weights
        lessons, later = (float(judge(side, {KIND: weights}).values.mean()) for side in sides)
        yield Point(step, lessons, later)
