"""BM25 over several fields of every chunk, in a tantivy directory.

| field      | holds                                                            |
|------------|------------------------------------------------------------------|
| body       | stems of the chunk's text and of its path, with their positions  |
| names      | stems of the names defined in the chunk                          |
| symbols    | the names defined in the chunk, whole, lower-cased               |
| path       | the file, for deletion and for filters                           |
| uid        | a number that stands for the chunk, for scoring chosen chunks    |
| *_length   | how many terms body and names have, as columns                   |
| record     | the `Chunk` itself, stored; its text stays in the work tree      |

tantivy's BM25 is Lucene's: idf = ln(1 + (N - df + 0.5) / (df + 0.5)), k1 = 1.2, b = 0.75, document length
quantised to one byte. N and df count chunks.
"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import tantivy
from tantivy import Occur, Query

from retrieval import documents, tokenizer
from retrieval.records import Chunk
from retrieval.storage import digest

Field = Literal["body", "names"]
FIELDS: tuple[Field, ...] = ("body", "names")


def path_terms(path: str) -> list[str]:
    """Give a chunk the terms of its place: the file's stem twice, the last three folders once.

    >>> path_terms("src/http/client.py")
    ['client', 'client', 'src', 'http']
    """
    *folders, name = path.split("/")
    stem = tokenizer.terms(name.partition(".")[0] or name)
    return [*stem, *stem, *(term for folder in folders[-3:] for term in tokenizer.terms(folder))]


def bm25_idf(df: int, n: int) -> float:
    """Return Lucene's inverse document frequency, always positive."""
    return math.log(1 + (n - df + 0.5) / (df + 0.5))


class Index:
    """The committed index, for reading; each `snapshot` is one consistent state of it."""

    def __init__(self, folder: Path) -> None:
        self._index = tantivy.Index(schema(), path=str(folder))

    def snapshot(self) -> "Snapshot":
        """Return the newest committed state."""
        self._index.reload()
        return Snapshot(self._index)


