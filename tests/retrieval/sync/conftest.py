"""Fixtures of the index's tests: a small root, and a cache beside it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import write


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a small repository."""
    return write(tmp_path / "root", {"a.py": "def alpha(): pass\n", "b.py": "def beta(): pass\n"})


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Name a cache folder of the test's own."""
    return tmp_path / "cache"


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """Make a folder that every user may write; pytest's own belong to one."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)
