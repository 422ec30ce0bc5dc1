"""What a file defines beside the places that are shown of it: the constants they use, and other names."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from retrieval.records import Chunk
from retrieval.search.places import GAP

MOST_CONSTANTS = 5
_VALUES = frozenset({"constant", "variable", "value"})
_PLAIN = re.compile(r"[\w.]+")  # else a dot may belong to a name, as in a heading
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
        chunks: Chunks of the file, best first; of a definition, the lines of the given ones are named.
        shown: The chunks that are shown.

    Returns:
        Each once, in the order of the chunks.
    """
    known = {chunk.qualified_name for chunk in shown}
    found: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        own = chunk.qualified_name
        if own and own not in known and chunk.kind not in _VALUES:
            found.setdefault(own, []).append(chunk)
    return [_joined(own, parts) for own, parts in found.items()]


def _joined(own: str, parts: Sequence[Chunk]) -> Definition:
    """Join the parts of a definition around the one that was found first.

    A member of a class may lie between two parts of it.
    """
    first, last = parts[0].start_line, parts[0].end_line
    in_order = sorted(parts, key=lambda chunk: chunk.start_line)
    for chunk in in_order:
        if first <= chunk.start_line <= last + GAP + 1:
            last = max(last, chunk.end_line)
    for chunk in reversed(in_order):
        if chunk.start_line < first <= chunk.end_line + GAP + 1:
            first = chunk.start_line
    name = next((chunk.symbol for chunk in parts if chunk.symbol), "")
    return Definition(name or (own.rpartition(".")[2] if _PLAIN.fullmatch(own) else own), first, last)


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


def _naming(name: str, numbers: Iterable[int], lines: Sequence[str]) -> int | None:
    named = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
    return next((number for number in numbers if named.search(lines[number - 1])), None)
