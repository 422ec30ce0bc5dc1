"""Which results are merged into one section, and which lines around them name the enclosing scope.

The results of one place (`retrieval.search.places`) become one section, at the rank of the best of them. A
section that begins inside a definition is preceded by the lines that open it, because a span from the middle
of a function says little without its signature.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from retrieval.records import Chunk
from retrieval.search.definition_span import constants_of, definition_span
from retrieval.search.places import places_of
from retrieval.search.searcher import Result
from retrieval.sync.view import View


@dataclass(frozen=True, slots=True)
class Section:
    """Lines of one file that are shown together.

    Attributes:
        place: The span.
        results: What was found there, best first.
        lines: The lines of `place`.
        openers: Number and text of the lines that open the definitions around its best result, outermost
            first.
        constants: Number and text of the lines elsewhere in the file that define constants which it uses.
    """

    place: Chunk
    results: tuple[Result, ...]
    lines: tuple[str, ...]
    openers: tuple[tuple[int, str], ...] = ()
    constants: tuple[tuple[int, str], ...] = ()

    @property
    def best(self) -> Result:
        """The result that gives the section its place in the order."""
        return self.results[0]


def sections_of(results: Sequence[Result], view: View) -> list[Section]:
    """Merge the results of each place and find their enclosing scopes; ordered by the best result of each.

    The best result is widened to its whole definition where that is short enough, so that the file need not
    be read again.

    Args:
        results: Best first.
        view: Reads the lines around and between them. Results of a file that changed since they were read
            are not merged.
    """
    chunks = [result.passage.chunk for result in results]
    numbers = {chunks[i]: number for number, group in enumerate(places_of(chunks)) for i in group}
    paths = dict.fromkeys(chunk.path for chunk in chunks)
    found = [section for path in paths for section in _of_file(path, results, numbers, view)]
    return sorted(found, key=lambda section: section.best.ranked.rank)


def _of_file(path: str, results: Sequence[Result], numbers: Mapping[Chunk, int], view: View) -> list[Section]:
    mine = [result for result in results if result.passage.chunk.path == path]
    lines = view.lines(path) or ()
    alone = [_alone(result) for result in mine if not _is_in(lines, result)]
    exact = [
        _Shown(result, result.passage.chunk, numbers[result.passage.chunk])
        for result in mine
        if _is_in(lines, result)
    ]
    siblings: Sequence[Chunk] = ()
    if exact and exact[0].result.ranked.rank == 1 and view.is_indexed:
        siblings = view.snapshot.chunks_of(path)
        if all(text.is_current for text in view.chunk_texts(siblings)):  # else their lines may be of another
            exact[0] = _widened(exact[0], siblings, lines)
        else:
            siblings = ()
    return alone + [_joined(group, lines, siblings) for group in _merged(exact)]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A result, the lines that show it, and the number of its place."""

    result: Result
    place: Chunk
    number: int


def _widened(shown: _Shown, siblings: Sequence[Chunk], lines: Sequence[str]) -> _Shown:
    first, last = definition_span(shown.place, siblings, lines)
    head = next((chunk for chunk in siblings if chunk.start_line == first), shown.place)
    scope = head.scope if first < shown.place.start_line else shown.place.scope
    return replace(shown, place=replace(shown.place, start_line=first, end_line=last, scope=scope))


def _is_in(lines: Sequence[str], result: Result) -> bool:
    """Return whether a result's lines are still in the file, so that it may be merged with others."""
    chunk, passage = result.passage.chunk, result.passage
    return passage.is_current and tuple(lines[chunk.start_line - 1 : chunk.end_line]) == passage.lines


def _alone(result: Result) -> Section:
    return Section(result.passage.chunk, (result,), result.passage.lines)


def _merged(results: Sequence[_Shown]) -> list[list[_Shown]]:
    """Group results by place, in line order; what overlaps after it was widened is one place too."""
    groups: list[list[_Shown]] = []
    last = 0
    for shown in sorted(results, key=lambda item: item.place.start_line):
        if groups and (shown.place.start_line <= last or shown.number == groups[-1][-1].number):
            groups[-1].append(shown)
        else:
            groups.append([shown])
            last = 0
        last = max(last, shown.place.end_line)
    return groups


def _joined(group: Sequence[_Shown], lines: Sequence[str], siblings: Sequence[Chunk]) -> Section:
    """Merge results, which are in line order, into one section."""
    first = group[0].place
    place = replace(first, end_line=max(shown.place.end_line for shown in group))
    best_first = sorted(group, key=lambda shown: shown.result.ranked.rank)
    return Section(
        place,
        tuple(shown.result for shown in best_first),
        tuple(lines[place.start_line - 1 : place.end_line]),
        openers(best_first[0].place, lines),
        tuple(constants_of(place.start_line, place.end_line, siblings, lines)),
    )


def openers(chunk: Chunk, lines: Sequence[str]) -> tuple[tuple[int, str], ...]:
    """Find the lines that open the definitions around a chunk, outermost first.

    Searching upwards from the chunk's first line, the opener of a scope is the nearest line that is indented
    less and names it. In code that is not indented this way, only the heading names the scope.

    Args:
        chunk: A chunk with its scope.
        lines: The file's, from the first to the chunk's end at least.

    >>> text = ["class Client:", "", "    def send(self, request):", "        return retry(request)"]
    >>> openers(Chunk("a.py", 4, 4, scope="Client.send"), text)
    ((1, 'class Client:'), (3, '    def send(self, request):'))
    """
    found: list[tuple[int, str]] = []
    start = chunk.start_line - 1
    body = (line for line in lines[start : chunk.end_line] if line.strip())
    depth = _indent(next(body, ""))
    for name in reversed(chunk.scope.split(".") if chunk.scope else []):
        named = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")
        above = (i for i in range(start - 1, -1, -1) if lines[i].strip() and _indent(lines[i]) < depth)
        place = next((i for i in above if named.search(lines[i])), None)
        if place is None:
            break
        start, depth = place, _indent(lines[place])
        found.append((place + 1, lines[place]))
    return tuple(reversed(found))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
