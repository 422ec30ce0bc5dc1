"""What a fleet answers, what that costs, and what becomes of it when its parts die.

    python -m benchmarks.http.fleet --list URLS --place PLACE --work DIR --questions people-dev.jsonl \
        [--nodes 1 2 4] [--sample 60]

Each number of nodes is a Ray cluster on loopback whose nodes are processes of their own
(`benchmarks.http.fleet_nodes`); all share the cores of this machine, so CPU per question is what to read, and
times say only what this machine does. `benchmarks.http.fleet_chaos` kills parts of such a fleet.

equality  Questions of `people-dev` name their repository; the top ten, with scores, must be those of a server
          of one machine.
cost      CPU of all processes but builders, and times, of questions to 1, to 20 and to all repositories;
          builders, which check every repository after a start, have the lowest priority.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psutil
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from mcp_server.serving import url_list
from retrieval.errors import shorten

SEED = 36
READY_S = 600.0
SHOWN = 5
LOWEST = 19  # priority
SETTLE_S = 60.0  # for an index and the commits to be read


@dataclass
class Fleet:
    """A fleet that runs in processes of its own.

    Attributes:
        process: What started it.
        port: Where it listens.
        raylets: The process of each node, the head first.
        gcs: The process that knows all nodes.
    """

    process: subprocess.Popen[str]
    port: int
    raylets: list[int]
    gcs: int

    @property
    def url(self) -> str:
        """Where clients ask."""
        return f"http://127.0.0.1:{self.port}/mcp"

    def replicas(self, deployment: str) -> list[psutil.Process]:
        """Find the processes of a deployment."""
        return [one for one in self.family() if _title(one).startswith(_title_of(deployment))]

    def family(self) -> list[psutil.Process]:
        """List all processes."""
        found = []
        for pid in (self.process.pid, *self.raylets):
            with suppress(psutil.NoSuchProcess):
                found += [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        return list({one.pid: one for one in found}.values())

    def cpu_s(self) -> float:
        """Return the CPU that living processes have used; builders work whether anybody asks or not."""
        spent = 0.0
        for one in self.family():
            with suppress(psutil.NoSuchProcess):
                if _title(one).startswith(_title_of("builders")):
                    continue
                times = one.cpu_times()
                spent += times.user + times.system
        return spent

    def let_builders_wait(self) -> None:
        """Give builders what others leave: after a start they ask for the commit of every repository."""
        for one in self.replicas("builders"):
            with suppress(psutil.NoSuchProcess):
                one.nice(LOWEST)

    def is_ready(self) -> bool:
        """Return whether all repositories are published or have failed."""
        with suppress(httpx2.HTTPError):
            return httpx2.get(f"http://127.0.0.1:{self.port}/readyz", timeout=5).is_success
        return False

    def add_node(self) -> None:
        """Start another node."""
        told, said = self.process.stdout, self.process.stdin
        if told and said:
            said.write("add\n")
            said.flush()
            for line in told:  # Ray also speaks here
                if line.startswith("{"):
                    self.raylets += json.loads(line)["raylets"]
                    return


@dataclass
class Question:
    """A question and the repository that it is about."""

    text: str
    repo: str


def main() -> None:
    """Measure, and print it."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    questions = sampled(given)
    for nodes in given.nodes:
        with started(nodes, given) as fleet:
            fleet.let_builders_wait()
            if nodes == given.nodes[0]:
                asyncio.run(compare(fleet, given, questions))
            asyncio.run(cost(fleet, nodes, questions))


def arguments(doc: str) -> argparse.ArgumentParser:
    """Make the parser of what both programs take."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("list", "place", "work", "questions"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=60)
    return parser


def sampled(given: argparse.Namespace) -> list[Question]:
    """Choose questions whose repositories are listed, the same at each run."""
    sources = url_list.read(given.list)
    names = {"/".join(one.url.removesuffix(".git").split("/")[-2:]): one for one in sources}
    found = []
    for line in given.questions.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if source := names.get(row["repo"]):
            found.append(Question(row.get("call_without_guesses") or row["query"], source.written))
    count = min(given.sample, len(found))
    print(f"{len(sources)} repositories, {count} questions, {os.cpu_count()} cores", flush=True)
    return random.Random(SEED).sample(found, count)  # noqa: S311 - a sample, no secret


@contextmanager
def started(nodes: int, given: argparse.Namespace, *options: str) -> Iterator[Fleet]:
    """Start a fleet, and wait until all repositories are published or failed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    cache = given.work / "cache"
    command = [sys.executable, "-m", "benchmarks.http.fleet_nodes", str(nodes), str(port)]
    command += [str(given.place.absolute()), str(given.list.absolute()), str(cache.absolute()), *options]
    begun = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "GOLDRANK_MIRROR_REFRESH_S": "60"},
    )
    told = json.loads(process.stdout.readline() if process.stdout else "")
    fleet = Fleet(process, port, told["raylets"], told["gcs"])
    runs_s = time.monotonic() - begun
    while not fleet.is_ready():
        if time.monotonic() - begun > READY_S:
            print(f"not all repositories were published within {READY_S:g} s")
            break
        time.sleep(0.5)
    print(
        f"\n{nodes} nodes: replicas run after {runs_s:.0f} s, "
        f"all published after {time.monotonic() - begun:.0f} s",
        flush=True,
    )
    family = fleet.family()
    try:
        yield fleet
    finally:
        family += fleet.family()
        for one in family:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        process.wait(30)


