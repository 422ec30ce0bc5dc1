"""How tools and people write a location in a file, and which indexed file and lines each form means.

Text that equals a listed path is that path. Otherwise the forms are tried in order, and the first one that
names a listed file is used.
"""

import os
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import unquote

from retrieval.errors import ArgumentError, shorten
from retrieval.paths.spellings import Spellings

LONGEST = 5_000  # characters that are parsed; systems allow paths of 4,096 bytes
_TRIED = 16  # positions tried as the end of the path; a line of grep output can have many colons

_DASH = r"(?:-|\u2013|\.\.)"
_RANGE = rf"L?(?P<start>\d+)(?:C\d+)?(?:{_DASH}L?(?P<end>\d+)(?:C\d+)?)?"
_ENDS = (
    re.compile(rf":{_RANGE}(?=[\s:),;\]]|$)"),  # a.py:12, a.py:12-20  function f  (score 1.000), a.py:12:code
    re.compile(rf"#{_RANGE}(?=[\s:),;\]]|$)"),  # a.py#L12-L20, as GitHub links
    # compilers: a.ts(12,5): error; four numbers are line, column, line, column
    re.compile(r"\((?P<start>\d+)(?:-(?P<end>\d+)|,\d+(?:,(?P<last>\d+),\d+)?)?\)"),
    re.compile(rf",?[ \t](?:on )?lines? (?P<start>\d+)(?: ?(?:to|{_DASH}) ?(?P<end>\d+))?\b"),
    re.compile(r"-(?P<start>\d+)-"),  # a context line of grep
    re.compile(r":(?!\d)"),  # grep without line numbers
)
_TRACEBACK = re.compile(r'File "(?P<path>[^"]+)", line (?P<start>\d+)\b')
_LEAD = re.compile(r"(?:\d+[.)]|[-*\u2022])[ \t]+|at (?:[^()]*\()?")  # our own results, lists, stack traces
_SPAN = re.compile(r"(?P<path>.+?):(?P<start>\d{1,9})(?:-(?P<end>\d{1,9}))?(?::.*)?", re.DOTALL)
_QUOTES = ("`", '"', "'")


@dataclass(frozen=True, slots=True)
class Span:
    """A range of lines in a file, 1-based and inclusive."""

    path: str
    start: int
    end: int

    def __str__(self) -> str:
        """Format the span as in replies."""
        return f"{self.path}:{self.start}-{self.end}"


@dataclass(frozen=True, slots=True)
class Place:
    """A location named by a text, before its lines are checked against the file.

    Attributes:
        path: The file.
        start: The first line, or None for the whole file.
        end: The last line, or None when only one line was named.
    """

    path: str
    start: int | None = None
    end: int | None = None


class Files:
    """The listed files of a root, found by any path that can mean only one of them."""

    def __init__(self, root: str, paths: Collection[str]) -> None:
        self._root = root
        self._name = os.path.basename(root)  # noqa: PTH119 - paths here are text
        self._paths = frozenset(paths)
        self._spellings = Spellings(self._paths)

    def find(self, path: str) -> str:
        """Return the listed path that `path` means, or ""; it may start with the root's name."""
        if path in self._paths or not path:
            return path
        if path.startswith("file://"):
            path = unquote(path.removeprefix("file://"))
        tidy = self.relative(path)
        return self._spellings.listed(tidy) or self._spellings.listed(tidy.removeprefix(f"{self._name}/"))

    def relative(self, path: str) -> str:
        """Return a path as written in the index."""
        return relative(self._root, path)

    def below(self, folder: str) -> list[str]:
        """Return the listed paths below a folder, sorted; it may start with the root's name."""
        tidy = self.relative(folder.strip()).rstrip("/")
        names = (f"{tidy}/", f"{tidy}/".removeprefix(f"{self._name}/"))
        found = ([path for path in self._paths if path.startswith(name)] for name in names if name)
        return sorted(next(filter(None, found), []))

    def place(self, text: str) -> Place | None:
        """Return the location that a text names, with its listed path; None if it names no listed file."""
        for reading in readings(text):
            if path := self.find(reading.path):
                return Place(path, reading.start, reading.end)
        return None


