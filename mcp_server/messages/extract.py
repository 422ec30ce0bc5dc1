"""Which lines stand for a place that is not shown whole: the one that names it, and those that match."""

import re

from mcp_server.messages.sections import Section
from retrieval.rerank.excerpt import richest_run, stems_by_line

EXTRACT_CHARS = 300
"""Characters of an extract, its line numbers left out. Two extracts after the best place make replies 3 to
6 % shorter than a second place in full and a line of every other, and show an answer's lines more often (.46
to .53 of calls); with 200 characters they lose what was gained (benchmarks/runs/2026-11-28-replies)."""


def extract_of(section: Section, words: str) -> list[int]:
    """Choose lines of a section: the naming line and the run of EXTRACT_CHARS that holds most of the words.

    Args:
        section: The place.
        words: What was asked, guesses included.

    Returns:
        Positions in `section.lines`, ascending.
    """
    lines = section.lines
    if not lines:
        return []
    naming = naming_line(section)
    costs = [len(line) + 1 for line in lines]
    left = EXTRACT_CHARS - costs[naming]
    costs[naming] = 0  # it is shown wherever the run is
    start, end = richest_run(stems_by_line(words, lines), costs, shown=naming, budget=left)
    return sorted({naming, *range(start, end)})


def naming_line(section: Section) -> int:
    """Find the line that defines the name of a section's best result, else its first line with text.

    Returns:
        A position in `section.lines`; 0 if none of them has text.
    """
    chunk = section.best.passage.chunk
    first = chunk.start_line - section.place.start_line
    said = [i for i in range(first, len(section.lines)) if section.lines[i].strip()]
    named = re.compile(rf"(?<!\w){re.escape(chunk.symbol)}(?!\w)") if chunk.symbol else None
    naming = (i for i in said if named and named.search(section.lines[i]))
    return next((i for i in (*naming, *said)), 0)
