"""How soon a server answers, and what it holds: goldrank beside the least server that `mcp` allows.

    python -m benchmarks.cost.startup --root REPO [--rounds 15]

Timed from the start of the process: the answers to `initialize` and `tools/list`, and to a first question
asked right after, of a repository whose index is made and, with a cache of its own, of one that was never
indexed. The least server has one tool that says a word. All are started in turns, so that a busy machine
slows all: believe the ratios. Memory is the resident set after tools/list and a second of rest, and after one
`rag_search` that the cross-encoder read for.

Last, the CPU time of short commands: user and system, git and other children included.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from tqdm import tqdm

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "startup", "version": "0"},
    },
}
INITIALIZED = {"jsonrpc": "2.0", "method": "notifications/initialized"}
LIST = {"jsonrpc": "2.0", "id": 2, "method": "tools/list", "params": {}}
QUESTION = "where are the arguments of a command parsed"
LEAST = """
import anyio
import mcp.types as t
from mcp.server import Server
from mcp.server.stdio import stdio_server

async def listing(context, params):
    return t.ListToolsResult(tools=[t.Tool(name="say", input_schema={"type": "object"})])

async def call(context, params):
    return t.CallToolResult(content=[t.TextContent(type="text", text="yes")])

async def main():
    server = Server("least", on_list_tools=listing, on_call_tool=call)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())

anyio.run(main)
"""
STAGES = ("initialize", "tools/list", "first answer")
REST_S = 1.0
SHORT = ("--version", "search", "status")

Server = subprocess.Popen[bytes]


def main() -> None:
    """Measure in turns and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="a repository")
    parser.add_argument("--rounds", type=int, default=15, help="starts of each server [default: 15]")
    args = parser.parse_args()
    times: dict[str, list[list[float]]] = defaultdict(list)
    memory: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as kept:
        for round_ in tqdm(range(-1, args.rounds), unit="round", disable=None):  # the first makes the index
            with tempfile.TemporaryDirectory() as fresh:
                commands = {
                    "least server": [sys.executable, "-c", LEAST],
                    "goldrank, indexed": _goldrank(args.root, kept),
                    "goldrank, never indexed": _goldrank(args.root, fresh),
                }
                for name, command in commands.items():
                    taken, resident = start(command)
                    if round_ >= 0:
                        times[name].append(taken)
                        memory[name].append(resident)
        short = {name: [cpu(_command(args.root, kept, name)) for _ in range(args.rounds)] for name in SHORT}
        reranked = [read_once(_goldrank(args.root, kept, "--rerank-weight", "0.5")) for _ in range(3)]
    least = _medians(times["least server"])
    print("from process start to the answer, median s (ratio to the least server)")
    print("\t".join(["server", *STAGES, "idle RSS MB"]))
    for name, rows in times.items():
        columns = (f"{own:.2f} ({own / its:.2f})" for own, its in zip(_medians(rows), least, strict=True))
        print("\t".join([name, *columns, f"{statistics.median(memory[name]):.0f}"]))
    print(f"after one reranked search: {statistics.median(reranked):.0f} MB")
    for name, taken in short.items():
        print(f"goldrank {name}: {statistics.median(taken):.3f} s of CPU")


def start(command: Sequence[str]) -> tuple[list[float], float]:
    """Start a server and ask it all; return the seconds to each answer, and the MB it has at rest."""
    began = time.perf_counter()
    with serving(command) as server:
        answers = [call(server, INITIALIZE)]
        taken = [time.perf_counter() - began]
        write(server, INITIALIZED)
        answers.append(call(server, LIST))
        taken.append(time.perf_counter() - began)
        answers.append(call(server, _question(answers[-1])))
        taken.append(time.perf_counter() - began)
    with serving(command) as server:
        greet(server)
        time.sleep(REST_S)
        return taken, _resident(server)


def read_once(command: Sequence[str]) -> float:
    """Return the MB that a server holds after a search that the cross-encoder read for."""
    with serving(command) as server:
        greet(server)
        ask(server, QUESTION)
        return _resident(server)


def cpu(command: Sequence[str]) -> float:
    """Run a command; return the CPU seconds, user and system, that it and its children took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=False, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@contextmanager
def serving(command: Sequence[str]) -> Iterator[Server]:
    """Run a server until it is no longer needed."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        yield server
        server.kill()


def _goldrank(root: Path, cache: str, *options: str) -> list[str]:
    return [sys.executable, "-m", "mcp_server", "serve", str(root), "--cache", cache, *options]


def _command(root: Path, cache: str, name: str) -> list[str]:
    arguments = {
        "search": [QUESTION, "--repo", str(root), "--cache", cache],
        "status": [str(root), "--cache", cache],
    }
    return [sys.executable, "-m", "mcp_server", name, *arguments.get(name, [])]


def _question(listed: Any) -> dict[str, Any]:
    """Ask the first tool that a server lists."""
    return _call_of(listed["result"]["tools"][0]["name"], QUESTION)


def _call_of(tool: str, query: str) -> dict[str, Any]:
    params = {"name": tool, "arguments": {"query": query}}
    return {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}


def greet(server: Server) -> None:
    """Begin as clients do, up to the list of tools."""
    call(server, INITIALIZE)
    write(server, INITIALIZED)
    call(server, LIST)


def ask(server: Server, query: str) -> None:
    """Search; the cross-encoder must have read."""
    text = call(server, _call_of("rag_search", query))["result"]["content"][0]["text"]
    if "bm25 + " not in text.partition("\n")[0]:
        raise RuntimeError(f"not reranked: {text[:300]}")


def call(server: Server, request: Mapping[str, Any]) -> Any:
    """Send a request and wait for its answer, past whatever else the server says."""
    write(server, request)
    if server.stdout is None:
        raise RuntimeError("the server has no pipes")
    while True:
        answer = json.loads(server.stdout.readline())
        if answer.get("id") == request["id"]:
            return answer


def write(server: Server, message: Mapping[str, Any]) -> None:
    """Send a message."""
    if server.stdin is None:
        raise RuntimeError("the server has no pipes")
    server.stdin.write(json.dumps(message).encode() + b"\n")
    server.stdin.flush()


def _resident(server: Server) -> float:
    return float(psutil.Process(server.pid).memory_info().rss) / 1e6


def _medians(rows: Sequence[Sequence[float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*rows, strict=True)]


if __name__ == "__main__":
    main()
