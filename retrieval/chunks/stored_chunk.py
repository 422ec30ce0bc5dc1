"""How a chunk is stored: its fields, and its terms in order, as bytes in which a query can count terms."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from retrieval.records import Chunk

_NO_TEXT = re.compile(r"[\x00-\x02]")  # separators of fields, chunks and files
_FIELD = b"\x01"


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with its terms.

    Attributes:
        chunk: The chunk; its path is "" while it is cached by content, for files of any name.
        body: Stems of the chunk's text, in order, in the format of `spaced`; in an index also of its path.
        names: Stems of the names that the chunk defines, in the same format.
    """

    chunk: Chunk
    body: bytes
    names: bytes

    def terms(self, field: Literal["body", "names"]) -> bytes:
        """Return the terms of one field."""
        return self.body if field == "body" else self.names

    def in_file(self, path: str, place: Iterable[str]) -> "StoredChunk":
        """Return the chunk as indexed for a file.

        Args:
            path: The file.
            place: Stems of the path, which are added to the body.
        """
        # split: the stemmer turns "s" into "", and two spaces in a row would be counted as a term.
        return StoredChunk(
            replace(self.chunk, path=path),
            spaced(" ".join((*unspaced(self.body).split(), *place))),
            spaced(" ".join(unspaced(self.names).split())),
        )

    def to_bytes(self) -> bytes:
        """Encode the chunk for the index: path, chunk, body, names."""
        return _FIELD.join(
            (path_key(self.chunk.path).encode(), encode(self.chunk).encode(), self.body, self.names)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "StoredChunk":
        """Decode the bytes of `to_bytes`; a query decodes about two hundred, so the terms are not parsed.

        Raises:
            ValueError: The bytes are visibly damaged.
        """
        key, chunk, body, names = data.rsplit(_FIELD, 3)  # only a path may contain the separator
        path = key.decode() if key.isascii() else os.fsdecode(key.decode().encode("latin-1"))
        return cls(decode(path, chunk.decode()), body, names)


def encode(chunk: Chunk) -> str:
    """Encode a chunk without its path as NUL-separated text; a query decodes hundreds."""
    span = (str(chunk.start_line), str(chunk.end_line))
    words = (clean(word) for word in (chunk.kind, chunk.symbol, chunk.scope))
    return "\0".join((*span, *words, chunk.digest, str(chunk.masked), *map(clean, chunk.names)))


def decode(path: str, record: str) -> Chunk:
    """Decode the text of `encode`.

    Raises:
        ValueError: The text is visibly damaged.
    """
    start, end, kind, symbol, scope, content, masked, *names = record.split("\0")
    return Chunk(path, int(start), int(end), kind, symbol, scope, tuple(names), content, int(masked))


def path_key(path: str) -> str:
    """Return a path, whose bytes need not be UTF-8, as text that can be encoded in UTF-8."""
    return os.fsencode(path).decode("latin-1")


def spaced(text: str) -> bytes:
    """Surround each term by two spaces of its own, in UTF-8, so that terms and phrases can be counted.

    Args:
        text: Terms, separated by one space.

    >>> spaced("set set get").count(spaced("set")), spaced("set get") in spaced("set set get")
    (2, True)
    """
    return f" {text.replace(' ', '  ')} ".encode()


def unspaced(terms: bytes) -> str:
    """Reverse `spaced`.

    >>> unspaced(spaced("set set get"))
    'set set get'
    """
    return terms[1:-1].decode().replace("  ", " ")


def clean(name: str) -> str:
    """Remove the characters from a name that a stored chunk and the index cannot hold."""
    return _NO_TEXT.sub(" ", name).encode("utf-8", "replace").decode("utf-8")
