"""Fixtures that many tests share."""

from pathlib import Path

import pytest
from example_repository import FILES, MakeWorkspace
from fakes import write
from hypothesis import settings as hypothesis_settings

from mcp_server.serving.workspace import Workspace
from retrieval.files import secret_masking
from retrieval.search.second_stage import SecondStage
from retrieval.settings import Settings

hypothesis_settings.register_profile("busy", deadline=None)  # a slow machine is no counterexample
hypothesis_settings.load_profile("busy")


@pytest.fixture(scope="session", autouse=True)
def _detector() -> None:
    """Load the detector of secrets before any test is timed: it takes seconds where it never ran before."""
    secret_masking.prepare()


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
        settings = Settings(cache=tmp_path / "cache", model="", index_wait_s=60)
        return Workspace(roots or (example,), settings, second=second)

    return make
