"""Which results are merged into one section, and which lines around them name the enclosing scope.

Adjacent results of one file are one place to an agent that will open the file: they become one section, at
the rank of the best of them. A section that begins inside a definition is preceded by the lines that open it,
because a span from the middle of a function says little without its signature.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from retrieval.records import Chunk
from retrieval.search.definition_span import WHOLE_CHARS, constants_of, definition_span, size_of
from retrieval.search.places import GAP
from retrieval.search.searcher import Result
from retrieval.sync.view import View


@dataclass(frozen=True, slots=True)
class Section:
    """Lines of one file that are shown together.

    Attributes:
        place: The span that is shown.
        results: What was found there, best first.
        lines: The lines of `place`.
        openers: Number and text of the lines that open the definitions around its first, outermost first.
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
    """Merge adjacent results of one file and find their enclosing scopes; ordered by the best result of each.

    The best result is widened to its whole definition where that is short enough, so that the file need not
    be read again.

    Args:
        results: Best first.
        view: Reads the lines around and between them. Results of a file that changed since they were read
            are not merged.
    """
    paths = dict.fromkeys(result.passage.chunk.path for result in results)
    found = [section for path in paths for section in _of_file(path, results, view)]
    return sorted(found, key=lambda section: section.best.ranked.rank)


def _of_file(path: str, results: Sequence[Result], view: View) -> list[Section]:
    mine = [result for result in results if result.passage.chunk.path == path]
    lines = view.lines(path) or ()
    alone = [_alone(result) for result in mine if not _is_in(lines, result)]
    exact = [_Shown(result, result.passage.chunk) for result in mine if _is_in(lines, result)]
    siblings: Sequence[Chunk] = ()
    if exact and exact[0].result.ranked.rank == 1 and view.is_indexed:
        siblings = view.snapshot.chunks_of(path)
        if all(text.is_current for text in view.chunk_texts(siblings)):  # else their lines may be of another
            exact[0] = _widened(exact[0], siblings, lines)
        else:
            siblings = ()
    return alone + [_joined(group, lines, siblings) for group in _neighbours(exact, lines)]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A result and the lines that show it."""

    result: Result
    place: Chunk


def _widened(shown: _Shown, siblings: Sequence[Chunk], lines: Sequence[str]) -> _Shown:
    first, last = definition_span(shown.place, siblings, lines)
    head = next((chunk for chunk in siblings if chunk.start_line == first), shown.place)
    scope = head.scope if first < shown.place.start_line else shown.place.scope
    return _Shown(shown.result, replace(shown.place, start_line=first, end_line=last, scope=scope))


def _is_in(lines: Sequence[str], result: Result) -> bool:
    """Return whether a result's lines are still in the file, so that it may be merged with others."""
    chunk, passage = result.passage.chunk, result.passage
    return passage.is_current and tuple(lines[chunk.start_line - 1 : chunk.end_line]) == passage.lines


def _alone(result: Result) -> Section:
    return Section(result.passage.chunk, (result,), result.passage.lines)


def _neighbours(results: Sequence[_Shown], lines: Sequence[str]) -> list[list[_Shown]]:
    """Group neighbours, in line order, while what they show together is short; overlaps are always one."""
    groups: list[list[_Shown]] = []
    first = last = 0
    for shown in sorted(results, key=lambda item: item.place.start_line):
        start, end = shown.place.start_line, max(shown.place.end_line, last)
        is_near = start - last <= GAP + 1 and size_of(lines, first, end) <= WHOLE_CHARS
        if groups and (start <= last or is_near):
            groups[-1].append(shown)
            last = end
        else:
            groups.append([shown])
            first, last = start, shown.place.end_line
    return groups


def _joined(group: Sequence[_Shown], lines: Sequence[str], siblings: Sequence[Chunk]) -> Section:
    """Merge neighbours, which are in line order, into one section."""
    first = group[0].place
    place = replace(first, end_line=max(shown.place.end_line for shown in group))
    best_first = tuple(sorted((shown.result for shown in group), key=lambda result: result.ranked.rank))
    shown = tuple(lines[place.start_line - 1 : place.end_line])
    constants = constants_of(place.start_line, place.end_line, siblings, lines)
    return Section(place, best_first, shown, openers(first, lines), tuple(constants))


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
