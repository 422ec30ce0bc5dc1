"""Fixtures of the history's tests: a repository with a few commits."""

from pathlib import Path

import pytest
from history_tree import Tree


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Make a repository whose commits say what their files do not."""
    (tmp_path / "root").mkdir()
    made = Tree((tmp_path / "root").resolve(), tmp_path / "cache")
    made.git("init", "-q", "-b", "main")
    made.commit("Begin", {"README.md": "# It\n"})
    made.commit("Count zebras at the gate", {"src/gate.py": "x = 1\n", "tests/test_gate.py": "y = 1\n"})
    made.commit("Paint the fence\n\nThe giraffe licked it.", {"src/fence.py": "z = 1\n"})
    return made
