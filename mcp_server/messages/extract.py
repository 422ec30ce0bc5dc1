"""Which lines stand for a place that is not shown whole: the one that names it, and those that match."""

import re

from mcp_server.messages.sections import Section
from retrieval.rerank.excerpt import richest_run, stems_by_line

SIGNATURE_LINES = 12  # between a name and its docstring at most
_DOCSTRING = re.compile(r"""\s*[rRuU]?(?:\"{3}|'{3})\s*\w""")
_COMMENT = re.compile(r"\s*(?://[/!]?|/\*+|\*|--+\||--+|#+|;+|%+|\(\*)\s*[^\W_]{2}")
_BESIDE = re.compile(r"\s*(?:///?|/\*|\*|--|#|;|%|\(\*|@|\[)")  # comments, attributes and decorators


def extract_of(section: Section, words: str, room: int) -> list[int]:
    """Choose lines of a section: the naming line and the run beside it that holds most of the words.

    Args:
        section: The place.
        words: What was asked, guesses included.
        room: Characters of all of them, line numbers not counted.

    Returns:
        Positions in `section.lines`, ascending.
    """
    lines = section.lines
    if not lines:
        return []
    naming = naming_line(section)
    costs = [len(line) + 1 for line in lines]
    left = room - costs[naming]
    costs[naming] = 0  # it is shown wherever the run is
    start, end = richest_run(stems_by_line(words, lines), costs, shown=naming, budget=left)
    return sorted({naming, *range(start, end)})


def telling_line(section: Section) -> int | None:
    """Find the line that says in words what a section's best result does, if its heading says only the name.

    That is the first line of its docstring, or of the comment above it; without a name, its first line with
    text.

    Returns:
        A position in `section.lines`, or None.
    """
    if not section.lines:
        return None
    chunk, naming = section.best.passage.chunk, naming_line(section)
    if not (chunk.symbol or chunk.scope):
        return naming
    below = range(naming + 1, min(naming + SIGNATURE_LINES, len(section.lines)))
    docstring = next((i for i in below if _DOCSTRING.match(section.lines[i])), None)
    if docstring is not None:
        return docstring
    above = naming
    while above and _BESIDE.match(section.lines[above - 1]):
        above -= 1
    return next((i for i in range(above, naming) if _COMMENT.match(section.lines[i])), None)


def naming_line(section: Section) -> int:
    """Find the line that defines the name of a section's best result, else its first line with text.

    Returns:
        A position in `section.lines`; 0 if none of them has text.
    """
    chunk = section.best.passage.chunk
    first = chunk.start_line - section.place.start_line
    said = [i for i in range(first, len(section.lines)) if section.lines[i].strip()]
    named = re.compile(rf"(?<!\w){re.escape(chunk.symbol)}(?!\w)") if chunk.symbol else None
    naming = [i for i in said if named and named.search(section.lines[i])]
    defining = (
        i for i in naming if not _BESIDE.match(section.lines[i])
    )  # in Go, a comment begins with the name
    return next(iter((*defining, *naming, *said)), 0)
