"""Which results are one place to a reader: neighbouring chunks of one file, up to a screenful.

A search for eight results shows eight places. Two chunks of one function are one of them, so that they do not
push out the next answer: on questions with known lines that raised recall@10 from .502 to .535
(benchmarks/runs/2026-11-28-lines).
"""

import itertools
from collections.abc import Sequence

from retrieval.records import Chunk

GAP = 3
"""Lines between two chunks of a place at most: another heading costs more characters. Of 323 pairs of one
file in the first eight of 418 questions, 93 lie so near, 87 of them with at most one line between."""
MOST_LINES = 80
FILES, BEYOND = 3, 8
"""Of so many files, so many further chunks are kept, for a reply to name
(benchmarks/runs/2026-11-29-replies)."""

Span = tuple[str, int, int]
"""Path, first and last line, 1-based and inclusive."""


def places_of(chunks: Sequence[Chunk]) -> list[list[int]]:
    """Group chunks, best first, into places.

    A chunk joins the best place that it adjoins, unless the place would exceed MOST_LINES.

    Returns:
        The positions of the chunks in each place, in the order of the best of each.

    >>> places_of([Chunk("a.py", 10, 20), Chunk("b.py", 1, 9), Chunk("a.py", 22, 30)])
    [[0, 2], [1]]
    """
    spans: list[Span] = []
    members: list[list[int]] = []
    for position, chunk in enumerate(chunks):
        joined = ((i, _joined(span, chunk)) for i, span in enumerate(spans))
        found = next(((i, span) for i, span in joined if span), None)
        if found:
            spans[found[0]] = found[1]
            members[found[0]].append(position)
        else:
            spans.append((chunk.path, chunk.start_line, chunk.end_line))
            members.append([position])
    return members


def spans_of(chunks: Sequence[Chunk]) -> list[Span]:
    """Return the lines of each place of `places_of`."""
    return [
        (
            chunks[group[0]].path,
            min(chunks[i].start_line for i in group),
            max(chunks[i].end_line for i in group),
        )
        for group in places_of(chunks)
    ]


def page_of(chunks: Sequence[Chunk], offset: int, top_k: int) -> tuple[list[int], list[int]]:
    """Return the positions of the chunks in `top_k` places after the first `offset`, and after those.

    >>> page_of([Chunk("a.py", 10, 20), Chunk("b.py", 1, 9), Chunk("a.py", 22, 30)], 0, 1)
    ([0, 2], [1])
    """
    places = places_of(chunks)[offset:]
    shown, after = (sorted(itertools.chain(*part)) for part in (places[:top_k], places[top_k:]))
    return shown, after


def beyond(chunks: Sequence[Chunk], shown: Sequence[Chunk]) -> dict[str, tuple[Chunk, ...]]:
    """Return what else was found in the first files that are shown, by path, best first.

    Args:
        chunks: What was found after it, best first.
        shown: What is shown, best first.

    >>> a, b, c = Chunk("a.py", 1, 9), Chunk("b.py", 1, 9), Chunk("a.py", 80, 90)
    >>> beyond([c], [a, b]) == {"a.py": (c,), "b.py": ()}
    True
    """
    paths = list(dict.fromkeys(chunk.path for chunk in shown))[:FILES]
    return {path: tuple(chunk for chunk in chunks if chunk.path == path)[:BEYOND] for path in paths}


def _joined(span: Span, chunk: Chunk) -> Span | None:
    """Return the lines of both where the chunk adjoins the span, else None."""
    path, start, end = span
    if path != chunk.path or chunk.start_line - end > GAP + 1 or start - chunk.end_line > GAP + 1:
        return None
    first, last = min(start, chunk.start_line), max(end, chunk.end_line)
    return (path, first, last) if last - first < MOST_LINES else None
