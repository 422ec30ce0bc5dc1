"""The command as a person uses it, run in its own process."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import git, write

QUERIES = (
    '{"id": "1", "query": "how does the client retry", "more": 1}\n\n{"id": "2", "query": "rateLimit"}\n'
)


def goldrank(*arguments: str | Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command with a cache beside the repository; it must end as expected."""
    environment = {**os.environ, "GOLDRANK_CACHE": str(cwd.parent / "cache"), "GOLDRANK_MODEL": "nobody/none"}
    command = [sys.executable, "-m", "mcp_server", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)
    assert done.returncode == code, done.stderr
    return done


def test_search_prints_what_the_tool_would_reply(example: Path) -> None:
    """What a person tries is what the agent gets."""
    out = goldrank("search", "how does the client retry", "--rerank-weight", "0.5", cwd=example).stdout
    assert "1. src/client.py:1-9  class Client" in out
    assert (
        "no reranking: nobody/none is not on this machine; `goldrank doctor --download-model` fetches it"
        in out
    )


def test_search_explains_each_score(example: Path) -> None:
    """Why is this one first? An answer that adds up."""
    out = goldrank("search", "client retry", "--no-rerank", "--explain", cwd=example).stdout
    assert "body +" in out
    assert "path +" in out
    assert "1 above 2 by " in out


def test_search_explains_any_line(example: Path) -> None:
    """Why is mine not first? Asked of a chunk that may be far down."""
    line = ("--explain-line", "tests/test_client.py:2", "--top-k", "1")
    out = goldrank("search", "client retry", "--no-rerank", *line, cwd=example).stdout
    assert "why tests/test_client.py:2, in the first stage:" in out
    assert "kind -" in out


@pytest.mark.parametrize(
    ("asked", "said"),
    [(("--explain",), "first_stage.parts"), (("--explain-line", "src/client.py:2"), "prints text")],
)
def test_an_explanation_for_people_is_not_lost_among_json(
    example: Path, asked: tuple[str, ...], said: str
) -> None:
    """What is asked for is given, or it is said where it is."""
    assert said in goldrank("search", "client retry", "--json", *asked, cwd=example, code=2).stderr


def test_search_prints_json_for_programs(example: Path) -> None:
    """Scripts and other agents want fields, not prose."""
    out = goldrank("search", "client retry", "--no-rerank", "--json", "--path", "src/", cwd=example).stdout
    answer = json.loads(out)
    best = answer["results"][0]
    assert (best["path"], best["start_line"], best["end_line"]) == ("src/client.py", 1, 9)
    assert best["first_stage"]["rank"] == 1
    assert sum(best["first_stage"]["parts"].values()) == pytest.approx(best["first_stage"]["score"], abs=1e-5)
    assert best["text"].startswith("class Client:")


def test_runs_are_byte_identical_however_they_are_made(example: Path, tmp_path: Path) -> None:
    """Same input, same output: from another folder, a second time, and after a rebuild."""
    queries = write(tmp_path, {"q.jsonl": QUERIES}) / "q.jsonl"
    goldrank("run", "--repo", ".", "--queries", queries, "--out", tmp_path / "1", "--no-rerank", cwd=example)
    goldrank(
        "run", "--repo", example, "--queries", queries, "--out", tmp_path / "2", "--no-rerank", cwd=tmp_path
    )
    goldrank("index", "--rebuild", example, cwd=example)
    goldrank("run", "--repo", example, "--queries", queries, "--out", tmp_path / "3", cwd=example)
    first = (tmp_path / "1").read_bytes()
    assert first == (tmp_path / "2").read_bytes() == (tmp_path / "3").read_bytes()
    rows = [json.loads(line) for line in first.splitlines()]
    assert [row["id"] for row in rows] == ["1", "2"]
    assert rows[0]["results"][0] == ["src/client.py", 1, 9]
    assert rows[1]["results"][0] == ["src/limits.ts", 1, 3]


def test_run_names_the_line_that_it_cannot_read(example: Path, tmp_path: Path) -> None:
    """A run over thousands of questions must say which one is broken."""
    queries = write(tmp_path, {"q.jsonl": '{"id": 1, "query": "x"}\n{"id": 2}\n'}) / "q.jsonl"
    done = goldrank("run", "--repo", ".", "--queries", queries, "--out", tmp_path / "o", cwd=example, code=2)
    assert 'q.jsonl, line 2: not an object with "id" and "query"' in done.stderr


def test_index_and_status_say_what_is_searched_and_what_is_not(example: Path) -> None:
    """Nobody should have to guess why a file is never found."""
    write(example, {"logo.png": b"\x89PNG\0", ".env": "TOKEN=1"})
    git(example, "init", "-q")
    assert "4 files indexed, 0 removed; 4 files, 4 chunks" in goldrank("index", cwd=example).stdout
    out = goldrank("status", "--excluded", cwd=example).stdout
    assert "(no commit yet)" in out
    assert "history   none: no commit yet" in out
    assert "excluded  1: binary" in out
    assert ".env\tmay hold secrets" in out
    git(example, "commit", "-q", "--allow-empty", "-m", "Begin")
    git(example, "add", "src")
    git(example, "commit", "-q", "-m", "Add what it is about")
    assert "history   1 commit before HEAD" in goldrank("status", cwd=example).stdout


