"""How an order is learned: from the older questions of the past, and judged on the newer ones."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.progress import Progress, no_progress
from retrieval.rank.learned_order import LEARNED as KIND
from retrieval.rank.need import NeedKind
from retrieval.rank.weights import WEIGHTS, Weights
from retrieval.training.order.climb import Step, climb, moved, question_parts
from retrieval.training.order.evidence import Evidence, Floats, Pool, answered, joined
from retrieval.training.order.gate import OrderDecision, decide, too_few
from retrieval.training.order.measures import Judge, judge
from retrieval.training.past.split import LEARNED

STEP = 0.12
"""A step must gain this, divided by the square root of the number of lessons. Smaller steps follow chance: on
tox-dev/tox, steps of .0004 lose .017 nDCG@10 of files on later questions; steps of .01 (with 146 lessons)
lose nothing and gain .117 line recall@10 (benchmarks/runs/2026-11-28-order)."""
PASSES = 2
ROTATIONS = 12  # answers of other questions that each later one gets


@dataclass(frozen=True, slots=True)
class LearnedOrder:
    """An order, and how it was judged.

    Attributes:
        weights: The weights of questions.
        lessons: How many questions it was learned from.
        moved: Each part of the weights that changed, with its value before and after.
        decision: Whether it may serve.
        steps: The steps of the climb that led there.
    """

    weights: Weights
    lessons: int
    moved: Mapping[str, tuple[float, float]]
    decision: OrderDecision
    steps: tuple[Step, ...] = ()


def learn(
    pools: Sequence[Pool],
    serving: Weights,
    *,
    lessons: int | None = None,
    golden: Sequence[Pool] = (),
    progress: Progress = no_progress,
) -> LearnedOrder:
    """Learn an order from the oldest questions, and judge it on the others.

    Args:
        pools: The questions of the past, oldest first.
        serving: The weights of questions that serve; the climb starts there.
        lessons: How many of the questions teach, the first ones. [default: `split.LEARNED` of them]
        golden: The questions of a golden file, if there is one.
        progress: Called with parts of the weights tried and their number.
    """
    if lessons is None:
        lessons = math.floor(LEARNED * len(pools))
    steps: list[Step] = []
    weights = _climbed(joined(pools[:lessons]), serving, steps, progress) if lessons else serving
    changed = moved(serving, weights)
    if not changed:
        why = _nothing_gains(lessons, len(pools) - lessons)
        return LearnedOrder(weights, lessons, {}, OrderDecision(False, (why,), len(pools) - lessons))
    if not pools[lessons:]:
        return LearnedOrder(weights, lessons, changed, OrderDecision(False, (too_few(0),), 0), tuple(steps))
    later = joined(pools[lessons:])
    by_serving, by_learned = (_judge_of(one) for one in (serving, weights))
    before, after = by_serving(later), by_learned(later)
    seconds = _golden(golden, serving, weights) if golden else None
    elsewhere = gains_elsewhere(pools[lessons:], by_serving, by_learned)
    decision = decide(before, after, elsewhere=elsewhere, golden=seconds)
    return LearnedOrder(weights, lessons, changed, decision, tuple(steps))


def gains_elsewhere(pools: Sequence[Pool], serving: Judge, learned: Judge) -> Floats:
    """Return what is gained if each question had the answers of another, float64 [n_questions].

    What is learned can gain by preferring what a repository likes to change, whatever is asked. That much it
    gains on the answers of other questions, too. Each question gets those of up to ROTATIONS others.
    """
    count = len(pools)
    shifts = sorted(
        {1 + number * (count - 1) // ROTATIONS for number in range(ROTATIONS)} & set(range(1, count))
    )
    total = np.zeros(count)
    for shift in shifts:
        swapped = joined([answered(pool, pools[(i + shift) % count].answers) for i, pool in enumerate(pools)])
        total += learned(swapped).values - serving(swapped).values
    return total / max(len(shifts), 1)


def least_gain(lessons: int) -> float:
    """Return what a step must gain on so many lessons.

    >>> round(least_gain(144), 3)
    0.01
    """
    return STEP / math.sqrt(lessons)


def with_question(weights: Weights) -> Mapping[NeedKind, Weights]:
    """Return the weights of every kind of need; only a question's are learned."""
    return {**WEIGHTS, KIND: weights}


def _judge_of(weights: Weights) -> Judge:
    return lambda evidence: judge(evidence, {KIND: weights})


def _climbed(evidence: Evidence, serving: Weights, steps: list[Step], progress: Progress) -> Weights:
    """Climb, and note the steps that were taken."""
    parts = question_parts()
    return climb(
        serving,
        _counting(lambda weights: float(judge(evidence, {KIND: weights}).values.mean()), progress),
        least_gain=least_gain(len(evidence)),
        parts=parts,
        passes=PASSES,
        on_step=lambda step, _worth: steps.append(step),
    )


def _counting(worth: Callable[[Weights], float], progress: Progress) -> Callable[[Weights], float]:
    """Report how often a worth was computed, of about as often as a climb of all passes does."""
    done = 0
    total = PASSES * 9 * len(question_parts())

    def counted(weights: Weights) -> float:
        nonlocal done
        done += 1
        progress(min(done, total), total)
        return worth(weights)

    return counted


def _golden(pools: Sequence[Pool], serving: Weights, weights: Weights) -> tuple[float, float]:
    evidence = joined(pools)
    before, after = (
        float(judge(evidence, with_question(one)).measures["ndcg10"].mean()) for one in (serving, weights)
    )
    return before, after


def _nothing_gains(lessons: int, later: int) -> str:
    if not lessons:
        return "The history asks no question that could be learned from."
    return (
        f"No change of the order gains {least_gain(lessons):.3f} on {lessons} older questions, which is what "
        f"stands out from chance; {later} newer ones had nothing to judge."
    )
