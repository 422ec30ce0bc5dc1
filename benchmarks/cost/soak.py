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
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from benchmarks.cost.parallel import Server
from benchmarks.cost.soak_load import LIMIT_S, WORDS, ServerGone, Soak, Told, act, hold_to, search_for
from benchmarks.robustness.edit_journal import Editor, Journal, copied

LASTING, CALLERS = 2, 3  # servers that live all the time, and who asks each of them
EDIT_EVERY_S = 0.5  # an agent at work
PAUSE_S = 0.6  # at most, between two calls of one caller
KILL_EVERY_S = 25.0
SAMPLE_EVERY_S = 10.0
GONE_IN_S = 30.0  # so long may a server outlive its client: one that has just begun is not yet listening
FAULTS = 50  # are enough to look into


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
