"""The feedback log is opt-in, local and small; it may teach, and never tests."""

import json
import stat
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from fakes import repository, write

from retrieval.errors import CacheError
from retrieval.search.feedback_log import FILE, QUERY_CHARS, Entry, Log, append, read
from retrieval.sync.repository import Repository
from retrieval.training.golden import edits, golden_file
from retrieval.training.golden.golden_file import Golden
from retrieval.training.pairs import feedback_labels, mining, splits
from retrieval.training.pairs.labeled_pairs import Mined

FILES = {
    "src/retry.py": "def schedule_retry(job):\n    queue.push(job)\n    return job\n",
    "src/mail.py": "def send_mail(address):\n    transport.send(address)\n    return address\n",
    "src/clock.py": "def now():\n    return clock.read()\n",
}
SAID = Entry("who schedules the retry of a job", ("src/retry.py:1-3",), ("src/mail.py:1-3",), "2026-11-24")


def learned(tmp_path: Path, *rows: dict[str, Any]) -> tuple[Repository, Golden, Mined]:
    """Index the files, write a golden file and mine it."""
    opened = repository(write(tmp_path / "r", FILES), tmp_path / "cache")
    edits.add(tmp_path / "golden.json", rows)
    asked = golden_file.load(tmp_path / "golden.json")
    return opened, asked, mining.mine(asked, opened.view(), seed=0)


def test_what_is_logged_can_be_read_and_is_for_the_owner_alone(tmp_path: Path) -> None:
    """A log that others can read is no local log."""
    append(tmp_path / "models", SAID)
    append(tmp_path / "models", SAID)
    assert read(tmp_path / "models") == Log((SAID, SAID), ())
    assert stat.S_IMODE((tmp_path / "models" / FILE).stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR


def test_a_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    """A process may be killed in the middle of anything."""
    append(tmp_path, SAID)
    (tmp_path / FILE).write_text((tmp_path / FILE).read_text() + '{"query": "hal', encoding="utf-8")
    log = read(tmp_path)
    assert log.entries == (SAID,)
    assert [fault.partition(":")[0] for fault in log.faults] == ["line 2"]


def test_a_wrong_span_costs_itself_and_nothing_else(tmp_path: Path) -> None:
    """Logs of earlier releases hold what assistants made up; learning must not end at the first."""
    useful = ["src/retry.py:9-3", "src/retry.py:2:    queue.push(job)", "src/retry.py", "src/clock.py:2"]
    rows: list[Any] = [{**asdict(SAID), "useful": useful}, {**asdict(SAID), "useful": "src/retry.py:1-3"}, 7]
    (tmp_path / FILE).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    log = read(tmp_path)
    assert [entry.useful for entry in log.entries] == [("src/retry.py:2-2", "src/clock.py:2-2")]
    assert [fault.partition(";")[0] for fault in log.faults[:2]] == [
        "line 1: src/retry.py:9-3: the span ends before it starts",
        "line 1: src/retry.py is not a span",
    ]
    assert [fault.partition(":")[0] for fault in log.faults[2:]] == ["line 2", "line 3"]
    opened, asked, mined = learned(tmp_path, golden_file.row_of("where is mail sent", ["src/mail.py"]))
    assert len(feedback_labels.with_feedback(mined, asked, log.entries, opened.view()).pairs) > len(
        mined.pairs
    )


def test_a_query_with_a_line_separator_stays_one_entry(tmp_path: Path) -> None:
    """Text that was copied from a web page may hold U+2028, which Python takes for the end of a line."""
    said = replace(SAID, query="who\u2028schedules\u0085the retry")
    append(tmp_path, said)
    assert read(tmp_path) == Log((said,), ())


def test_a_long_query_is_cut(tmp_path: Path) -> None:
    """Long queries are pasted code, and code is not logged."""
    append(tmp_path, Entry("x" * 5_000, (), (), "2026-11-24"))
    assert len(json.loads((tmp_path / FILE).read_text())["query"]) == QUERY_CHARS


def test_a_log_that_cannot_be_written_says_how_to_go_on(tmp_path: Path) -> None:
    """The folder may be a file, or of somebody else."""
    (tmp_path / "models").write_text("", encoding="utf-8")
    with pytest.raises(CacheError, match="serve without --feedback"):
        append(tmp_path / "models", SAID)


def test_no_log_is_an_empty_one(tmp_path: Path) -> None:
    """Nobody asked for one."""
    assert read(tmp_path) == Log((), ())


def test_feedback_teaches_and_never_tests(tmp_path: Path) -> None:
    """Its labels are a guess of an assistant; a gain that was measured on them would prove nothing."""
    opened, asked, mined = learned(
        tmp_path, golden_file.row_of("where is mail sent to an address", ["src/mail.py"])
    )
    taught = feedback_labels.with_feedback(
        mined, asked, [SAID, Entry("gone", ("src/gone.py:1-2",), (), "")], opened.view()
    )
    added = taught.pairs[len(mined.pairs) :]
    assert [(pair.chunk.path, pair.label) for pair in added] == [("src/retry.py", 1), ("src/mail.py", 0)]
    assert taught.groups == mined.groups  # what is judged are the golden questions
    everything = splits.Fold(tuple(mined.groups), ())
    assert added[0] in mining.learnable(taught.pairs, everything)


def test_feedback_on_a_tested_question_is_not_learned_from(tmp_path: Path) -> None:
    """It says in other words what is asked in the test."""
    opened, asked, mined = learned(
        tmp_path, golden_file.row_of("who schedules the retry of jobs", ["src/retry.py"])
    )
    taught = feedback_labels.with_feedback(mined, asked, [SAID], opened.view())
    assert mining.learnable(taught.pairs, splits.Fold((), tuple(mined.groups))) == []


def test_feedback_that_asks_what_two_groups_ask_is_left_out(tmp_path: Path) -> None:
    """Learned while either is tested, it would tell the one in the words of the other."""
    opened, asked, mined = learned(
        tmp_path,
        golden_file.row_of("who schedules retry job queue", ["src/retry.py"]),
        golden_file.row_of("who sends retry job mail", ["src/mail.py"]),
    )
    assert len(set(mined.groups.values())) == 2
    both = Entry("who schedules sends retry job", ("src/clock.py:1-2",), (), "2026-11-24")
    assert feedback_labels.with_feedback(mined, asked, [both], opened.view()).pairs == mined.pairs


def test_feedback_does_not_contradict_the_golden_file(tmp_path: Path) -> None:
    """A person said that it answers; an assistant that says no is outvoted."""
    opened, asked, mined = learned(
        tmp_path, golden_file.row_of("who schedules the retry of jobs", ["src/retry.py"])
    )
    denied = Entry("who schedules a retry for jobs", (), ("src/retry.py:1-3",), "2026-11-24")
    assert feedback_labels.with_feedback(mined, asked, [denied], opened.view()).pairs == mined.pairs


def test_a_passage_that_was_called_both_is_left_out(tmp_path: Path) -> None:
    """One assistant said yes and another no: nobody knows."""
    opened, asked, mined = learned(
        tmp_path, golden_file.row_of("where is mail sent to an address", ["src/mail.py"])
    )
    other = Entry(SAID.query, ("src/mail.py:1-3",), (), "2026-11-24")
    taught = feedback_labels.with_feedback(mined, asked, [SAID, other], opened.view())
    assert [pair.chunk.path for pair in taught.pairs[len(mined.pairs) :]] == ["src/retry.py"]
