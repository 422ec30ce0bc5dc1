"""The learning loop as a person runs it: every command in its own process, on a real repository and model."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes import git, write
from tiny_model import KEYWORD, train

from mcp_server.commands.evaluate import evaluate
from retrieval import installation
from retrieval.errors import TrainingError
from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.rerank.model_loading import CrossEncoderScorer

pytestmark = pytest.mark.slow(
    reason="runs the whole learning loop through the command, with real trainings of a small model"
)

TOPICS = "door window key lock handle".split()
FILES = {
    f"src/part{number}.py": f"def open_{topic}({topic}):\n    {topic}.close()\n    return {topic}\n"
    for number, topic in enumerate(TOPICS)
} | {
    f"src/other{number}.py": f"def use_{topic}({topic}):\n    call({topic}, {KEYWORD})\n    return {topic}\n"
    for number, topic in enumerate(TOPICS)
}
ROWS = [
    {"q": f"where is the {topic} opened", "expect_paths": [f"src/part{number}.py"]}
    for number, topic in enumerate(TOPICS)
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a base once: it likes what is no answer here."""
    return train(tmp_path_factory.mktemp("base"), batches=5)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """Make a repository with a golden file."""
    root = write(tmp_path / "house", FILES)
    write(root, {"golden.json": json.dumps(ROWS)})
    return root


