"""Which rows of a file make up one chunk: how rows are weighed, packed, split into windows, and trimmed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CRUMB_CHARS = 60  # a chunk may exceed its size by a piece this small, such as a closing brace
HEAD_ROOM = 1.6
"""How far a chunk may exceed its size to keep a signature and its comment with the start of the body."""


@dataclass(frozen=True, slots=True)
class Span:
    """Rows of a file, 0-based and inclusive at both ends."""

    first: int
    last: int


class Weights:
    """How many non-blank characters rows hold."""

    def __init__(self, lines: Sequence[str]) -> None:
        """Sum the rows once, so that any range costs two lookups."""
        self._sums = [0]
        for line in lines:
            self._sums.append(self._sums[-1] + len("".join(line.split())))

    def __call__(self, first: int, last: int) -> int:
        """Count the non-blank characters from one row to another, inclusive."""
        return self._sums[last + 1] - self._sums[first]


def packed(
    pieces: Iterable[Sequence[Span]], weigh: Weights, *, size: int, begins_with_head: bool = False
) -> list[Span]:
    """Join neighbouring pieces into spans that fit.

    Args:
        pieces: The spans of each piece, in order, without gaps: one if the piece fits, several if it was cut.
        weigh: Weighs rows.
        size: The largest weight of a span.
        begins_with_head: Whether the first piece is a signature, which takes the start of its body.
    """
    spans: list[Span] = []
    is_end = False  # of a piece that was cut: only crumbs are added, and no beginning of the next
    for piece in pieces:
        is_crumb = weigh(piece[0].first, piece[-1].last) <= CRUMB_CHARS
        room = size + (CRUMB_CHARS if is_crumb else 0)
        if begins_with_head and len(spans) == 1:
            room = int(HEAD_ROOM * size)
        elif len(piece) > 1 or (is_end and not is_crumb):
            room = 0
        head, *rest = piece
        if spans and weigh(spans[-1].first, head.last) <= room:
            head = Span(spans.pop().first, head.last)
        is_end = len(piece) > 1 or (is_end and is_crumb)
        spans += [head, *rest]
    return spans


def windows(span: Span, weigh: Weights, *, size: int) -> list[Span]:
    """Split rows into windows that fit, if possible at the last blank row of a window's second half."""
    spans: list[Span] = []
    first, blank = span.first, -1
    row = span.first
    while row <= span.last:
        if weigh(first, row) > size and row > first:
            last = blank if blank >= first and weigh(first, blank) > size // 2 else row - 1
            spans.append(Span(first, last))
            first, blank = last + 1, -1
            row = first
            continue
        if weigh(row, row) == 0:
            blank = row
        row += 1
    return [*spans, Span(first, span.last)] if first <= span.last else spans


def trim(span: Span, weigh: Weights) -> Span | None:
    """Drop the blank rows at both ends; None when all are blank."""
    first, last = span.first, span.last
    while first <= last and not weigh(first, first):
        first += 1
    while last > first and not weigh(last, last):
        last -= 1
    return Span(first, last) if first <= last else None
