"""A build that watches a repository's own history fails for a loss, and never for a file that it misread."""

import json

import numpy as np
import pytest

from retrieval.errors import ArgumentError
from retrieval.training.evaluation import past_report, tables
from retrieval.training.evaluation.comparison import Report
from retrieval.training.evaluation.past_report import (
    MEASURES,
    PastReport,
    PastScore,
    as_json,
    from_json,
    since,
)
from retrieval.training.order.gate import FILES, LINES, VALUE


def report(values: list[float], *, first: int = 0, said: str = "question") -> PastReport:
    """Make a report whose questions all have one value in every measure."""
    return PastReport(
        tuple(
            PastScore(f"c{first + n}", f"{said} {first + n}", dict.fromkeys(MEASURES, value))
            for n, value in enumerate(values)
        ),
        {"order": "shipped"},
    )


def test_a_report_is_read_back_as_it_was() -> None:
    """A baseline lies in a repository for a year."""
    told = report([0.1, 1.0, 0.0])
    assert from_json(as_json(told), source="b.json") == told
    json.loads(as_json(told), parse_constant=pytest.fail)


def test_only_questions_of_both_are_compared_commit_by_commit() -> None:
    """Next week's last hundred questions are others, and may be harder."""
    before, after = report([0.5] * 60), report([0.5] * 30 + [0.0] * 30, first=30)
    assert [item.gain for item in since(before, after)] == [0.0, 0.0, 0.0]
    assert past_report.common(before, after) == 30
    assert since(before, report([0.5] * 60, said="another question")) == []
    assert since(before, report([0.1], first=100)) == []


def test_a_loss_beyond_chance_is_one_in_every_measure() -> None:
    """These three refuse a promotion as well."""
    found = since(report([0.5] * 60), report([0.2, 0.4] * 30))
    assert [item.measure for item in found] == [VALUE, LINES, FILES]
    assert all(item.high < 0 for item in found)
    rng = np.random.default_rng(1)
    noise = since(report([0.5] * 60), report(list(0.5 + rng.choice([-0.2, 0.2], 60))))
    assert all(item.low < 0 < item.high for item in noise)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "holds no evaluation of commits"),
        ("[]", "holds no evaluation of commits"),
        ("{}", "holds no evaluation of commits"),
        ("[" * 100_000, "holds no evaluation of commits"),
        (as_json(report([0.5])).replace('"past": 1', '"past": 0'), "of another release"),
        (as_json(report([0.5])).replace("0.5", "NaN"), "holds no evaluation of commits"),
        (as_json(report([0.5])).replace("0.5", "7"), "holds no evaluation of commits"),
        (tables.as_json(Report((), (), ())), "goldrank eval --gate b.json"),
    ],
)
def test_another_file_is_refused_by_name(text: str, said: str) -> None:
    """A gate that takes any file for a baseline passes every build."""
    with pytest.raises(ArgumentError, match=r"b\.json") as refused:
        from_json(text, source="b.json")
    assert said in str(refused.value)


def test_a_baseline_of_commits_is_refused_beside_golden_questions() -> None:
    """Its name tells nobody which of the two it is."""
    with pytest.raises(ArgumentError, match=r"goldrank eval --past --gate b\.json"):
        tables.from_json(as_json(report([0.5])), source="b.json")


def test_the_table_names_every_measure_with_its_interval() -> None:
    """A mean of a hundred questions without an interval is read as exact."""
    assert past_report.as_markdown(report([0.5] * 9)).splitlines()[2:] == [
        f"| {name} | 0.500 | 0.500 to 0.500 |" for name in MEASURES
    ]
