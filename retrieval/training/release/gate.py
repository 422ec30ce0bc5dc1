"""When a tuned model may serve, decided by a pure function of its evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.training.evaluation.comparison import Comparison, Report
from retrieval.training.golden.groups import LEAST_GROUPS

SYSTEM = "tuned"
METRIC = "nDCG@10"
REQUIRED = ("first stage", "base")  # the opponents that every tuned model must beat

ALPHA = 0.05  # Fisher's usual level, matching the 95 % intervals
BOUND = 0.01  # nDCG that another repository may lose: one question in 37 falling from rank 1 to rank 2


@dataclass(frozen=True, slots=True)
class Guard:
    """The effect of a tuned model on another repository's questions.

    Attributes:
        name: The repository.
        current: nDCG@10 with what serves there today.
        tuned: nDCG@10 with the tuned model.
        low: Lower end of the 95 % interval of the paired differences, tuned - current.
        high: Upper end.
    """

    name: str
    current: float
    tuned: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a tuned model may serve.

    Attributes:
        promote: Whether the model may serve.
        reasons: The reasons against it, one sentence each; if there are none, the reasons for it.
        comparisons: The comparisons behind the decision.
        guards: The effects on other repositories behind the decision.
    """

    promote: bool
    reasons: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()
    guards: tuple[Guard, ...] = ()


# The gate.


def decide(report: Report, *, weight: float, questions: int, guards: Sequence[Guard] = ()) -> Decision:
    """Decide whether a tuned model may serve, and give every reason against it.

    Args:
        report: The evaluation that holds its comparisons, out of fold.
        weight: The model's share in the fused score.
        questions: Number of questions in the evaluation.
        guards: Its effects on other repositories.
    """
    compared = tuple(item for item in report.comparisons if item.system == SYSTEM and item.metric == METRIC)
    against = [
        *_missing(compared),
        *(reason for item in compared if (reason := _no_gain(item))),
        *_too_few(compared, questions),
        *_no_word(weight),
        *(reason for guard in guards if (reason := _loss(guard))),
    ]
    favour = [_gain(item) for item in compared]
    return Decision(not against, tuple(against or favour), compared, tuple(guards))


def _missing(compared: Sequence[Comparison]) -> list[str]:
    opponents = {item.opponent for item in compared}
    return [
        f"It was not compared with the {name} in {METRIC}; evaluate it first."
        for name in REQUIRED
        if name not in opponents
    ]


def _no_gain(item: Comparison) -> str:
    """Say that a gain may be chance, or return ""; NaN counts against the model."""
    low_holds, p_holds = item.low > 0, item.p <= ALPHA
    if low_holds and p_holds:
        return ""
    said = [] if low_holds else ["its interval reaches 0 or below"]
    said += [] if p_holds else [f"p is above {ALPHA:g}"]
    return f"{_gain(item)[:-1]}, which may be chance: {' and '.join(said)}."


def _gain(item: Comparison) -> str:
    return (
        f"{METRIC} over the {item.opponent} is {item.gain:+.3f} "
        f"({item.low:+.3f} to {item.high:+.3f}, p {item.p:.4f}, {item.groups} groups)."
    )


def _too_few(compared: Sequence[Comparison], questions: int) -> list[str]:
    groups = min((item.groups for item in compared), default=0)
    if groups >= LEAST_GROUPS:
        return []
    return [
        f"{questions} questions in {groups} groups are too few: {LEAST_GROUPS} groups decide; add questions."
    ]


def _no_word(weight: float) -> list[str]:
    if weight > 0:
        return []
    return [f"The best weight of its word is {weight:g}, so searches would not change."]


def _loss(guard: Guard) -> str:
    change = guard.tuned - guard.current
    numbers = f"from {guard.current:.3f} to {guard.tuned:.3f} ({guard.low:+.3f} to {guard.high:+.3f})"
    if not change >= -BOUND:
        return f"{guard.name} falls {numbers}, by more than {BOUND:g}."
    if not guard.high >= 0:
        return f"{guard.name} falls {numbers}, which is not chance."
    return ""


# The store's files.