class Snapshot:
    """One committed state of an index; a chunk is spoken of by its uid."""

    def __init__(self, index: tantivy.Index) -> None:
        self._schema = index.schema
        self._searcher = index.searcher()
        self._addresses: dict[int, tantivy.DocAddress] = {}
        self._chunks: dict[int, Chunk] = {}

    def __len__(self) -> int:
        """Count the chunks."""
        return self._searcher.num_docs

    def top(
        self, field: Field, terms: Sequence[str], limit: int, *, paths: Sequence[str] | None = None
    ) -> dict[int, float]:
        """Find the chunks with the highest BM25 score in one field.

        Args:
            field: Where to look.
            terms: Distinct terms as the field holds them.
            limit: How many chunks at most.
            paths: When given, chunks of these files only.

        Returns:
            Score by uid, highest first; a chunk without any of the terms is not in it.
        """
        return self._search(self._any_term(field, terms), limit, paths=paths)

    def scores(self, field: Field, terms: Sequence[str], uids: Iterable[int]) -> dict[int, float]:
        """Score chosen chunks in one field; those without any of the terms are left out."""
        chosen = list(uids)
        return self._search(
            Query.boolean_query(
                [(Occur.Must, self._any_term(field, terms)), (Occur.Must, self._one_of("uid", chosen))]
            ),
            len(chosen),
        )

    def defining(
        self, symbols: Iterable[str], limit: int, *, paths: Sequence[str] | None = None
    ) -> list[int]:
        """Find chunks that define one of `symbols`, letter for letter but for their case."""
        queries = [self._term("symbols", documents.clean(symbol).lower()) for symbol in symbols]
        return list(
            self._search(Query.boolean_query([(Occur.Should, q) for q in queries]), limit, paths=paths)
        )

    def phrases(self, pairs: Mapping[tuple[str, str], float], uids: Iterable[int]) -> dict[int, float]:
        """Add up the weights of the pairs of stems that stand side by side in chosen chunks."""
        weighed = [
            (
                Occur.Should,
                Query.const_score_query(Query.phrase_query(self._schema, "body", list(pair)), weight),
            )
            for pair, weight in pairs.items()
        ]
        chosen = list(uids)
        return self._search(
            Query.boolean_query([(Occur.Must, self._one_of("uid", chosen)), *weighed]), len(chosen)
        )

    def holding(self, stems: Iterable[str], uids: Iterable[int]) -> set[str]:
        """Tell which stems stand in the body of at least one of the chosen chunks."""
        chosen = (Occur.Must, self._one_of("uid", uids))
        return {
            stem
            for stem in stems
            if self._search(Query.boolean_query([(Occur.Must, self._term("body", stem)), chosen]), 1)
        }

    def doc_freq(self, field: Field, term: str) -> int:
        """Count the chunks that hold a term."""
        return self._searcher.doc_freq(field, term)

    def chunks(self, uids: Iterable[int]) -> dict[int, Chunk]:
        """Fetch the chunks that earlier calls on this snapshot found."""
        wanted = list(uids)
        for uid in wanted:
            if uid not in self._chunks:
                self._chunks[uid] = read_record(bytes(self._searcher.doc(self._addresses[uid])["record"][0]))
        return {uid: self._chunks[uid] for uid in wanted}

    def chunks_of(self, path: str) -> list[Chunk]:
        """Fetch every chunk of a file, in line order."""
        return sorted(self._of_file(path).values(), key=lambda chunk: chunk.start_line)

    def at(self, path: str, line: int) -> list[int]:
        """Find the chunk that holds a line of a file; none when the line is blank or not there."""
        found = self._of_file(path).items()
        return [uid for uid, chunk in found if chunk.start_line <= line <= chunk.end_line]

    def _of_file(self, path: str) -> dict[int, Chunk]:
        return self.chunks(self._search(self._term("path", path_key(path)), max(len(self), 1)))

    def _search(self, query: Query, limit: int, *, paths: Sequence[str] | None = None) -> dict[int, float]:
        if limit < 1:
            return {}
        if paths is not None:
            query = Query.boolean_query([(Occur.Must, query), (Occur.Must, self._in_files(paths))])
        hits = self._searcher.search(query, limit, count=False).hits
        addresses = [address for _, address in hits]
        uids = [int(uid or 0) for uid in self._searcher.fast_field_values("uid", addresses)]
        self._addresses.update(zip(uids, addresses, strict=True))
        return {uid: float(score) for uid, (score, _) in zip(uids, hits, strict=True)}

    def _in_files(self, paths: Sequence[str]) -> Query:
        keys = [path_key(path) for path in paths]
        one = len(keys) == 1  # a set of one costs ten times a term
        files = self._term("path", keys[0]) if one else Query.term_set_query(self._schema, "path", keys)
        return Query.const_score_query(files, 0.0)

    def _any_term(self, field: Field, terms: Sequence[str]) -> Query:
        return Query.boolean_query([(Occur.Should, self._term(field, term)) for term in terms])

    def _one_of(self, field: str, values: Iterable[int]) -> Query:
        # A union of term queries: for a few hundred values six times faster than tantivy's term set.
        queries = [(Occur.Should, Query.term_query(self._schema, field, value, "basic")) for value in values]
        return Query.const_score_query(Query.boolean_query(queries), 0.0)

    def _term(self, field: str, term: str) -> Query:
        return Query.term_query(self._schema, field, term, "freq")


def schema() -> tantivy.Schema:
    """Return the fields of the index."""
    builder = tantivy.SchemaBuilder()
    for field in FIELDS:  # terms arrive ready, joined by blanks
        kept: Literal["freq", "position"] = "position" if field == "body" else "freq"
        builder.add_text_field(field, tokenizer_name="whitespace", index_option=kept)
        builder.add_unsigned_field(length_field(field), fast=True)
    for name in ("symbols", "path"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="freq")
    builder.add_unsigned_field("uid", indexed=True, fast=True)
    builder.add_bytes_field("record", stored=True)
    return builder.build()


def length_field(field: Field) -> str:
    """Name the column that holds how many terms a field has in each chunk."""
    return f"{field}_length"


def uid_of(path: str, start_line: int) -> int:
    """Number the chunk that begins at a line of a file."""
    return int(digest(f"{path_key(path)}:{start_line}".encode())[:15], 16)


def path_key(path: str) -> str:
    """Write a path, whose bytes need not be UTF-8, as text that is."""
    return os.fsencode(path).decode("latin-1")


def read_record(record: bytes) -> Chunk:
    """Read a chunk as the writer stored it: path key, NUL, what `documents.encode` gave."""
    key, _, rest = record.decode().partition("\0")
    return documents.decode(os.fsdecode(key.encode("latin-1")), rest)
