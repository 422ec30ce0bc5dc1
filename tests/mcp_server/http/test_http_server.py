"""The server over HTTP, as a process: who may ask, by which name, how often, and what it says of itself."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

from mcp_server.serving.workspace import Readiness, Workspace
from retrieval.settings import Settings

TOKEN = "a" * 40
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}
START_S = 60  # a busy machine needs that long

Serve = Callable[..., str]


@pytest.fixture
def serve(example: Path, tmp_path: Path) -> Iterator[Serve]:
    """Start servers over the example, each at a port of its own; end them by their own ids."""
    environment = {**os.environ, "GOLDRANK_CACHE": str(tmp_path / "cache"), "GOLDRANK_INDEX_WAIT_S": "60"}
    with ExitStack() as started:

        def start(*options: str, root: Path = example) -> str:
            process = subprocess.Popen(
                [sys.executable, "-m", "mcp_server", "serve", "--http", "127.0.0.1:0", *options, str(root)],
                stderr=subprocess.PIPE,
                env=environment,
                text=True,
            )
            assert process.stderr
            started.callback(process.stderr.close)
            started.callback(process.wait)
            started.callback(process.kill)
            line = process.stderr.readline()
            match = re.search(r"at (http://127\S+?)/mcp; Ctrl-C ends it", line)
            assert match, line + process.stderr.read()
            return match[1]

        yield start


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """Write a token file that only its owner reads."""
    file = tmp_path / "tokens"
    file.write_text(f"# who may ask\nann {TOKEN}\n")
    file.chmod(0o600)
    return file


def text_of(result: CallToolResult) -> str:
    """Return the text of a reply that is no error."""
    assert not result.is_error
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


def refusal(*options: str, root: Path) -> str:
    """Start a server that is refused; return what it says."""
    command = [sys.executable, "-m", "mcp_server", "serve", *options, str(root)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=START_S, check=False)
    assert ended.returncode == 2, ended.stderr
    return ended.stderr


def posted(
    base: str, body: object = INITIALIZE, *, token: str = "", headers: dict[str, str] | None = None
) -> httpx2.Response:
    """Send one message to the endpoint."""
    own = ACCEPT | ({"Authorization": f"Bearer {token}"} if token else {}) | (headers or {})
    return httpx2.post(f"{base}/mcp", json=body, headers=own, timeout=START_S)


def statuses(base: str, tokens: Sequence[str]) -> list[int]:
    """Return the status that each token gets."""
    return [posted(base, token=token).status_code for token in tokens]


def test_the_call_that_the_docs_show_is_answered(serve: Serve) -> None:
    """An example that fails costs more than none."""
    example = (
        (Path(__file__).parents[3] / "docs/http.md").read_text(encoding="utf-8").partition("curl -sS")[2]
    )
    headers = dict(header.split(": ") for header in re.findall(r"-H '(.*?)'", example))
    reply = posted(serve(), json.loads(example.split("-d '")[1].split("' |")[0]), headers=headers)
    assert "best first" in reply.json()["result"]["content"][0]["text"]


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
async def test_both_tools_answer_over_http_in_both_eras(serve: Serve, mode: str) -> None:
    """A client need not care how it is connected; the reply is the text that it gets over a pipe."""
    async with Client(f"{serve()}/mcp", mode=mode) as client:
        listed = await client.list_tools()
        found = await client.call_tool("rag_search", {"query": "how are retries scheduled"})
        ranked = await client.call_tool(
            "rag_rerank",
            {"query": "retry", "candidates": [{"text": "def retry(): ..."}, {"text": "class Cake: ..."}]},
        )
    assert [tool.name for tool in listed.tools] == ["rag_search", "rag_rerank"]
    assert "best first" in text_of(found)
    assert "1. text 1" in text_of(ranked)


@pytest.mark.anyio
async def test_a_client_with_a_token_is_served(serve: Serve, tokens: Path) -> None:
    """The official client needs no more than a header."""
    base = serve("--token-file", str(tokens))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=START_S) as http,
        Client(streamable_http_client(f"{base}/mcp", http_client=http)) as client,
    ):
        assert [tool.name for tool in (await client.list_tools()).tools] == ["rag_search", "rag_rerank"]


def test_without_a_token_nothing_is_told(serve: Serve, tokens: Path) -> None:
    """Tools, counters and names of repositories are for those who may ask; that it lives is no secret."""
    base = serve("--token-file", str(tokens))
    refused = posted(base)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    assert statuses(base, [TOKEN[1:], TOKEN.upper(), "", TOKEN + " x", TOKEN]) == [401, 401, 401, 401, 200]
    assert httpx2.get(f"{base}/metrics").status_code == 401
    assert httpx2.get(f"{base}/healthz").text == "ok\n"


def test_a_token_that_is_taken_away_is_refused_at_once(serve: Serve, tokens: Path) -> None:
    """Whoever leaves is kept out without a restart, and a broken file lets nobody in."""
    base = serve("--token-file", str(tokens))
    other = "b" * 40
    assert statuses(base, [TOKEN, other]) == [200, 401]
    tokens.write_text(f"bob {other}\n")
    assert statuses(base, [TOKEN, other]) == [401, 200]
    tokens.write_text("bob\n")
    assert statuses(base, [TOKEN, other]) == [401, 401]
    tokens.write_text(f"bob {other}\n")
    assert statuses(base, [other]) == [200]


def test_a_session_is_only_for_the_token_that_opened_it(serve: Serve, tokens: Path) -> None:
    """An id of a session is no key: it may be in a log."""
    other = "b" * 40
    tokens.write_text(f"ann {TOKEN}\nbob {other}\n")
    base = serve("--token-file", str(tokens))
    session = {"Mcp-Session-Id": posted(base, token=TOKEN).headers["Mcp-Session-Id"]}
    assert posted(base, PING, token=TOKEN, headers=session).status_code == 200
    assert posted(base, PING, token=other, headers=session).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example:80"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_page_that_rebinds_its_name_is_refused(serve: Serve, headers: dict[str, str], status: int) -> None:
    """A browser on this machine opens any page, and the page may call any name that leads here."""
    base = serve()
    assert posted(base, headers=headers).status_code == status


def test_another_port_of_this_machine_is_another_origin(serve: Serve) -> None:
    """A development server of somebody else's code runs at such a port."""
    base = serve()
    assert posted(base, headers={"Origin": "http://localhost:3000"}).status_code == 403
    assert posted(base, headers={"Origin": base}).status_code == 200


