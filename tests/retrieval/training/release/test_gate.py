"""The gate, and what a promotion leaves behind whenever it is cut off."""

import json
import os
import random
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import write
from version_factory import APPROVED, FACTS, draft, promoted

from retrieval import version_log
from retrieval.errors import ArgumentError, ModelError
from retrieval.rerank import model_versions
from retrieval.rerank.model_versions import ModelStore
from retrieval.training.evaluation.comparison import Comparison, Report
from retrieval.training.order.gate import Gain, OrderDecision
from retrieval.training.release.gate import Decision, Guard, decide
from retrieval.training.release.versions import promote, rollback

pytestmark = pytest.mark.slow(reason="promotes in processes that are killed at random moments")

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
REFUSED = Decision(promote=False, reasons=("It gains nothing.",))

FIRST = Comparison("tuned", "first stage", "nDCG@10", 0.05, 0.01, 0.09, 0.01, 30, (), ())
BASE = replace(FIRST, opponent="base")
CURRENT = replace(FIRST, opponent="current")
GUARD = Guard("other", current=0.700, tuned=0.695, low=-0.02, high=0.01)

KILLS = 30
PROMOTERS = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from version_factory import APPROVED, draft
from retrieval import version_log
from retrieval.rerank import model_versions
from retrieval.training.release.versions import promote
where = model_versions.store(Path(sys.argv[1]), Path(sys.argv[2]))
made = draft(Path(sys.argv[3]))
for _ in sys.stdin:
    child = os.fork()
    while child == 0:
        promote(where, made, APPROVED, now=datetime.now(UTC))
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""
"""Forks a process that promotes for ever, at each line of its input; a fork has nothing to import again."""


@pytest.fixture
def where(tmp_path: Path) -> ModelStore:
    """Name the store of a root."""
    return model_versions.store(tmp_path / "models", tmp_path / "root")


# The gate.


def test_a_model_that_gains_over_all_is_promoted_and_the_numbers_say_why() -> None:
    """A gate that refuses everything is as useless as none."""
    decision = decide(Report((), (), (FIRST, BASE, CURRENT)), weight=0.2, questions=40, guards=[GUARD])
    assert decision.promote
    assert decision.reasons[0] == (
        "nDCG@10 over the first stage is +0.050 (+0.010 to +0.090, p 0.0100, 30 groups)."
    )
    assert len(decision.reasons) == 3


@pytest.mark.parametrize(
    ("comparisons", "weight", "guards", "said"),
    [
        ([FIRST, replace(BASE, low=0.0)], 0.2, [], [r"over the base is \+0.050.*reaches 0 or below"]),
        ([replace(FIRST, p=0.06), BASE], 0.2, [], ["over the first stage.*p is above 0.05"]),
        ([FIRST, BASE, replace(CURRENT, low=-0.1, p=0.5)], 0.2, [], ["the current.*below and p is above"]),
        ([FIRST, replace(BASE, low=float("nan"))], 0.2, [], ["over the base"]),
        ([FIRST, replace(BASE, metric="MRR@10")], 0.2, [], ["not compared with the base in nDCG@10"]),
        ([], 0.2, [], ["the first stage", "the base", "questions in 0 groups are too few"]),
        ([FIRST, replace(BASE, groups=19)], 0.2, [], ["40 questions in 19 groups are too few"]),
        ([FIRST, BASE], 0.0, [], ["weight of its word is 0"]),
        ([FIRST, BASE], 0.2, [replace(GUARD, tuned=0.689)], ["other falls from 0.700 to 0.689.*more than"]),
        ([FIRST, BASE], 0.2, [replace(GUARD, high=-0.001)], ["other falls from 0.700.*not chance"]),
        (
            [replace(FIRST, p=0.9), replace(BASE, p=0.9)],
            0.0,
            [replace(GUARD, tuned=0.1)],
            ["first stage", "base", "weight", "other falls"],
        ),
    ],
)
def test_each_reason_against_a_model_refuses_it_and_all_are_told(
    comparisons: Sequence[Comparison], weight: float, guards: Sequence[Guard], said: Sequence[str]
) -> None:
    """Who mends one reason at a time trains once for each."""
    decision = decide(Report((), (), tuple(comparisons)), weight=weight, questions=40, guards=guards)
    assert not decision.promote
    assert len(decision.reasons) == len(said)
    for reason, expected in zip(decision.reasons, said, strict=True):
        assert re.search(expected, reason)


# Versions.


