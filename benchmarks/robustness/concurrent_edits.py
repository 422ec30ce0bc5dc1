"""Many servers on one repository while it is edited: is every reply true at its time?

    python -m benchmarks.robustness.concurrent_edits --source DIR [--servers 8] [--seconds 300]

Copies DIR (any folder with Python files), starts that many real servers over it with one cache, and asks each
of them without pause for what was just written, while one editor changes, adds, renames and deletes files.
The judge is `truth.py`: it reads the replies and the journal of edits, and shares no code with the index.
"""

import argparse
import os
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import numpy as np
from mcp import Client, StdioServerParameters

from benchmarks.robustness.edit_journal import Editor, Journal, copied, judge

PAUSE_S = 0.25  # between two edits: an agent at work
QUIET_S = 30  # after the last edit, until every server must know everything


def main() -> None:
    """Read the arguments, run, print the counts; exit 1 on any fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--servers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with copied(args.source) as root:
        counts, faults, waits = anyio.run(crowd, root, args)
    print("\t".join(f"{name} {count}" for name, count in sorted(counts.items())))
    print(f"seconds to a reply: p50 {np.percentile(waits, 50):.2f}, p95 {np.percentile(waits, 95):.2f}")
    for fault in faults[:50]:
        print(fault)
    print(f"{len(faults)} faults")
    sys.exit(bool(faults))


async def crowd(root: Path, args: Any) -> tuple[Counter[str], list[str], list[float]]:
    """Run the servers and the editor; return what happened, what was wrong, and how long replies took."""
    journal, counts, faults = Journal(), Counter[str](), list[str]()
    waits: list[float] = []
    editor = Editor(root, journal, seed=args.seed)
    is_over = threading.Event()

    def edit() -> None:
        while not is_over.wait(PAUSE_S):
            editor.step()
            counts["edits"] += 1

    async with anyio.create_task_group() as group:
        editing = threading.Thread(target=edit)
        editing.start()
        for number in range(args.servers):
            group.start_soon(asker, root, number, args, journal, is_over, (counts, faults, waits))
        await anyio.sleep(args.seconds)
        is_over.set()
        await anyio.to_thread.run_sync(editing.join)
    return counts, faults, waits


async def asker(
    root: Path,
    number: int,
    args: Any,
    journal: Journal,
    is_over: threading.Event,
    told: tuple[Counter[str], list[str], list[float]],
) -> None:
    """Ask one server until all is over, then for everything that is marked at the end."""
    counts, faults, waits = told
    chooser = random.Random(1_000 * args.seed + number)  # noqa: S311 - to be repeated, not to be secret
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_server", "serve", str(root), "--cache", str(root.parent / "cache"), "--model", ""],
        env=dict(os.environ),
    )
    async with Client(command) as client:

        async def ask(marker: str, *, is_last: bool = False) -> bool:
            asked = time.monotonic()
            reply = await client.call_tool("rag_search", {"query": marker, "top_k": 3, "max_chars": 20_000})
            answered = time.monotonic()
            waits.append(answered - asked)
            text = reply.content[0].text  # type: ignore[union-attr]  # our replies are text
            is_told = "note: the index" in text or "writing the index" in text
            counts["replies"] += 1
            counts["replies that say what is missing"] += is_told
            counts["replies with a mark of change"] += "[changed on disk" in text or "[gone from disk" in text
            if reply.is_error:
                faults.append(f"server {number}: error: {text}")
            elif is_last and is_told:
                return False
            else:
                faults.extend(
                    f"server {number}: {fault}" for fault in judge(text, journal, marker, asked, answered)
                )
            return True

        while not is_over.is_set():
            marked = journal.markers()
            if marked:
                await ask(chooser.choice(marked[-40:])[0])
            await anyio.sleep(0.02)
        for marker, _ in chooser.sample(journal.markers(), k=min(20, len(journal.markers()))):
            deadline = time.monotonic() + QUIET_S
            while not await ask(marker, is_last=True):
                if time.monotonic() > deadline:
                    faults.append(f"server {number}: not up to date {QUIET_S} s after the last edit")
                    break


if __name__ == "__main__":
    main()
