"""The written questions: who may teach, and that a place and its question survive being collected."""

import json
from pathlib import Path

import pytest

from embedded_model import written
from embedded_model.commits import COMMITS, FREE

ROWS = [json.loads(line) for line in written.WRITTEN.read_text(encoding="utf-8").splitlines()]


def test_written_questions_are_about_free_repositories_that_no_set_asks() -> None:
    """A repository that search is judged on must teach nothing."""
    licences = {row["repo"]: row["licence"] for row in json.loads(COMMITS.read_text(encoding="utf-8"))}
    judged = Path(written.__file__).parents[1] / "benchmarks/questions/commits_manifest.json"
    asked = {row["repo"] for row in json.loads(judged.read_text(encoding="utf-8"))["repositories"]}
    taught = {row["repo"] for row in ROWS}
    assert {licences[repo] for repo in taught} <= FREE
    assert not taught & asked


def test_written_questions_name_lines_and_are_asked_once() -> None:
    """A question that two places answer has a wrong label in one of them."""
    assert all(1 <= row["start"] <= row["end"] for row in ROWS)
    assert len({(row["repo"], row["q"]) for row in ROWS}) == len(ROWS)


def test_lines_that_no_place_shows_are_named_and_not_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A writer who counts lines wrongly would teach that other code answers."""
    for name, text in {
        "places": "repository o/n\n\n=== 1 · a.py\n    5 def f():\n    6     return 1\n",
        "answers": "1 5-6 what is given back at the end\n1 5-9 what else\nnot a line\n",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "o+n.txt").write_text(text, encoding="utf-8")
    written.collect(tmp_path, tmp_path / "written.jsonl")
    (row,) = map(json.loads, (tmp_path / "written.jsonl").read_text(encoding="utf-8").splitlines())
    assert row == {
        "repo": "o/n",
        "path": "a.py",
        "start": 5,
        "end": 6,
        "q": "what is given back at the end",
    }
    assert capsys.readouterr().out.splitlines()[1:] == [
        "o+n.txt:2: 1 5-9 what else",
        "o+n.txt:3: not a line",
    ]