async def ask(url: str, *, token: str = "", **arguments: Any) -> tuple[bool, str]:
    """Search; return whether that is an error, and the text."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx2.AsyncClient(timeout=60, headers=headers) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        result = await client.call_tool("rag_search", arguments)
    return bool(result.is_error), str(getattr(result.content[0], "text", ""))


def places(text: str) -> list[str]:
    """Return the places of a reply, with their scores."""
    return [
        line for line in text.splitlines() if line[:1].isdigit() and ". " in line[:4] and "(score" in line
    ]


async def compare(fleet: Fleet, given: argparse.Namespace, questions: Sequence[Question]) -> None:
    """Compare named repositories with a server of one machine that has a cache of its own."""
    command = [sys.executable, "-m", "mcp_server", "serve", "--http", "127.0.0.1:0", "--rate-limit", "0"]
    command += [
        "--cache",
        str(given.work / "alone"),
        "--shared-indexes",
        str(given.place),
        *sorted({one.repo for one in questions}),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: ASYNC220 - nothing else runs
    line = process.stderr.readline() if process.stderr else ""
    url = line.split(" at ")[1].split(";")[0]
    different = []
    try:
        for one in questions:
            replies = await _settled(fleet.url, url, one)
            if replies:
                different.append((shorten(one.text), *(text[:300] for text in replies)))
    finally:
        process.terminate()
        process.wait(30)
    same = len(questions) - len(different)
    print(f"equality: {same} of {len(questions)} top tens equal those of one machine, scores included")
    for found in different[:SHOWN]:
        print("  different:", *found, sep="\n    ")


async def _settled(fleet: str, alone: str, one: Question) -> list[str]:
    """Ask both until the answers are equal; return the last replies if they never are.

    Either may still index, or read the commits: a repository is only then the same for both.
    """
    deadline = time.monotonic() + SETTLE_S
    while True:
        answers = [await ask(url, query=one.text, repo=one.repo, top_k=10) for url in (fleet, alone)]
        if answers[0][0] == answers[1][0] and places(answers[0][1]) == places(answers[1][1]):
            return []
        if time.monotonic() > deadline:
            return [text for _, text in answers]
        await asyncio.sleep(1)


async def cost(fleet: Fleet, nodes: int, questions: Sequence[Question]) -> None:
    """Measure questions to one repository, and to the routed ones."""
    print("nodes\tasked\tcalls\tp50 ms\tp95 ms\tCPU ms a question")
    kinds: dict[str, Callable[[Question], dict[str, Any]]] = {
        "1, first stage": lambda one: {"query": one.text, "repo": one.repo, "rerank": False},
        "1, both stages": lambda one: {"query": one.text, "repo": one.repo},
        "none named": lambda one: {"query": one.text},
    }
    for name, arguments in kinds.items():
        for one in questions[: max(1, len(questions) // 4)]:  # opens what is asked
            await ask(fleet.url, **arguments(one))
        spent, before = [], fleet.cpu_s()
        for one in questions:
            begun = time.perf_counter()
            await ask(fleet.url, **arguments(one))
            spent.append(1e3 * (time.perf_counter() - begun))
        cpu = 1e3 * (fleet.cpu_s() - before) / len(questions)
        cut = statistics.quantiles(spent, n=20)[-1] if len(spent) > 1 else spent[0]
        print(f"{nodes}\t{name}\t{len(spent)}\t{statistics.median(spent):.0f}\t{cut:.0f}\t{cpu:.0f}")


def _title_of(deployment: str) -> str:
    return f"ray::ServeReplica:goldrank:{deployment}"


def _title(process: psutil.Process) -> str:
    try:
        line = process.cmdline()
    except psutil.NoSuchProcess:
        return ""
    return line[0] if line else ""


if __name__ == "__main__":
    main()
