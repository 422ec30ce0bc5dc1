"""What the index holds of a file's chunks, but for the file's path: it can be kept by content alone.

Cutting a file and making its terms is most of the work of indexing, and depends on nothing but the bytes and
the grammar. A path adds its own terms and its own name when a document goes into an index.
"""

import os
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from retrieval.chunks import chunker, parser_pool, tokenizer
from retrieval.files import encoding, secret_masking
from retrieval.files.languages import grammar_of, language_of
from retrieval.records import Chunk

_NO_TEXT = re.compile(r"[\x00-\x02]")  # what records, documents and fields are joined by
_FIELD, _DOCUMENT = "\x01", "\x02"
_STORED_FIELD = _FIELD.encode()
LONG_LINES = "long lines of data left out"
_LEVEL = 1  # of zlib: half the time of the default for a tenth more bytes


@dataclass(frozen=True, slots=True)
class Document:
    """One chunk as the index takes it.

    Attributes:
        record: The chunk without its path, as `encode` writes it.
        body: Stems of the chunk's text, in order, joined by blanks.
        names: Stems of the names it defines, the same way.
    """

    record: str
    body: str
    names: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of a chunk.

    Attributes:
        chunk: The chunk.
        texts: The terms of each field in order, as `spaced` writes them.
    """

    chunk: Chunk
    texts: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class CutFile:
    """A file as the index takes it.

    Attributes:
        documents: Its chunks, in line order.
        note: What is odd about how it was read: its encoding, a grammar that failed; or "".
    """

    documents: list[Document]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """A file without its secrets, its lines that are no data, where it is cut, and what is odd about it."""

    masked: secret_masking.Masked
    lines: Sequence[str]
    found: parser_pool.FileChunks
    note: str


def cut(path: str, data: bytes) -> CutFile:
    """Cut a file into documents without its secrets; of `path` only the grammar matters.

    Raises:
        ParserError: No process can be started to parse it.
    """
    return analyse(parse(path, data))


def parse(path: str, data: bytes) -> ParsedFile:
    """Do the half of `cut` that other processes and other languages than Python do: it can run beside."""
    decoded = encoding.decode(data)
    masked = secret_masking.mask(decoded.text)
    found = parser_pool.cut(path, masked.text)
    by_lines = f"cut by lines: {found.note}" if found.note else ""
    lines = chunker.lines_of(masked.text)
    seen = chunker.readable(lines)
    count = 0 if seen is lines else sum(map(len, lines)) - sum(map(len, seen))
    left_out = f"{LONG_LINES}: {count:,} characters" if count else ""
    return ParsedFile(masked, seen, found, "; ".join(filter(None, (decoded.note, by_lines, left_out))))


def analyse(parsed: ParsedFile) -> CutFile:
    """Do the other half: make the terms of the chunks."""
    masked, lines, found = parsed.masked, parsed.lines, parsed.found
    documents = [
        Document(
            encode(replace(chunk, masked=masked.count(chunk.start_line, chunk.end_line))),
            " ".join(
                tokenizer.stems(tokenizer.terms(chunker.chunk_text(lines, chunk.start_line, chunk.end_line)))
            ),
            " ".join(name_terms(chunk.names)),
        )
        for chunk in found.chunks
    ]
    return CutFile(documents, parsed.note)


def key(path: str, content: str) -> str:
    """Name what `cut` gives: files of equal content and grammar give the same.

    Args:
        path: The file.
        content: Digest of its bytes.
    """
    return f"{content}.{grammar_of(language_of(path), path)}"


def pack(file: CutFile) -> bytes:
    """Write a file as bytes that notice damage (zlib's checksum)."""
    documents = (_FIELD.join((item.record, item.body, item.names)) for item in file.documents)
    return zlib.compress(_DOCUMENT.join((file.note, *documents)).encode(), _LEVEL)


def unpack(data: bytes) -> CutFile:
    """Read what `pack` wrote.

    Raises:
        ValueError: The bytes are damaged.
    """
    try:
        note, *documents = zlib.decompress(data).decode().split(_DOCUMENT)
        return CutFile([Document(*item.split(_FIELD)) for item in documents], note)
    except (zlib.error, TypeError) as error:
        raise ValueError(f"not packed documents: {error}") from error


def name_terms(names: Iterable[str]) -> list[str]:
    """Stem the terms of defined names."""
    return tokenizer.stems(term for name in names for term in tokenizer.terms(name))


def encode(chunk: Chunk) -> str:
    """Write a chunk without its path as text between NULs; a query reads hundreds back."""
    span = (str(chunk.start_line), str(chunk.end_line))
    words = (clean(word) for word in (chunk.kind, chunk.symbol, chunk.scope))
    return "\0".join((*span, *words, chunk.digest, str(chunk.masked), *map(clean, chunk.names)))


def decode(path: str, record: str) -> Chunk:
    """Read what `encode` wrote."""
    start, end, kind, symbol, scope, content, masked, *names = record.split("\0")
    return Chunk(path, int(start), int(end), kind, symbol, scope, tuple(names), content, int(masked))


def names_in(record: str) -> Sequence[str]:
    """List the names that a written chunk defines."""
    return record.split("\0")[7:]


def has_secrets(documents: Iterable[Document]) -> bool:
    """Tell whether a value was masked in any of a file's documents."""
    return any(item.record.split("\0", 7)[6] != "0" for item in documents)


def write_record(path: str, document: Document) -> bytes:
    """Write what is stored of a chunk of a file: `read_record` reads it."""
    named = (path_key(path).encode(), document.record.encode())
    return _STORED_FIELD.join((*named, spaced(document.body), spaced(document.names)))


def read_record(record: bytes) -> Stored:
    """Read what is stored of a chunk; a query reads some two hundred, so the terms are not looked at.

    Raises:
        ValueError: It is damaged, so far as that shows.
    """
    key, chunk, body, names = record.rsplit(_STORED_FIELD, 3)  # only a path may hold the separator
    path = key.decode() if key.isascii() else os.fsdecode(key.decode().encode("latin-1"))
    return Stored(decode(path, chunk.decode()), {"body": body, "names": names})


def path_key(path: str) -> str:
    """Write a path, whose bytes need not be UTF-8, as text that is."""
    return os.fsencode(path).decode("latin-1")


def spaced(text: str) -> bytes:
    """Give each of some terms two blanks of its own, so that terms and phrases can be counted, in UTF-8.

    Args:
        text: Terms, with one blank between any two.

    >>> spaced("set set get").count(spaced("set")), spaced("set get") in spaced("set set get")
    (2, True)
    """
    return f" {text.replace(' ', '  ')} ".encode()


def clean(name: str) -> str:
    """Write a name so that it can stand in a record and in the index."""
    return _NO_TEXT.sub(" ", name).encode("utf-8", "replace").decode("utf-8")
