"""Which results assistants reported as useful: an opt-in local log beside a root's models.

A line is one query with spans of files, as named in replies. It contains no code, no secret, and nothing
about the user.
"""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from retrieval.errors import ArgumentError, CacheError, shorten
from retrieval.files import secret_masking
from retrieval.paths.spans import read_span

FILE = "feedback.jsonl"
QUERY_CHARS = 500  # of a query that are logged; longer ones are pasted code


@dataclass(frozen=True, slots=True)
class Entry:
    """One report of an assistant.

    Attributes:
        query: The query; it is logged with secrets masked, up to QUERY_CHARS.
        useful: Spans that answered the query, `path:start-end`.
        not_useful: Spans that did not.
        date: YYYY-MM-DD.
    """

    query: str
    useful: tuple[str, ...]
    not_useful: tuple[str, ...]
    date: str


@dataclass(frozen=True, slots=True)
class Log:
    """The contents of a log.

    Attributes:
        entries: Oldest first; every span has the form `path:start-end`.
        faults: The entries and spans that cannot be used, with reasons, one line each.
    """

    entries: tuple[Entry, ...]
    faults: tuple[str, ...]


def append(folder: Path, entry: Entry) -> None:
    """Append an entry as one line, in a single write, because several servers may log at once.

    Raises:
        CacheError: The log cannot be written.
    """
    query = secret_masking.mask(entry.query).text[:QUERY_CHARS]
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
            f"{folder / FILE} cannot be written: {error.strerror}", remedy="serve without --feedback"
        ) from error


def read(folder: Path) -> Log:
    """Read the log, oldest first; invalid entries and spans are skipped and reported."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8", errors="replace").rstrip("\n").split("\n")
    except OSError:
        return Log((), ())
    lines = [] if lines == [""] else lines
    entries: list[Entry] = []
    faults: list[str] = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            entry = Entry(
                _text(row["query"]), _spans(row["useful"]), _spans(row["not_useful"]), str(row["date"])
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            faults.append(f"line {number}: {shorten(line)} is not an entry; a crash may have truncated it")
            continue
        useful, wrong = _readable(entry.useful)
        not_useful, also_wrong = _readable(entry.not_useful)
        faults += [f"line {number}: {fault}" for fault in (*wrong, *also_wrong)]
        entries.append(replace(entry, useful=useful, not_useful=not_useful))
    return Log(tuple(entries), tuple(faults))


def _readable(spans: tuple[str, ...]) -> tuple[tuple[str, ...], list[str]]:
    """Normalize the spans of an entry; also return the faults of invalid ones."""
    plain, faults = [], []
    for span in spans:
        try:
            plain.append(str(read_span(span)))
        except ArgumentError as error:
            faults.append(str(error))
    return tuple(plain), faults


def _spans(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError
    return tuple(_text(item) for item in value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
