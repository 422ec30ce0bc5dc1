"""How one place is written: its heading, its numbered lines, and the lines that stand for them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mcp_server.messages.extract import extract_of, telling_line
from mcp_server.messages.sections import Section
from mcp_server.messages.visibility import clean
from retrieval.chunks.chunk_text import ChunkText
from retrieval.rank.query import name_key
from retrieval.records import Chunk, Ranked, RankedAcross

LINE_CHARS = 400
"""Longer lines are data more than code; the cut is marked."""
PLACE_CHARS = 500  # of a path or a label; longer ones are full of codes, and eight of them fit into a reply
SYMBOL_CHARS = 200  # of what is defined there
GAP = "…"
MOST_NAMES = 2  # that a chunk defines beside its main one
_WORD = re.compile(r"\w{3,}")
GIST_CHARS = 140  # of a docstring's first line
BESIDE_CHARS = 120  # of the names beside a place


@dataclass(frozen=True, slots=True)
class Part:
    """How much of a place is shown.

    Attributes:
        whole: A place of so many characters is shown whole, line numbers not counted.
        extract: Of a longer one, its naming line and so many characters that match best.
    """

    whole: int
    extract: int


@dataclass(frozen=True, slots=True)
class Block:
    """A section as text.

    Attributes:
        heading: Its place and what it defines.
        full: Its numbered lines.
        part: Those that are shown where it is not shown in full; empty unless they were asked for.
        gist: The line that says in words what it is, to show when nothing else is; "" without one.
        beside: A line that names what else the file defines, or "".
        is_whole: Whether the part is all of it.
    """

    heading: str
    full: tuple[str, ...]
    part: tuple[str, ...]
    gist: str
    beside: str
    is_whole: bool


def block_of(section: Section, number: int, words: str, part: Part | None = None) -> Block:
    """Write a section.

    Args:
        section: The section.
        number: Its number in the reply, from 1.
        words: What was asked, guesses included; extracts show where they occur.
        part: How much will be shown of it beside its heading; choosing the lines reads all of them.
    """
    width = len(str(section.place.end_line))
    lines = list(enumerate(section.lines, section.place.start_line))
    before = [row for row in section.openers if row[0] < section.place.start_line]
    full = _written([*before, *lines], width)
    if section.constants:
        full.append(f"{GAP:>{width}}  constants used above")
        full.extend(_numbered(number, text, width) for number, text in section.constants)
    told = telling_line(section)
    gist = "" if told is None else cut_line(_numbered(*lines[told], width), GIST_CHARS)
    is_whole, shown = False, list[str]()
    if part:
        is_whole = sum(len(line) + 1 for line in section.lines) <= part.whole
        shown = full if is_whole else _extract(section, words, part.extract)
    beside = f"{GAP:>{width}}  also: {named}" if (named := _beside(section)) else ""
    return Block(_heading(section, number, words), tuple(full), tuple(shown), gist, beside, is_whole)


def _beside(section: Section) -> str:
    """Name what else the file defines, as far as there is room."""
    named = ""
    for one in section.beside:
        longer = f"{named}{', ' if named else ''}{clean(one.name)} {one.start_line}-{one.end_line}"
        if len(longer) <= BESIDE_CHARS:
            named = longer
    return named


def _extract(section: Section, words: str, room: int) -> list[str]:
    """Write the lines that stand for a section."""
    start = section.place.start_line
    chosen = [(start + i, section.lines[i]) for i in extract_of(section, words, room)]
    ahead = [row for row in section.openers if not chosen or row[0] < chosen[0][0]]
    return _written([*ahead, *chosen], len(str(section.place.end_line)))


def _heading(section: Section, number: int, words: str) -> str:
    """Name a place, what it defines, its scores, and what a reader must know of its lines."""
    what = _contents(section, frozenset(map(name_key, _WORD.findall(words))))
    copies = sum(len(result.alike) for result in section.results)
    alike = f"; and {copies} alike" if copies else ""
    path, _, lines = section.place.span.rpartition(":")
    return clean(
        f"{number}. {cut_line(clean(path), PLACE_CHARS)}:{lines}"
        f"{'  ' if what else ''}{cut_line(clean(', '.join(what)), SYMBOL_CHARS)}  "
        f"({scores_of(section.best.ranked)[1:-1]}{alike}){_masked(section)}{_staleness(section.best.passage)}"
    )


def _written(rows: Sequence[tuple[int, str]], width: int) -> list[str]:
    """Write numbered lines, with a mark where lines between them are left out."""
    written = [_numbered(*row, width) for row in rows]
    for i in range(len(rows) - 1, 0, -1):
        if rows[i][0] > rows[i - 1][0] + 1:
            written.insert(i, f"{GAP:>{width}}")
    return written


def _numbered(number: int, text: str, width: int) -> str:
    return f"{number:>{width}} | {cut_line(clean(text.rstrip(chr(13))))}"


def _contents(section: Section, asked: frozenset[str]) -> list[str]:
    """Name what a section defines, in line order; of several, with the lines of each.

    A chunk is called by its main definition; where it also defines a name that was asked for, that is told.
    One that only goes on with the definition before it has no name of its own.
    """
    spans: dict[str, tuple[int, int]] = {}
    name, inside = "", ""
    for chunk in sorted((result.passage.chunk for result in section.results), key=lambda one: one.start_line):
        met = [name for name in chunk.names if name != chunk.symbol and name_key(name) in asked][:MOST_NAMES]
        if chunk.symbol or met or chunk.scope != inside:
            name = " with ".join(filter(None, (_what(chunk), ", ".join(met))))
            inside = chunk.qualified_name
        if name:
            start, _ = spans.get(name, (chunk.start_line, 0))
            spans[name] = start, chunk.end_line
    if len(spans) < 2:  # noqa: PLR2004 - the heading has its lines
        return list(spans)
    return [f"{name} {start}-{end}" for name, (start, end) in spans.items()]


def _what(chunk: Chunk) -> str:
    """Name what a chunk defines, or what it is part of."""
    if chunk.symbol:
        return f"{chunk.kind} {chunk.qualified_name}"
    return f"in {chunk.scope}" if chunk.scope else ""


def _masked(section: Section) -> str:
    """Say how many values are masked: an editor must know that the lines differ from those on disk."""
    count = sum(result.passage.chunk.masked for result in section.results)
    return f"  [{count} secret-looking value{'s' * (count != 1)} masked]" if count else ""


def _staleness(passage: ChunkText) -> str:
    if passage.is_current:
        return ""
    changed = "changed on disk this moment; these are its lines now, ask again for exact ones"
    return f"  [{changed if passage.lines else 'gone from disk this moment'}]"


def scores_of(ranked: Ranked | RankedAcross) -> str:
    """Write the scores of a result, in brackets."""
    parts = [f"score {ranked.score:.3f}"]
    if ranked.logit is not None:
        parts.append(f"logit {ranked.logit:.2f}")
    if ranked.candidate.rank != ranked.rank:
        parts.append(f"bm25 rank {ranked.candidate.rank}")
    return f"({', '.join(parts)})"


def cut_line(line: str, limit: int = LINE_CHARS) -> str:
    """Cut a line, and say how long it is."""
    return line if len(line) <= limit else f"{line[:limit]} … [{len(line):,} characters]"