def test_a_proxys_name_is_accepted_when_it_is_named(serve: Serve) -> None:
    """TLS ends at a proxy, which passes on the name that its client used."""
    base = serve("--public-url", "https://code.example.com/mcp")
    assert posted(base, headers={"Host": "code.example.com"}).status_code == 200
    assert posted(base, headers={"Origin": "https://code.example.com"}).status_code == 200


def test_a_body_of_megabytes_is_refused(serve: Serve) -> None:
    """The tools take some hundred kilobytes; more would only fill memory."""
    base = serve()
    assert posted(base, {**PING, "params": {"filler": "x" * 2_000_000}}).status_code == 413
    assert posted(base).status_code == 200


def test_a_client_that_asks_too_often_is_told_to_wait(serve: Serve, tokens: Path) -> None:
    """A loop that has gone wrong in one assistant leaves the others their turn."""
    other = "b" * 40
    tokens.write_text(f"ann {TOKEN}\nbob {other}\n")
    base = serve("--token-file", str(tokens), "--rate-limit", "3")
    assert statuses(base, [TOKEN, TOKEN, TOKEN, TOKEN, other]) == [200, 200, 200, 429, 200]
    assert 1 <= int(posted(base, token=TOKEN).headers["Retry-After"]) <= 60


def test_it_is_ready_once_everything_is_indexed(serve: Serve) -> None:
    """A balancer sends questions where they can be answered."""
    base = serve()
    deadline = time.monotonic() + START_S
    while (told := httpx2.get(f"{base}/readyz")).status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (told.status_code, told.text) == (200, "1 of 1 repositories are indexed, 0 failed\n")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A server that announces a folder and finds nothing in it hides a slip of the pen."""
    assert "moved is not a folder" in refusal("--http", "0", root=tmp_path / "moved")


def test_a_missing_repository_keeps_the_others_ready(tmp_path: Path, example: Path) -> None:
    """One folder that was moved takes no service down, and is counted."""
    workspace = Workspace([example, tmp_path / "moved"], Settings(cache=tmp_path / "cache", model=""))
    assert not workspace.readiness().is_over
    workspace.begin()
    deadline = time.monotonic() + START_S
    while not workspace.readiness().is_over and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workspace.readiness() == Readiness(served=2, indexed=1, failed=1)


@pytest.mark.anyio
async def test_counters_say_how_many_and_how_long_and_nothing_of_the_code(
    serve: Serve, example: Path
) -> None:
    """What an operator watches is no way to read what was asked."""
    base = serve()
    async with Client(f"{base}/mcp") as client:
        await client.call_tool("rag_search", {"query": "how are retries scheduled"})
        await client.call_tool("rag_search", {"query": " "})
    text = httpx2.get(f"{base}/metrics").text
    assert 'goldrank_call_seconds_count{outcome="answered",tool="rag_search"} 1.0' in text
    assert 'goldrank_call_seconds_count{outcome="refused",tool="rag_search"} 1.0' in text
    assert 'goldrank_repositories{state="served"} 1.0' in text
    assert "retries" not in text
    assert example.name not in text


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--http", "0.0.0.0:0"], "name who may ask with --token-file or --issuer"),
        (["--http", "nonsense"], "write a port or HOST:PORT"),
        (["--http", "127.0.0.1:99999"], "write a port or HOST:PORT"),
        (["--http", "0", "--token-file", "missing"], "the token file missing cannot be read"),
        (["--http", "0", "--issuer", "https://login.example.com"], "--issuer needs --public-url"),
        (
            ["--http", "0", "--issuer", "http://login.example.com", "--public-url", "https://a.b/mcp"],
            "no author",
        ),
        (["--http", "0", "--public-url", "code.example.com"], "write it whole"),
        (["--rate-limit", "3"], "add --http PORT"),
    ],
)
def test_a_server_that_strangers_could_reach_does_not_start(
    example: Path, options: list[str], told: str
) -> None:
    """Each refusal says what to write instead."""
    assert told in refusal(*options, root=example)


def test_other_machines_need_a_name_for_the_server(example: Path, tokens: Path) -> None:
    """The Host header can only be checked against a name that is known."""
    said = refusal("--http", "0.0.0.0:0", "--token-file", str(tokens), root=example)
    assert "--public-url https://code.example.com/mcp" in said


@pytest.mark.skipif(os.name != "posix", reason="permissions of a file are of POSIX")
def test_a_token_file_that_others_read_is_refused(example: Path, tokens: Path) -> None:
    """On a machine of several people, their tokens would be everybody's."""
    tokens.chmod(0o644)
    assert f"chmod 600 {tokens}" in refusal("--http", "0", "--token-file", str(tokens), root=example)