def readings(text: str) -> Iterator[Place]:
    """Yield every interpretation of a text, the most literal first."""
    yield Place(text)
    seen = text.strip()
    for quote in _QUOTES:
        if len(seen) > 1 and seen.startswith(quote) and seen.endswith(quote):
            seen = seen[1:-1]
    lead = _LEAD.match(seen)
    for start in (seen, seen[lead.end() :] if lead else ""):
        if start:
            yield Place(start)
            yield from _placed(start[:LONGEST])


def _placed(text: str) -> Iterator[Place]:
    if match := _TRACEBACK.match(text):
        yield Place(match["path"], _number(match["start"]))
    for pattern in _ENDS:
        ends = list(islice(pattern.finditer(text, 1), _TRIED))
        for match in reversed(ends):  # a path may contain text that looks like a line number
            yield _place(text[: match.start()], match.groupdict())


def _place(path: str, said: dict[str, str | None]) -> Place:
    start, end = said.get("start"), said.get("end") or said.get("last")
    return Place(path, _number(start) if start else None, _number(end) if end else None)


def _number(digits: str) -> int:
    """Parse a line number; one too long for `int` is beyond the end of any file."""
    return int(digits) if len(digits) < sys.int_info.str_digits_check_threshold else sys.maxsize


def plainest(text: str) -> Place:
    """Return the place to name in a message about a text that matches no listed file."""
    match = _ENDS[0].search(text[:LONGEST].strip(), 1)
    return Place(match.string[: match.start()]) if match else Place(text.strip())


def within(place: Place, count: int, *, asked: str) -> Span:
    """Check a place against the lines of its file; an end beyond the last line is moved to it.

    Args:
        place: A place with a line.
        count: How many lines the file has.
        asked: The caller's text, for errors.

    Raises:
        ArgumentError: The place has no line, or the file has no such lines.
    """
    if place.start is None:
        raise ArgumentError(f"{asked} is not a span", remedy="write path:start-end")
    end = place.start if place.end is None else place.end
    if not 1 <= place.start <= count:
        why = "lines count from 1; " if place.start < 1 else ""
        held = f"has lines 1-{count}" if count else "is empty"
        raise ArgumentError(f"{asked}: {why}{shorten(place.path)} {held}")
    if end < place.start:
        raise ArgumentError(f"{asked}: the span ends before it starts")
    return Span(place.path, place.start, min(end, count))


def read_span(text: str) -> Span:
    """Parse a span as written in the log: `path:start-end`, `path:line` or `path:line:code`.

    Raises:
        ArgumentError: The text is not a span, or the span ends before it starts.
    """
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        raise ArgumentError(f"{shorten(text)} is not a span", remedy="write path:start-end")
    start = int(match["start"])
    end = int(match["end"] or start)
    if not 1 <= start <= end:
        why = "the span ends before it starts" if end < start else "lines count from 1"
        raise ArgumentError(f"{shorten(text)}: {why}", remedy="write path:start-end")
    return Span(match["path"], start, end)


def relative(root: str, path: str, *, flavour: Any = os.path) -> str:
    """Return a path as written in the index; an absolute path below the root becomes relative to it.

    Args:
        root: A served root.
        path: A path as the caller wrote it, with either kind of slash.
        flavour: `posixpath` or `ntpath`, by default the one of this system. The file system is not read.
    """
    normal = flavour.normpath(path.replace("\\", "/"))
    if flavour.isabs(normal):
        with suppress(ValueError):  # on another drive
            below = flavour.relpath(normal, root)
            normal = normal if below.startswith("..") else below
    return str(normal).replace(flavour.sep, "/")
