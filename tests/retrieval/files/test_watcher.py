"""What the system tells of changes, and that nothing is taken for unchanged that it did not speak of."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import git, write

from retrieval.files.watcher import Watcher, can_be_watched

FOREVER_S = 30


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a git work tree."""
    made = write(tmp_path / "root", {"a.py": "x = 1\n", "sub/b.py": "x = 2\n"})
    git(made, "init", "-q")
    git(made, "add", ".")
    git(made, "commit", "-q", "-m", "one")
    return made


@pytest.fixture
def watcher(root: Path) -> Iterator[Watcher]:
    """Watch the tree; wait until the system does."""
    made = Watcher(root, cookies=root.parent / "cookies", patience_s=FOREVER_S)
    deadline = time.monotonic() + FOREVER_S
    while made.touched() is None and time.monotonic() < deadline:
        time.sleep(0.01)  # the watch is being set up; until then nothing is known, which is right
    yield made
    made.stop()


def _told(watcher: Watcher) -> set[str]:
    touched = watcher.touched()
    assert touched is not None
    return set(touched)


def test_at_first_nothing_is_known(root: Path) -> None:
    """What changed before the watch began was not told."""
    made = Watcher(root, cookies=root.parent / "cookies")
    assert made.touched() is None
    made.stop()


def test_every_edit_before_the_question_is_told(root: Path, watcher: Watcher) -> None:
    """An agent edits a file and asks at once: the system's word must not come too late."""
    assert _told(watcher) == set()
    for number in range(20):
        write(root, {f"sub/n{number}.py": "x = 1\n"})
        assert _told(watcher) == {f"sub/n{number}.py"}
    (root / "a.py").unlink()
    (root / "sub/b.py").rename(root / "c.py")
    assert _told(watcher) == {"a.py", "sub/b.py", "c.py"}
    assert _told(watcher) == set()


def test_a_new_folder_is_told_and_so_is_what_happens_in_it(root: Path, watcher: Watcher) -> None:
    """A folder that is moved in tells of none of its files: whoever reads this must look into it."""
    write(root.parent / "elsewhere", {"deep/x.py": "x = 1\n"})
    shutil.move(root.parent / "elsewhere", root / "in")
    assert "in" in (watcher.touched() or ())
    write(root, {"in/deep/y.py": "x = 1\n"})
    assert _told(watcher) == {"in/deep/y.py"}


def test_what_git_does_for_itself_is_not_told(root: Path, watcher: Watcher) -> None:
    """Else every question would make the next one look through everything."""
    git(root, "gc", "-q")
    assert _told(watcher) == set()


@pytest.mark.parametrize("how", ["index", "exclude"])
def test_what_decides_about_other_files_makes_everything_unknown(
    root: Path, watcher: Watcher, how: str
) -> None:
    """These changes touch no file of the tree."""
    if how == "index":
        git(root, "rm", "-q", "--cached", "a.py")
    else:
        write(root, {".git/info/exclude": "*.py\n"})
    assert watcher.touched() is None
    assert _told(watcher) == set()


def test_a_name_that_is_no_utf8_ends_the_watch(root: Path, watcher: Watcher) -> None:
    """The library cannot say such a name: from here on every question looks through everything."""
    write(root, {os.fsdecode(b"\xff.py"): "x = 1\n"})
    assert watcher.touched() is None
    assert watcher.touched() is None
    assert watcher.is_dead


def test_another_folder_in_the_place_of_the_watched_one_is_not_taken_for_it(
    root: Path, watcher: Watcher
) -> None:
    """A clone that is thrown away and made again has the same path, and nobody watches it."""
    shutil.move(root, root.parent / "old")
    assert watcher.touched() is None
    write(root, {"a.py": "x = 3\n"})
    assert watcher.touched() is None
    assert watcher.is_lost


def test_a_repository_that_is_made_or_thrown_away_makes_everything_unknown(
    root: Path, watcher: Watcher
) -> None:
    """Git lists no file of another repository, and ignore rules come and go with theirs."""
    git(root / "sub", "init", "-q")
    assert watcher.touched() is None
    assert watcher.is_lost, "what decides about its files has changed too"


def test_a_local_disk_can_be_watched(tmp_path: Path) -> None:
    """The others are known by their kind; there is none here to try."""
    assert can_be_watched(tmp_path)