def test_a_short_token_is_refused(example: Path, tokens: Path) -> None:
    """A word can be guessed."""
    tokens.write_text("ann secret\n")
    assert "openssl rand -hex 32" in refusal("--http", "0", "--token-file", str(tokens), root=example)


def test_a_port_that_is_taken_is_named(example: Path) -> None:
    """The system's reason, and a way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = f"127.0.0.1:{port} cannot be listened at: {os.strerror(errno.EADDRINUSE)}; choose another port"
        assert said in refusal("--http", str(port), root=example)


def test_it_ends_when_it_is_told_to(example: Path, tmp_path: Path) -> None:
    """A service manager's stop is an orderly end, even while a client listens."""
    environment = {**os.environ, "GOLDRANK_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "mcp_server", "serve", "--http", "0", str(example)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stderr
        base = process.stderr.readline().split(" at ")[1].split("/mcp")[0]
        session = posted(base).headers["Mcp-Session-Id"]
        listening = ACCEPT | {"Mcp-Session-Id": session}
        with httpx2.stream("GET", f"{base}/mcp", headers=listening, timeout=START_S) as stream:
            assert stream.status_code == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=START_S) == 0


def test_broken_messages_get_errors_and_the_server_lives(serve: Serve) -> None:
    """What comes from a network is anything at all."""
    base = serve()
    for body in (
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"jsonrpc": "2.0"}',
        json.dumps([PING] * 3).encode(),
    ):
        answer = httpx2.post(
            f"{base}/mcp",
            content=body,
            headers=ACCEPT | {"Content-Type": "application/json"},
            timeout=START_S,
        )
        assert 400 <= answer.status_code < 500, body
    assert posted(base).status_code == 200
