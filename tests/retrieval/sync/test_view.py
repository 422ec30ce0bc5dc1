"""What one reply sees is of one moment, and is looked up once."""

import shutil
import sys
from pathlib import Path

import pytest
from fakes import git, repository, write

from mcp_server.messages.sections import sections_of
from retrieval.chunks.chunk_text import FileLines
from retrieval.paths.path_filter import Filter
from retrieval.search.searcher import Request, search
from retrieval.sync.repository import Repository

FILES = {
    "a.py": "def alpha():\n    return beta()\n",
    "b.py": "def beta():\n    return 1\n",
    ".gitignore": "out/\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a small git work tree."""
    made = write(tmp_path / "root", FILES)
    git(made, "init", "-q")
    git(made, "add", ".")
    git(made, "commit", "-q", "-m", "one")
    return made


@pytest.fixture
def opened(root: Path, tmp_path: Path) -> Repository:
    """Open and index it."""
    return repository(root, tmp_path / "cache")


def counted_git(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a git in front of all others that writes down each of its runs; return where."""
    log, real = folder / "runs.txt", shutil.which("git")
    program = folder / "bin" / "git"
    write(folder, {"bin/git": f'#!/bin/sh\nprintf "%s\\n" "$*" >> "{log}"\nexec "{real}" "$@"\n'})
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    return log


@pytest.mark.skipif(sys.platform == "win32", reason="the counting git is a shell script")
def test_a_reply_about_a_small_tree_starts_four_git_processes(
    opened: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are most of its time: the files, the commit, the filters to turn off, the state."""
    log = counted_git(tmp_path, monkeypatch)
    opened.refresh()
    view = opened.view()
    answer = search(view, Request("what calls beta", 5, rerank="no"), None)
    assert sections_of(answer.results, view)
    assert view.commit == view.commit
    assert view.commit.endswith(", clean")
    assert len(log.read_text(encoding="utf-8").splitlines()) == 4


def test_a_reply_reads_each_shown_file_once(opened: Repository, root: Path) -> None:
    """Lines read at two moments would disagree, and a large file takes long to read."""
    view = opened.view()
    chunks = view.snapshot.chunks_of("a.py")
    (before,) = view.chunk_texts(chunks)
    write(root, {"a.py": "def altered(): pass\n"})
    (again,) = view.chunk_texts(chunks)
    assert again == before
    assert view.lines("a.py") == list(before.lines)
    (now,) = opened.view().chunk_texts(chunks)
    assert (now.is_current, now.lines) == (False, ("def altered(): pass",))


def test_files_are_held_up_to_a_bound() -> None:
    """Learning reads a whole repository through one view."""
    reads: list[str] = []

    def read(path: str) -> list[str]:
        reads.append(path)
        return ["x" * 10]

    lines = FileLines(read, cached_chars=25)
    for path in ("a", "b", "a", "c", "c", "a"):
        assert lines(path) == ["x" * 10]
    assert reads == ["a", "b", "c", "a"]


def test_a_view_stays_as_it_was_while_the_index_goes_on(opened: Repository, root: Path) -> None:
    """The keeper of an index works on its own thread while a reply is written."""
    before = opened.view()
    records, paths = before.contents.records, before.paths
    written = dict(records)
    write(root, {"c.py": "def gamma(): pass\n", "a.py": "def delta(): pass\n"})
    (root / "b.py").unlink()
    opened.refresh()
    assert (before.contents.records, before.paths) == (written, paths)
    assert before.reason("out/x.py") == "git ignores it"
    assert opened.view().paths == [".gitignore", "a.py", "c.py"]
    assert opened.view().contents.records.keys() == {".gitignore", "a.py", "c.py"}


def test_before_the_files_are_listed_a_view_speaks_of_those_that_are_indexed(
    root: Path, tmp_path: Path
) -> None:
    """Not listed yet is not the same as empty: a filter must neither be dropped nor refused."""
    repository(root, tmp_path / "cache")
    view = Repository(root, cache=tmp_path / "cache", max_bytes=10**6).view()
    assert not view.is_listed
    assert view.listing is None
    assert (view.paths, view.excluded, view.left_out()) == ([], [], "")
    selection = view.select(Filter(("lib/",)))
    assert selection
    assert selection.paths == []
    assert view.names(Filter(("*.py",))) == ["a.py", "b.py"], "git is asked for the names alone"
