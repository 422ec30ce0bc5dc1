"""A measure that is off by one rank decides which ranking ships."""

import json
from pathlib import Path

import pytest
from fakes import git, write

from benchmarks.judges import measure
from benchmarks.judges.found import Found, Span, find, from_text, to_text
from benchmarks.judges.question_sets import Target, read_people, read_written
from benchmarks.judges.score_tables import gain
from benchmarks.judges.scores import score
from retrieval.training.past.followed_clone import FollowedClone

RESULTS: list[Span] = [("b.py", 1, 9), ("a.py", 1, 9), ("a.py", 20, 29), ("b.py", 10, 19), ("d/c.py", 1, 5)]


def size(span: Span) -> int:
    """Count ten characters a line."""
    return 10 * (span[2] - span[1] + 1)


def test_a_file_counts_once_where_files_are_counted() -> None:
    """A second chunk of a file takes no rank away from the next file."""
    found = find([Target("a.py"), Target("d/")], RESULTS, counts="files", size=size)
    assert found == Found(((2,), (3,)))
    assert score(found) == pytest.approx(
        {"ndcg10": 0.69342, "hit1": 0, "hit8": 1, "recall10": 1, "mrr10": 0.5, "strict10": 1}, abs=1e-4
    )


def test_every_result_takes_up_a_rank_where_chunks_are_counted() -> None:
    """The first release was tuned on these figures, and they must stay comparable."""
    found = find([Target("a.py", 21, 21), Target("d/c.py")], RESULTS, counts="chunks", size=size)
    assert found.files == ((3,), (5,))


def test_lines_are_read_up_to_the_first_right_one() -> None:
    """What an assistant pays is the text before the answer, the answer included."""
    found = find([Target("a.py", 25, 40), Target("a.py", 90, 90)], RESULTS, counts="files", size=size)
    assert found.lines == (3, None)
    assert found.characters == 90 + 90 + 100
    scores = score(found)
    assert (scores["line_hit1"], scores["line_hit8"], scores["line_recall10"]) == (0, 1, 0.5)
    assert scores["line_mrr10"] == pytest.approx(1 / 3)


def test_all_results_are_read_where_no_line_is_right() -> None:
    """A miss must not look cheap."""
    found = find([Target("z.py", 1, 1)], RESULTS, counts="files", size=size)
    assert found.characters == sum(map(size, RESULTS))
    assert score(found)["line_mrr10"] == 0


def test_a_folder_with_many_files_never_scores_above_one() -> None:
    """An ideal ranking counts a folder once, and a real one may name five of its files."""
    results = [(f"d/{number}.py", 1, 1) for number in range(5)]
    found = find([Target("d/")], results, counts="files", size=size)
    assert found.files == ((1, 2, 3, 4, 5),)
    assert score(found)["ndcg10"] == 1


def test_a_file_of_ranks_keeps_all_that_is_scored() -> None:
    """A committed run is compared with later ones by this file alone."""
    found = {
        ("q1", "asked"): Found(((2, 5), ()), (3, None), 280),
        ("q1", "call"): Found(((1,),)),
        ("q2", "asked"): Found(((),), (None,), 0),
    }
    assert from_text(to_text(found.items())) == found


def test_a_gain_is_resampled_by_repository() -> None:
    """Questions of one repository are no independent evidence."""
    found = gain([[0.1] * 50, [-0.1] * 50])
    assert found.mean == 0
    assert (found.low, found.high) == pytest.approx((-0.1, 0.1))
    assert gain([[0.1, 0.1], [0.1]]).low == pytest.approx(0.1)


def test_a_question_without_a_call_has_no_such_form(tmp_path: Path) -> None:
    """Asked in other words it would blur what a call is worth."""
    row = {
        "id": "1",
        "kind": "issue",
        "query": "q",
        "repo": "a/b",
        "commit": "c" * 40,
        "targets": [{"path": "x"}],
    }
    call = {"call": {"query": "r", "expect": ["s"]}, "call_without_guesses": "t"}
    rows = [row, {**row, "id": "2", **call}]
    file = tmp_path / "people.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    first, second = read_people(file).questions
    assert list(first.wordings) == ["asked"]
    assert {form: wording.query for form, wording in second.wordings.items()} == {
        "asked": "q",
        "agent": "t",
        "call": "r",
    }
    assert second.wordings["call"].expect == ("s",)
    assert second.tree == "a+b@cccccccccc"


