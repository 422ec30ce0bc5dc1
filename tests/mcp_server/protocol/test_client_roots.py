"""A client that knows its folders should not have to start the server in one of them."""

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import mcp.types as t
import pytest
from fakes import write
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_client import call
from pydantic import FileUrl

from mcp_server.protocol.tools import build_server
from mcp_server.serving.workspace import Workspace
from retrieval.settings import Settings

pytestmark = pytest.mark.anyio

PATIENCE_S = 60


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Make three small repositories, and the server's own folder."""
    return {
        name: write(tmp_path / name, {f"{name}.py": f"def lantern_of_{name}():\n    pass\n"})
        for name in ("start", "one", "two")
    }


class Roots:
    """A client's answer to roots/list, which may change."""

    def __init__(self, *uris: str, held: anyio.Event | None = None) -> None:
        self.uris = list(uris)
        self.asked = 0
        self._held = held

    async def answer(self, context: Any) -> t.ListRootsResult:
        """Answer roots/list."""
        assert context
        self.asked += 1
        if self._held:
            await self._held.wait()
        return t.ListRootsResult(roots=[t.Root(uri=FileUrl(uri)) for uri in self.uris])


@asynccontextmanager
async def serving(
    start: Path, roots: Roots | None, *, follow: bool = True, mode: str = "legacy"
) -> AsyncIterator[Client]:
    """Serve a folder to a client with roots."""
    settings = Settings(cache=start.parent / "cache", model="", index_wait_s=PATIENCE_S)
    server = build_server(Workspace([start], settings), version="0", follow_roots=follow)
    callback = roots.answer if roots else None
    async with Client(server, mode=mode, list_roots_callback=callback) as client:
        yield client


async def found(client: Client) -> list[str]:
    """Name the repositories in which a search finds something."""
    reply = await call(client, "rag_search", query="lantern", format="paths")
    return [name for name in ("start", "one", "two") if f"{name}.py" in reply]


async def test_the_folders_of_the_client_are_served(folders: dict[str, Path]) -> None:
    """An editor with two folders open asks about both, wherever it started the server."""
    roots = Roots(folders["one"].as_uri(), folders["two"].as_uri())
    async with serving(folders["start"], roots) as client:
        assert await found(client) == ["one", "two"]
        assert "Served: one, two." in ((await client.list_tools()).tools[0].description or "")
    assert roots.asked == 1


async def test_a_change_of_the_folders_is_followed(folders: dict[str, Path]) -> None:
    """Somebody opens another folder in the same window."""
    roots = Roots(folders["one"].as_uri())
    async with serving(folders["start"], roots) as client:
        assert await found(client) == ["one"]
        roots.uris = [folders["two"].as_uri()]
        await client.session.send_notification(t.RootsListChangedNotification())
        with anyio.fail_after(PATIENCE_S):
            while await found(client) != ["two"]:
                await anyio.lowlevel.checkpoint()


async def test_what_you_named_yourself_is_not_replaced(folders: dict[str, Path]) -> None:
    """A client must not widen what its user serves."""
    roots = Roots(folders["one"].as_uri())
    async with serving(folders["start"], roots, follow=False) as client:
        assert await found(client) == ["start"]
    assert roots.asked == 0


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_a_client_without_roots_gets_the_folder_of_the_start(
    folders: dict[str, Path], mode: str
) -> None:
    """The newer protocol has no roots."""
    async with serving(folders["start"], None, mode=mode) as client:
        assert await found(client) == ["start"]


REFUSED: dict[str, Callable[[Path], str]] = {
    "the home folder": lambda _: Path.home().as_uri(),
    "the whole disk": lambda _: "file:///",
    "a folder that is not there": lambda place: (place / "nowhere").as_uri(),
    "a file": lambda place: (place / "start/start.py").as_uri(),
    "another machine": lambda place: f"file://elsewhere{place}/one",
    "a zero byte": lambda place: f"{place.as_uri()}/one%00",
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_a_root_that_is_no_project_is_not_served(
    kind: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    """A client that was started by itself has a home folder as its root."""
    async with serving(folders["start"], Roots(REFUSED[kind](tmp_path))) as client:
        assert await found(client) == ["start"]
    async with serving(folders["start"], Roots(REFUSED[kind](tmp_path), folders["two"].as_uri())) as client:
        assert await found(client) == ["two"]


async def test_a_slow_client_does_not_keep_its_own_question_waiting(folders: dict[str, Path]) -> None:
    """It is answered from the folder of the start, and from its roots once they are known."""
    roots = Roots(folders["one"].as_uri(), held=(held := anyio.Event()))
    async with serving(folders["start"], roots) as client:
        assert await found(client) == ["start"]
        held.set()
        with anyio.fail_after(PATIENCE_S):
            while await found(client) != ["one"]:
                await anyio.lowlevel.checkpoint()


async def test_over_standard_input_the_roots_count_where_none_is_named(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """As a client starts it: a process in a folder of its own choice."""
    roots = Roots(folders["one"].as_uri())
    for named, name in (([], "one"), ([str(folders["two"])], "two")):
        environment = {**os.environ, "GOLDRANK_CACHE": str(tmp_path / "cache"), "GOLDRANK_MODEL": ""}
        environment |= {"GOLDRANK_INDEX_WAIT_S": str(PATIENCE_S), "CLAUDE_PROJECT_DIR": ""}
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "mcp_server", "serve", *named],
            cwd=folders["start"],
            env=environment,
        )
        transport = stdio_client(command)
        async with Client(transport, mode="legacy", list_roots_callback=roots.answer) as client:
            assert await found(client) == [name]
    assert roots.asked == 1