def test_a_promotion_keeps_the_model_its_card_and_all_that_was_recorded(
    where: ModelStore, tmp_path: Path
) -> None:
    """What serves must be traceable to what it learned from and why it was let through."""
    decision = decide(Report((), (), (FIRST, BASE)), weight=0.2, questions=40, guards=[GUARD])
    made = draft(tmp_path / "made")
    version = promote(where, made, decision, now=NOW)
    assert model_versions.current(where) == version.name
    assert version.name.startswith("0001-")
    again = model_versions.read_version(where, version.name)
    model_versions.verify(again)
    assert (again.facts, again.created) == (made.facts, "2026-11-24T09:30:00+00:00")
    assert (again.folder / "README.md").read_text(encoding="utf-8") == made.card
    assert (again.folder / "1_extra/more.json").exists()
    assert [item["opponent"] for item in again.decision["comparisons"]] == ["first stage", "base"]
    assert (again.decision["forced"], again.decision["guards"][0]["name"]) == (False, "other")
    event = model_versions.history(where)[-1]
    assert (event.action, event.before, event.after) == ("promote", None, version.name)


def test_a_promotion_records_what_the_later_commits_said(where: ModelStore, tmp_path: Path) -> None:
    """`goldrank models` shows the gain of each version over time, whatever taught it."""
    said = OrderDecision(True, ("It gains.",), 60, (Gain("quality", 0.5, 0.03, 0.01, 0.05),), (0.7, 0.71))
    made = draft(tmp_path / "made", facts=replace(FACTS, lessons=90, golden_sha256=""))
    again = model_versions.read_version(where, promote(where, made, said, now=NOW).name)
    assert again.facts.lessons == 90
    assert again.decision["gains"][0] == {
        "measure": "quality", "before": 0.5, "gain": 0.03, "low": 0.01, "high": 0.05,
    }  # fmt: skip
    assert (again.decision["questions"], again.decision["golden"]) == (60, [0.7, 0.71])
    assert again.decision["forced"] is False


def test_a_record_of_before_commits_taught_is_read(where: ModelStore, tmp_path: Path) -> None:
    """An update must not take away the model that was promoted yesterday."""
    version = promote(where, draft(tmp_path / "made"), APPROVED, now=NOW)
    record = json.loads((version.folder / model_versions.FACTS_FILE).read_text(encoding="utf-8"))
    del record["name"], record["lessons"]
    name = f"0007-{version_log.fingerprint(record)}"
    version.folder.parent.chmod(0o755)
    folder = version.folder.parent / name
    shutil.copytree(version.folder, folder)
    folder.chmod(0o755)
    (folder / model_versions.FACTS_FILE).chmod(0o644)
    (folder / model_versions.FACTS_FILE).write_text(json.dumps({"name": name, **record}), encoding="utf-8")
    old = model_versions.read_version(where, name)
    assert (old.facts.lessons, old.facts.golden_sha256) == (0, FACTS.golden_sha256)


def test_a_refused_model_is_promoted_by_force_only_and_that_is_recorded(
    where: ModelStore, tmp_path: Path
) -> None:
    """Who looks at the model later must see that the gate was against it."""
    made = draft(tmp_path / "made")
    with pytest.raises(ArgumentError, match=r"not promoted: It gains nothing\. --force promotes"):
        promote(where, made, REFUSED, now=NOW)
    assert model_versions.current(where) is None
    version = promote(where, made, REFUSED, now=NOW, force="yes")
    assert model_versions.read_version(where, version.name).decision["forced"] is True
    assert (model_versions.history(where)[-1].forced, model_versions.history(where)[-1].reason) == (
        True,
        "It gains nothing.",
    )
    approved = promote(where, made, APPROVED, now=NOW, force="yes")
    assert model_versions.read_version(where, approved.name).decision["forced"] is False


def test_a_version_is_read_only(where: ModelStore, tmp_path: Path) -> None:
    """Rolling back must give back what served before."""
    version = promoted(where, tmp_path / "made")
    paths = [version.folder, *version.folder.rglob("*")]
    assert [
        path for path in paths if path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    ] == []
    before = model_versions.hashes(version.folder)
    promoted(where, tmp_path / "made", note="another")
    rollback(where, now=NOW)
    assert model_versions.hashes(version.folder) == before


def test_a_folder_without_a_model_is_refused(where: ModelStore, tmp_path: Path) -> None:
    """The wrong folder is the commonest mistake of all."""
    made = replace(draft(tmp_path / "made"), folder=tmp_path)
    with pytest.raises(ArgumentError, match=r"holds no config.json; name a CrossEncoder folder"):
        promote(where, made, APPROVED, now=NOW)


def test_a_rollback_goes_back_one_promotion_at_a_time_down_to_the_base(
    where: ModelStore, tmp_path: Path
) -> None:
    """Two rollbacks in a row must not swing between two models."""
    names = [promoted(where, tmp_path / "made", note=note).name for note in "abc"]
    assert [rollback(where, now=NOW).after for _ in names] == [names[1], names[0], None]
    assert model_versions.current(where) is None
    with pytest.raises(ModelError, match=r"there is nothing to go back from"):
        rollback(where, now=NOW)
    fourth = promoted(where, tmp_path / "made", note="d")
    assert fourth.name.startswith("0004-")
    event = rollback(where, now=NOW, reason="It was slow.")
    assert (event.before, event.after, event.reason) == (fourth.name, None, "It was slow.")
    assert model_versions.history(where)[-1] == event


