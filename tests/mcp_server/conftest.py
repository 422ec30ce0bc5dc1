"""Fixtures of the server's tests."""

from pathlib import Path

import pytest
from client_files import SCRIPT
from fakes import write

from mcp_server.clients.registry import Surroundings


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    """Make a project and a home in which no client was ever started."""
    home = tmp_path / "home"
    root = write(tmp_path / "project", {"README.md": "# Example\n"})
    home.mkdir()
    return Surroundings(root, home, home / ".config", home / ".codex", path="", command=(SCRIPT,))
