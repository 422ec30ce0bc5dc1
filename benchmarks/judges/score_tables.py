"""How scores are reported: means by kind and form, and gains over another run with intervals."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.judges.question_sets import Question, groups_of
from benchmarks.judges.scores import MEASURES

RESAMPLES = 10_000

Scores = Mapping[tuple[str, str], Mapping[str, float]]
"""The measures of each question in each form."""


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better one run is than another on the same questions.

    Attributes:
        mean: Over questions.
        low: The lower end of the 95 % percentile bootstrap interval over repositories.
        high: The upper end.
        questions: How many both runs answered.
        repositories: Of how many repositories.
    """

    mean: float
    low: float
    high: float
    questions: int
    repositories: int


def means(name: str, questions: Sequence[Question], scores: Scores) -> list[str]:
    """Return lines of a table: set, kind, form, number of questions, mean of each measure."""
    lines = []
    for kind, form, group in _groups(questions, scores):
        cells = [_mean([scores[item.id, form] for item in group], measure) for measure in MEASURES]
        lines.append(f"{name:8}{kind:22}{form:6}{len(group):6}" + "".join(f"{cell:>15}" for cell in cells))
    return lines


def heading() -> str:
    """Return the first line of the table of means."""
    return f"{'set':8}{'kind':22}{'form':6}{'n':>6}" + "".join(f"{measure:>15}" for measure in MEASURES)


def gains(
    name: str, questions: Sequence[Question], scores: Scores, other: Scores, *, other_form: str | None = None
) -> list[str]:
    """Return lines of a table: set, kind, form, measure, and the gain over another run.

    Args:
        name: The name of the set.
        questions: Its questions.
        scores: Of this run.
        other: Of the other run.
        other_form: The other run's form to compare with; None for the same.
    """
    lines = []
    for kind, form, group in _groups(questions, scores):
        against = other_form or form
        label = form if against == form else f"{form} - {against}"
        for measure in MEASURES:
            by_repo: dict[str, list[float]] = defaultdict(list)
            for item in group:
                mine, theirs = scores[item.id, form], other.get((item.id, against), {})
                if measure in mine and measure in theirs:
                    by_repo[item.repo].append(mine[measure] - theirs[measure])
            if by_repo:
                told = _told(gain(list(by_repo.values())), measure)
                lines.append(f"{name:8}{kind:22}{label:15}{measure:15}{told}")
    return lines


def gain(by_repository: Sequence[Sequence[float]], *, seed: int = 0) -> Gain:
    """Return the mean gain over questions, resampling repositories with all their questions.

    >>> gain([[0.5, 0.1], [0.0]])
    Gain(mean=0.2, low=0.0, high=0.3, questions=3, repositories=2)
    """
    sums = np.array([sum(values) for values in by_repository])  # float64 [n_repositories]
    counts = np.array([len(values) for values in by_repository])  # int64 [n_repositories]
    draws = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    resampled = sums[draws].sum(axis=1) / counts[draws].sum(axis=1)  # float64 [RESAMPLES]
    low, high = np.quantile(resampled, [0.025, 0.975])
    mean = float(sums.sum() / counts.sum())
    return Gain(round(mean, 12), float(low), float(high), int(counts.sum()), len(sums))


def _groups(questions: Sequence[Question], scores: Scores) -> list[tuple[str, str, list[Question]]]:
    """Group the scored questions by kind, then form; broader groups follow the kinds."""
    groups: dict[tuple[int, str, str], list[Question]] = defaultdict(list)
    for item in questions:
        for form in item.wordings:
            if (item.id, form) in scores:
                for breadth, kind in enumerate(groups_of(item.kind)):
                    groups[breadth if kind != "all" else len(MEASURES), kind, form].append(item)
    return [(kind, form, groups[breadth, kind, form]) for breadth, kind, form in sorted(groups)]


def _mean(scores: Sequence[Mapping[str, float]], measure: str) -> str:
    values = [item[measure] for item in scores if measure in item]
    if not values:
        return ""
    return f"{sum(values) / len(values):.0f}" if measure == "characters" else f"{np.mean(values):.3f}"


def _told(found: Gain, measure: str) -> str:
    form = "+.0f" if measure == "characters" else "+.4f"
    interval = f"[{found.low:{form}}, {found.high:{form}}]"
    return f"{found.mean:{form}} {interval} questions {found.questions}, repositories {found.repositories}"
