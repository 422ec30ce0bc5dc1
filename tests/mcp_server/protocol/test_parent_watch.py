"""A server whose client is gone: it ends, even where somebody else holds the pipe open."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import write

from mcp_server.protocol.parent_watch import ParentWatch

LAUNCHER = """
import subprocess, sys
impatient = (
    "from mcp_server.protocol.parent_watch import ParentWatch; from mcp_server.cli import main;"
    "ParentWatch.start.__kwdefaults__.update(every_s=0.05, silence_s=0.1); main()"
)
subprocess.run([sys.executable, "-c", impatient, *sys.argv[1:]])
"""
"""Stands for a client; its server waits for a word for less than a person would."""

INITIALIZE = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
    b'"capabilities":{},"clientInfo":{"name":"raw","version":"0"}}}\n'
)


def test_a_server_ends_after_its_client_though_the_pipe_is_open(tmp_path: Path) -> None:
    """A sibling that inherited the pipe would keep the server alive for ever."""
    root = write(tmp_path / "root", {"a.py": "def retry(): pass\n"})
    command = [sys.executable, "-c", LAUNCHER, "serve", str(root), "--cache", str(tmp_path / "cache")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        client.stdin.write(INITIALIZE)
        client.stdin.flush()
        assert b'"serverInfo"' in client.stdout.readline()
        client.kill()
        assert client.stdout.read() == b"", "it ends only once the server has let go of it"
        assert not client.stdin.closed


def test_a_server_whose_parent_lives_is_not_alone() -> None:
    """An agent may think for an hour."""
    assert not ParentWatch().is_client_gone(silence_s=0)


@pytest.mark.anyio
async def test_whoever_talks_is_served_though_the_parent_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher may leave on purpose and hand its pipe to the client."""

    async def lines() -> object:
        yield "ping\n"

    watch = ParentWatch()
    monkeypatch.setattr(os, "getppid", lambda: 1)  # as after the parent's death
    assert watch.is_client_gone(silence_s=0)
    assert [heard async for heard in watch.listen(lines())] == ["ping\n"]  # type: ignore[arg-type]  # a generator
    assert not watch.is_client_gone(silence_s=60)


def test_a_stopped_server_whose_client_died_ends_when_it_wakes(tmp_path: Path) -> None:
    """A suspended machine wakes to processes whose partners are gone."""
    root = write(tmp_path / "root", {"a.py": "def retry(): pass\n"})
    command = [sys.executable, "-m", "mcp_server", "serve", str(root), "--cache", str(tmp_path / "cache")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdin.write(INITIALIZE)
        server.stdin.flush()
        assert server.stdout.readline()
        server.send_signal(signal.SIGSTOP)
        server.stdin.close()
        server.send_signal(signal.SIGCONT)
        assert server.wait(30) == 0
