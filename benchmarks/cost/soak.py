"""Eight clients on one repository for half an hour, with edits, cancels and kills: what grows, what is wrong?

    python -m benchmarks.cost.soak --source DIR [--minutes 35] [--seed 1]

Copies DIR (any folder with Python files). Two servers live all the time and are asked by three callers each;
one more server is killed now and then and started anew; one more client is a process of its own, and when
that is killed its server must end by itself. All ask for what was just written, in plain words, and for
rankings by the model that comes with goldrank; a part of the calls is cancelled while it is under way.

Meanwhile one editor changes, adds, renames and deletes files. The judge of replies is `truth.py`.
"""

import argparse
import json
import queue
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.cost.parallel import Server
from benchmarks.robustness.edit_journal import Editor, Journal, copied, judge

LASTING, CALLERS = 2, 3  # servers that live all the time, and who asks each of them
EDIT_EVERY_S = 0.5  # an agent at work
PAUSE_S = 0.6  # at most, between two calls of one caller
KILL_EVERY_S = 25.0
SAMPLE_EVERY_S = 10.0
LIMIT_S = 60.0  # a call that takes longer hangs
GONE_IN_S = 30.0  # so long may a server outlive its client: one that has just begun is not yet listening
OLD_S = 60.0  # a file that was there for so long must be known
ACTS = ("marker", "words", "ranking", "cancelled search", "cancelled ranking")
SHARES = (10, 3, 4, 2, 2)
CANDIDATES = 12
FAULTS = 50  # are enough to look into
WORDS = (
    "where is a value converted to an integer",
    "how are errors of validation collected",
    "what happens when a field has no default",
    "how is a schema written as JSON",
    "where are dates parsed",
)


@dataclass
class Told:
    """What happened, what was wrong, how long replies took by kind, and what the lasting servers used."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    waits: dict[str, list[float]] = field(default_factory=dict)
    samples: dict[int, list[tuple[float, float, int, int]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a count."""
        with self.lock:
            self.counts[what] += number

    def fault(self, what: str) -> None:
        """Note what must not be."""
        print(f"fault: {what}", flush=True)
        with self.lock:
            self.faults.append(what)

    def wait(self, kind: str, seconds: float) -> None:
        """Note how long a reply took."""
        with self.lock:
            self.waits.setdefault(kind, []).append(seconds)


@dataclass(frozen=True, slots=True)
class Soak:
    """What all threads share."""

    root: Path
    journal: Journal
    told: Told
    is_over: threading.Event

    @property
    def cache(self) -> Path:
        """The cache folder of all servers here."""
        return self.root.parent / "cache"

    def start(self) -> Server:
        """Start a server whose files are listed."""
        server = Server(self.root, self.cache, None)
        server.finish(server.begin("tools/list", {}), timeout_s=LIMIT_S)
        self.told.count("servers started")
        return server


class ServerGone(Exception):  # noqa: N818 - it is meant to go
    """The server that was asked is no more."""


