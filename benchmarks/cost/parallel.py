"""Many calls at once on one real server: who waits for whom, and what a cancelled call leaves running.

    python -m benchmarks.cost.parallel --root REPO --cache CACHE [--code CHECKOUT]

Plain searches (`rerank=false`) are timed alone, in parallel, and beside many `rag_rerank` calls; so is a bare
tools/list, which needs nothing but the wire. A rerank is cancelled while the model reads, and the processor
time of the server is watched from then on. A flood asks for more than can be answered. Each part has a server
of its own; `--code` measures another checkout of goldrank.
"""

import argparse
import itertools
import json
import queue
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

QUESTIONS = (
    "how is a password asked for without showing it",
    "where are options of a command parsed",
    "what happens when a required argument is missing",
    "how is the help text wrapped to the terminal",
    "where are colors stripped from output",
)
IDLE_SHARE = 0.1  # of one core: what a waiting server may use
WINDOW_S = 0.05
ROUNDS = 10


class Server:
    """A server process and the answers that it has given."""

    def __init__(self, root: Path, cache: Path, code: Path | None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mcp_server", "serve", str(root), "--cache", str(cache)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=code,
        )
        self.stats = psutil.Process(self._process.pid)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, queue.SimpleQueue[tuple[float, Any]]] = {}
        self._to_send: queue.SimpleQueue[dict[str, Any]] = (
            queue.SimpleQueue()
        )  # a full pipe must hold nobody up
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._write, daemon=True).start()
        version = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "b", "version": "0"},
        }
        self.finish(self.begin("initialize", version))
        self.notify("notifications/initialized", {})

    def begin(self, method: str, params: dict[str, Any]) -> tuple[int, float]:
        """Send a request; return its number and when."""
        number = next(self._numbers)
        self._waiting[number] = queue.SimpleQueue()
        start = time.perf_counter()
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        return number, start

    def finish(self, sent: tuple[int, float], *, timeout_s: float = 120) -> tuple[float, Any]:
        """Wait for an answer; return the seconds since it was asked for, and the result."""
        end, result = self._waiting[sent[0]].get(timeout=timeout_s)
        return end - sent[1], result

    def notify(self, method: str, params: dict[str, Any]) -> None:
        """Send a notification."""
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def call(self, tool: str, **arguments: Any) -> tuple[int, float]:
        """Begin a tool call."""
        return self.begin("tools/call", {"name": tool, "arguments": arguments})

    def hang_up(self, *, timeout_s: float) -> float:
        """Close the pipe and wait for the process to end by itself; return the seconds that took.

        Raises:
            TimeoutExpired: It did not.
        """
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        start = time.perf_counter()
        self._process.stdin.close()
        self._process.wait(timeout_s)
        return time.perf_counter() - start

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        self._to_send.put(message)

    def _write(self) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError):
            while True:
                self._process.stdin.write(json.dumps(self._to_send.get()).encode() + b"\n")
                self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        for line in self._process.stdout:
            message = json.loads(line)
            if "method" not in message:
                self._waiting[message["id"]].put((time.perf_counter(), message.get("result", message)))


