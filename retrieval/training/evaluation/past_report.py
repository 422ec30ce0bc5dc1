"""How well a search answers a repository's own commits, stored so that a later run can be held against it.

Golden questions are judged by `comparison`; these are judged by what learning an order climbs, so that a
build fails for the reasons for which a promotion would be refused.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from retrieval.errors import ArgumentError
from retrieval.rank.need import NeedKind
from retrieval.rank.weights import Weights
from retrieval.training.order import gate
from retrieval.training.order.evidence import Floats, joined
from retrieval.training.order.gate import FILES, LINES, VALUE, Gain
from retrieval.training.order.lessons import Lesson
from retrieval.training.order.measures import judge

FORMAT = 1
"""Increment when a measure changes its meaning: older baselines are then refused."""
MEASURES: Mapping[str, str] = {
    VALUE: "",
    LINES: "line_recall10",
    FILES: "ndcg10",
    "hit@1 by lines": "line_hit1",
    "hit@1 by files": "hit1",
}
"""What is reported, by the name that `measures.judge` gives it; quality is its value."""
GATED = (VALUE, LINES, FILES)
"""What must not get worse; a hit@1 is a part of quality."""


@dataclass(frozen=True, slots=True)
class PastScore:
    """A commit's question, and how well it was answered.

    Attributes:
        commit: The commit's full hash.
        subject: The question.
        values: By the names of MEASURES.
    """

    commit: str
    subject: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PastReport:
    """An evaluation on a repository's own commits.

    Attributes:
        questions: Newest first.
        facts: What was judged, as plain values.
    """

    questions: tuple[PastScore, ...]
    facts: Mapping[str, str] = field(default_factory=dict)


def measured(
    lessons: Sequence[Lesson], weights: Mapping[NeedKind, Weights], facts: Mapping[str, str]
) -> PastReport:
    """Judge at least one question as weights rank its pool."""
    judged = judge(joined([lesson.pool for lesson in lessons]), weights)
    columns = {name: judged.measures[key] if key else judged.values for name, key in MEASURES.items()}
    return PastReport(
        tuple(
            PastScore(
                lesson.question.commit,
                lesson.question.subject,
                {name: float(values[row]) for name, values in columns.items()},
            )
            for row, lesson in enumerate(lessons)
        ),
        dict(facts),
    )


def means(report: PastReport) -> list[tuple[str, float, float, float]]:
    """Return each measure's name, its mean and the ends of its 95 % interval over questions."""
    columns = {name: _column(report.questions, name) for name in MEASURES}
    return [(name, float(values.mean()), *gate.interval(values)) for name, values in columns.items()]


def since(before: PastReport, after: PastReport) -> list[Gain]:
    """Compare the measures that must not get worse, on the questions that both reports know."""
    earlier = {item.commit: item for item in before.questions}
    known = [item for item in after.questions if _is_same(item, earlier.get(item.commit))]
    if not known:
        return []
    old = [earlier[item.commit] for item in known]
    return [gate.gain(name, _column(old, name), _column(known, name)) for name in GATED]


def common(before: PastReport, after: PastReport) -> int:
    """Count the questions that both reports know."""
    earlier = {item.commit: item for item in before.questions}
    return sum(_is_same(item, earlier.get(item.commit)) for item in after.questions)


def as_markdown(report: PastReport) -> str:
    """Write the measures as a table."""
    lines = ["| measure | mean | 95 % |", "|---|---:|---:|"]
    lines += [f"| {name} | {mean:.3f} | {low:.3f} to {high:.3f} |" for name, mean, low, high in means(report)]
    return "\n".join(lines) + "\n"


def as_json(report: PastReport) -> str:
    """Write a report, from which `from_json` reads it back."""
    return json.dumps({"past": FORMAT, **asdict(report)}, indent=1) + "\n"


def from_json(text: str, *, source: str) -> PastReport:
    """Read a report that `as_json` wrote.

    Raises:
        ArgumentError: The text is not such a report.
    """
    try:
        raw: dict[str, Any] = json.loads(text)
        if "systems" in raw:
            raise ArgumentError(
                f"{source} holds an evaluation of golden questions, not of commits",
                remedy=f"compare it with: goldrank eval --gate {source}",
            )
        if raw["past"] != FORMAT:
            raise ArgumentError(
                f"{source} is an evaluation of another release",
                remedy="make it anew with: goldrank eval --past --json FILE",
            )
        return PastReport(tuple(_score(item) for item in raw["questions"]), dict(raw["facts"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArgumentError(
            f"{source} holds no evaluation of commits",
            remedy="make one with: goldrank eval --past --json FILE",
        ) from error


def _score(item: Mapping[str, Any]) -> PastScore:
    values = {name: float(item["values"][name]) for name in MEASURES}
    if not all(0 <= value <= 1 for value in values.values()):  # NaN would never be significantly better
        raise ValueError("no share")
    return PastScore(str(item["commit"]), str(item["subject"]), values)


def _is_same(item: PastScore, earlier: PastScore | None) -> bool:
    """Tell whether a commit asked the same in both reports; another release may read it otherwise."""
    return earlier is not None and earlier.subject == item.subject


def _column(questions: Sequence[PastScore], name: str) -> Floats:
    return np.array([item.values[name] for item in questions])
