"""A cloned repository is not trusted: asking git about it runs nothing of its and changes nothing."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import NOBODY, git, write

from retrieval.files.git import ask, refusal, state


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a work tree with one commit."""
    root = write(tmp_path / "root", {"a.py": "x = 1\n", "b.txt": "plain\n"})
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "one")
    return root


@pytest.fixture
def witness(tmp_path: Path) -> Path:
    """Name a file that a program of the repository's choice would make."""
    return tmp_path / "ran"


def commit_filter(root: Path, witness: Path, *, name: str = "evil", key: str = "clean") -> None:
    """Commit an attribute that sends Python files through a filter, then configure the filter."""
    write(root, {".gitattributes": f"*.py filter={name}\n"})
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "two")
    git(root, "config", f"filter.{name}.{key}", f"touch {witness}; cat")
    git(root, "config", f"filter.{name}.required", "true")


@pytest.mark.parametrize("key", ["clean", "process"])
@pytest.mark.parametrize("name", ["evil", "a.b", "Case", "e=vil"])
def test_no_filter_of_a_repository_is_run(root: Path, witness: Path, name: str, key: str) -> None:
    """`git status` reads a touched file through its filter, which is a program."""
    commit_filter(root, witness, name=name, key=key)
    write(root, {"a.py": "x = 2\n"})
    assert state(root) == "state unknown"
    assert not witness.exists()


def test_a_filter_of_a_submodule_is_not_run(root: Path, witness: Path, tmp_path: Path) -> None:
    """Git looks into submodules, each with a configuration of its own."""
    inner = write(tmp_path / "inner", {"c.py": "x = 1\n"})
    git(inner, "init", "-q")
    git(inner, "add", ".")
    git(inner, "commit", "-q", "-m", "one")
    git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "inner")
    git(root, "commit", "-q", "-m", "two")
    commit_filter(root / "inner", witness)
    git(root, "commit", "-q", "-a", "-m", "three")
    write(root, {"inner/c.py": "x = 2\n"})
    assert state(root) == "clean"
    assert not witness.exists()


def test_no_monitor_and_no_hook_of_a_repository_is_run(root: Path, witness: Path) -> None:
    """A file-system monitor and a hook that follows the index are programs too."""
    git(root, "config", "core.fsmonitor", f"touch {witness}")
    hook = write(root, {".git/hooks/post-index-change": f"#!/bin/sh\ntouch {witness}\n"})
    (hook / ".git/hooks/post-index-change").chmod(0o755)
    os.utime(root / "a.py", (1, 1))
    assert state(root) == "clean"
    assert ask(root, "ls-files") == b"a.py\nb.txt\n"
    assert not witness.exists()


def test_asking_does_not_write_the_index(root: Path) -> None:
    """A refreshed index takes git's lock away from a person who commits at that moment."""
    os.utime(root / "a.py", (1, 1))
    before = (root / ".git/index").read_bytes()
    assert state(root) == "clean"
    assert (root / ".git/index").read_bytes() == before


def test_what_no_filter_explains_is_dirty(root: Path, witness: Path) -> None:
    """Not running filters must not hide what needs none to be seen."""
    commit_filter(root, witness)
    assert state(root) == "clean"
    write(root, {"b.txt": "altered\n"})
    assert state(root) == "dirty"
    write(root, {"b.txt": "plain\n", "new.py": "y = 1\n"})
    assert state(root) == "dirty"
    assert not witness.exists()


def test_a_failed_status_is_not_told_as_clean(root: Path) -> None:
    """No answer is no good news."""
    (root / ".git/index").write_bytes(b"damaged")
    assert state(root) == "state unknown"


def test_the_repository_asked_is_the_one_named(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside a hook, GIT_DIR and its like name the repository that is being committed to."""
    other = write(tmp_path / "other", {"z.py": "z = 1\n"})
    git(other, "init", "-q")
    git(other, "add", ".")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    monkeypatch.setenv("GIT_PREFIX", "src/")
    assert ask(root, "ls-files") == b"a.py\nb.txt\n"
    assert state(root) == "clean"


def test_a_folder_without_git_is_told_from_one_that_git_refuses(root: Path, tmp_path: Path) -> None:
    """A person who is told "not a git repository" about their own looks for the wrong mistake."""
    assert refusal(root) == ""
    assert refusal(tmp_path) == "not a git repository"
    (root / ".git/config").write_text("[core\n", encoding="utf-8")
    assert refusal(root).startswith("git refused: bad config line 1")


@pytest.fixture
def foreign() -> Iterator[Path]:
    """Make a work tree that belongs to another user, which only root can."""
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    with tempfile.TemporaryDirectory() as folder:
        git(Path(folder), "init", "-q")
        os.chown(folder, NOBODY, NOBODY)
        os.chown(Path(folder) / ".git", NOBODY, NOBODY)
        yield Path(folder)


def test_a_work_tree_of_another_user_is_said_to_be_refused(
    foreign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git trusts no other user's configuration; shared machines and containers meet this every day."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # which may trust every folder
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    assert refusal(foreign) == "git refused: owned by another user, see git's safe.directory"


def test_a_machine_without_git_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git is wished for, not needed."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert refusal(root) == "git cannot be run"
    assert state(root) == "state unknown"
