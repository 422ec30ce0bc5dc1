"""When an order that a repository's past taught may serve, decided by a pure function of what was judged."""

from dataclasses import dataclass

import numpy as np

from retrieval.training.order.evidence import Floats
from retrieval.training.order.measures import Judged

LEAST_LATER = 40
"""Later questions that a promotion asks for: of fewer, an interval is some .1 wide, and no gain of an order
that was ever measured lies beyond it."""
FILES_BOUND = 0.01  # mean nDCG@10 of files that later questions may lose
GOLDEN_BOUND = 0.01  # the same for the golden file, as `release.gate` bounds other repositories
RESAMPLES = 2_000
SEED = 20261128

VALUE, LINES, FILES = "quality", "line recall@10", "file nDCG@10"
BEYOND = "quality beyond the answers of other questions"
"""What is climbed, a mean of measures of files and lines; how many of the answering lines are among ten
places; whether files come in order."""


@dataclass(frozen=True, slots=True)
class Gain:
    """What an order gains over the one that serves, on the later questions.

    Attributes:
        measure: VALUE, LINES or FILES.
        before: The mean with what serves.
        gain: The mean difference.
        low: Lower end of its 95 % interval, a percentile bootstrap over questions (Efron 1979).
        high: Upper end.
    """

    measure: str
    before: float
    gain: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class OrderDecision:
    """Whether an order may serve.

    Attributes:
        promote: Whether it may.
        reasons: The reasons against it, one sentence each; if there are none, the reasons for it.
        questions: How many later questions judged it.
        gains: What it gains on them.
        golden: The mean nDCG@10 of files of the golden file with what serves, and with the order; or None.
    """

    promote: bool
    reasons: tuple[str, ...]
    questions: int
    gains: tuple[Gain, ...] = ()
    golden: tuple[float, float] | None = None


def decide(
    before: Judged,
    after: Judged,
    *,
    elsewhere: Floats | None = None,
    golden: tuple[float, float] | None = None,
) -> OrderDecision:
    """Decide whether an order may serve, and give every reason against it.

    Args:
        before: The later questions, in the order that serves.
        after: The same questions in the new order.
        elsewhere: What the new order gains on the answers of other questions, float64 [n_questions].
        golden: The golden file's mean nDCG@10 of files in both orders, if there is one.
    """
    count = len(after.values)
    if not count:
        return OrderDecision(False, (too_few(0),), 0, golden=golden)
    gains = (
        gain(VALUE, before.values, after.values),
        gain(LINES, before.measures["line_recall10"], after.measures["line_recall10"]),
        gain(FILES, before.measures["ndcg10"], after.measures["ndcg10"]),
    )
    value, lines, files = gains
    against = [
        *([too_few(count)] if count < LEAST_LATER else []),
        *_no_gain(value),
        *([] if lines.gain >= 0 else [f"{_said(lines)}: fewer of the answering lines are found."]),
        *([] if files.high >= 0 else [f"{_said(files)}, which is not chance."]),
        *([] if files.gain >= -FILES_BOUND else [f"{_said(files)}, by more than {FILES_BOUND:g}."]),
        *_elsewhere(before, after, elsewhere),
        *_golden_loss(golden),
    ]
    return OrderDecision(
        not against, tuple(against or (f"{_said(item)}." for item in gains)), count, gains, golden
    )


def gain(measure: str, before: Floats, after: Floats) -> Gain:
    """Compare two orders question by question."""
    differences = after - before
    low, high = interval(differences)
    return Gain(measure, float(before.mean()), float(differences.mean()), low, high)


def interval(values: Floats) -> tuple[float, float]:
    """Return the 95 % interval of the mean of at least one value, a percentile bootstrap (Efron 1979)."""
    draws = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def too_few(count: int) -> str:
    """Say that so many later questions decide nothing."""
    return f"{count} later questions are too few to judge by: {LEAST_LATER} decide; more commits bring more."


def _no_gain(item: Gain) -> list[str]:
    if item.low > 0:
        return []
    if item.high < 0:
        return [f"{_said(item)}, which is a loss."]
    return [f"{_said(item)}, which may be chance: its interval reaches 0."]


def _elsewhere(before: Judged, after: Judged, elsewhere: Floats | None) -> list[str]:
    """Refuse an order that prefers what is changed often, whatever is asked."""
    if elsewhere is None:
        return []
    beyond = gain(BEYOND, elsewhere, after.values - before.values)
    if beyond.low > 0:
        return []
    told = f"{beyond.gain:+.3f} ({beyond.low:+.3f} to {beyond.high:+.3f})"
    return [
        f"It gains {beyond.before:+.3f} with the answers of other questions, too; {told} more may be chance."
    ]


def _said(item: Gain) -> str:
    return (
        f"On later commits, {item.measure} goes from {item.before:.3f} by {item.gain:+.3f} "
        f"({item.low:+.3f} to {item.high:+.3f})"
    )


def _golden_loss(golden: tuple[float, float] | None) -> list[str]:
    if golden is None or golden[1] >= golden[0] - GOLDEN_BOUND:
        return []
    before, after = golden
    numbers = f"from {before:.3f} to {after:.3f}"
    return [f"The golden file falls {numbers} in {FILES}, by more than {GOLDEN_BOUND:g}."]
