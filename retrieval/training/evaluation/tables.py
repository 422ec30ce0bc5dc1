"""How an evaluation is written: as JSON, which can be read back, and as Markdown."""

import dataclasses
import json
from collections.abc import Iterator

from retrieval.errors import ArgumentError
from retrieval.training.evaluation import comparison
from retrieval.training.evaluation.comparison import METRICS, Asked, Comparison, Report, Scores
from retrieval.training.golden.golden_file import Expected

COLUMNS = (*METRICS[:4], "nDCG@10 [95 %]", *METRICS[5:])
"""What `row` gives."""


def as_json(report: Report) -> str:
    """Write a report as JSON, from which `from_json` reads it back."""
    text = json.dumps(dataclasses.asdict(report), ensure_ascii=False, indent=1)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # JSON can only escape a file name that is not valid Unicode
        return json.dumps(dataclasses.asdict(report), indent=1)
    return text


def from_json(text: str, *, source: str) -> Report:
    """Read a report that `as_json` wrote.

    Raises:
        ArgumentError: The text is not a report.
    """
    try:
        raw = json.loads(text)
        if "past" in raw:
            raise ArgumentError(
                f"{source} holds an evaluation of commits, not of golden questions",
                remedy=f"compare it with: goldrank eval --past --gate {source}",
            )
        return Report(
            asked=tuple(
                Asked(**{**item, "targets": tuple(Expected(**target) for target in item["targets"])})
                for item in raw["asked"]
            ),
            systems=tuple(
                Scores(**{**item, "ranks": {key: tuple(ranks) for key, ranks in item["ranks"].items()}})
                for item in raw["systems"]
            ),
            comparisons=tuple(
                Comparison(**{**item, "better": tuple(item["better"]), "worse": tuple(item["worse"])})
                for item in raw["comparisons"]
            ),
            confidence=raw["confidence"],
            facts=raw["facts"],
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ArgumentError(
            f"{source} holds no evaluation", remedy="make one with: goldrank eval --json FILE"
        ) from error


def as_markdown(report: Report) -> str:
    """Write the tables: systems, gains, and the questions that got worse."""
    lines = [f"{len(report.asked)} questions", "", "| " + " | ".join(["system", *COLUMNS]) + " |"]
    lines.append("|---|" + "---:|" * len(COLUMNS))
    lines += [
        "| " + " | ".join([_escaped(scores.name), *row(report, scores)]) + " |" for scores in report.systems
    ]
    notes = [
        f"- {_escaped(scores.name)}: {_escaped(scores.note)}." for scores in report.systems if scores.note
    ]
    lines += ["", *notes, *([""] if notes else []), *(f"- {gain(item)}" for item in report.comparisons)]
    for item in report.comparisons:
        lines += list(_regressions(report, item))
    return "\n".join(lines).rstrip() + "\n"


def gain(comparison: Comparison) -> str:
    """Describe the gain of one system over another in one line.

    >>> gain(Comparison("tuned", "base", "nDCG@10", 0.1, 0.02, 0.2, 0.01, 30, ("a",), ()))
    'tuned against base: nDCG@10 +0.100 [+0.020, +0.200], p 0.010, 1 better, 0 worse, 30 groups of questions'
    """
    return (
        f"{comparison.system} against {comparison.opponent}: {comparison.metric} {comparison.gain:+.3f} "
        f"[{comparison.low:+.3f}, {comparison.high:+.3f}], p {comparison.p:.3f}, "
        f"{len(comparison.better)} better, {len(comparison.worse)} worse, "
        f"{comparison.groups} groups of questions"
    )


def row(report: Report, scores: Scores) -> list[str]:
    """Write a system's means, one cell for each of COLUMNS."""
    low, high = comparison.mean_interval(scores, report.asked, "nDCG@10")
    cells = [f"{scores.mean(metric):.3f}" for metric in METRICS[:4]]
    cells.append(f"{scores.mean('nDCG@10'):.3f} [{low:.3f}, {high:.3f}]")
    cells += [f"{scores.mean('recall@50'):.3f}", f"{scores.mean('tokens'):,.0f}", f"{scores.mean('ms'):,.0f}"]
    return cells


def _regressions(report: Report, comparison: Comparison) -> Iterator[str]:
    """List the questions that got worse, the greatest loss first."""
    if not comparison.worse:
        return
    systems = {scores.name: scores for scores in report.systems}
    texts = {item.question_id: item.text for item in report.asked}
    yield from ("", f"Worse in {comparison.system} than in {comparison.opponent}:", "")
    for identity in comparison.worse:
        before, after = systems[comparison.opponent], systems[comparison.system]
        lost = after.by_question[identity]["nDCG@10"] - before.by_question[identity]["nDCG@10"]
        moved = f"{first_answer(before, identity)} -> {first_answer(after, identity)}"
        yield f"- {_escaped(texts[identity])} ({lost:+.3f}; first answer {moved})"


def first_answer(scores: Scores, identity: str) -> str:
    """Write the rank of a question's first answer; "-" if none was found."""
    return str(min((rank for rank in scores.ranks[identity] if rank is not None), default="-"))


def _escaped(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
