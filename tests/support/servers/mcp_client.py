"""A server in memory with the official client beside it, and what tests ask of the two."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import mcp.types as t
from fakes import KeywordScorer
from mcp import Client

from mcp_server.protocol.tools import build_server
from mcp_server.serving.workspace import Workspace
from retrieval.rerank.model_thread import ModelThread
from retrieval.search.second_stage import SecondStage

Mode = Literal["auto", "legacy"]
MODES: tuple[Mode, ...] = ("auto", "legacy")


@asynccontextmanager
async def connected(workspace: Workspace, mode: Mode = "auto") -> AsyncIterator[Client]:
    """Connect the official client to a server in memory."""
    async with Client(build_server(workspace, version="0"), mode=mode) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> str:
    """Call a tool that must succeed; return its text."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    assert result.structured_content is None, "clients would show the model nothing but this"
    (content,) = result.content
    assert isinstance(content, t.TextContent)
    return content.text


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """Call a tool that must answer with an error, and show that the server lives; return the error's text."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result
    assert len((await client.list_tools()).tools) == 2
    (content,) = result.content
    assert isinstance(content, t.TextContent)
    return content.text


def trusting(scorer: KeywordScorer, *, depth: int = 10) -> SecondStage:
    """Trust a scorer."""
    return SecondStage(ModelThread(lambda: scorer), "fake-model", 0.9, 0.9, depth, 60)
