"""Chunks with their lines as they are on disk now, which need not be as they were indexed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from retrieval.chunks import parser_pool
from retrieval.records import Chunk
from retrieval.text import digest


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk with its lines as they are on disk now.

    Attributes:
        chunk: The span.
        lines: Its lines; empty when the file is gone.
        is_current: Whether the lines are those that were indexed.
    """

    chunk: Chunk
    lines: tuple[str, ...]
    is_current: bool

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


def passages_of(path: str, lines: Sequence[str]) -> list[Passage]:
    """Cut a file as it is now."""
    return [
        Passage(chunk, tuple(lines[chunk.start_line - 1 : chunk.end_line]), is_current=True)
        for chunk in parser_pool.cut(path, "\n".join(lines)).chunks
    ]


def read_back(chunks: Iterable[Chunk], lines_of: Callable[[str], Sequence[str] | None]) -> list[Passage]:
    """Read chunks back, each file once, and tell which are as they were indexed.

    Args:
        chunks: Spans of files.
        lines_of: Reads a file's lines; None when it is gone.
    """
    cache: dict[str, Sequence[str]] = {}
    found = []
    for chunk in chunks:
        if chunk.path not in cache:
            cache[chunk.path] = lines_of(chunk.path) or []
        lines = cache[chunk.path][chunk.start_line - 1 : chunk.end_line]
        content = digest("\n".join(lines).encode("utf-8", "surrogatepass"))
        found.append(Passage(chunk, tuple(lines), content == chunk.digest))
    return found
