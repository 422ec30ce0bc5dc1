"""What is stored of a chunk: the chunk itself, and its terms in order, as bytes that a query can count in."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from retrieval.records import Chunk

_NO_TEXT = re.compile(r"[\x00-\x02]")  # what fields, chunks and files are joined by
_FIELD = b"\x01"


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with its terms.

    Attributes:
        chunk: The chunk; its path is "" while it is kept by content, for files of any name.
        body: Stems of the chunk's text, in order, as `spaced` writes them; in an index also of its path.
        names: Stems of the names that it defines, the same way.
    """

    chunk: Chunk
    body: bytes
    names: bytes

    def terms(self, field: Literal["body", "names"]) -> bytes:
        """Return the terms of one field."""
        return self.body if field == "body" else self.names

    def in_file(self, path: str, place: Iterable[str]) -> "StoredChunk":
        """Return the chunk as it is indexed for a file.

        Args:
            path: The file.
            place: Stems of its path, which the body gets as well.
        """
        # split: a stemmer makes "" of an "s", and two blanks in a row would be counted as a term.
        return StoredChunk(
            replace(self.chunk, path=path),
            spaced(" ".join((*unspaced(self.body).split(), *place))),
            spaced(" ".join(unspaced(self.names).split())),
        )

    def to_bytes(self) -> bytes:
        """Write the chunk as the index stores it: path, chunk, body, names."""
        return _FIELD.join(
            (path_key(self.chunk.path).encode(), encode(self.chunk).encode(), self.body, self.names)
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> "StoredChunk":
        """Read what `to_bytes` wrote; a query reads some two hundred, so the terms are not looked at.

        Raises:
            ValueError: It is damaged, so far as that shows.
        """
        key, chunk, body, names = data.rsplit(_FIELD, 3)  # only a path may hold the separator
        path = key.decode() if key.isascii() else os.fsdecode(key.decode().encode("latin-1"))
        return cls(decode(path, chunk.decode()), body, names)


def encode(chunk: Chunk) -> str:
    """Write a chunk without its path as text between NULs; a query reads hundreds back."""
    span = (str(chunk.start_line), str(chunk.end_line))
    words = (clean(word) for word in (chunk.kind, chunk.symbol, chunk.scope))
    return "\0".join((*span, *words, chunk.digest, str(chunk.masked), *map(clean, chunk.names)))


def decode(path: str, record: str) -> Chunk:
    """Read what `encode` wrote.

    Raises:
        ValueError: It is damaged, so far as that shows.
    """
    start, end, kind, symbol, scope, content, masked, *names = record.split("\0")
    return Chunk(path, int(start), int(end), kind, symbol, scope, tuple(names), content, int(masked))


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


def unspaced(terms: bytes) -> str:
    """Read what `spaced` wrote.

    >>> unspaced(spaced("set set get"))
    'set set get'
    """
    return terms[1:-1].decode().replace("  ", " ")


def clean(name: str) -> str:
    """Write a name so that it can stand in a stored chunk and in the index."""
    return _NO_TEXT.sub(" ", name).encode("utf-8", "replace").decode("utf-8")
