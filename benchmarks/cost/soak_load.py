"""What the clients of the soak do: searches, rankings and cancelled calls, each reply held to the journal."""

import json
import queue
import random
import re
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.cost.parallel import Server
from benchmarks.robustness.edit_journal import Journal, judge

LIMIT_S = 60.0  # a call that takes longer hangs
OLD_S = 60.0  # a file that was there for so long must be known


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process has not ended."""
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


ACTS = ("marker", "words", "ranking", "cancelled search", "cancelled ranking")
SHARES = (10, 3, 4, 2, 2)
CANDIDATES = 12
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
