"""What clients put around messages: several in one line, byte order marks, carriage returns, NULs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_server.protocol.batches import VERSION

OTHERS = ("2024-11-05", "2025-06-18", "2025-11-25")
Server = subprocess.Popen[bytes]


@pytest.fixture
def server(example: Path, tmp_path: Path) -> Iterator[Server]:
    """Start the real server, which has not heard a word yet."""
    command = [sys.executable, "-m", "mcp_server", "serve", str(example), "--cache", str(tmp_path / "cache")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        assert process.stdin
        process.stdin.close()
        assert process.wait(30) == 0


def said(server: Server, line: bytes) -> Any:
    """Write a line and read one."""
    assert server.stdin
    assert server.stdout
    server.stdin.write(line)
    server.stdin.flush()
    return json.loads(server.stdout.readline())


def hello(version: str) -> bytes:
    """Write `initialize`."""
    client = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    return json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client}).encode()


def ping(number: int) -> dict[str, Any]:
    """Ask for a sign of life."""
    return {"jsonrpc": "2.0", "id": number, "method": "ping"}


def begin(server: Server, version: str) -> None:
    """Agree on a version."""
    assert said(server, hello(version) + b"\n")["result"]["protocolVersion"] == version
    assert server.stdin
    server.stdin.write(b'{"jsonrpc":"2.0","method":"notifications/initialized"}\n')


def test_a_batch_is_answered_as_one_where_the_version_has_batches(server: Server) -> None:
    """Its client waits for an array."""
    begin(server, VERSION)
    call = {
        "jsonrpc": "2.0",
        "id": "c",
        "method": "tools/call",
        "params": {"name": "rag_search", "arguments": {"query": "who retries"}},
    }
    note = {"jsonrpc": "2.0", "method": "notifications/roots/list_changed"}
    answers = said(
        server, json.dumps([ping(1), note, call, {"jsonrpc": "2.0", "id": 2}, ping(3)]).encode() + b"\n"
    )
    assert {answer["id"] for answer in answers} == {1, 3, "c"}
    assert said(server, json.dumps(ping(4)).encode() + b"\n")["id"] == 4, "single messages go on"


def test_a_cancelled_member_does_not_cost_the_others_their_answers(server: Server) -> None:
    """It has no answer, and a batch that waits for it is never answered."""
    begin(server, VERSION)
    call = {"name": "rag_search", "arguments": {"query": "who retries"}}
    batch = [
        {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": call},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}},
        ping(6),
    ]
    assert [answer["id"] for answer in said(server, json.dumps(batch).encode() + b"\n")][-1:] == [6]
    assert said(server, json.dumps(ping(7)).encode() + b"\n")["id"] == 7


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":8,"method":"ping","params":{"a":' + b"9" * 5_000 + b"}}",
        b'{"jsonrpc":"2.0","id":8,"method":"ping","params":{"a":"a\tb\x01"}}',
    ],
)
def test_a_request_whose_id_can_be_read_is_answered(server: Server, line: bytes) -> None:
    """Its client waits."""
    begin(server, "2025-11-25")
    assert said(server, line + b"\n")["id"] == 8


@pytest.mark.parametrize("version", OTHERS)
def test_a_batch_is_refused_where_the_version_has_none(server: Server, version: str) -> None:
    """Each of its requests has an answer; none waits for ever."""
    begin(server, version)
    first = said(server, json.dumps([ping(1), ping(2)]).encode() + b"\n")
    assert server.stdout
    second = json.loads(server.stdout.readline())
    assert [first["id"], second["id"]] == [1, 2]
    assert all(
        "send each message on a line of its own" in answer["error"]["message"] for answer in (first, second)
    )


@pytest.mark.parametrize(
    "framing",
    [
        b"\xef\xbb\xbf%s\n",
        b"%s\r\n",
        b"%s\0\n",
        b"\0\0%s\n",
        b"\r\n\n%s\n",
        b" \t%s \n",
        b"\xef\xbb\xbf\0%s\r\n",
    ],
)
def test_what_stands_around_a_message_means_nothing(server: Server, framing: bytes) -> None:
    """Windows shells write a byte order mark and CRLF, C programs the NUL that ends their text."""
    assert said(server, framing % hello("2025-11-25"))["id"] == 0
    assert said(server, framing % json.dumps(ping(5)).encode())["id"] == 5


def test_a_nul_within_a_message_does_not_lose_it(server: Server) -> None:
    """JSON has none."""
    begin(server, "2025-11-25")
    assert said(server, b'{"jsonrpc":"2.0",\0"id":6,"method":"ping"}\n')["id"] == 6
