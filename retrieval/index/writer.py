"""How chunks are written to the index: one writer at a time, and nothing is visible before a commit."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import tantivy

from retrieval.chunks.stored_chunk import StoredChunk, path_key, unspaced
from retrieval.chunks.tokenizer import stems
from retrieval.errors import unwritable
from retrieval.index.integrity import is_damage
from retrieval.index.reader import FIELDS, length_field, path_terms, schema, uid_of

WRITER_BYTES = 128_000_000  # tantivy's default; when full, a segment is flushed

NO_PATH = ""  # no key of a path is empty

BLOCK_BYTES = 4_096
"""Reading a stored chunk decompresses its whole block, and a query reads two hundred. This size takes half
the time of tantivy's 16,384 and 10 % more disk (benchmarks/runs/2026-11-27-index/blocks.txt)."""


def make(folder: Path, *, block_bytes: int = BLOCK_BYTES) -> None:
    """Create an empty index in an empty folder."""
    tantivy.Index(schema(), path=str(folder))
    meta = folder / "meta.json"  # tantivy reads this setting from the file; its Python API cannot set it
    settings = json.loads(meta.read_text(encoding="utf-8"))
    settings["index_settings"]["docstore_blocksize"] = block_bytes
    meta.write_text(json.dumps(settings), encoding="utf-8")


class IndexWriter:
    """The only writer of an index; readers see nothing before `commit`.

    Every method raises CacheError when the folder cannot be written, the disk is full or the index damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with self._translated():
            _sweep(folder)
            self._writer = tantivy.Index(schema(), path=str(folder)).writer(WRITER_BYTES, 1)
            # A writer gives its first operation the number of the last commit. A merge of older segments that
            # runs at that moment may take the operation for done, so the first one removes nothing.
            self._writer.delete_documents_by_term("path", NO_PATH)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind:
            with suppress(ValueError):  # a full disk: uncommitted chunks are lost anyway
                self._writer.rollback()
            with suppress(ValueError):
                self._writer.wait_merging_threads()
        else:
            with self._translated():
                self._writer.wait_merging_threads()  # also releases tantivy's own lock

    def remove(self, path: str) -> None:
        """Remove every chunk of a file."""
        with self._translated():
            self._writer.delete_documents_by_term("path", path_key(path))

    def add(self, path: str, chunks: Iterable[StoredChunk]) -> None:
        """Add the chunks of one file."""
        place = stems(path_terms(path))
        with self._translated():
            for stored in chunks:
                self._writer.add_document(_row(stored.in_file(path, place)))

    def commit(self) -> None:
        """Make all changes since the last commit visible at once."""
        with self._translated():
            self._writer.commit()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Translate tantivy's errors to CacheError."""
        try:
            yield
        except BaseException as error:
            if not is_damage(error):
                raise
            raise unwritable(self._folder, error) from error


def _sweep(folder: Path) -> None:
    """Delete the deletion files that a killed writer left uncommitted.

    tantivy names them by segment and operation number, counting from its last commit. Retrying the same edit
    would find its file there and fail every time.
    """
    meta = folder / "meta.json"
    committed = json.loads(meta.read_text(encoding="utf-8")).get("opstamp", 0) if meta.exists() else 0
    for deletions in folder.glob("*.del"):
        number = deletions.stem.rpartition(".")[2]
        if number.isdecimal() and int(number) > committed:
            deletions.unlink(missing_ok=True)


def _row(stored: StoredChunk) -> tantivy.Document:
    """Convert a chunk to a document of the index."""
    chunk, row = stored.chunk, tantivy.Document()
    for field in FIELDS:
        text = unspaced(stored.terms(field))
        row.add_text(field, text)
        row.add_unsigned(length_field(field), text.count(" ") + bool(text))
    for name in chunk.names:
        row.add_text("symbols", name.lower())
    row.add_text("path", path_key(chunk.path))
    row.add_unsigned("uid", uid_of(chunk.path, chunk.start_line))
    row.add_bytes("record", stored.to_bytes())
    return row
