"""Which lines show the whole of a definition, of which a search found one chunk.

A reader who gets the middle of a function reads the file again. The chunks of the file say which lines belong
together: those whose scope lies in the definition, and the one that holds its name.
"""

import re
from collections.abc import Iterable, Sequence

from retrieval.records import Chunk

WHOLE_CHARS = 1_200
"""A definition is shown whole up to this size; of a longer one, the chunk that was found. Longer ones show an
answer's lines more often, and assistants read less with short ones: they read on where they must
(benchmarks/runs/2026-11-29-replies)."""
MOST_CONSTANTS = 5
_WITH_BODIES = frozenset({"function", "method"})  # a class is read member by member
_VALUES = frozenset({"constant", "variable", "value"})
_CONSTANT = re.compile(r"\b_*[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z][A-Z0-9]{3,}\b")


def definition_span(chunk: Chunk, siblings: Sequence[Chunk], lines: Sequence[str]) -> tuple[int, int]:
    """Return the first and last line of the definition that a chunk is or is part of.

    Args:
        chunk: The chunk that was found.
        siblings: The chunks of its file, in line order.
        lines: The lines of its file.

    Returns:
        Lines 1-based and inclusive: those of the definition, or of the chunk where they are more than
        WHOLE_CHARS.
    """
    place = next((i for i, one in enumerate(siblings) if one.start_line == chunk.start_line), None)
    if place is None or (chunk.symbol and chunk.kind not in _WITH_BODIES):
        return chunk.start_line, chunk.end_line
    own = ".".join(filter(None, (chunk.scope, chunk.symbol))) if chunk.symbol else chunk.scope
    head = place if chunk.symbol else _head(own, place, siblings)
    last = place
    while own and last + 1 < len(siblings) and _is_inside(siblings[last + 1], own):
        last += 1
    if head is None or _size(lines, siblings[head].start_line, siblings[last].end_line) > WHOLE_CHARS:
        return chunk.start_line, chunk.end_line
    return siblings[head].start_line, siblings[last].end_line


def constants_of(
    first: int, last: int, siblings: Sequence[Chunk], lines: Sequence[str]
) -> list[tuple[int, str]]:
    """Find the constants that lines use and their file defines elsewhere: where each is, and that line."""
    text = "\n".join(lines[first - 1 : last])
    used = dict.fromkeys(_CONSTANT.findall(text))
    found: dict[int, str] = {}
    for chunk in siblings:
        for name in used.keys() & set(chunk.names) - _other_than_values(chunk):
            number = _naming(name, range(chunk.start_line, min(chunk.end_line, len(lines)) + 1), lines)
            if number and not first <= number <= last:
                found[number] = lines[number - 1]
    return sorted(found.items())[:MOST_CONSTANTS]


def _other_than_values(chunk: Chunk) -> set[str]:
    """Return the name of a class or function, which may be written like a constant."""
    return set() if chunk.kind in _VALUES else {chunk.symbol}


def _is_inside(chunk: Chunk, scope: str) -> bool:
    return chunk.scope == scope or chunk.scope.startswith(f"{scope}.")


def _head(own: str, place: int, siblings: Sequence[Chunk]) -> int | None:
    """Find the chunk above that holds the name of a definition; None where other code lies between."""
    parent, _, name = own.rpartition(".")
    for i in range(place - 1, -1, -1):
        if name in siblings[i].names and siblings[i].scope == parent:
            return i
        if not _is_inside(siblings[i], own):
            return None
    return None


def _size(lines: Sequence[str], first: int, last: int) -> int:
    """Count the characters of lines, 1-based and inclusive, their ends included."""
    return sum(len(line) + 1 for line in lines[first - 1 : last])


def _naming(name: str, numbers: Iterable[int], lines: Sequence[str]) -> int | None:
    named = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return next((number for number in numbers if named.search(lines[number - 1])), None)
