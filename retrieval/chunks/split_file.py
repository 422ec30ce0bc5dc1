"""How a file becomes the chunks that the index stores, which depend only on its bytes and its grammar.

Splitting and tokenizing are most of the work of indexing, so the result is cached by content. The path and
its terms are added when the chunks go into an index.
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
_LEVEL = 1  # of zlib: half the time of the default level for 10 % more bytes


@dataclass(frozen=True, slots=True)
class SplitFile:
    """A file split into chunks for the index.

    Attributes:
        chunks: In line order, each without the file's path.
        note: What was unusual about reading the file, such as its encoding or a failed grammar; or "".
    """

    chunks: tuple[StoredChunk, ...]
    note: str = ""

    @property
    def has_secrets(self) -> bool:
        """Whether a value was masked in any chunk."""
        return any(item.chunk.masked for item in self.chunks)

    def to_bytes(self) -> bytes:
        """Encode the file as bytes with zlib's checksum, so that damage is detected."""
        chunks = (
            _FIELD.join((encode(item.chunk), unspaced(item.body), unspaced(item.names)))
            for item in self.chunks
        )
        return zlib.compress(_CHUNK.join((self.note, *chunks)).encode(), _LEVEL)

    @classmethod
    def from_bytes(cls, data: bytes) -> "SplitFile":
        """Decode the bytes of `to_bytes`.

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
    """A parsed file, before it is tokenized.

    Attributes:
        masked: The text with its secrets masked.
        lines: The lines of that text, with lines of data blanked.
        found: The chunks.
        note: What was unusual about reading the file, or "".
    """

    masked: secret_masking.Masked
    lines: Sequence[str]
    found: parser_pool.FileChunks
    note: str


def split(path: str, data: bytes) -> SplitFile:
    """Split a file into chunks with its secrets masked; `path` only decides the grammar.

    Raises:
        ParserError: The process that parses files cannot be started.
    """
    return with_terms(parse(path, data))


def parse(path: str, data: bytes) -> ParsedFile:
    """Do the part of `split` that runs in other processes and native code, so that it can run in parallel.

    Raises:
        ParserError: The process that parses files cannot be started.
    """
    decoded = encoding.decode(data)
    masked = secret_masking.mask(decoded.text)
    found = parser_pool.cut(path, masked.text)
    by_lines = f"split by lines: {found.note}" if found.note else ""
    lines = chunker.lines_of(masked.text)
    shown = chunker.shown_lines(path, lines)
    seen = chunker.readable(shown)
    count = 0 if seen is shown else sum(map(len, shown)) - sum(map(len, seen))
    left_out = f"{LONG_LINES}: {count:,} characters" if count else ""
    return ParsedFile(masked, seen, found, "; ".join(filter(None, (decoded.note, by_lines, left_out))))


def with_terms(parsed: ParsedFile) -> SplitFile:
    """Do the other part of `split`: tokenize the chunks."""
    return SplitFile(tuple(_stored(chunk, parsed) for chunk in parsed.found.chunks), parsed.note)


def content_key(path: str, content: str) -> str:
    """Return the cache key of `split`: equal for files with the same content and grammar.

    Args:
        path: The file.
        content: Digest of the file's bytes.
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
