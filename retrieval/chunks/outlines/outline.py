"""Which sections a file without a grammar has, and where it is split between them.

A section begins with the comment above its first line and nests by level: the indentation of code, the depth
of a heading. Everything here takes time linear in the file, so hostile files need no process of their own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.chunks.outlines import headings
from retrieval.chunks.outlines.line_patterns import TABLE, Row
from retrieval.chunks.outlines.spans import Span, Weights, packed, windows
from retrieval.text import LONG_CHARS

MAX_DEPTH = 30  # sections nested deeper are split by lines
LONGEST_NAME = 80  # characters: a heading may be a whole paragraph

_COMMENT = re.compile(r"\s*(#|//|/\*|\*|--|;|%|!|\(\*|@|\[|\"|'|-(?:spec|doc)\b|\.PHONY)")
_OPENER = re.compile(r"\s*[{(\[]")
_CLOSER = re.compile(r"\s*([})\]]|end|@end|\$\$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a file, with 0-based rows.

    Attributes:
        name: What it defines or is headed; "" for a part that has no name but begins a chunk.
        kind: function, class, section, …
        first: First row, the comment above included.
        row: The row of the name.
        last: Last row, inclusive.
        level: A section encloses the later ones of a higher level.
    """

    name: str
    kind: str
    first: int
    row: int
    last: int
    level: int


def has_outline(language: str) -> bool:
    """Return whether the files of a language have sections."""
    return language in TABLE or language in headings.READERS


def sections(language: str, lines: Sequence[str]) -> list[Section]:
    """List the sections of a file in order, an outer one before its inner.

    >>> [(item.name, item.kind, item.first, item.last) for item in sections("toml", ["# a", "[x]", "y = 1"])]
    [('x', 'section', 0, 2)]
    """
    reader = headings.READERS.get(language)
    if reader:
        found = [(*heading, "section") for heading in reader(lines)]
        row_rules = Row(())
    elif language in TABLE:
        row_rules = TABLE[language]
        found = _matched(lines, row_rules)
    else:
        return []
    return _placed(found, lines, row_rules, is_prose=reader is not None)


def cut(found: Sequence[Section], span: Span, weigh: Weights, *, size: int, depth: int = 0) -> list[Span]:
    """Split the rows of `span`, which holds the sections, into spans that fit and cover all rows."""
    if weigh(span.first, span.last) <= size:
        return [span]
    if not found or depth == MAX_DEPTH:
        return windows(span, weigh, size=size)
    pieces = (cut(inside, piece, weigh, size=size, depth=depth + 1) for piece, inside in _pieces(found, span))
    return packed(pieces, weigh, size=size)


def _pieces(found: Sequence[Section], span: Span) -> list[tuple[Span, Sequence[Section]]]:
    """Assign every row of `span` to an outermost section with those inside it, or to the rows above them."""
    starts = [0]
    for number, item in enumerate(found):
        if number and item.level <= found[starts[-1]].level:
            starts.append(number)
    pieces: list[tuple[Span, Sequence[Section]]] = []
    head = max(span.first, found[0].first)
    if head > span.first:
        pieces.append((Span(span.first, head - 1), ()))
    for start, end in zip(starts, [*starts[1:], len(found)], strict=True):
        last = found[end].first - 1 if end < len(found) else span.last
        first = pieces[-1][0].last + 1 if pieces else span.first
        if last >= first:
            pieces.append((Span(first, last), found[start + 1 : end]))
    return pieces


def _matched(lines: Sequence[str], rules: Row) -> list[tuple[int, int, str, str]]:
    """Find the lines on which a section begins: row, level, name, kind."""
    found: list[tuple[int, int, str, str]] = []
    around: list[tuple[int, str]] = []  # levels and kinds of the sections that enclose the row
    for row, line in enumerate(lines):
        if len(line) > LONG_CHARS or not line.strip():
            continue
        match = next((read for rule in rules.rules if (read := rule.read(line))), None)
        level = _indent(line) if rules.is_nested else 0
        while around and around[-1][0] >= level and (match or not _goes_on(line)):
            around.pop()
        if match is None:
            continue
        name, kind, own_level = match
        name = "" if name == "_" else name
        level = level if own_level is None else own_level
        is_local = not rules.has_locals and any(outer == "function" for _, outer in around)
        if is_local or len(around) >= rules.depth:
            continue
        if rules.is_nested:
            around.append((level, kind))
        if found and name and (found[-1][1:] == (level, name, kind)):
            continue  # the next equation of the same function
        found.append((row, level, name[:LONGEST_NAME], kind))
    return found


def _placed(
    found: Sequence[tuple[int, int, str, str]], lines: Sequence[str], rules: Row, *, is_prose: bool
) -> list[Section]:
    """Give each section its first and last row."""
    ends = [len(lines) - 1] * len(found)
    pending: list[int] = []  # sections without an end, outermost first
    firsts: list[int] = []
    for number, (row, level, _, _) in enumerate(found):
        first = row
        floor = found[number - 1][0] + 1 if number else 0
        while not is_prose and first > floor and _COMMENT.match(lines[first - 1]):
            first -= 1
        while rules.continued and first > floor and lines[first - 1].rstrip().endswith(rules.continued):
            first -= 1
        firsts.append(first)
        while pending and found[pending[-1]][1] >= level:
            ends[pending.pop()] = first - 1
        pending.append(number)
    placed = []
    for number, (row, level, name, kind) in enumerate(found):
        last = max(row, ends[number])
        last = _closed(lines, row, last) if rules.is_nested else last
        while last > row and not lines[last].strip():
            last -= 1
        placed.append(Section(name, kind, firsts[number], row, last, level))
    return placed


def _closed(lines: Sequence[str], row: int, last: int) -> int:
    """Return the row on which an indented block that begins on `row` ends, at most `last`."""
    level = _indent(lines[row])
    for below in range(row + 1, last + 1):
        line = lines[below]
        if not line.strip() or _indent(line) > level:
            continue
        if _indent(line) == level and _CLOSER.match(line):
            return below
        if _indent(line) < level or not _OPENER.match(line):
            return below - 1
    return last


def _goes_on(line: str) -> bool:
    return bool(_OPENER.match(line) or _CLOSER.match(line))


def _indent(line: str) -> int:
    return len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
