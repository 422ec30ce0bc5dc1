"""Which version of a store is current, and how that came: promotions and rollbacks, one per line.

A store is a folder:

    current               one line: the version that serves; without this file, what goldrank ships serves
    history.jsonl         one promotion or rollback per line, written before `current` changes
    lock                  held by the one process that writes
    versions/             each named by a counter and a hash of its record, and never changed
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

CURRENT = "current"
HISTORY = "history.jsonl"
VERSIONS = "versions"
NAME = re.compile(r"\d{4,}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history.

    Attributes:
        time: ISO 8601.
        action: What happened.
        before: The version that served before, or None for what goldrank ships.
        after: The version that serves afterwards, or None for what goldrank ships.
        forced: Whether the gate had rejected it.
        reason: The reason, as text for people.
    """

    time: str
    action: Literal["promote", "rollback"]
    before: str | None
    after: str | None
    forced: bool
    reason: str


def current(folder: Path) -> str | None:
    """Read the name of the version that serves; None if what goldrank ships does.

    Raises:
        OSError: The file exists but cannot be read.
    """
    try:
        return (folder / CURRENT).read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def events(folder: Path) -> list[Event]:
    """Read all promotions and rollbacks, oldest first; a line truncated by a crash is skipped.

    An event is written before `current` changes, so the last one may never have taken effect.
    """
    try:
        lines = (folder / HISTORY).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [event for line in lines if (event := _event(line))]


def line_of(event: Event) -> bytes:
    """Write an event as a line of the history."""
    row = {
        "time": event.time,
        "action": event.action,
        "from": event.before,
        "to": event.after,
        "forced": event.forced,
        "reason": event.reason,
    }
    return json.dumps(row).encode() + b"\n"


def number(name: str) -> int:
    """Return the counter of a version's name.

    >>> number("0003-1f2e3d4c")
    3
    """
    return int(name.partition("-")[0])


def fingerprint(record: Mapping[str, Any]) -> str:
    """Hash a version's record without its name, of which the hash is a part."""
    text = json.dumps(record, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


def _event(line: str) -> Event | None:
    try:
        row = json.loads(line)
        return Event(row["time"], row["action"], row["from"], row["to"], row["forced"], row["reason"])
    except (ValueError, KeyError, TypeError):
        return None
