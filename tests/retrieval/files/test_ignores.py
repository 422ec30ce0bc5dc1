"""What a folder without git holds must be what git would say: an archive is searched like its repository."""

import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trees
from fakes import MAX_BYTES, git, write
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.files import ignores, walker
from retrieval.paths.path_filter import Filter, passing


@pytest.fixture(scope="module")
def git_folder() -> Iterator[Path]:
    """Make a git folder that any tree is listed with."""
    with tempfile.TemporaryDirectory() as folder:
        git(Path(folder), "init", "-q")
        yield Path(folder) / ".git"


@given(seed=st.integers(0, 2**32))
@settings(max_examples=150, deadline=None)
def test_a_folder_without_git_is_listed_as_git_lists_it(git_folder: Path, seed: int) -> None:
    """Ignore files at several levels, negations, invalid lines: git is the definition of all of it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        trees.grow(root, random.Random(seed))
        assert set(ignores.visit(root)) == trees.listed_by_git(git_folder, root)


@pytest.mark.parametrize("line", ["app/[[...sign-in]]/cache", "!", "a\\", "[z-a]", "[", "[[:nothing:]]"])
def test_an_invalid_line_ignores_nothing(tmp_path: Path, line: str) -> None:
    """One odd line must not make a folder unsearchable."""
    write(tmp_path, {"a.py": "x = 1\n", "b.log": "x", ".gitignore": f"*.log\n{line}\n"})
    assert list(walker.walk(tmp_path.resolve(), max_bytes=MAX_BYTES).files) == [".gitignore", "a.py"]


def test_an_allow_list_keeps_whole_folders(tmp_path: Path) -> None:
    """`*`, `!*/`, `!*.py` is how people write "Python files alone"."""
    files = {
        "a.py": "",
        "src/b.py": "",
        "src/deep/c.py": "",
        "src/d.txt": "",
        ".gitignore": "*\n!*/\n!*.py\n",
    }
    write(tmp_path, files)
    assert sorted(ignores.visit(tmp_path)) == ["a.py", "src/b.py", "src/deep/c.py"]


def test_invalid_lines_are_named(tmp_path: Path) -> None:
    """Whoever wrote such a line meant something, and git never says that it does nothing."""
    write(tmp_path, {".gitignore": "*.log\n\n# [z-a]\n[z-a]\n!\n", "a/.gitignore": "b\\\n"})
    assert ignores.problems(tmp_path.resolve(), [".gitignore", "a/.gitignore"]) == [
        (".gitignore", 4, "'[z-a]': the range z-a is backwards"),
        (".gitignore", 5, "'!': the pattern is empty"),
        ("a/.gitignore", 1, "'b\\\\': the pattern ends in a lone backslash"),
    ]


@pytest.fixture
def deep(tmp_path: Path) -> Iterator[str]:
    """Make a file below 1,100 folders; Python's own `rmtree` and `mkdir` cannot."""
    folder = str(tmp_path)
    for _ in range(1_100):
        folder += "/d"
        os.mkdir(folder)  # noqa: PTH102 - one by one
    Path(folder, "a.py").write_text("def alpha(): pass\n", encoding="utf-8")
    yield "d/" * 1_100 + "a.py"
    subprocess.run(["rm", "-r", str(tmp_path / "d")], check=True)


@pytest.mark.parametrize("has_git", [True, False])
def test_folders_that_nest_a_thousand_deep_are_listed(tmp_path: Path, deep: str, *, has_git: bool) -> None:
    """The corpus of somebody else's parser must not end the walk."""
    if has_git:
        git(tmp_path, "init", "-q")
    root = tmp_path.resolve()
    assert list(walker.walk(root, max_bytes=MAX_BYTES).files) == [deep]
    assert walker.read(root, deep) == b"def alpha(): pass\n"
    assert passing([deep], Filter(("d/d/",))).paths == [deep]
