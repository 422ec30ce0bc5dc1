"""What a server does with URLs: fetch in the background, answer meanwhile, follow pushes, stay up."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import git, ordinary_user, polled
from mcp_client import call, connected, refused
from remotes import Remote, remove, silent

from mcp_server.serving.workspace import Workspace
from retrieval.mirrors.source import Root, read_root, read_source
from retrieval.progress import no_progress
from retrieval.settings import Settings

pytestmark = pytest.mark.anyio

PATIENCE_S = 60
BACKOFF = (
    "def backoff(attempt):\n    # Wait longer before each retry of a failed upload.\n    return 2**attempt\n"
)
Serve = Callable[..., Workspace]


@pytest.fixture(name="origin")
def origin_fixture(tmp_path: Path) -> Remote:
    """A repository that is served from its URL."""
    return Remote(tmp_path / "forge", {"src/backoff.py": BACKOFF, "README.md": "# Uploads\n"})


@pytest.fixture(name="serve")
def serve_fixture(tmp_path: Path) -> Iterator[Serve]:
    """Make workspaces with a cache of their own; nothing is fetched on schedule unless a test says so."""

    def make(*roots: str | Root, mirror_refresh_s: float = 0, index_wait_s: float = PATIENCE_S) -> Workspace:
        settings = Settings(
            cache=tmp_path / "cache",
            models=tmp_path / "models",
            model="",
            index_wait_s=index_wait_s,
            mirror_refresh_s=mirror_refresh_s,
        )
        served = [read_root(root) if isinstance(root, str) else root for root in roots]
        made.append(Workspace(served, settings))
        return made[-1]

    made: list[Workspace] = []
    yield make
    for workspace in made:
        workspace.mirrors.stop()


async def test_both_tools_answer_from_a_url(origin: Remote, serve: Serve) -> None:
    """An assistant needs neither a clone nor another way to ask."""
    commit = git(origin.folder, "rev-parse", "main").strip()[:12]
    async with connected(serve(origin.url)) as client:
        reply = await call(client, "rag_search", query="how long to wait before a retry")
        places = ["src/backoff.py:2", {"path": "README.md", "line": 1}, "nowhere.py:1"]
        ranked = await call(client, "rag_rerank", query="wait before a retry", candidates=places)
    assert reply.startswith(f"name (commit {commit}) |")
    assert "1. src/backoff.py:1-3" in reply
    assert "return 2**attempt" in reply
    assert "1. src/backoff.py:1-3" in ranked
    assert "no such file in name" in ranked


async def test_urls_folders_and_refs_are_served_together(origin: Remote, serve: Serve, example: Path) -> None:
    """A question over several repositories must say which version of which one answers."""
    git(origin.folder, "tag", "v1", "main")
    origin.push({"src/backoff.py": BACKOFF.replace("backoff", "newer")})
    served = serve(origin.url, f"{origin.url}@v1", example)
    assert served.names == ["name", "name@v1", "example"]
    async with connected(served) as client:
        reply = await call(client, "rag_search", query="wait longer before each retry")
        one = await call(client, "rag_search", query="retry", repo="name@v1")
        by_url = await call(client, "rag_search", query="retry", repo=origin.url)
    assert "name/src/backoff.py:1-3" in reply
    assert "name@v1/src/backoff.py:1-3" in reply
    assert "def backoff" in one
    assert "def newer" in by_url


async def test_a_server_that_is_gone_leaves_answers_that_say_since_when(origin: Remote, serve: Serve) -> None:
    """An answer from yesterday's code is better than none if it says so."""
    served = serve(origin.url, mirror_refresh_s=0.01)
    async with connected(served) as client:
        await call(client, "rag_search", query="retry")
        remove(origin)
        served.begin()
        mirror = served.mirrors._mirrors["name"]  # noqa: SLF001 - to wait for what a reply says
        assert polled(lambda: bool(mirror.state().error))
        reply = await call(client, "rag_search", query="retry")
    first = reply.split("\n")[0]
    assert "not refreshed since 20" in first
    assert "does not appear to be a git repository" in first
    assert "src/backoff.py" in reply


async def test_a_url_that_cannot_be_fetched_is_an_error_with_a_way_out(tmp_path: Path, serve: Serve) -> None:
    """A private repository without credentials is the first thing that users serve."""
    async with connected(serve(f"file://{tmp_path}/none.git")) as client:
        told = await refused(client, "rag_search", query="retry")
    assert "cannot be fetched" in told
    assert "check that this works without a question: git ls-remote file://" in told


async def test_a_question_does_not_wait_for_a_slow_remote(serve: Serve) -> None:
    """A clone of minutes must not look like a server that hangs."""
    with silent() as base:
        async with connected(serve(f"{base}/owner/name", index_wait_s=0.5)) as client:
            reply = await call(client, "rag_search", query="retry")
    assert "the repository is being fetched" in reply
    assert "Ask again in a moment" in reply


def answer_of(served: Workspace, name: str) -> str:
    """Return the lines of a file as a question would see them."""
    view, _ = served.refresh(name, progress=no_progress, is_cancelled=lambda: False)
    return "\n".join(view.lines("src/backoff.py") or ())


def test_a_push_is_followed_on_schedule(origin: Remote, serve: Serve) -> None:
    """Nobody restarts a server to see what was merged an hour ago."""
    served = serve(origin.url, mirror_refresh_s=0.01)
    assert "def backoff" in answer_of(served, "name")
    served.begin()
    origin.push({"src/backoff.py": BACKOFF.replace("backoff", "newer")})
    assert polled(lambda: "def newer" in answer_of(served, "name"))


def test_a_cache_that_cannot_be_read_for_a_while_does_not_end_the_schedule(
    origin: Remote, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """A network disk is away for a minute, and a server runs for months."""
    served = serve(origin.url, mirror_refresh_s=0.01)
    answer_of(served, "name")
    folder = served.mirrors._mirrors["name"].folder  # noqa: SLF001 - to take it away
    before = folder.stat().st_mode
    folder.chmod(0)
    with ordinary_user():
        served.begin()
        assert polled(lambda: "cannot be looked at" in caplog.text or "cannot be written" in caplog.text)
    folder.chmod(before)
    origin.push({"src/backoff.py": BACKOFF.replace("backoff", "newer")})
    assert polled(lambda: "def newer" in answer_of(served, "name"))


def test_a_named_place_is_fetched_at_once_and_others_are_not(origin: Remote, serve: Serve) -> None:
    """A webhook names what was pushed; a server with a thousand mirrors must not fetch them all."""
    served, outcomes = serve(origin.url), list[str]()
    served.mirrors.observe = outcomes.append
    answer_of(served, "name")
    origin.push({"src/backoff.py": BACKOFF.replace("backoff", "newer")})
    served.mirrors.fetch({"github.com/other/name"})
    assert "def backoff" in answer_of(served, "name")
    source = read_source(origin.url)
    assert source is not None
    served.mirrors.fetch({source.place})
    assert polled(lambda: "def newer" in answer_of(served, "name"))
    served.mirrors.fetch({source.place})
    assert polled(lambda: outcomes == ["changed", "same"])
    remove(origin)
    served.mirrors.fetch({source.place})
    assert polled(lambda: outcomes == ["changed", "same", "failed"])
