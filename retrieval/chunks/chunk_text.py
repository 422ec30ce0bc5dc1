"""Chunks with their lines as they are on disk now, which need not be as they were indexed."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from retrieval.chunks import parser_pool
from retrieval.records import Chunk
from retrieval.text import digest

CACHED_CHARS = 20_000_000
"""Text that `FileLines` holds: all files of a reply (50 of 40 kB on average), and not a whole repository."""

ReadLines = Callable[[str], Sequence[str] | None]
"""Reads a file's lines by path; None when it is gone or may not be read."""


@dataclass(frozen=True, slots=True)
class ChunkText:
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


class FileLines:
    """Files that were read, each once as long as it is cached; the one read first is dropped first."""

    def __init__(self, read: ReadLines, *, cached_chars: int = CACHED_CHARS) -> None:
        self._read = read
        self._cached_chars = cached_chars
        self._files: OrderedDict[str, Sequence[str] | None] = OrderedDict()
        self._chars = 0

    def __call__(self, path: str) -> Sequence[str] | None:
        """Return a file's lines; None when it is gone or may not be read."""
        if path not in self._files:
            self._files[path] = lines = self._read(path)
            self._chars += _size(lines)
            while self._chars > self._cached_chars and len(self._files) > 1:
                self._chars -= _size(self._files.popitem(last=False)[1])
        return self._files[path]


def chunk_texts_of(path: str, lines: Sequence[str]) -> list[ChunkText]:
    """Split a file as it is now."""
    return [
        ChunkText(chunk, tuple(lines[chunk.start_line - 1 : chunk.end_line]), is_current=True)
        for chunk in parser_pool.cut(path, "\n".join(lines)).chunks
    ]


def read_back(chunks: Iterable[Chunk], lines_of: ReadLines) -> list[ChunkText]:
    """Read chunks back, and tell which are as they were indexed.

    Args:
        chunks: Spans of files.
        lines_of: Reads a file's lines; `FileLines` reads each file once.
    """
    return [_read_back(chunk, lines_of(chunk.path) or ()) for chunk in chunks]


def _read_back(chunk: Chunk, lines: Sequence[str]) -> ChunkText:
    own = tuple(lines[chunk.start_line - 1 : chunk.end_line])
    content = digest("\n".join(own).encode("utf-8", "surrogatepass"))
    return ChunkText(chunk, own, content == chunk.digest)


def _size(lines: Sequence[str] | None) -> int:
    return sum(map(len, lines or ()))
