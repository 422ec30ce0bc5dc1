"""How a file becomes the chunks that the index stores, which depends on nothing but its bytes and grammar.

Splitting a file and making its terms is most of the work of indexing, so the result is cached by content. A
file's path adds its own terms and its own name when its chunks go into an index.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from retrieval.chunks import chunker, parser_pool, tokenizer
from retrieval.chunks.stored_chunk import StoredChunk, decode, encode, spaced, unspaced
from retrieval.files import encoding, secret_masking
from retrieval.files.languages import grammar_of, language_of
from retrieval.records import Chunk

LONG_LINES = "long lines of data left out"
_FIELD, _CHUNK = "\x01", "\x02"
_LEVEL = 1  # of zlib: half the time of the default for a tenth more bytes


@dataclass(frozen=True, slots=True)
class SplitFile:
    """A file as the index takes it.

    Attributes:
        chunks: In line order, each without the file's path.
        note: What is odd about how it was read: its encoding, a grammar that failed; or "".
    """

    chunks: tuple[StoredChunk, ...]
    note: str = ""

    @property
    def has_secrets(self) -> bool:
        """Whether a value was masked in any of the chunks."""
        return any(item.chunk.masked for item in self.chunks)

    def to_bytes(self) -> bytes:
        """Write the file as bytes that notice damage (zlib's checksum)."""
        chunks = (
            _FIELD.join((encode(item.chunk), unspaced(item.body), unspaced(item.names)))
            for item in self.chunks
        )
        return zlib.compress(_CHUNK.join((self.note, *chunks)).encode(), _LEVEL)

    @classmethod
    def from_bytes(cls, data: bytes) -> "SplitFile":
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: The bytes are damaged.
        """
        try:
            note, *chunks = zlib.decompress(data).decode().split(_CHUNK)
            return cls(tuple(map(_read, chunks)), note)
        except (zlib.error, ValueError) as error:
            raise ValueError(f"not a split file: {error}") from error


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file that was parsed, before its terms are made.

    Attributes:
        masked: Its text without its secrets.
        lines: The lines of that text, those that are data left blank.
        found: Where it is split.
        note: What is odd about how it was read, or "".
    """

    masked: secret_masking.Masked
    lines: Sequence[str]
    found: parser_pool.FileChunks
    note: str


def split(path: str, data: bytes) -> SplitFile:
    """Split a file into chunks without its secrets; of `path` only the grammar matters.

    Raises:
        ParserError: No process can be started to parse it.
    """
    return with_terms(parse(path, data))


def parse(path: str, data: bytes) -> ParsedFile:
    """Do the half of `split` that other processes and other languages than Python do: it can run beside.

    Raises:
        ParserError: No process can be started to parse it.
    """
    decoded = encoding.decode(data)
    masked = secret_masking.mask(decoded.text)
    found = parser_pool.cut(path, masked.text)
    by_lines = f"cut by lines: {found.note}" if found.note else ""
    lines = chunker.lines_of(masked.text)
    seen = chunker.readable(lines)
    count = 0 if seen is lines else sum(map(len, lines)) - sum(map(len, seen))
    left_out = f"{LONG_LINES}: {count:,} characters" if count else ""
    return ParsedFile(masked, seen, found, "; ".join(filter(None, (decoded.note, by_lines, left_out))))


def with_terms(parsed: ParsedFile) -> SplitFile:
    """Do the other half: make the terms of the chunks."""
    return SplitFile(tuple(_stored(chunk, parsed) for chunk in parsed.found.chunks), parsed.note)


def content_key(path: str, content: str) -> str:
    """Name what `split` gives: files of equal content and grammar give the same.

    Args:
        path: The file.
        content: Digest of its bytes.
    """
    return f"{content}.{grammar_of(language_of(path), path)}"


def _stored(chunk: Chunk, parsed: ParsedFile) -> StoredChunk:
    text = chunker.chunk_text(parsed.lines, chunk.start_line, chunk.end_line)
    masked = parsed.masked.count(chunk.start_line, chunk.end_line)
    return StoredChunk(
        replace(chunk, path="", masked=masked),
        spaced(" ".join(tokenizer.stems(tokenizer.terms(text)))),
        spaced(" ".join(tokenizer.name_stems(chunk.names))),
    )


def _read(item: str) -> StoredChunk:
    chunk, body, names = item.split(_FIELD)
    return StoredChunk(decode("", chunk), spaced(body), spaced(names))
