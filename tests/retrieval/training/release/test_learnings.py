"""What a learning saw must not judge the next one, also if it was refused, killed, or written down badly."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from order_factory import learned
from version_factory import FACTS, promoted

from retrieval.rerank import model_versions
from retrieval.training.order.gate import Gain
from retrieval.training.release import learnings, orders, versions
from retrieval.training.release.learnings import FILE
from retrieval.training.release.learnings import learnings as known

DAY = datetime(2026, 11, 28, 12, tzinfo=UTC)


def test_a_refused_learning_is_remembered(tmp_path: Path) -> None:
    """Its questions judged: who tries again on them until one passes has proven nothing."""
    where = orders.store(tmp_path / "models", tmp_path)
    assert orders.last_learned(where) is None
    orders.record(where, learned(False), commit="aaaa", now=DAY, version=None)
    assert orders.last_learned(where) == (DAY.isoformat(), "aaaa")
    (found,) = known(where.folder)
    assert (found.version, found.lessons, found.questions) == (None, 146, 98)
    assert found.gains == learned(False).decision.gains


def test_a_learning_that_was_killed_after_its_promotion_is_remembered(tmp_path: Path) -> None:
    """The version says at which commit it began."""
    where = orders.store(tmp_path / "models", tmp_path)
    orders.record(where, learned(False), commit="aaaa", now=DAY, version=None)
    orders.promote(where, learned(), commit="bbbb", now=DAY.replace(hour=13))
    assert orders.last_learned(where) == (DAY.replace(hour=13).isoformat(), "bbbb")
    orders.rollback(where, now=DAY.replace(hour=14))
    last = orders.last_learned(where)
    assert last is not None
    assert last[1] == "bbbb", "what was undone was seen all the same"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b'{"time": 3}',
        b"\xff\xfe",
        *(
            json.dumps(row | wrong).encode()
            for row in [asdict(learnings.Learning("2027", "a", 1, 1, None, (Gain("q", 0, 0, 0, 0),)))]
            for wrong in (
                {"commit": "--all"},
                {"time": 3},
                {"gains": [{"measure": "q", "before": "x", "gain": 0, "low": 0, "high": 0}]},
                {"gains": 3},
                {"more": 1},
            )
        ),
    ],
)
def test_a_damaged_line_is_skipped(tmp_path: Path, line: bytes) -> None:
    """A crash tears a line, and a commit becomes an argument of git."""
    where = orders.store(tmp_path / "models", tmp_path)
    orders.record(where, learned(False), commit="aaaa", now=DAY, version=None)
    file = where.folder / FILE
    file.write_bytes(file.read_bytes() + line)
    orders.record(where, learned(False), commit="cccc", now=DAY.replace(hour=15), version=None)
    assert [item.commit for item in known(where.folder)] == ["aaaa", "cccc"]


def test_the_latest_counts() -> None:
    """Clones are learned in any order."""
    one = learnings.Learning("2026-01-01", "a", 1, 1, None)
    assert learnings.latest([one, replace(one, time="2026-03-01", commit="b")], [("2026-02-01", "c")]) == (
        "2026-03-01",
        "b",
    )
    assert learnings.latest([], []) is None


def test_a_model_and_an_order_each_remember_what_judged_them(tmp_path: Path) -> None:
    """What judged an order has not judged the model, and no model is judged on the same commits twice."""
    order, model = (
        orders.store(tmp_path / "models", tmp_path),
        model_versions.store(tmp_path / "models", tmp_path),
    )
    orders.record(order, learned(False), commit="aaaa", now=DAY, version=None)
    assert versions.last_learned(model) is None
    decision = learned(False).decision
    versions.record(model, decision, lessons=12, commit="bbbb", now=DAY, version=None)
    assert versions.last_learned(model) == (DAY.isoformat(), "bbbb")
    assert orders.last_learned(order) == (DAY.isoformat(), "aaaa")
    (found,) = known(model.folder)
    assert (found.version, found.lessons, found.gains) == (None, 12, decision.gains)


@pytest.mark.parametrize(
    ("lessons", "commit", "remembers"), [(9, "cccc", True), (0, "cccc", False), (9, "--all", False)]
)
def test_a_model_that_was_promoted_and_not_recorded_is_remembered_if_commits_taught_it(
    tmp_path: Path, lessons: int, commit: str, remembers: bool
) -> None:
    """A golden file shows a model no commit, and nothing that is no commit reaches git."""
    where = model_versions.store(tmp_path / "models", tmp_path)
    version = promoted(where, tmp_path / "draft", facts=replace(FACTS, lessons=lessons, commit=commit))
    assert versions.last_learned(where) == ((version.created, commit) if remembers else None)