def test_a_written_question_is_asked_of_the_commit_that_its_writer_read(tmp_path: Path) -> None:
    """The lines that answer stand elsewhere in any other."""
    row = {"repo": "a/b", "path": "x.py", "start": 3, "end": 9, "q": "who opens the door?"}
    (tmp_path / "written.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    commits = [{"repo": "a/b", "head": "c" * 40}, {"repo": "d/e", "left_out": "it was not fetched"}]
    (tmp_path / "commits.json").write_text(json.dumps(commits), encoding="utf-8")
    (question,) = read_written(tmp_path / "written.jsonl").questions
    assert (question.id, question.tree, question.commit) == ("a+b-w01", "a+b", "c" * 40)
    assert question.wordings["asked"].query == "who opens the door?"
    assert question.targets == (Target("x.py", 3, 9),)


def _mirror(tmp_path: Path) -> tuple[Path, list[str]]:
    """Make a mirror of two commits, the second of which moves a function; return it with its commits."""
    root = write(tmp_path / "repo", {"a.py": "def door():\n    return 1\n", "big[1].bin": "0" * 999})
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    write(
        root, {"a.py": "X = 1\n\n\n\n\ndef door():\n    return 1\n", "b.py": "def window():\n    return 2\n"}
    )
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "second")
    ids = git(root, "rev-list", "--reverse", "HEAD").split()
    mirror = tmp_path / "mirrors/a+b/repo"
    mirror.parent.mkdir(parents=True)
    git(tmp_path, "clone", "-q", "--bare", "--no-hardlinks", str(root), str(mirror))
    return mirror, ids


def test_a_clone_leaves_out_what_its_mirror_lacks(tmp_path: Path) -> None:
    """Snapshots have no large files, and one of those must not cost all questions of a repository."""
    mirror, ids = _mirror(tmp_path)
    blob = git(mirror, "rev-parse", "HEAD:big[1].bin").strip()
    (mirror / "objects" / blob[:2] / blob[2:]).unlink()
    clone = FollowedClone(mirror, tmp_path / "work")
    clone.check_out(ids[1])
    assert sorted(path.name for path in clone.root.iterdir()) == [".git", "a.py", "b.py"]
    clone.check_out(ids[0])
    assert not (clone.root / "b.py").exists()
    assert FollowedClone(mirror, tmp_path / "work").root == clone.root  # an existing clone is used again


def test_each_question_is_asked_of_its_own_commit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines are right for one commit only; a stale index would answer with those of another."""
    mirror, ids = _mirror(tmp_path)
    rows = [
        {"id": "q0", "commit": ids[0], "targets": [{"path": "a.py", "start": 1, "end": 2}]},
        {"id": "q1", "commit": ids[1], "targets": [{"path": "a.py", "start": 6, "end": 7}]},
    ]
    text = "".join(
        json.dumps({"kind": "commit", "query": "where is the door", "repo": "a/b", **row}) + "\n"
        for row in rows
    )
    lines = write(tmp_path, {"lines.jsonl": text}) / "lines.jsonl"
    out, work, cache = (str(tmp_path / name) for name in ("out", "work", "cache"))
    asked = ["--out", out, "--lines", str(lines)]
    places = ["--mirrors", str(mirror.parent.parent), "--work", work, "--cache", cache]
    measure.main([*asked, *places])
    found = from_text((tmp_path / "out/ranks-lines.tsv").read_text(encoding="utf-8"))
    assert [item.files for item in found.values()] == [((1,),), ((1,),)]
    assert all(item.lines[0] in {1, 2} for item in found.values())
    capsys.readouterr()
    measure.main([*asked, "--only-score", "--against", out])
    told = capsys.readouterr().out
    assert "+0.0000 [+0.0000, +0.0000] questions 2, repositories 1" in told


def test_a_set_without_its_folders_is_refused_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that fails after an hour for want of an option is a lost hour."""
    with pytest.raises(SystemExit):
        measure.main(["--out", str(tmp_path), "--lines", "x.jsonl"])
    assert "the set lines needs --mirrors" in capsys.readouterr().err
