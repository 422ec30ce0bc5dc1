"""What a file defines beside the places that are shown of it: the constants they use, and other names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from retrieval.records import Chunk
from retrieval.search.places import GAP

MOST_CONSTANTS = 5
_VALUES = frozenset({"constant", "variable", "value"})
_CONSTANT = re.compile(r"\b_*[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b|\b[A-Z][A-Z0-9]{3,}\b")


@dataclass(frozen=True, slots=True)
class Definition:
    """A name, and its first and last line, 1-based and inclusive."""

    name: str
    start_line: int
    end_line: int


def definitions_beside(chunks: Iterable[Chunk], shown: Iterable[Chunk]) -> list[Definition]:
    """Name the definitions of a file that are not shown: where its answer may be if not in what is.

    Values are left out; of a prose file, its sections are named.

    Args:
        chunks: Chunks of the file; of a definition without all of its chunks, the lines of these are named.
        shown: The chunks that are shown.

    Returns:
        Each once, in the order of the chunks.
    """
    known = set(map(_qualified, shown))
    found: dict[str, Definition] = {}
    for chunk in chunks:
        own = _qualified(chunk)
        if not own or own in known or chunk.kind in _VALUES:
            continue
        name = chunk.symbol or own.rpartition(".")[2]
        before = found.setdefault(own, Definition(name, chunk.start_line, chunk.end_line))
        if _adjoins(before, chunk):  # a member of a class may lie between two chunks of it
            first, last = min(before.start_line, chunk.start_line), max(before.end_line, chunk.end_line)
            found[own] = replace(before, start_line=first, end_line=last)
    return list(found.values())


def _adjoins(before: Definition, chunk: Chunk) -> bool:
    return chunk.start_line - before.end_line <= GAP + 1 and before.start_line - chunk.end_line <= GAP + 1


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


def _qualified(chunk: Chunk) -> str:
    """Return the full name of what a chunk defines, or of what it is part of."""
    return ".".join(filter(None, (chunk.scope, chunk.symbol)))


def _naming(name: str, numbers: Iterable[int], lines: Sequence[str]) -> int | None:
    named = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return next((number for number in numbers if named.search(lines[number - 1])), None)