def test_a_rollback_passes_over_a_version_that_is_broken(where: ModelStore, tmp_path: Path) -> None:
    """Whoever rolls back has a broken model already."""
    first, second, _ = (promoted(where, tmp_path / "made", note=note) for note in "abc")
    weights = second.folder / "model.safetensors"
    weights.chmod(0o644)
    weights.write_bytes(b"torn")
    event = rollback(where, now=NOW)
    assert event.after == first.name
    assert f"Passed over: {second.name} is broken: model.safetensors changed" in event.reason


def test_a_pointer_of_nonsense_is_rolled_back_to_the_base(where: ModelStore, tmp_path: Path) -> None:
    """A file that somebody edited must not lock the root in."""
    promoted(where, tmp_path / "made")
    (where.folder / "current").write_text("../../etc\n", encoding="utf-8")
    assert rollback(where, now=NOW).after is None


def test_a_store_that_cannot_be_written_says_which(tmp_path: Path) -> None:
    """A full disk or a wrong --models is the user's to mend."""
    write(tmp_path, {"models": "a file"})
    where = model_versions.store(tmp_path / "models", tmp_path / "root")
    with pytest.raises(ModelError, match=r"cannot be written: .*name another folder: --models DIR"):
        promoted(where, tmp_path / "made")


def test_a_history_line_that_was_cut_off_costs_that_line_alone(where: ModelStore, tmp_path: Path) -> None:
    """A power cut may tear the last line; the next one must not be glued to it."""
    first = promoted(where, tmp_path / "made")
    with (where.folder / "history.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"time": "2026')
    second = promoted(where, tmp_path / "made", note="another")
    assert [event.after for event in model_versions.history(where)] == [first.name, second.name]


def test_a_promotion_killed_at_any_moment_leaves_a_whole_version_serving(
    where: ModelStore, tmp_path: Path
) -> None:
    """Laptops are closed and processes killed in the middle of everything."""
    folders = (tmp_path / "models", tmp_path / "root", tmp_path / "made")
    helpers = Path(__file__).parents[3] / "support"
    rng = random.Random(20261124)
    start = time.monotonic()
    promoted(model_versions.store(tmp_path / "elsewhere", tmp_path / "root"), tmp_path / "made")
    window = 3 * (time.monotonic() - start)  # a kill comes within about three promotions, on a slow disk too
    seen: set[str | None] = set()
    with subprocess.Popen(
        [sys.executable, "-c", PROMOTERS, *folders],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": f"{helpers}:{helpers / 'learning'}:{helpers.parents[1]}"},
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(KILLS):
            print("promote", file=process.stdin, flush=True)
            child = int(process.stdout.readline())
            known = len(seen)
            end = time.monotonic() + rng.uniform(0, window)
            while time.monotonic() < end:
                seen.add(_read_soundly(where))
            os.kill(child, signal.SIGKILL)
            assert process.stdout.readline() == "ended\n"
            seen.add(_read_soundly(where))
            window *= 1.0 if len(seen) > known else 1.25  # a busy machine promotes more slowly
        process.stdin.close()
    assert len(seen - {None}) > 1
    last = promoted(where, tmp_path / "made")
    assert model_versions.current(where) == last.name
    assert [path.name for path in (where.folder / "versions").iterdir() if path.name.startswith(".")] == []
    assert {event.after for event in model_versions.history(where)} >= seen - {None}
    assert rollback(where, now=NOW + timedelta(days=1)).after in seen


def _read_soundly(where: ModelStore) -> str | None:
    """Read the pointer; whatever it names must verify."""
    name = model_versions.current(where)
    if name is not None:
        model_versions.verify(model_versions.read_version(where, name))
    return name


def test_a_killed_promotion_is_cleared_by_the_next_writer(where: ModelStore, tmp_path: Path) -> None:
    """A leftover is some 90 MB, and a half of a model is nothing to serve."""
    promoted(where, tmp_path / "made")
    leftover = write(where.folder / "versions/.draft-0002", {"deep/config.json": "{}"})
    for folder in (leftover / "deep", leftover):
        folder.chmod(0o555)
    assert len(model_versions.versions(where)) == 1
    promoted(where, tmp_path / "made")
    assert not leftover.exists()
    assert len(model_versions.versions(where)) == 2


def test_writers_take_turns(where: ModelStore, tmp_path: Path) -> None:
    """Two promotions at once would take the same number."""
    made = draft(tmp_path / "made")
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: promote(where, made, APPROVED, now=NOW), range(8)))
    assert sorted(version_log.number(version.name) for version in done) == [*range(1, 9)]
    events = model_versions.history(where)
    assert [event.before for event in events] == [None, *(event.after for event in events[:-1])]