def main() -> None:
    """Read the arguments, run, print what was seen; exit 1 on any fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=35)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--client", nargs=2, type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.client:
        answer_lines(*args.client)
        return
    with copied(args.source) as root:
        soak = Soak(root, Journal(), Told(), threading.Event())
        run(soak, minutes=args.minutes, seed=args.seed)
        time.sleep(GONE_IN_S)
        for pid in servers_of(root):
            soak.told.fault(f"an orphan: {pid}")
    show(soak.told)
    sys.exit(bool(soak.told.faults))


def run(soak: Soak, *, minutes: float, seed: int) -> None:
    """Let all go on for so many minutes; then hang up on the servers, which must end."""
    editor = Editor(soak.root, soak.journal, seed=seed)
    lasting = [soak.start() for _ in range(LASTING)]
    choosers = (random.Random(100 * seed + i) for i in range(100))  # noqa: S311 - to be repeated
    jobs: list[Callable[[], None]] = [
        partial(edit, soak, editor),
        partial(sample, soak, lasting),
        partial(kill_servers, soak, next(choosers)),
        partial(kill_clients, soak, next(choosers)),
    ]
    jobs += [partial(ask_on, soak, server, next(choosers)) for server in lasting * CALLERS]
    threads = [threading.Thread(target=watched, args=(soak, job), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end and len(soak.told.faults) < FAULTS:
        time.sleep(1)
    soak.is_over.set()
    for thread in threads:
        thread.join(2 * LIMIT_S)
        if thread.is_alive():
            soak.told.fault("a caller never came back")
    for server in lasting:
        soak.told.wait("a server's end, after the pipe closed", server.hang_up(timeout_s=GONE_IN_S))


def watched(soak: Soak, job: Callable[[], None]) -> None:
    """Do a job; if it breaks off, the run is no proof."""
    try:
        job()
    except Exception as error:  # noqa: BLE001 - whatever it was
        soak.told.fault(f"{job} broke off: {error!r}")


def edit(soak: Soak, editor: Editor) -> None:
    """Edit until all is over."""
    most = editor.files
    while not soak.is_over.wait(EDIT_EVERY_S):
        editor.step(most=most)  # a tree that grows would be a reason to grow
        soak.told.count("edits")


def sample(soak: Soak, servers: Sequence[Server]) -> None:
    """Note what the lasting servers use, every few seconds."""
    start = time.monotonic()
    while not soak.is_over.wait(SAMPLE_EVERY_S):
        for number, server in enumerate(servers):
            minutes, rss = (time.monotonic() - start) / 60, server.stats.memory_info().rss / 1e6
            row = (minutes, rss, server.stats.num_fds(), server.stats.num_threads())
            soak.told.samples.setdefault(number, []).append(row)


def ask_on(soak: Soak, server: Server, chooser: random.Random) -> None:
    """Ask a server that must not end, until all is over."""
    while not soak.is_over.wait(chooser.uniform(0, PAUSE_S)):
        try:
            act(soak, server, chooser)
        except ServerGone:
            soak.told.fault("a server ended by itself")
            return


def kill_servers(soak: Soak, chooser: random.Random) -> None:
    """Ask a server that is killed now and then; its client starts another."""
    while not soak.is_over.is_set():
        server = soak.start()
        doom = threading.Timer(chooser.uniform(1, 2 * KILL_EVERY_S), server.stats.kill)
        doom.start()
        with suppress(ServerGone):
            while not soak.is_over.wait(chooser.uniform(0, PAUSE_S)):
                act(soak, server, chooser)
        soak.told.count("servers killed", not soak.is_over.is_set())
        doom.cancel()
        server.end()


def act(soak: Soak, server: Server, chooser: random.Random) -> None:
    """Make one call of some kind, and judge what comes back."""
    (kind,) = chooser.choices(ACTS, SHARES)
    marked = soak.journal.markers()
    marker = chooser.choice(marked[-40:])[0] if marked else ""
    if kind == "marker" and marker:
        asked, answered, text = call(soak, server, "a search", "rag_search", **search_for(marker))
        hold_to(soak, text, marker, asked, answered)
    elif kind == "ranking":
        rank(soak, server, chooser)
    elif kind.startswith("cancelled"):
        cancel(soak, server, chooser, kind, marker or WORDS[0])
    else:
        query = search_for(chooser.choice(WORDS))
        asked, answered, text = call(soak, server, "a search", "rag_search", **query)
        hold_to(soak, text, "", asked, answered)


def search_for(query: str) -> dict[str, Any]:
    """Write the arguments of a search."""
    return {"query": query, "top_k": 3, "max_chars": 20_000}


def call(soak: Soak, server: Server, kind: str, tool: str, **arguments: Any) -> tuple[float, float, str]:
    """Call a tool; return when it was asked, when it was answered, and the reply's text.

    Raises:
        ServerGone: It was killed meanwhile.
    """
    asked = time.monotonic()
    sent = server.call(tool, **arguments)
    while True:
        try:
            taken, result = server.finish(sent, timeout_s=0.5)
            break
        except queue.Empty:
            if not is_alive(server.stats):
                raise ServerGone from None
            if time.monotonic() > asked + LIMIT_S:
                soak.told.fault(f"no reply to {kind} in {LIMIT_S:.0f} s")
                return asked, time.monotonic(), ""
    soak.told.wait(kind, taken)
    soak.told.count("replies")
    text = str(result["content"][0]["text"]) if "content" in result else json.dumps(result)
    if result.get("isError") or "content" not in result:
        soak.told.count("errors")
        soak.told.fault(f"{kind}: error: {text[:300]}")
    return asked, time.monotonic(), text


def hold_to(soak: Soak, text: str, marker: str, asked: float, answered: float) -> None:
    """Judge the reply to a search."""
    lacks = "note: the index" in text or "writing the index" in text
    soak.told.count("replies held against the journal")
    soak.told.count("replies that say what is missing", lacks)
    had_to = not lacks and bool(soak.journal.where(marker, asked, answered))
    soak.told.count("replies that had to hold a marker", had_to)
    for fault in judge(text, soak.journal, marker, asked, answered) if text else ():
        soak.told.count("wrong replies")
        soak.told.fault(fault)


def rank(soak: Soak, server: Server, chooser: random.Random) -> None:
    """Have files and texts ranked: each must be ranked once, if it was there for long."""
    now = time.monotonic()
    old = {
        marker: path
        for marker, path in soak.journal.markers()
        if soak.journal.where(marker, now - OLD_S, now)
    }
    chosen = chooser.sample(sorted(old), k=min(CANDIDATES // 2, len(old)))
    texts = [{"id": f"t{i}", "text": f"value {i} of {chooser.choice(WORDS)}"} for i in range(CANDIDATES // 2)]
    candidates = [*(old[marker] for marker in chosen), *texts]
    asked, answered, text = call(
        soak, server, "a ranking", "rag_rerank", query=chooser.choice(WORDS), candidates=candidates
    )
    soak.told.count("rankings held against what was handed in")
    soak.told.count("rankings that the model read", "goldrank-crossencoder on" in text)
    wanted = [f"{old[m]}:" for m in chosen if soak.journal.where(m, asked - OLD_S, answered)]
    wanted += [f'text "{one["id"]}"' for one in texts]
    for label in wanted if text else ():
        if len(re.findall(rf"^\d+\. {re.escape(label)}", text, re.MULTILINE)) != 1:
            soak.told.count("wrong replies")
            soak.told.fault(f"not ranked once: {label} in {text}")


def cancel(soak: Soak, server: Server, chooser: random.Random, kind: str, query: str) -> None:
    """Begin a call and cancel it while it may be under way; nothing is to be judged but that others go on."""
    if kind == "cancelled search":
        sent = server.call("rag_search", **search_for(query))
    else:
        texts = [{"id": f"t{i}", "text": f"{chooser.random()} {query}\n" * 40} for i in range(60)]
        sent = server.call("rag_rerank", query=chooser.choice(WORDS), candidates=texts)
    time.sleep(chooser.choice((0.0, 0.02, 0.3, 1.0)))
    server.notify("notifications/cancelled", {"requestId": sent[0]})
    soak.told.count(kind.replace("cancelled", "cancelled:"))


def kill_clients(soak: Soak, chooser: random.Random) -> None:
    """Ask through a client in a process of its own that is killed now and then; its server must follow."""
    while not soak.is_over.is_set():
        command = [
            sys.executable,
            "-m",
            "benchmarks.cost.soak",
            "--source",
            ".",
            "--client",
            str(soak.root),
            str(soak.cache),
        ]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert client.stdin and client.stdout  # noqa: S101, PT018 - pipes
        server = psutil.Process(int(client.stdout.readline()))
        soak.told.count("servers started")
        doom = threading.Timer(chooser.uniform(0.5, 2 * KILL_EVERY_S), client.kill)
        doom.start()
        with suppress(BrokenPipeError):
            while not soak.is_over.wait(chooser.uniform(0, PAUSE_S)):
                marked = soak.journal.markers()
                marker = chooser.choice(marked[-40:])[0] if marked else WORDS[0]
                client.stdin.write(f"{marker}\n")
                client.stdin.flush()
                line = client.stdout.readline()
                if not line.endswith("\n"):
                    break
                asked, answered, text = json.loads(line)
                soak.told.wait("a search", answered - asked)
                soak.told.count("replies")
                hold_to(soak, text, marker if marked else "", asked, answered)
        doom.cancel()
        client.kill()
        client.wait()
        expect_end(soak, server)


def expect_end(soak: Soak, server: psutil.Process) -> None:
    """Wait for a server to end whose client was killed."""
    soak.told.count("clients killed")
    start = time.monotonic()
    try:
        server.wait(GONE_IN_S)
    except psutil.TimeoutExpired:
        soak.told.count("orphans")
        soak.told.fault(f"server {server.pid} lives {GONE_IN_S:.0f} s after its client was killed")
    soak.told.wait("a server's end, after its client was killed", time.monotonic() - start)


def answer_lines(root: Path, cache: Path) -> None:
    """Be a client: search for each line of standard input; write the reply and its times."""
    server = Server(root, cache, None)
    print(server.stats.pid, flush=True)
    for line in sys.stdin:
        asked = time.monotonic()
        _, result = server.finish(server.call("rag_search", **search_for(line.strip())))
        print(json.dumps([asked, time.monotonic(), result["content"][0]["text"]]), flush=True)


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process has not ended."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def servers_of(root: Path) -> list[int]:
    """Find the servers of a root that are still there."""
    found = psutil.process_iter(["pid", "cmdline"])
    return [
        process.pid
        for process in found
        if "mcp_server" in (process.info["cmdline"] or ()) and str(root) in process.info["cmdline"]
    ]


def show(told: Told) -> None:
    """Print what was seen."""
    for name, count in sorted(told.counts.items()):
        print(f"{count:>7} {name}")
    for kind, seconds in sorted(told.waits.items()):
        p50, p95, p99 = np.percentile(seconds, (50, 95, 99))
        spread = f"p50 {p50:.2f} s, p95 {p95:.2f}, p99 {p99:.2f}, most {max(seconds):.2f}"
        print(f"{kind}: {spread}, n {len(seconds)}")
    for number, samples in told.samples.items():
        print(f"lasting server {number}: minute, RSS in MB, descriptors, threads")
        for row in samples[:: max(1, len(samples) // 14)]:
            print("  {:5.1f} {:7.1f} {:4d} {:4d}".format(*row))
        half = np.array(samples[len(samples) // 2 :])  # float64 [n_samples, 4]
        rss, fds, threads = (60 * np.polyfit(half[:, 0], half[:, i], 1)[0] for i in (1, 2, 3))
        print(f"  second half, per hour: RSS {rss:+.1f} MB, descriptors {fds:+.1f}, threads {threads:+.1f}")
    load = " ".join(f"{one:.1f}" for one in psutil.getloadavg())
    print(f"{len(told.faults)} faults; load of the machine over 1, 5, 15 minutes: {load}")


if __name__ == "__main__":
    main()
