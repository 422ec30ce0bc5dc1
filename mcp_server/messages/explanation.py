"""Why a chunk has its rank: what its first-stage score consists of, and what puts it above the next one."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from retrieval.errors import ArgumentError, shorten
from retrieval.records import AnyCandidate, Candidate, Chunk
from retrieval.search.searcher import Answer
from retrieval.sync.view import View

TELLING = 3  # differences that are named between neighbours
_PLACE = re.compile(r"(?:\./)?(?P<path>.+):(?P<line>[1-9][0-9]{0,8})")
_LEAST = 0.0005  # a smaller difference would be shown as nothing


def of_results(answer: Answer) -> Iterator[str]:
    """Explain each result, line by line, and compare neighbours in first-stage order."""
    candidates = sorted((result.ranked.candidate for result in answer.results), key=lambda item: item.rank)
    yield "\nwhy, in the first stage: a score is the sum of these shares"
    if answer.stages.lessons:
        yield (
            f"{answer.stages.lessons} commits of this repository taught the weights; "
            "`goldrank models` shows which of them changed"
        )
    for candidate in candidates:
        yield from _shares(candidate)
        if (touch := answer.touches.get(candidate.chunk.path)) and candidate.parts.get("past"):
            yield f"   past: most of it from {touch.commit} {shorten(touch.subject)}"
    for above, below in pairwise(candidates):
        yield _comparison(above, below)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file that is searched."""

    path: str
    number: int


def line_of(place: str, view: View) -> Line:
    """Read `path:line`, and check that there is such a line to explain.

    Raises:
        ArgumentError: It is written otherwise, or no such line is searched; the text says why.
    """
    match = _PLACE.fullmatch(place)
    if match is None:
        raise ArgumentError(
            f"{shorten(place)} is no PATH:LINE", remedy="name a file of the repository and a line from 1"
        )
    path, number = match["path"], int(match["line"])
    if path not in view.paths:
        unknown = view.unknown(path)
        if unknown.reason:
            raise ArgumentError(f"{shorten(path)} is not searched: {unknown.reason}")
        alike = " or ".join(map(shorten, unknown.namesakes))
        raise ArgumentError(
            f"{shorten(path)} is no file of {view.name}",
            remedy=f"did you mean {alike}?" if alike else "paths are relative to its root",
        )
    count = len(view.lines(path) or ())
    if number > count:
        raise ArgumentError(f"{shorten(path)} has no line {number}", remedy=f"it has {count:,}")
    return Line(path, number)


def of_line(ranking: Sequence[Candidate], line: Line, chunks: Sequence[Chunk]) -> Iterator[str]:
    """Explain the chunk that holds a line, and compare it with its neighbours.

    Args:
        ranking: Every candidate of the question, in first-stage order.
        line: The line.
        chunks: The indexed chunks of its file.
    """
    path, number = line.path, line.number
    found = next(
        (item for item in ranking if item.chunk.path == path
         and item.chunk.start_line <= number <= item.chunk.end_line),
        None,
    )  # fmt: skip
    yield f"\nwhy {path}:{number}, in the first stage:"
    if found is None:
        own = next((one for one in chunks if one.start_line <= number <= one.end_line), None)
        where = (
            f"no field of its chunk, lines {own.start_line}-{own.end_line}, is among the best"
            if own
            else "no chunk holds the line, because it is blank or not indexed yet"
        )
        yield f"it is none of the {len(ranking)} candidates: {where}"
        return
    yield from _shares(found)
    if found.rank > 1:
        yield _comparison(ranking[found.rank - 2], found)
    if found.rank < len(ranking):
        yield _comparison(found, ranking[found.rank])


def _shares(candidate: AnyCandidate) -> Iterator[str]:
    shares = "  ".join(f"{name} {share:+.3f}" for name, share in candidate.parts.items())
    yield f"{candidate.rank:>3}. {candidate.chunk.span}\n     {candidate.score:.3f} = {shares}"


def _comparison(above: AnyCandidate, below: AnyCandidate) -> str:
    """Name the features that put the upper of two neighbours above the other."""
    names = dict.fromkeys((*above.parts, *below.parts))
    differences = {name: above.parts.get(name, 0.0) - below.parts.get(name, 0.0) for name in names}
    telling = sorted(differences.items(), key=lambda item: -item[1])[:TELLING]
    reasons = ", ".join(f"{name} {value:+.3f}" for name, value in telling if value > _LEAST)
    where = f"{above.rank} above {below.rank} by {above.score - below.score:.3f}"
    return f"{where}: {reasons or 'by a hair, else by path, then line'}"
