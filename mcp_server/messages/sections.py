"""Which results are merged into one section, and which lines around them name the enclosing scope.

The results of one place (`retrieval.search.places`) become one section, at the rank of the best of them. A
section that begins inside a definition is preceded by the lines that open it, because a span from the middle
of a function says little without its signature.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from retrieval.records import Chunk
from retrieval.search.beside import Definition, constants_of, definitions_beside
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
        beside: What else the file defines, that which was found first.
    """

    place: Chunk
    results: tuple[Result, ...]
    lines: tuple[str, ...]
    openers: tuple[tuple[int, str], ...] = ()
    constants: tuple[tuple[int, str], ...] = ()
    beside: tuple[Definition, ...] = ()

    @property
    def best(self) -> Result:
        """The result that gives the section its place in the order."""
        return self.results[0]


def sections_of(results: Sequence[Result], view: View) -> list[Section]:
    """Merge the results of each place and find their enclosing scopes; ordered by the best result of each.

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
    alone = [
        Section(result.passage.chunk, (result,), result.passage.lines)
        for result in mine
        if not _is_in(lines, result)
    ]
    exact = [result for result in mine if _is_in(lines, result)]
    siblings: Sequence[Chunk] = ()
    if exact and exact[0].ranked.rank == 1 and view.is_indexed:
        siblings = view.snapshot.chunks_of(path)
        if not all(text.is_current for text in view.chunk_texts(siblings)):
            siblings = ()  # their lines may be of another version
    places: dict[int, list[Result]] = {}
    for result in exact:
        places.setdefault(numbers[result.passage.chunk], []).append(result)
    found = [_joined(group, lines, siblings) for group in places.values()]
    beside = _beside(mine, siblings, view)
    return alone + [replace(one, beside=beside) if one.best is mine[0] else one for one in found]


def _beside(mine: Sequence[Result], siblings: Sequence[Chunk], view: View) -> tuple[Definition, ...]:
    """Name what a file defines beside its results: what was found, then the others that are known."""
    texts = view.chunk_texts(mine[0].beyond)
    beyond = [chunk for chunk, text in zip(mine[0].beyond, texts, strict=True) if text.is_current]
    return tuple(definitions_beside([*beyond, *siblings], [one.passage.chunk for one in mine]))


def _is_in(lines: Sequence[str], result: Result) -> bool:
    """Return whether a result's lines are still in the file, so that it may be merged with others."""
    chunk, passage = result.passage.chunk, result.passage
    return passage.is_current and tuple(lines[chunk.start_line - 1 : chunk.end_line]) == passage.lines


def _joined(results: Sequence[Result], lines: Sequence[str], siblings: Sequence[Chunk]) -> Section:
    """Merge the results of one place, best first, into one section."""
    chunks = sorted((result.passage.chunk for result in results), key=lambda chunk: chunk.start_line)
    place = replace(chunks[0], end_line=chunks[-1].end_line)
    return Section(
        place,
        tuple(results),
        tuple(lines[place.start_line - 1 : place.end_line]),
        openers(results[0].passage.chunk, lines),
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
