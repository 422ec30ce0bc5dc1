"""The third tool: there when it was asked for, and then it logs spans and nothing else."""

from pathlib import Path
from typing import Any

import mcp.types as t
import pytest
from fakes import write
from mcp import Client

from mcp_server.protocol.tools import build_server
from mcp_server.serving.workspace import Workspace
from retrieval.rerank import model_versions
from retrieval.search import feedback_log
from retrieval.settings import Settings

pytestmark = pytest.mark.anyio

FILES = {"src/retry.py": "def schedule_retry(job):\n    return job\n", "src/mail.py": "def send(): pass\n"}


def served(tmp_path: Path) -> tuple[Workspace, Path]:
    """Serve a small repository; return also where its feedback is kept."""
    root = write(tmp_path / "r", FILES)
    settings = Settings(cache=tmp_path / "cache", models=tmp_path / "models", model="", index_wait_s=60)
    return Workspace([root], settings), model_versions.store(settings.models, root).folder


async def said(client: Client, **arguments: Any) -> tuple[bool, str]:
    """Call the tool; return whether it failed, and its text."""
    result = await client.call_tool("rag_feedback", arguments)
    (content,) = result.content
    assert isinstance(content, t.TextContent)
    return bool(result.is_error), content.text


async def test_it_is_there_only_when_it_was_asked_for(tmp_path: Path) -> None:
    """Nobody is logged who did not say so."""
    workspace, _ = served(tmp_path)
    async with Client(build_server(workspace, version="0")) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["rag_search", "rag_rerank"]
    async with Client(build_server(workspace, version="0", feedback=True)) as client:
        third = (await client.list_tools()).tools[2]
    assert third.name == "rag_feedback"
    assert third.annotations is not None
    assert third.annotations.read_only_hint is False


async def test_what_was_useful_is_logged_as_spans(tmp_path: Path) -> None:
    """No code goes into the log."""
    workspace, folder = served(tmp_path)
    async with Client(build_server(workspace, version="0", feedback=True)) as client:
        failed, text = await said(
            client, query="who retries", useful=["src/retry.py:1-2"], not_useful="src/mail.py:1-1"
        )
    assert (failed, text) == (False, "kept: 1 useful, 1 not useful")
    (entry,) = feedback_log.read(folder).entries
    assert (entry.query, entry.useful, entry.not_useful) == (
        "who retries", ("src/retry.py:1-2",), ("src/mail.py:1-1",),
    )  # fmt: skip
    assert "schedule_retry" not in (folder / feedback_log.FILE).read_text()


async def test_a_line_of_grep_is_logged_as_its_place(tmp_path: Path) -> None:
    """Assistants copy what they hold; the code behind the place must not go into the log."""
    workspace, folder = served(tmp_path)
    async with Client(build_server(workspace, version="0", feedback=True)) as client:
        failed, _ = await said(
            client, query="who retries", useful=["src/retry.py:2:    return job", "./src/mail.py:1-400"]
        )
    assert not failed
    (entry,) = feedback_log.read(folder).entries
    assert entry.useful == ("src/retry.py:2-2", "src/mail.py:1-1")


async def test_spans_are_read_in_the_forms_that_candidates_are(tmp_path: Path) -> None:
    """An assistant copies the line of our own reply, or a link."""
    workspace, folder = served(tmp_path)
    useful = ["1. src/retry.py:1-2  function schedule_retry  (score 1.000)", "src/mail.py#L1"]
    async with Client(build_server(workspace, version="0", feedback=True)) as client:
        failed, text = await said(client, query="who retries", usefull=useful, useful=useful)
        assert failed
        failed, text = await said(client, Query="who retries", useful=useful)
    assert (failed, text) == (False, "kept: 2 useful, 0 not useful\nnote: Query was read as query")
    (entry,) = feedback_log.read(folder).entries
    assert entry.useful == ("src/retry.py:1-2", "src/mail.py:1-1")


async def test_one_bad_span_is_told_and_the_others_are_kept(tmp_path: Path) -> None:
    """What an assistant knows of the others is worth keeping."""
    workspace, folder = served(tmp_path)
    async with Client(build_server(workspace, version="0", feedback=True)) as client:
        failed, text = await said(client, query="who", useful=["src/retry.py:1-2", "src/gone.py:1-2"])
    assert not failed
    assert text.startswith("kept: 1 useful, 0 not useful\nnot kept: src/gone.py:1-2: no such file in r")
    (entry,) = feedback_log.read(folder).entries
    assert entry.useful == ("src/retry.py:1-2",)


async def test_results_of_a_merged_ranking_are_logged_for_their_own_root(tmp_path: Path) -> None:
    """Each repository learns from what was said of it."""
    roots = [write(tmp_path / name, FILES) for name in ("r", "other")]
    settings = Settings(cache=tmp_path / "cache", models=tmp_path / "models", model="", index_wait_s=60)
    server = build_server(Workspace(roots, settings), version="0", feedback=True)
    async with Client(server) as client:
        failed, text = await said(client, query="who retries", useful=["r/src/retry.py:1-2"])
        mixed, _ = await said(client, query="who", useful=["r/src/retry.py:1-2", "other/src/mail.py:1-1"])
    assert (failed, text, mixed) == (False, "kept: 1 useful, 0 not useful", True)
    (entry,) = feedback_log.read(model_versions.store(settings.models, roots[0]).folder).entries
    assert entry.useful == ("src/retry.py:1-2",)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"query": "x"}, "name spans as path:start-end"),
        ({"query": " ", "useful": ["src/retry.py:1-2"]}, "query is blank"),
        ({"query": "x", "useful": ["/etc/passwd:1-2"]}, "no such file in r"),
        ({"query": "x", "useful": ["src/retry.py"]}, "src/retry.py is not a span; write path:start-end"),
        ({"query": "x", "useful": ["src/retry.py:2-1"]}, "src/retry.py:2-1: the span ends before it starts"),
        ({"query": "x", "not_useful": ["src/retry.py:0-1"]}, "lines count from 1"),
        ({"query": "x", "useful": ["src/retry.py:7-9"]}, "src/retry.py has lines 1-2"),
        ({"query": "x", "helpful": ["src/retry.py:1-2"]}, "helpful"),
    ],
)
async def test_what_is_no_feedback_is_refused_and_not_logged(
    tmp_path: Path, arguments: dict[str, Any], told: str
) -> None:
    """A log of anything else could be anything."""
    workspace, folder = served(tmp_path)
    async with Client(build_server(workspace, version="0", feedback=True)) as client:
        failed, text = await said(client, **arguments)
    assert failed
    assert told in text
    assert feedback_log.read(folder).entries == ()
