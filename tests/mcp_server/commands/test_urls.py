"""Commands on a URL: whatever takes a repository takes its URL, unless it needs files on disk."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes import git
from remotes import Remote, remove
from terminal import plain, terminal

from mcp_server.cli import goldrank
from retrieval.errors import ArgumentError, GoldrankError
from retrieval.mirrors import inventory

Run = Callable[..., Result]


@pytest.fixture(name="origin")
def origin_fixture(tmp_path: Path) -> Remote:
    """A repository that is served from its URL."""
    return Remote(
        tmp_path / "forge", {"src/a.py": "def answer(value):\n    return value\n", "b.bin": b"\0" * 9}
    )


@pytest.fixture(name="run")
def run_fixture(tmp_path: Path) -> Run:
    """Run commands in this process, with a cache of the test's own."""

    def run(*arguments: str | Path, code: int = 0) -> Result:
        command = [*map(str, arguments), "--cache", str(tmp_path / "cache")]
        result = CliRunner().invoke(goldrank, command, catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return run


def test_search_status_and_index_take_a_url(origin: Remote, run: Run) -> None:
    """A person looks into a library without cloning it."""
    commit = git(origin.folder, "rev-parse", "main").strip()[:12]
    search = ("search", "answer", "--no-rerank", "--repo")
    assert f"name (commit {commit})" in run(*search, origin.url).output
    assert "1. src/a.py:1-2" in run(*search, origin.folder).output
    out = run("status", origin.url).output
    assert f"root      {origin.url} (commit {commit})" in out
    assert "1: binary" in out
    assert "in 1 mirror" in out
    pushed = origin.push({"src/b.py": "def another(value):\n    return value\n"})[:12]
    assert commit in run(*search, origin.url).output
    assert f"{origin.url}: 1 file indexed" in run("index", origin.url).output
    assert f"name (commit {pushed})" in run(*search, origin.url).output
    rows = run("search", "another", "--no-rerank", "--jsonl", "--repo", origin.url).output.splitlines()
    assert json.loads(rows[0])["path"] == "src/b.py"


def test_a_search_outlives_the_server_and_an_index_does_not(
    origin: Remote, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who asks for what is new must be told that there was no asking."""
    run("index", origin.url)
    remove(origin)
    monkeypatch.setenv("GOLDRANK_MIRROR_REFRESH_S", "0.001")
    assert "not refreshed since 20" in run("search", "answer", "--no-rerank", "--repo", origin.url).output
    with pytest.raises(GoldrankError, match="cannot be fetched"):
        run("index", origin.url)


def test_clean_frees_a_mirror_with_the_indexes_of_its_refs(origin: Remote, run: Run, tmp_path: Path) -> None:
    """A mirror is the larger part of what a URL takes on disk."""
    run("index", origin.url)
    run("index", f"{origin.url}@main")
    assert "would free" in run("clean", origin.url, "--dry-run").output
    assert inventory.folders(tmp_path / "cache")
    out = run("clean", origin.url).output
    assert f"MB mirror of {origin.url}\n" in out
    assert not inventory.folders(tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("v*/name*"))
    run("index", origin.url)
    run("clean", "--all")
    assert not inventory.folders(tmp_path / "cache")


def test_clean_of_a_ref_keeps_the_other_refs_and_the_mirror_that_they_use(
    origin: Remote, run: Run, tmp_path: Path
) -> None:
    """Freeing an old version must not cost the fetch and the index of the one that you use."""
    run("index", origin.url)
    run("index", f"{origin.url}@main")
    stores = tmp_path / "cache"
    assert len(list(stores.glob("v*/name*"))) == 2
    for arguments in (("--dry-run",), ()):
        out = run("clean", f"{origin.url}@main", *arguments).output
        assert out.count("index of") == 1
        assert f"kept: the mirror of {origin.url}, 1 index uses it" in out
    assert len(list(stores.glob("v*/name*"))) == 1
    assert inventory.folders(stores)
    assert f"MB mirror of {origin.url}\n" in run("clean", origin.url).output
    run("index", f"{origin.url}@main")
    assert f"MB mirror of {origin.url}\n" in run("clean", f"{origin.url}@main").output
    assert not inventory.folders(stores)


def test_clean_removes_what_is_left_of_a_url_that_never_answered(run: Run, tmp_path: Path) -> None:
    """Every typo in a URL leaves a folder, and nobody looks into a cache."""
    with pytest.raises(GoldrankError, match="cannot be fetched"):
        run("index", f"file://{tmp_path}/typo.git")
    assert len(inventory.folders(tmp_path / "cache")) == 1
    run("clean")
    assert not inventory.folders(tmp_path / "cache")


def test_a_command_that_needs_files_on_disk_says_so(origin: Remote, run: Run) -> None:
    """A golden file lies in a work tree, and a mirror has none."""
    with pytest.raises(ArgumentError, match=r"no files on this disk.*clone the repository"):
        run("golden", "list", "--repo", origin.url)


def test_a_url_without_its_protocol_is_understood(run: Run, tmp_path: Path) -> None:
    """People paste what the browser shows."""
    with pytest.raises(ArgumentError, match=r"did you mean https://github\.com/pallets/click\?"):
        run("search", "x", "--repo", "github.com/pallets/click")
    with pytest.raises(GoldrankError, match="does not exist"):
        run("search", "x", "--repo", tmp_path / "src" / "api")


def test_a_url_with_a_password_is_refused_without_repeating_it(run: Run) -> None:
    """A shell's history is enough to hold it."""
    with pytest.raises(ArgumentError, match="holds a password") as refused:
        run("search", "x", "--repo", "https://ann:s3cret@host/o/n")
    assert "s3cret" not in str(refused.value)


def test_a_place_in_a_mirror_is_no_link_and_opens_in_no_editor(origin: Remote, tmp_path: Path) -> None:
    """An editor would open an empty file below the cache, and somebody would write into it."""
    variables = {"EDITOR": "vi", "GOLDRANK_CACHE": str(tmp_path / "cache"), "TERM": "xterm-kitty"}
    with terminal("search", "--repo", origin.url, "--no-rerank", cwd=tmp_path, variables=variables) as screen:
        screen.wait_for("search> ")
        screen.type("answer\n")
        assert "]8;;" not in screen.wait_for("search> ", times=2)
        screen.type("o 1\n")
        screen.wait_for("without files that an editor could open")
        screen.type("1\n")
        assert "return value" in plain(screen.wait_for("search> ", times=4)).rpartition("search> 1")[2]
        screen.type("\n")
        code, _ = screen.end()
    assert code == 0