def main() -> None:
    """Run every part and print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--code", type=Path)
    args = parser.parse_args()
    for part in (alone, crowds, beside_reranks, cancelled, flooded):
        with running(args.root.resolve(), args.cache.resolve(), args.code) as server:
            part(server)


@contextmanager
def running(root: Path, cache: Path, code: Path | None) -> Iterator[Server]:
    """Start a server that has indexed and loaded what it needs; end it afterwards."""
    server = Server(root, cache, code)
    try:
        server.finish(server.begin("tools/list", {}))
        server.finish(server.call("rag_rerank", query="warm", candidates=texts(2)))
        while "being indexed" in str(server.finish(search(server, 0))[1]):
            pass
        yield server
    finally:
        server.end()


def alone(server: Server) -> None:
    """Time one search after another."""
    show("a search alone", [server.finish(search(server, i))[0] for i in range(50)])
    show("tools/list alone", [server.finish(server.begin("tools/list", {}))[0] for _ in range(50)])


def crowds(server: Server) -> None:
    """Time searches that are asked at once."""
    for size in (8, 30):
        times: list[float] = []
        for _ in range(ROUNDS):
            sent = [search(server, i) for i in range(size)]
            times += [server.finish(one)[0] for one in sent]
        show(f"{size} searches at once", times)


def beside_reranks(server: Server) -> None:
    """Time searches and listings while reranks wait for the model."""
    for size in (1, 8, 30, 60):
        busy = [
            server.call("rag_rerank", query=f"question {i} of {size}", candidates=texts(60))
            for i in range(size)
        ]
        time.sleep(0.2)
        show(f"a search beside {size} reranks", [server.finish(search(server, i))[0] for i in range(10)])
        show(f"tools/list beside {size} reranks", [server.finish(server.begin("tools/list", {}))[0]])
        taken, answers = zip(*(server.finish(one) for one in busy), strict=True)
        show(f"the {size} reranks themselves", taken)
        print(f"    {how_read(answers)}")


def cancelled(server: Server) -> None:
    """Watch the processor time after a call was cancelled, while it is read, and while it is prepared."""
    for what, delay in (("while the model reads", 0.6), ("while it is prepared", 0.1)):
        times = []
        for i in range(ROUNDS):
            sent = server.call("rag_rerank", query=f"cancelled {what} {i}", candidates=texts(200, lines=60))
            time.sleep(delay)
            server.notify("notifications/cancelled", {"requestId": sent[0]})
            times.append(time_until_idle(server.stats))
        show(f"a core is free after a cancel {what}", times)


def flooded(server: Server) -> None:
    """Ask for more than can be answered."""
    sent = [server.call("rag_rerank", query=f"flood {i}", candidates=texts(60)) for i in range(300)]
    show("a search in a flood of 300 reranks", [server.finish(search(server, 0))[0]])
    taken, answers = zip(*(server.finish(one) for one in sent), strict=True)
    show("the 300 reranks themselves", taken)
    print(f"    {how_read(answers)}")
    print(f"    threads {server.stats.num_threads()}, RSS {server.stats.memory_info().rss / 1e6:.0f} MB")


def search(server: Server, i: int) -> tuple[int, float]:
    """Begin a plain search."""
    return server.call("rag_search", query=QUESTIONS[i % len(QUESTIONS)], rerank=False)


def texts(count: int, *, lines: int = 12) -> list[dict[str, str]]:
    """Make candidates that no scorer has seen, as each call asks another question."""
    return [
        {
            "id": f"t{i}",
            "text": "\n".join(f"    value_{i}_{j} = compute(option_{j}, default_{i})" for j in range(lines)),
        }
        for i in range(count)
    ]


def how_read(answers: Sequence[Any]) -> str:
    """Say how many rankings a model read wholly, partly, or not, and how many were told to come again."""
    kept = [answer for answer in answers if not answer.get("isError")]
    heads = [answer["content"][0]["text"].split("\n")[0] for answer in kept]
    unread = sum("no reranking" in head for head in heads)
    partly = sum("out of time" in head and "no reranking" not in head for head in heads)
    wholly, busy = len(heads) - unread - partly, len(answers) - len(kept)
    return f"{wholly} were read, {partly} partly, {unread} not, {busy} were told to try again"


def time_until_idle(process: psutil.Process) -> float:
    """Return the seconds until the process uses less than a share of a core."""
    used: Callable[[], float] = lambda: sum(process.cpu_times()[:2])  # noqa: E731 - said twice below
    start = time.perf_counter()
    while True:
        before, at = used(), time.perf_counter()
        time.sleep(WINDOW_S)
        if used() - before < IDLE_SHARE * (time.perf_counter() - at):
            return at - start


def show(what: str, seconds: Sequence[float]) -> None:
    """Print a distribution."""
    ordered = [1000 * second for second in sorted(seconds)]
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    print(
        f"{what}: p50 {statistics.median(ordered):.0f} ms, p95 {p95:.0f}, most {ordered[-1]:.0f}", flush=True
    )


if __name__ == "__main__":
    main()