@pytest.mark.parametrize(
    ("arguments", "said", "code"),
    [
        (
            ("search", "x", "--repo", "nowhere"),
            "goldrank: nowhere does not exist; name an existing folder",
            2,
        ),
        (("search", " "), "QUERY is blank", 2),
        (("search", "x", "--language", "klingon"), "language 'klingon' is unknown", 2),
        (("search", "x", "--rerank-weight", "3"), "--rerank-weight is 3.0; it takes a number from 0 to 1", 2),
        (("search", "x", "--topk", "3"), "No such option", 2),
        (("search", "x", "--held-weight", "1"), "--held-weight is now called --rerank-tool-weight", 2),
        (("serch",), "No such command 'serch'", 2),
        (("index", "src/client.py"), "src/client.py is a file; name the folder", 2),
        (("search", "x", "--path", "!"), "path '!' is not a gitignore pattern", 2),
        (("search", "x", "--language", "y" * 50_000), "(50,002 characters) is unknown", 2),
        (
            ("index", "--cache", "README.md"),
            "choose another cache folder with --cache DIR or GOLDRANK_CACHE=DIR",
            2,
        ),
    ],
)
def test_a_mistake_is_one_clear_line(example: Path, arguments: tuple[str, ...], said: str, code: int) -> None:
    """A traceback is for us, not for the person who mistyped."""
    done = goldrank(*arguments, cwd=example, code=code)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_serving_a_home_folder_by_accident_is_refused(tmp_path: Path) -> None:
    """A server that is started outside of any project must not index somebody's whole life."""
    environment = {**os.environ, "HOME": str(tmp_path)}
    environment.pop("CLAUDE_PROJECT_DIR", None)
    command = [sys.executable, "-m", "mcp_server", "serve"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 2
    assert "is no project; name one: goldrank serve DIR" in done.stderr


def test_doctor_checks_everything_and_says_how_to_mend_it(example: Path) -> None:
    """The first command of anyone for whom something does not work."""
    out = goldrank("doctor", cwd=example).stdout
    for subject in (
        "python",
        "packages",
        "package names",
        "git",
        "configuration",
        "cache folder",
        "grammars",
        "model",
    ):
        assert subject in out
    assert "nobody/none is not on this machine: BM25 alone will rank" in out
    assert "-> goldrank doctor --download-model" in out


def test_doctor_fails_when_the_cache_cannot_be_written(example: Path) -> None:
    """Exit codes are for scripts that set machines up."""
    file = write(example, {"not-a-folder": "x"}) / "not-a-folder"
    done = goldrank("doctor", "--cache", file / "cache", cwd=example, code=1)
    assert "failure  cache folder" in done.stdout
    assert "1 check failed" in done.stderr


@pytest.mark.parametrize("command", ["serve", "index", "search", "run", "status", "doctor", "golden", "help"])
def test_every_command_teaches_itself(example: Path, command: str) -> None:
    """--help is the documentation that is at hand."""
    out = goldrank(command, "--help", cwd=example).stdout
    assert len(out.splitlines()) > 6


def test_a_folder_inside_a_repository_means_the_repository(example: Path) -> None:
    """A shell stands anywhere in a project; `goldrank serve` takes the repository too."""
    git(example, "init", "-q")
    write(example, {".gitignore": "out/\n", "out/made.py": "def made_by_a_build(): pass\n"})
    done = goldrank("search", "rateLimit", "--format", "paths", cwd=example / "tests")
    assert "1. src/limits.ts:1-3" in done.stdout
    assert done.stderr.count("goldrank: ") == 1
    assert "using the whole repository; --path tests/ limits a search to the folder" in done.stderr
    for command in (("index",), ("status",)):
        assert f"{example.resolve()}" in goldrank(*command, "tests", cwd=example).stdout
    assert f"root           {example.resolve()}, " in goldrank("doctor", "tests", cwd=example).stdout
    done = goldrank("search", "made by a build", "--repo", "out", "--format", "paths", cwd=example)
    assert "1. made.py:1-1" in done.stdout, "what git ignores is a root of its own"
    assert "goldrank: " not in done.stderr


def test_every_command_takes_the_repository_around_the_folder_it_is_given(example: Path) -> None:
    """One rule for all: a second index, or a client's file that no client reads, helps nobody."""
    git(example, "init", "-q")
    goldrank("index", cwd=example)
    root = example.resolve()
    for command in (("clean", "tests", "--dry-run"), ("init", "claude", "--print", "--repo", "tests")):
        done = goldrank(*command, cwd=example)
        assert str(root) in done.stdout
        assert f"{root}/tests" not in done.stdout
        told = f"goldrank: tests is in the repository {root}: using the whole repository"
        assert done.stderr.splitlines() == [told], "only a search has --path to limit it"
    head = goldrank("search", "rateLimit", cwd=example / "tests").stdout.splitlines()[0]
    assert head.startswith("example (")


def test_a_repository_inside_another_stays_itself(example: Path) -> None:
    """A submodule or a clone in a vendor folder is named by who means it."""
    git(example, "init", "-q")
    inner = write(example / "inner", {"a.py": "def inner_alone(): pass\n"})
    git(inner, "init", "-q")
    done = goldrank("search", "inner_alone", "--format", "paths", cwd=inner)
    assert "1. a.py:1-1" in done.stdout
    assert "goldrank: " not in done.stderr


@pytest.mark.slow(reason="makes and lists 100,000 files")
def test_a_folder_of_very_many_files_outside_git_is_not_indexed_unasked(tmp_path: Path) -> None:
    """Whoever types `goldrank index` in a home folder means something else."""
    root = tmp_path / "home"
    for number in range(101):
        folder = root / f"f{number}"
        folder.mkdir(parents=True)
        for name in range(1_000):
            os.close(os.open(f"{folder}/{name}", os.O_CREAT | os.O_WRONLY))
    for command in (("index", "."), ("search", "anything")):
        error = goldrank(*command, cwd=root, code=2).stderr
        assert "is not a git repository and holds more than 100,000 files; name a project" in error
        assert f"goldrank index {root.resolve()} --yes" in error
    shutil.rmtree(root)