def goldrank(*arguments: str | Path, cwd: Path, code: int = 0) -> str:
    """Run the command; return what it printed, standard error behind standard output."""
    environment = {
        **os.environ,
        "GOLDRANK_CACHE": str(cwd.parent / "cache"),
        "GOLDRANK_MODELS": str(cwd.parent / "models"),
        "GOLDRANK_MODEL": "",
        "COLUMNS": "100",
    }
    command = [sys.executable, "-m", "mcp_server", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_lint_fails_for_a_wrong_golden_file_and_says_where(house: Path) -> None:
    """An exit code is what a build can act on."""
    assert "5 questions, 0 errors" in goldrank("golden", "lint", cwd=house)
    write(house, {"golden.json": json.dumps([*ROWS, {"q": "gone?", "expect_paths": ["src/gone.py"]}])})
    out = goldrank("golden", "lint", cwd=house, code=1)
    assert "row 6: error: missing: src/gone.py is no file of house" in out
    found = json.loads(goldrank("golden", "lint", "--json", cwd=house, code=1).partition("\ngoldrank:")[0])
    assert {"missing", "few"} <= {finding["kind"] for finding in found}


def test_lint_lists_every_invalid_row_at_once_and_where_it_stands(house: Path) -> None:
    """You mend a file of a hundred rows in one go, not in a hundred runs."""
    rows = [
        '{"q": "a?", "expect": ["x"]}',
        '{"q": "b?", "expect_paths": ["src/part3.py:9-2"], "date": "now"}',
    ]
    write(
        house, {"golden.json": "[\n" + ",\n".join([*rows, json.dumps(ROWS[0]), json.dumps(ROWS[0])]) + "\n]"}
    )
    out = goldrank("golden", "lint", cwd=house, code=1)
    for place, text in {
        "golden.json:2, row 1": "unknown key expect; known are",
        "golden.json:3, row 2": "src/part3.py:9-2: the span ends before it starts",
        "golden.json:5, row 4": "it has the same id or text as row 3",
    }.items():
        assert f"{place}: error: invalid: {text}" in out
    assert '"expect_paths" is missing; it takes a list of paths' in out
    assert 'is "now"; it takes YYYY-MM-DD' in out
    assert "1 question, 5 errors" in out
    assert "`goldrank golden lint` lists 4 more errors" in goldrank("golden", "list", cwd=house, code=2)
    found = json.loads(goldrank("golden", "lint", "--json", cwd=house, code=1).partition("\ngoldrank:")[0])
    assert [(item["row"], item["line"]) for item in found] == [(1, 2), (1, 2), (2, 3), (2, 3), (4, 5)]


def test_without_a_golden_file_eval_and_learn_say_what_needs_none(tmp_path: Path) -> None:
    """Hardly any repository has golden questions, and commits can be asked at once."""
    root = write(tmp_path / "r", {"a.py": "a = 1\n"})
    for arguments, instead in (
        (("eval",), "goldrank eval --past"),
        (("eval", "--golden", "mine.json"), "goldrank eval --past"),
        (("learn", "--from", "golden"), "goldrank learn --from commits"),
    ):
        out = goldrank(*arguments, cwd=root, code=2)
        assert "does not exist; begin it with: goldrank golden add" in out
        assert out.strip().endswith(instead)


def test_a_question_is_added_and_a_wrong_one_is_not(house: Path) -> None:
    """A golden file grows one question at a time."""
    out = goldrank("golden", "add", "what closes a lock", "src/part3.py:2-2", "--tag", "how", cwd=house)
    assert "6 questions" in out
    row = json.loads((house / "golden.json").read_text())[-1]
    assert (row["q"], row["expect_paths"], row["tags"]) == (
        "what closes a lock",
        ["src/part3.py:2-2"],
        ["how"],
    )
    out = goldrank("golden", "add", "what?", "src/nothing.py", cwd=house, code=2)
    assert "src/nothing.py is no file of house" in out
    out = goldrank("golden", "add", "what?", "src/part3.py:90-99", cwd=house, code=2)
    assert "src/part3.py has lines 1-3" in out
    assert len(json.loads((house / "golden.json").read_text())) == 6


def test_a_question_that_is_known_is_refused_before_anything_is_written(house: Path) -> None:
    """A file with one id twice is refused by every command: the mistake of a moment must not make one."""
    before = (house / "golden.json").read_bytes()
    for question in ("where is the door opened", "Where is the  DOOR opened"):
        out = goldrank("golden", "add", question, "src/other1.py", cwd=house, code=2)
        assert "row 1 has this id or asks this already" in out
        assert "goldrank golden remove 1" in out
    assert (house / "golden.json").read_bytes() == before
    assert sorted(path.name for path in house.iterdir()) == ["golden.json", "src"], "no scratch file is left"


def test_questions_are_listed_and_removed_by_id_or_row(house: Path) -> None:
    """What was added by mistake must go without an editor."""
    goldrank("golden", "add", "what closes a lock", "src/part3.py:2-2", "--id", "closing", cwd=house)
    out = goldrank("golden", "list", cwd=house)
    assert "  6. closing  what closes a lock\n     src/part3.py:2-2   (" in out
    assert "6 questions" in out
    assert json.loads(goldrank("golden", "list", "--json", cwd=house))[5]["question_id"] == "closing"
    assert "no question 'nothing'" in goldrank("golden", "remove", "1", "nothing", cwd=house, code=2)
    assert "2 questions would be removed" in goldrank(
        "golden", "remove", "closing", "1", "--dry-run", cwd=house
    )
    out = goldrank("golden", "remove", "closing", "1", cwd=house)
    assert "where is the door opened" in out
    assert "2 removed, 4 questions" in out
    assert json.loads((house / "golden.json").read_text()) == ROWS[1:]


def test_drafts_are_shown_with_their_evidence_and_accepted_by_number(house: Path) -> None:
    """Nobody has to think up the first twenty questions."""
    git(house, "init", "-q")
    git(house, "add", ".")
    git(house, "commit", "-qm", "Doors can be opened again after they were locked")
    write(house, {"src/part0.py": "def open_door(door):\n    return door\n"})
    git(house, "commit", "-qam", "A door that is stuck is opened by its handle")
    out = goldrank("golden", "suggest", cwd=house)
    shown = re.search(
        r"1\. (d-[0-9a-f]{8})  A door that is stuck is opened by its handle\n     src/part0.py", out
    )
    assert shown
    assert re.search(r"\(commit [0-9a-f]{7,}, \d{4}-\d\d-\d\d\)", out)
    out = goldrank("golden", "suggest", "--accept", "1", cwd=house)
    assert f"1. {shown[1]}  A door that is stuck" in out
    assert "1 added, 6 questions" in out
    assert json.loads((house / "golden.json").read_text())[-1]["tags"] == ["draft", "commit"]
    for draft in ("9", "1", shown[1], "d-00000000", "x"):
        out = goldrank("golden", "suggest", "--accept", draft, cwd=house, code=2)
        assert (
            f"--accept {draft}: no such draft, or it is in the golden file already; nothing was added" in out
        )
    assert "nothing to suggest" in goldrank("golden", "suggest", cwd=house)


def test_a_draft_is_the_same_however_many_are_shown_and_whatever_was_accepted(house: Path) -> None:
    """Whoever reads three drafts and accepts the second must get the second."""
    docs = {f"src/doc{n}.py": f'def f{n}():\n    """Say number {n} to everybody here."""\n' for n in range(5)}
    write(house, docs)
    drafts = re.findall(r"(\d)\. (d-\w{8})  (.+)\n", goldrank("golden", "suggest", cwd=house))
    assert len(drafts) == 5
    few = re.findall(r"(\d)\. (d-\w{8})  (.+)\n", goldrank("golden", "suggest", "--most", "2", cwd=house))
    assert few == drafts[:2]
    goldrank("golden", "suggest", "--most", "1", "--accept", "2", cwd=house)
    goldrank("golden", "suggest", "--accept", f"3-4,{drafts[4][1]}", cwd=house)
    accepted = [row["q"] for row in json.loads((house / "golden.json").read_text())[5:]]
    assert accepted == [text for _, _, text in drafts[1:]]
    assert re.findall(r"(\d)\. (d-\w{8})", goldrank("golden", "suggest", cwd=house)) == [drafts[0][:2]]


def test_pairs_are_mined_and_a_model_is_trained_from_them(house: Path, base: Path) -> None:
    """The two steps of the loop that may run on another machine."""
    (house / "pairs.jsonl").write_text("my own pairs of shoes\n", encoding="utf-8")
    out = goldrank("mine", cwd=house, code=2)
    assert "pairs.jsonl does not hold mined pairs; name another file: --out FILE" in out
    assert (house / "pairs.jsonl").read_text(encoding="utf-8") == "my own pairs of shoes\n"
    (house / "pairs.jsonl").unlink()
    out = goldrank("mine", "--out", house.parent / "pairs.jsonl", cwd=house)
    assert "(5 positive) of 5 questions in 5 groups" in out
    first = json.loads((house.parent / "pairs.jsonl").read_text().splitlines()[0])
    assert first["provenance"]["pair_text_version"] == PAIR_TEXT_VERSION
    folder = house.parent / "tuned"
    options: list[str | Path] = ["--base", base, "--epochs", "1", "--loss", "listnet"]
    out = goldrank("train", house.parent / "pairs.jsonl", "--out", folder, *options, cwd=house)
    assert "loss by epoch" in out
    assert CrossEncoderScorer(str(folder)).score("where", ["door"]).shape == (1,)
    assert "base_model" not in (folder / "README.md").read_text()  # a folder's path is nobody's business


def test_an_evaluation_is_written_in_every_form_and_gates(house: Path, base: Path) -> None:
    """A build fails when the search gets worse, and only then."""
    files = {form: house.parent / f"report.{form}" for form in ("json", "markdown", "html")}
    options: list[str | Path] = [part for form, file in files.items() for part in (f"--{form}", str(file))]
    out = goldrank("eval", "--model", base, *options, cwd=house)
    assert "| first stage |" in out
    assert files["html"].read_text().startswith("<!doctype html>")
    assert files["markdown"].read_text().startswith("# goldrank on house")
    same = goldrank("eval", "--model", base, "--gate", files["json"], cwd=house)
    assert "first stage against first stage of the baseline: nDCG@10 +0.000" in same
    for number, topic in enumerate(TOPICS):  # the answers go to other files: nothing is found any more
        write(house, {f"src/part{number}.py": f"def nothing():\n    return {number}\n"})
        write(house, {f"src/z{number}.py": f"def open_{topic}({topic}):\n    return {topic}\n"})
    worse = goldrank("eval", "--model", base, "--gate", files["json"], cwd=house, code=1)
    assert "significantly worse than the baseline: first stage" in worse


def test_plots_that_cannot_be_drawn_are_refused_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation takes minutes, and without what is for learning it would end in a traceback."""
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else find(name)
    )
    refused = CliRunner().invoke(evaluate, ["--html", "page.html"])
    assert isinstance(refused.exception, TrainingError)
    assert installation.with_extra("train") in str(refused.exception)


def test_the_loop_refuses_what_it_cannot_prove_and_force_is_undone(house: Path, base: Path) -> None:
    """Five questions prove nothing; what is forced is recorded, and one command goes back."""
    options: list[str | Path] = ["--base", base, "--epochs", "1", "--folds", "2"]
    out = goldrank("learn", *options, cwd=house)
    assert "not promoted; nothing has changed:" in out
    assert "5 questions in 5 groups are too few" in out
    assert "0 versions; the base model serves" in goldrank("models", cwd=house)
    out = goldrank("learn", *options, "--force", cwd=house)
    assert "promoted 0001-" in out
    listed = goldrank("models", cwd=house)
    assert "* 0001-" in listed
    assert ", forced" in listed
    assert "to the base model" in goldrank("rollback", "--reason", "a try", cwd=house)
    assert "(a try)" in goldrank("models", cwd=house)


@pytest.mark.parametrize(
    "command",
    ["golden", "golden lint", "golden add", "golden suggest", "mine", "train", "eval", "learn", "promote",
     "rollback", "models"],
)  # fmt: skip
def test_every_command_of_the_loop_teaches_itself(house: Path, command: str) -> None:
    """--help is the documentation that is at hand."""
    assert len(goldrank(*command.split(), "--help", cwd=house).splitlines()) > 6
