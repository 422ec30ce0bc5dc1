"""Chunks with their current lines on disk, which may differ from the indexed lines."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from retrieval.chunks import chunker, parser_pool
from retrieval.files import encoding, secret_masking
from retrieval.records import Chunk
from retrieval.text import digest

CACHED_CHARS = 20_000_000
"""Text that `FileLines` caches: enough for one reply (50 files of 40 kB on average), not for a repository."""

ReadLines = Callable[[str], Sequence[str] | None]
"""Reads a file's lines by path; None when the file is gone or cannot be read."""


@dataclass(frozen=True, slots=True)
class ChunkText:
    """A chunk with its current lines on disk.

    Attributes:
        chunk: The chunk.
        lines: Its lines; empty when the file is gone.
        is_current: Whether the lines are unchanged since they were indexed.
    """

    chunk: Chunk
    lines: tuple[str, ...]
    is_current: bool

    @property
    def text(self) -> str:
        """The lines joined by line feeds."""
        return "\n".join(self.lines)


class FileLines:
    """Cached lines of files; the file read first is evicted first."""

    def __init__(self, read: ReadLines, *, cached_chars: int = CACHED_CHARS) -> None:
        self._read = read
        self._cached_chars = cached_chars
        self._files: OrderedDict[str, Sequence[str] | None] = OrderedDict()
        self._chars = 0

    def __call__(self, path: str) -> Sequence[str] | None:
        """Return a file's lines; None when the file is gone or cannot be read."""
        if path not in self._files:
            self._files[path] = lines = self._read(path)
            self._chars += _size(lines)
            while self._chars > self._cached_chars and len(self._files) > 1:
                self._chars -= _size(self._files.popitem(last=False)[1])
        return self._files[path]


def masked_lines(data: bytes, clean_digest: str) -> list[str]:
    """Decode a file's content into lines with secrets masked.

    Args:
        data: The content.
        clean_digest: Digest of content that is known to contain no secrets, or "".
    """
    text = encoding.decode(data).text
    # Most files are unchanged and had no secrets, so they need no detector, which is slow to load.
    is_clean = bool(clean_digest) and digest(data) == clean_digest
    return chunker.lines_of(text if is_clean else secret_masking.mask(text).text)


def chunk_texts_of(path: str, lines: Sequence[str]) -> list[ChunkText]:
    """Split a file's current lines into chunks."""
    return [
        ChunkText(chunk, tuple(lines[chunk.start_line - 1 : chunk.end_line]), is_current=True)
        for chunk in parser_pool.cut(path, "\n".join(lines)).chunks
    ]


def read_back(chunks: Iterable[Chunk], lines_of: ReadLines) -> list[ChunkText]:
    """Read the current lines of chunks, and flag which are unchanged since they were indexed.

    Args:
        chunks: Chunks of any files.
        lines_of: Reads a file's lines; `FileLines` reads each file once.
    """
    return [_read_back(chunk, lines_of(chunk.path) or ()) for chunk in chunks]


def _read_back(chunk: Chunk, lines: Sequence[str]) -> ChunkText:
    own = tuple(lines[chunk.start_line - 1 : chunk.end_line])
    content = digest("\n".join(own).encode("utf-8", "surrogatepass"))
    return ChunkText(chunk, own, content == chunk.digest)


def _size(lines: Sequence[str] | None) -> int:
    return sum(map(len, lines or ()))
