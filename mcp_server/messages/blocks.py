"""How one place is written: its heading, its numbered lines, and the line that stands for them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mcp_server.messages.sections import Section
from mcp_server.messages.visibility import clean
from retrieval.chunks.chunk_text import ChunkText
from retrieval.records import Chunk, Ranked, RankedAcross

LINE_CHARS = 400
"""Longer lines are data more than code; the cut is marked."""
PLACE_CHARS = 500  # of a path or a label; longer ones are full of codes, and eight of them fit into a reply
SYMBOL_CHARS = 200  # of what is defined there


@dataclass(frozen=True, slots=True)
class Block:
    """A section as text.

    Attributes:
        heading: Its place and what it defines.
        code: Its numbered lines, in full.
        gist: The line to show when the others are not, or "".
        score: The score of its best result.
    """

    heading: str
    code: tuple[str, ...]
    gist: str
    score: float


def block_of(section: Section, number: int) -> Block:
    """Write a section, the `number`th of its reply from 1."""
    what = dict.fromkeys(filter(None, (_what(chunk) for chunk in _in_line_order(section))))
    count = f"; {count_of(len(section.results))}" if len(section.results) > 1 else ""
    copies = sum(len(result.alike) for result in section.results)
    count += f"; and {copies} alike" if copies else ""
    path, _, lines = section.place.span.rpartition(":")
    heading = (
        f"{number}. {cut_line(clean(path), PLACE_CHARS)}:{lines}"
        f"{'  ' if what else ''}{cut_line(clean(', '.join(what)), SYMBOL_CHARS)}  "
        f"({scores_of(section.best.ranked)[1:-1]}{count}){_masked(section)}{_staleness(section.best.passage)}"
    )
    width = len(str(section.place.end_line))
    above = [_numbered(line, text, width=width) for line, text in section.openers]
    code = [
        _numbered(line, text, width=width)
        for line, text in enumerate(section.lines, section.place.start_line)
    ]
    if section.openers and section.openers[-1][0] + 1 < section.place.start_line:
        above.append(f"{'…':>{width}}")
    if section.constants:
        defined = (_numbered(line, text, width=width) for line, text in section.constants)
        code.extend((f"{'…':>{width}}  constants used above", *defined))
    return Block(clean(heading), (*above, *code), _gist(section, code), section.best.ranked.score)


def _in_line_order(section: Section) -> list[Chunk]:
    return sorted((result.passage.chunk for result in section.results), key=lambda chunk: chunk.start_line)


def _numbered(number: int, text: str, *, width: int) -> str:
    return f"{number:>{width}} | {cut_line(clean(text.rstrip(chr(13))))}"


def _gist(section: Section, code: Sequence[str]) -> str:
    """Choose the most telling line: the one that defines the name, else opens the scope, else the first."""
    chunk = section.best.passage.chunk
    if section.openers and not chunk.symbol:
        return _numbered(*section.openers[-1], width=len(str(section.place.end_line)))
    first = chunk.start_line - section.place.start_line
    said = [i for i in range(first, len(section.lines)) if section.lines[i].strip()]
    named = re.compile(rf"(?<!\w){re.escape(chunk.symbol)}(?!\w)") if chunk.symbol else None
    naming = (i for i in said if named and named.search(section.lines[i]))
    return next((code[i] for i in (*naming, *said)), "")


def _what(chunk: Chunk) -> str:
    """Name what a chunk defines, or what it is part of."""
    if chunk.symbol:
        return f"{chunk.kind} {f'{chunk.scope}.' if chunk.scope else ''}{chunk.symbol}"
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


def count_of(count: int) -> str:
    """Write how many results there are."""
    return f"{count} result{'s' * (count != 1)}"


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
