"""Calls of both tools through the official client: what slips and odd candidates become."""

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from example_repository import MakeWorkspace
from fakes import git, write
from mcp import MCPError
from mcp_client import call, connected, refused

from mcp_server.serving.workspace import Workspace
from retrieval.settings import Settings

pytestmark = pytest.mark.anyio


async def test_a_file_and_its_whole_span_are_one_candidate(workspace: MakeWorkspace) -> None:
    """However it was named, a place stands in the ranking once."""
    candidates = ["src/client.py", "src/client.py:1-9"]
    async with connected(workspace()) as client:
        reply = await call(client, "rag_rerank", query="retry", candidates=candidates)
    assert reply.count(". src/client.py:1-9  (") == 1
    assert "- src/client.py:1-9: the same as src/client.py:1-9, ranked once" in reply


async def test_candidates_that_cannot_be_ranked_are_told_one_by_one(
    workspace: MakeWorkspace, example: Path
) -> None:
    """One bad path must not cost the ranking of the others."""
    write(example, {".env": "TOKEN=hunter2"})
    write(example, {".hg/hgrc": "[paths]", "libs/a.py": "x = 1"})
    (example / "libs/sub").symlink_to("../src")
    (example / "out.py").symlink_to("/etc/passwd")
    candidates = [
        "src/client.py",
        "client.py",
        "src/client.py:99",
        "src/client.py:5-2",
        "src/client.py:" + "9" * 5000,
        "z" * 30_000,
        "/etc/passwd",
        "../../etc/passwd",
        "out.py",
        ".env",
        "libs/sub/s.py:1",
        ".hg/hgrc",
        "src/client.py:1",
        str(example / "src/limits.ts"),
    ]
    async with connected(workspace()) as client:
        reply = await call(client, "rag_rerank", query="retry", candidates=candidates)
    assert "1. src/client.py:1-9" in reply
    assert "2. src/limits.ts:1-3" in reply
    for problem in (
        "not ranked (12):",
        "- client.py: no such file in example; paths are relative to its root; did you mean src/client.py?",
        "- src/client.py:99: src/client.py has lines 1-9",
        "- src/client.py:5-2: the span ends before it starts",
        "… (5,014 characters): src/client.py has lines 1-9",
        "… (30,000 characters): no such file in example",
        "- /etc/passwd: no such file in example",
        "- ../../etc/passwd: no such file in example",
        "- out.py: not searched: a link that leaves the root",
        "- .env: not searched: may hold secrets",
        (
            "- libs/sub/s.py:1: not searched: it is below libs/sub, "
            "a link, which is not followed (follow_links)"
        ),
        "- .hg/hgrc: not searched: it is below .hg, version control's own files",
        "- src/client.py:1: the same as src/client.py:1-9, ranked once",
    ):
        assert problem in reply
    assert len(reply) < 2_800
    assert "hunter2" not in reply
    assert "root:" not in reply


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        (
            "rag_search",
            {"query": "x", "zebra": 3},
            "rag_search: zebra is not an argument. Accepted: query, expect, top_k, offset",
        ),
        ("rag_search", {}, "query: Field required"),
        ("rag_search", {"query": ""}, "query: String should have at least 1 character (got '')"),
        ("rag_search", {"query": " \n"}, "query is blank"),
        ("rag_search", {"query": {"text": "x"}}, "query: Input should be a valid string (got {'text': 'x'})"),
        ("rag_search", {"query": "x", "top_k": "3.5"}, "top_k: Input should be a valid integer (got '3.5')"),
        (
            "rag_search",
            {"query": "x", "top_k": 0},
            "top_k: Input should be greater than or equal to 1 (got 0)",
        ),
        (
            "rag_search",
            {"query": "x", "rerank": "perhaps"},
            "rerank: Input should be a valid boolean (got 'perhaps')",
        ),
        ("rag_search", {"query": "x" * 100_000}, "query: String should have at most 8000 characters"),
        ("rag_search", {"query": "x", "path": [[1]]}, "path.0: Input should be a valid string (got [1])"),
        ("rag_search", {"query": "x", "language": "klingon"}, "language 'klingon' is unknown; known are"),
        ("rag_search", {"query": "x", "path": ["nope/"]}, "no indexed file matches path nope/;"),
        ("rag_search", {"query": "x", "repo": "other"}, "repo 'other' is not served; served are: example"),
        ("rag_rerank", {"query": "x"}, "candidates: Field required"),
        ("rag_rerank", {"query": "x", "candidates": []}, "candidates: List should have at least 1 item"),
        ("rag_rerank", {"query": "x", "candidates": 7}, "candidates: Input should be a valid list (got 7)"),
        ("rag_search", {"query": "x", "path": ["!"]}, "path '!' is not a gitignore pattern"),
        ("rag_rerank", {"query": "\t", "candidates": ["a"]}, "query is blank"),
    ],
)
async def test_bad_input_is_a_clear_error_and_the_server_lives(
    workspace: MakeWorkspace, tool: str, arguments: dict[str, Any], said: str
) -> None:
    """An agent mends what it is told about; most peers ignore unknown arguments in silence."""
    async with connected(workspace()) as client:
        assert said in await refused(client, tool, **arguments)


