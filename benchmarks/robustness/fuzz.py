"""Feeds a real server with anything, and holds all that it says against the protocol's own schemas.

    python -m benchmarks.robustness.fuzz --cases 50000 [--seed 0] [--era VERSION]

The cases are those of tests/support/servers/wire_strategies.py, spread over the protocol's versions of both
eras, with a server for each. A fault is shrunk and printed, and the exit code is 1.
"""

import argparse
import os
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import hypothesis
import psutil

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support" / "servers"))

from example_repository import FILES
from fakes import write
from wire_harness import ERAS, Era, Line, Server, play
from wire_strategies import CASES

TELL_EVERY = 1_000


def main() -> None:
    """Fuzz every version; print what was sent and how the server fared."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--era", choices=ERAS, help="only this version")
    args = parser.parse_args()
    eras = (args.era,) if args.era else ERAS
    for era in eras:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            fuzz(era, args.cases // len(eras), seed=args.seed, folder=Path(folder))


def fuzz(era: Era, cases: int, *, seed: int, folder: Path) -> None:
    """Play cases against one server."""
    root = write(folder / "example", FILES)
    command = [
        "-m",
        "mcp_server",
        "serve",
        str(root),
        "--cache",
        str(folder / "cache"),
        "--rerank-tool-weight",
        "0",
    ]
    server, start = Server(command, era, environment=os.environ), time.monotonic()
    lines = played = 0

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=cases, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(CASES)
    def run(case: Sequence[Line]) -> None:
        nonlocal server, lines, played
        lines, played = lines + len(case), played + 1
        if played % TELL_EVERY == 0:
            print(f"{era}: {played:,} cases", file=sys.stderr, flush=True)
        try:
            play(server, case)
        except AssertionError:
            server.end()
            server = Server(command, era, environment=os.environ)  # what comes after a fault is not its own
            raise

    run()
    process = psutil.Process(server.process.pid)
    rss = process.memory_info().rss / 1e6
    grown = f"RSS {rss:.0f} MB, {process.num_fds()} descriptors, {process.num_threads()} threads"
    told = Counter(
        level.decode() for line in server.log for level in re.findall(rb" (WARNING|ERROR) ", line)[:1]
    )
    code = server.end()
    said = ", ".join(f"{count:,} {kind}" for kind, count in server.talk.kinds.most_common())
    print(
        f"{era}: {played:,} cases, {lines:,} lines in {time.monotonic() - start:.0f} s; no fault; {grown}; "
        f"exit code {code}; log lines {dict(told)}\n    {said}",
        flush=True,
    )


if __name__ == "__main__":
    main()
