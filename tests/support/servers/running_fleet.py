"""A fleet in processes of its own, started by the command that people run, and what tests do to its parts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
from fakes import polled
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent
from remotes import Remote

PATIENCE_S = 90.0
INDEX_WAIT_S, DEADLINE_S = 3.0, 2.0


@dataclass(frozen=True, slots=True)
class RunningFleet:
    """A fleet that runs.

    Attributes:
        process: The command.
        base: Where it listens, without a path.
        home: The folder with its cache, its list, its tokens and its rights.
        remotes: What it serves, by name.
    """

    process: subprocess.Popen[str]
    base: str
    home: Path
    remotes: Mapping[str, Remote]

    @property
    def listed(self) -> Path:
        """The list of URLs."""
        return self.home / "fleet.txt"

    def replicas(self, deployment: str) -> list[psutil.Process]:
        """Find the processes of a deployment."""
        found = []
        for process in psutil.Process(self.process.pid).children(recursive=True):
            try:
                line = process.cmdline()
            except psutil.NoSuchProcess:
                continue
            if line and line[0].startswith(f"ray::ServeReplica:goldrank:{deployment}"):
                found.append(process)
        return found

    def kill(self, deployment: str) -> None:
        """Kill all replicas of a deployment."""
        for process in self.replicas(deployment):
            process.kill()

    @contextmanager
    def stopped(self, deployment: str) -> Iterator[None]:
        """Let all replicas of a deployment hang."""
        hanging = self.replicas(deployment)
        assert hanging
        for process in hanging:
            process.suspend()
        try:
            yield
        finally:
            for process in hanging:
                if process.is_running():
                    process.resume()

    def is_well(self) -> bool:
        """Return whether the gateway says that all is there."""
        try:
            return httpx2.get(f"{self.base}/readyz", timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False


@contextmanager
def running_fleet(
    home: Path, remotes: Mapping[str, Remote], *options: str, **variables: str
) -> Iterator[RunningFleet]:
    """Start a fleet over some repositories, and end it as Ctrl-C does."""
    (home / "fleet.txt").write_text("".join(f"{one.url}\n" for one in remotes.values()), encoding="utf-8")
    (home / "place").mkdir()
    environment = {
        **os.environ,
        "GOLDRANK_CACHE": str(home / "cache"),
        "GOLDRANK_MODELS": str(home / "models"),
        "GOLDRANK_FLEET": str(home / "fleet.txt"),
        "GOLDRANK_INDEX_WAIT_S": str(INDEX_WAIT_S),
        "GOLDRANK_RERANK_DEADLINE_S": str(DEADLINE_S),
        "GOLDRANK_MIRROR_REFRESH_S": "0",
        **variables,
    }
    command = [sys.executable, "-m", "mcp_server", "fleet", "up", "--http", "127.0.0.1:0"]
    command += ["--shared-indexes", str(home / "place"), *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True)
    try:
        assert process.stderr
        said = ""
        for line in process.stderr:
            said += line
            if "goldrank serves" in line:
                break
        assert "goldrank serves" in said, said
        base = said.split(" at ")[1].split("/mcp;")[0]
        fleet = RunningFleet(process, base, home, remotes)
        assert polled(fleet.is_well, patience_s=PATIENCE_S)
        yield fleet
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.stderr
        process.stderr.close()


async def ask(base: str, tool: str, token: str = "", **arguments: Any) -> tuple[bool, str]:
    """Call a tool over HTTP; return whether it is an error, and its text."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{base}/mcp", http_client=http)) as client,
    ):
        result = await client.call_tool(tool, arguments)
    (content,) = result.content
    assert isinstance(content, TextContent)
    return bool(result.is_error), content.text


async def ask_until(base: str, wanted: str, **arguments: Any) -> str:
    """Search until the reply holds a text, or patience ends; return the last reply."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        _, text = await ask(base, "rag_search", **arguments)
        if wanted in text or time.monotonic() > deadline:
            return text