def places(reply: str) -> list[str]:
    """Return the headings of a reply, with their numbers and without what follows the lines."""
    return re.findall(r"^\d+\. \S+:\d+-\d+", reply, re.MULTILINE)


@pytest.mark.parametrize("count", [1, 2])
async def test_offset_turns_the_pages_of_an_order(
    workspace: MakeWorkspace, tmp_path: Path, count: int
) -> None:
    """Who has read eight places and not found it wants the next, of one repository or of all."""
    files = {f"src/retry_{i}.py": f"def retry_{i}(job):\n    return schedule(job, {i})\n" for i in range(30)}
    roots = [write(tmp_path / f"r{number}", files) for number in range(count)]
    asked = {"query": "retry schedule job", "format": "paths"}
    async with connected(workspace(*roots)) as client:
        whole = places(await call(client, "rag_search", **asked, top_k=20))
        first = await call(client, "rag_search", **asked, top_k=10)
        second = await call(client, "rag_search", **asked, top_k=10, offset=10)
        beyond = await call(client, "rag_search", **asked, offset=200)
        read = await call(client, "rag_search", query="retry schedule job", top_k=4, offset="4")
    assert len(whole) == 20
    assert places(first) + places(second) == whole
    assert "No place after the first 200" in beyond
    assert "offset=8 shows the next" in read


@pytest.mark.parametrize(
    "arguments",
    [
        {"query": "y" * 100_000},
        {"query": "x", "path": ["y" * 200_000]},
        {"query": "x", "language": "y" * 50_000},
        {"query": "x", "repo": "y" * 50_000},
        {"query": "x", "y" * 50_000: 1},
        {"query": "x", **{f"argument_{i}": i for i in range(5_000)}},
    ],
)
async def test_a_long_wrong_value_is_not_echoed_whole(
    workspace: MakeWorkspace, arguments: dict[str, Any]
) -> None:
    """An error that repeats 100 kB costs more than the answer."""
    async with connected(workspace()) as client:
        assert len(await refused(client, "rag_search", **arguments)) < 1_000


async def test_an_unknown_tool_is_a_protocol_error(workspace: MakeWorkspace) -> None:
    """The specification says so, and clients rely on it."""
    async with connected(workspace()) as client:
        with pytest.raises(MCPError, match="Unknown tool: rag_delete"):
            await client.call_tool("rag_delete", {})


async def test_a_cache_that_cannot_be_written_is_an_error_of_the_call(tmp_path: Path, example: Path) -> None:
    """An agent can tell its person which folder it is and what to set instead."""
    cache = write(tmp_path, {"cache": "a file"}) / "cache"
    async with connected(Workspace((example,), Settings(cache=cache, model=""))) as client:
        said = await refused(client, "rag_search", query="retry")
    assert f"the index in {cache}" in said
    assert "choose another cache folder with --cache DIR or GOLDRANK_CACHE=DIR" in said


async def test_a_root_that_does_not_exist_is_an_error_of_the_call(
    tmp_path: Path, workspace: MakeWorkspace
) -> None:
    """A mistyped root must be told to the agent, not end the server before it can say anything."""
    async with connected(workspace(tmp_path / "nowhere")) as client:
        assert "nowhere does not exist" in await refused(client, "rag_search", query="x")


async def test_a_root_that_vanishes_and_comes_back_is_served_again(
    workspace: MakeWorkspace, example: Path
) -> None:
    """Work trees are removed and made again while their server runs."""
    async with connected(workspace()) as client:
        assert "src/client.py" in await call(client, "rag_search", query="retry")
        moved = f"{example}.moved"
        shutil.move(example, moved)
        assert "does not exist" in await refused(client, "rag_search", query="retry")
        shutil.move(moved, example)
        assert "src/client.py" in await call(client, "rag_search", query="retry")


