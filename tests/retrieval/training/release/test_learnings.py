"""What a learning saw must not judge the next one, also if it was refused, killed, or written down badly."""

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from order_factory import learned

from retrieval.training.order.gate import Gain
from retrieval.training.release import learnings, orders
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
