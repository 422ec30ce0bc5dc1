"""A real server that is asked while its writers are killed, and that may be killed itself."""

import os
import random
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.to_thread
from mcp import Client, StdioServerParameters

from benchmarks.robustness.edit_journal import Journal, judge
from retrieval.sync.store import Store, store_folder


@dataclass
class Told:
    """What happened in a run, and what was wrong.

    Attributes:
        counts: How often what happened.
        faults: What must not be.
        waits: Seconds to each reply.
    """

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)


def cache_of(root: Path) -> Path:
    """Name the cache folder of all processes here."""
    return root.parent / "cache"


LIMIT_S = (
    120.0  # the longest that anything may take: some twenty times what the slowest does when all is well
)
HITS = {
    "begun": "before writing: looking, or waiting for who writes",
    "writing": "during writing",
    "written": "after writing, or between two writings",
    "done": "after all was done",
}
"""What a kill hit, by what the victim said last."""


class Server:
    """A server process that the official client asks without pause, killed now and then."""

    def __init__(self, root: Path, number: int, quiet: threading.Event, *, seed: int) -> None:
        self._root = root
        self.quiet = quiet
        self._name = f"server {number}"
        self._chooser = random.Random(1_000 * seed + number)  # noqa: S311 - to be repeated, not to be secret
        self._pid = root.parent / f"pid{number}"
        self._was_killed = threading.Event()

    def kill(self, told: Told) -> None:
        """Kill the process, in whatever it does; it is started anew by `answer`."""
        if self._was_killed.is_set() or not self._pid.exists():
            return
        self._was_killed.set()
        holder, pid = (
            Store(store_folder(cache_of(self._root), self._root)).lock.writer(),
            int(self._pid.read_text()),
        )
        os.kill(pid, 9)
        hit = "during writing" if holder and holder.pid == pid else "while it did not write"
        told.counts.update(("kills", f"kill of a server: {hit}"))

    async def answer(self, journal: Journal, is_over: threading.Event, told: Told) -> None:
        """Ask until all is over, whatever happens to the process."""
        while not is_over.is_set() or self._was_killed.is_set():
            self._pid.unlink(missing_ok=True)
            self._was_killed.clear()
            try:
                with anyio.fail_after(LIMIT_S * 30):
                    await self._live(journal, is_over, told)
            except Exception as error:  # noqa: BLE001 - whatever a client says of a server that was killed
                if not self._was_killed.is_set():
                    told.faults.append(f"{self._name} ended by itself: {error!r}")
                    return

    async def _live(self, journal: Journal, is_over: threading.Event, told: Told) -> None:
        """Start the process and ask it until it is killed, or all is over."""
        serve = [sys.executable, "-m", "mcp_server", "serve", str(self._root)]
        serve += ["--cache", str(cache_of(self._root)), "--model", ""]
        command = StdioServerParameters(
            command="sh",
            args=["-c", 'echo $$ > "$0"; exec "$@"', str(self._pid), *serve],
            env=dict(os.environ),
        )
        async with Client(command) as client:
            told.counts["servers started"] += 1
            while not is_over.is_set():
                marked = journal.markers()
                if marked and not self.quiet.is_set():
                    await self._ask(client, self._chooser.choice(marked[-40:])[0], journal, told)
                await anyio.sleep(0.02)
            marked = journal.markers()
            for marker, _ in self._chooser.sample(marked, k=min(20, len(marked))):
                await self._ask(client, marker, journal, told, is_last=True)

    async def _ask(
        self, client: Client, marker: str, journal: Journal, told: Told, *, is_last: bool = False
    ) -> None:
        asked = time.monotonic()
        try:
            with anyio.fail_after(LIMIT_S):
                reply = await client.call_tool(
                    "rag_search", {"query": marker, "top_k": 3, "max_chars": 20_000}
                )
        except TimeoutError:
            if self._was_killed.is_set():
                raise
            told.faults.append(f"{self._name} hung: no reply in {LIMIT_S:.0f} s")
            return
        answered = time.monotonic()
        told.waits.append(answered - asked)
        text = reply.content[0].text  # type: ignore[union-attr]  # our replies are text
        lacks = "note: the index" in text or "writing the index" in text
        told.counts["replies"] += 1
        told.counts["replies that say what is missing"] += lacks
        told.counts["replies that had to hold a marker"] += not lacks and bool(
            journal.where(marker, asked, answered)
        )
        if reply.is_error:
            told.faults.append(f"{self._name}: error: {text}")
        elif is_last and lacks:
            told.faults.append(f"{self._name}: not up to date at the end: {text[:200]}")
        told.faults.extend(
            f"{self._name}: {fault}" for fault in judge(text, journal, marker, asked, answered)
        )