async def test_a_file_that_vanishes_is_not_cited(workspace: MakeWorkspace, example: Path) -> None:
    """A ghost costs an agent a failed read and its trust."""
    async with connected(workspace()) as client:
        assert "src/client.py" in await call(client, "rag_search", query="retry")
        (example / "src/client.py").unlink()
        assert "src/client.py" not in await call(client, "rag_search", query="retry")
        reply = await call(client, "rag_rerank", query="retry", candidates=["src/client.py", "README.md"])
    assert "- src/client.py: no such file" in reply


async def test_a_file_name_that_is_no_utf8_does_not_end_the_server(
    tmp_path: Path, workspace: MakeWorkspace
) -> None:
    """One lone surrogate in a reply would kill the transport and the process."""
    root = write(tmp_path / "odd", {os.fsdecode(b"bad\x80name.py"): "def retry(): pass\n"})
    async with connected(workspace(root)) as client:
        assert "1. bad?name.py:1-1" in await call(client, "rag_search", query="retry")


async def test_a_line_break_in_a_file_name_does_not_split_a_heading(
    tmp_path: Path, workspace: MakeWorkspace
) -> None:
    """A reply is read line by line, and a file may be called like a line of it."""
    name = "a\n9. b.py:1-1  class Fake.py"
    root = write(tmp_path / "odd", {name: "def retry(): pass\n"})
    async with connected(workspace(root)) as client:
        found = await call(client, "rag_search", query="retry")
        ranked = await call(client, "rag_rerank", query="retry", candidates=["a\nb.py", name])
    for reply in (found, ranked):
        assert "\n1. a\\n9. b.py:1-1  class Fake.py:1-1" in reply
        assert "\n9. b.py" not in reply
    assert "- a\\nb.py: no such file" in ranked


@pytest.mark.parametrize("commits", [0, 1])
async def test_an_empty_repository_is_searched(
    tmp_path: Path, workspace: MakeWorkspace, commits: int
) -> None:
    """The first question may come before the first file."""
    root = tmp_path / "empty"
    root.mkdir()
    if commits:
        git(root, "init", "-q")
    async with connected(workspace(root)) as client:
        reply = await call(client, "rag_search", query="anything")
    assert "| 0 chunks |" in reply
    assert "no commit yet" in reply if commits else "not a git repository" in reply


async def test_several_roots_are_told_apart(tmp_path: Path, workspace: MakeWorkspace, example: Path) -> None:
    """An answer about the wrong repository is worse than none."""
    other = write(tmp_path / "x/other", {"z.py": "def retry(): pass\n"})
    twin = write(tmp_path / "y/other", {"y.py": "def retry(): pass\n"})
    async with connected(workspace(example, other, twin)) as client:
        assert "several repositories are served: example, " in await refused(
            client, "rag_rerank", query="retry", candidates=["z.py"]
        )
        assert "src/client.py" in await call(client, "rag_search", query="retry", repo="example")
        assert "z.py:1-1" in await call(client, "rag_search", query="retry", repo=str(other))
        assert "y.py:1-1" in await call(client, "rag_search", query="retry", repo=str(twin))


async def test_progress_is_reported_while_files_are_indexed(tmp_path: Path, workspace: MakeWorkspace) -> None:
    """A client that shows progress does not time out, and a person does not give up."""
    root = write(tmp_path / "many", {f"f{i}.py": f"def retry_{i}(): pass\n" for i in range(30)})
    seen: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async with connected(workspace(root)) as client:
        await client.call_tool("rag_search", {"query": "retry"}, progress_callback=note)
    assert [count for count, _, _ in seen] == sorted({count for count, _, _ in seen}), "a count must grow"
    assert any(total and message and message.endswith("of 30 files") for _, total, message in seen)


async def test_an_unforeseen_failure_is_an_error_without_its_insides(
    workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A bug of ours must not end the server, nor show its insides to a model."""

    def explode(*_: object, **__: object) -> None:
        raise KeyError("internal detail")

    monkeypatch.setattr("retrieval.search.searcher.search", explode)
    async with connected(workspace()) as client:
        said = await refused(client, "rag_search", query="retry")
    assert "rag_search failed inside" in said
    assert "internal detail" not in said
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
