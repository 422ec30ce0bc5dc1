"""Which rows of a file make up one chunk: how rows are weighed, split into windows, and trimmed."""

from collections.abc import Sequence
from dataclasses import dataclass


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
