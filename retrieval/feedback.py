"""What assistants said was useful: a local log beside a root's models, kept only where it was asked for.

A line is one query with spans of files, as replies name them. No code, no secret, and nothing of who asked.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from retrieval import secrets
from retrieval.errors import CacheError

FILE = "feedback.jsonl"
QUERY_CHARS = 500  # of a query; longer ones are pasted code


@dataclass(frozen=True, slots=True)
class Entry:
    """One word of an assistant.

    Attributes:
        query: What was asked; what is written of it has no secrets and QUERY_CHARS at most.
        useful: Spans that answered, `path:start-end`.
        not_useful: Spans that did not.
        date: YYYY-MM-DD.
    """

    query: str
    useful: tuple[str, ...]
    not_useful: tuple[str, ...]
    date: str


def append(folder: Path, entry: Entry) -> None:
    """Write an entry as one line, in one write: several servers may log at once.

    Raises:
        CacheError: The log cannot be written.
    """
    query = secrets.mask(entry.query).text[:QUERY_CHARS]
    line = json.dumps({**asdict(entry), "query": query}, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(log, line.encode("utf-8", "replace"))
        finally:
            os.close(log)
    except OSError as error:
        raise CacheError(
            f"{folder / FILE} cannot be written: {error.strerror}; serve without --feedback"
        ) from error


def read(folder: Path) -> list[Entry]:
    """Read the log, oldest first; a line that is none, cut off by a crash, is passed over."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return list(_entries(lines))


def _entries(lines: list[str]) -> Iterator[Entry]:
    for line in lines:
        try:
            row = json.loads(line)
            yield Entry(
                str(row["query"]),
                tuple(map(str, row["useful"])),
                tuple(map(str, row["not_useful"])),
                str(row["date"]),
            )
        except (ValueError, KeyError, TypeError):
            continue
