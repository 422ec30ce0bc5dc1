"""Fixtures that many tests share."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import write

from mcp_server.workspace import Workspace
from retrieval import secrets
from retrieval.searcher import SecondStage
from retrieval.settings import Settings

FILES = {
    "src/client.py": (
        'class Client:\n    """Talks to the server."""\n\n    def send(self, request):\n'
        "        return self.retry(request)\n\n    def retry(self, request):\n"
        "        # wait, then send again\n"
        "        return backoff(request)\n"
    ),
    "src/limits.ts": "export function rateLimit(requests: number) {\n  return requests > 10\n}\n",
    "tests/test_client.py": "def test_client_retries():\n    assert Client().retry(1)\n",
    "README.md": "# Example\n\nA client that retries.\n",
}

MakeWorkspace = Callable[..., Workspace]


@pytest.fixture(scope="session", autouse=True)
def _detector() -> None:
    """Load the detector of secrets before any test is timed: it takes seconds where it never ran before."""
    secrets.prepare()


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests on the loop that the server uses."""
    return "asyncio"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Make a small repository."""
    return write(tmp_path / "example", FILES)


@pytest.fixture
def workspace(tmp_path: Path, example: Path) -> MakeWorkspace:
    """Make workspaces over the example, or over other roots, with a cache of their own."""

    def make(*roots: Path, second: SecondStage | None = None) -> Workspace:
        # A busy machine may take long for what is done in a moment, and most tests ask for whole answers.
        settings = Settings(cache=tmp_path / "cache", model="", index_patience_s=60)
        return Workspace(roots or (example,), settings, second=second)

    return make
