"""The server as a process: its start, its standard output, its end."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from fakes import write
from mcp import Client, StdioServerParameters

HEAVY = (
    "torch",
    "transformers",
    "sentence_transformers",
    "scipy",
    "sklearn",
    "datasets",
    "limits",
    "prometheus_client",
)
PROBE = f"""
import sys, threading
import mcp_server.protocol.process as process

def report():
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    print("LOADED", loaded, file=sys.stderr, flush=True)

import mcp_server.protocol.tools as server
listing = server._Tools.listing
async def watched(self, context, params):
    result = await listing(self, context, params)
    report()
    return result
server._Tools.listing = watched
from mcp_server.cli import main
main()
"""


AS_ORDINARY_USER = """
import mcp_server.protocol.process
from fakes import ordinary_user
from mcp_server.cli import main
with ordinary_user():
    main()
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Give a server a cache of its own and no hub models, and the patience that a busy machine needs."""
    own = {"GOLDRANK_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "hf")}
    return {**os.environ, **own, "GOLDRANK_INDEX_WAIT_S": "60"}


@pytest.fixture
def server(example: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server over the example; end it by its own id."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_server", "serve", str(example)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    with process:
        yield process
        process.kill()


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a stream that is there."""
    assert stream is not None
    return stream


def ask(server: subprocess.Popen[bytes], number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Send one request over the raw pipe; return its answer. Every line of output must be protocol."""
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    pipe(server.stdin).write(json.dumps(message).encode() + b"\n")
    pipe(server.stdin).flush()
    while True:
        answer: dict[str, Any] = json.loads(pipe(server.stdout).readline())
        if answer.get("id") == number:
            return answer


def initialize(server: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Open a session as clients of the older era do."""
    client = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "0"},
    }
    answer = ask(server, 1, "initialize", client)
    pipe(server.stdin).write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')
    pipe(server.stdin).flush()
    return answer


def test_the_raw_wire_speaks_protocol_only(server: subprocess.Popen[bytes]) -> None:
    """One stray print on standard output breaks every client."""
    said = initialize(server)["result"]
    assert said["serverInfo"]["name"] == "goldrank"
    assert set(said["capabilities"]) <= {"tools", "experimental"}, (
        "clients ask for whatever else is advertised"
    )
    assert "rag_search" in said["instructions"]
    listing = ask(server, 2, "tools/list", {})["result"]["tools"]
    assert [tool["name"] for tool in listing] == ["rag_search", "rag_rerank"]
    called = ask(server, 3, "tools/call", {"name": "rag_search", "arguments": {"query": "retry"}})
    assert "src/client.py:1-9" in called["result"]["content"][0]["text"]
    pipe(server.stdin).close()
    assert server.wait(5) == 0
    assert pipe(server.stdout).read() == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_at_once(server: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Claude Code sends SIGINT and kills half a second later; others leave orphans."""
    initialize(server)
    server.send_signal(number)
    assert server.wait(5) == 128 + number


def test_the_end_of_input_ends_the_server(server: subprocess.Popen[bytes]) -> None:
    """A client that was killed leaves nothing but a closed pipe."""
    initialize(server)
    pipe(server.stdin).close()
    assert server.wait(5) == 0


def test_listing_the_tools_loads_no_model_library(example: Path, environment: dict[str, str]) -> None:
    """Importing torch and its friends costs seconds; a client waits three."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROBE, "serve", str(example)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    with process:
        initialize(process)
        ask(process, 2, "tools/list", {})
        pipe(process.stdin).close()
        process.wait(5)
        assert b"LOADED []" in pipe(process.stderr).read()


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_lists_and_calls_both_tools_over_a_real_pipe(
    example: Path, environment: dict[str, str], mode: Any
) -> None:
    """What works in memory can still fail on a pipe."""
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_server", "serve", str(example)], env=environment
    )
    async with Client(command, mode=mode) as client:
        tools = (await client.list_tools()).tools
        found = await client.call_tool("rag_search", {"query": "how does the client retry"})
        ranked = await client.call_tool(
            "rag_rerank", {"query": "rate limit", "candidates": ["src/client.py", "src/limits.ts:2"]}
        )
    assert [tool.name for tool in tools] == ["rag_search", "rag_rerank"]
    assert "1. src/client.py:1-9" in str(found.content)
    assert "1. src/limits.ts:1-3" in str(ranked.content)


@pytest.mark.anyio
async def test_without_a_model_the_reply_says_how_to_get_one(
    example: Path, environment: dict[str, str]
) -> None:
    """Nothing degrades in silence."""
    model = {"GOLDRANK_MODEL": "cross-encoder/ms-marco-MiniLM-L6-v2", "GOLDRANK_RERANK_WEIGHT": "0.5"}
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "mcp_server", "serve", str(example)], env=environment | model
    )
    async with Client(command) as client:
        text = str((await client.call_tool("rag_search", {"query": "retry a request"})).content)
    assert "bm25 (no reranking: cross-encoder/ms-marco-MiniLM-L6-v2 is not on this machine" in text
    assert "goldrank doctor --download-model" in text


def test_a_root_that_may_not_be_read_is_an_error_of_the_call(environment: dict[str, str]) -> None:
    """The person learns whose permissions to mend, and the server lives to be asked again."""
    fakes = str(Path(__file__).parents[2] / "support")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # for its maker alone, who may be root
        root = write(Path(folder) / "root", {"a.py": "def retry(): pass\n"})
        root.chmod(0)
        process = subprocess.Popen(
            [sys.executable, "-c", AS_ORDINARY_USER, "serve", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, "HF_HOME": folder, "XDG_CONFIG_HOME": folder, "PYTHONPATH": fakes},
        )
        with process:
            initialize(process)
            refused = ask(process, 2, "tools/call", {"name": "rag_search", "arguments": {"query": "retry"}})
            listed = ask(process, 3, "tools/list", {})
            pipe(process.stdin).close()
            process.wait(5)
        root.chmod(0o700)
    assert refused["result"]["isError"]
    assert "may not be read by this user; check its permissions" in refused["result"]["content"][0]["text"]
    assert len(listed["result"]["tools"]) == 2
