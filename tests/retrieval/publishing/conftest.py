"""Fixtures of shared indexes: a repository that is pushed to, and a folder that machines share."""

from pathlib import Path

import pytest
from remotes import Remote

from retrieval.publishing.place import Place


@pytest.fixture
def origin(tmp_path: Path) -> Remote:
    """A repository with some files."""
    files: dict[str, str | bytes] = {
        f"src/m{n}.py": f"def retry_{n}(attempt):\n    # Wait before retry {n}.\n    return {n}**attempt\n"
        for n in range(12)
    }
    return Remote(tmp_path, {**files, "docs/a.md": "# Uploads\n\nThey are retried.\n"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that all machines mount."""
    made = tmp_path / "shared"
    made.mkdir()
    return made


@pytest.fixture
def place(folder: Path) -> Place:
    """Name that folder as the place of shared indexes."""
    return Place(str(folder))
