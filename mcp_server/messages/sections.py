"""Which results are merged into one section, and which lines around them name the enclosing scope.

Adjacent results of one file are one place to an agent that will open the file: they become one section, at
the rank of the best of them. A section that begins inside a definition is preceded by the lines that open it,
because a span from the middle of a function says little without its signature.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from retrieval.chunks.chunk_text import ChunkText
from retrieval.records import Chunk
from retrieval.search.searcher import Result

GAP = 3
"""Lines between two results that are shown rather than skipped: another heading costs more characters. Of 323
pairs of one file in the first eight of 418 DEV questions, 93 lie so near, 87 of them with at most one line
between."""

Read = Callable[[Iterable[Chunk]], Sequence[ChunkText]]
"""Reads spans as they are on disk and may be shown: `View.chunk_texts`."""


@dataclass(frozen=True, slots=True)
class Section:
    """Lines of one file that are shown together.

    Attributes:
        place: The span that is shown.
        results: What was found there, best first.
        lines: The lines of `place`.
        openers: Number and text of the lines that open the definitions around its first, outermost first.
    """

    place: Chunk
    results: tuple[Result, ...]
    lines: tuple[str, ...]
    openers: tuple[tuple[int, str], ...] = ()

    @property
    def best(self) -> Result:
        """The result that gives the section its place in the order."""
        return self.results[0]


def sections_of(results: Sequence[Result], read: Read) -> list[Section]:
    """Merge adjacent results of one file and find their enclosing scopes; ordered by the best result of each.

    Args:
        results: Best first.
        read: Reads the lines around and between them. Results of a file that changed since they were read
            are not merged.
    """
    paths = dict.fromkeys(result.passage.chunk.path for result in results)
    found = [section for path in paths for section in _of_file(path, results, read)]
    return sorted(found, key=lambda section: section.best.ranked.rank)


def _of_file(path: str, results: Sequence[Result], read: Read) -> list[Section]:
    mine = [result for result in results if result.passage.chunk.path == path]
    last = max(result.passage.chunk.end_line for result in mine)
    (file,) = read([Chunk(path, 1, last)])
    alone = [_alone(result) for result in mine if not _is_in(file.lines, result)]
    exact = [result for result in mine if _is_in(file.lines, result)]
    return alone + [_joined(group, file.lines) for group in _neighbours(exact)]


def _is_in(lines: Sequence[str], result: Result) -> bool:
    """Return whether a result's lines are still in the file, so that it may be merged with others."""
    chunk, passage = result.passage.chunk, result.passage
    return passage.is_current and tuple(lines[chunk.start_line - 1 : chunk.end_line]) == passage.lines


def _alone(result: Result) -> Section:
    return Section(result.passage.chunk, (result,), result.passage.lines)


def _neighbours(results: Sequence[Result]) -> list[list[Result]]:
    groups: list[list[Result]] = []
    for result in sorted(results, key=lambda item: item.passage.chunk.start_line):
        if groups and result.passage.chunk.start_line - groups[-1][-1].passage.chunk.end_line <= GAP + 1:
            groups[-1].append(result)
        else:
            groups.append([result])
    return groups


def _joined(group: Sequence[Result], lines: Sequence[str]) -> Section:
    """Merge neighbours, which are in line order, into one section."""
    first = group[0].passage.chunk
    place = replace(first, end_line=max(result.passage.chunk.end_line for result in group))
    best_first = tuple(sorted(group, key=lambda result: result.ranked.rank))
    shown = tuple(lines[place.start_line - 1 : place.end_line])
    return Section(place, best_first, shown, openers(first, lines))


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
