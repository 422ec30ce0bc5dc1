"""How chunks are found and scored: BM25 over several fields of every chunk, in a tantivy directory.

| field      | content                                                          |
|------------|------------------------------------------------------------------|
| body       | stems of the chunk's text and of its path                        |
| names      | stems of the names defined in the chunk                          |
| symbols    | the whole names defined in the chunk, in lower case              |
| path       | the file, for deletion and for filters                           |
| uid        | a number that identifies the chunk, as a column                  |
| *_length   | the number of terms in body and names, as columns                |
| record     | the `Chunk` and its stems in order, but not its text             |

Scores are Lucene's BM25: idf = ln(1 + (N - df + 0.5) / (df + 0.5)), k1 = 1.2, b = 0.75, document length
quantised to one byte. N and df count live chunks, and chunks with equal scores are ordered by uid. So results
depend, to the last bit, only on the chunks in the index and not on its history
(docs/decisions/0010-exact-scores.md).
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
import tantivy
from tantivy import Occur, Order, Query

from retrieval.chunks import stored_chunk, tokenizer
from retrieval.chunks.stored_chunk import StoredChunk
from retrieval.index import exact_bm25
from retrieval.index.collection_stats import Statistics, column
from retrieval.index.exact_bm25 import Collection, Counts, Floats
from retrieval.records import Chunk
from retrieval.text import digest

Field = Literal["body", "names"]
FIELDS: tuple[Field, ...] = ("body", "names")

DEEPENING = 8  # factor by which a search deepens while tied chunks may be missing
PAGE = 50_000  # chunks whose addresses are held at once
DEEPEST = 20_000  # chunks of a field at most: if more of them tie, the layout of the index decides


def path_terms(path: str) -> list[str]:
    """Return the terms of a chunk's path: the file's stem twice, the last three folders once.

    >>> path_terms("src/http/client.py")
    ['client', 'client', 'src', 'http']
    """
    *folders, name = path.split("/")
    stem = tokenizer.terms(name.partition(".")[0] or name)
    return [*stem, *stem, *(term for folder in folders[-3:] for term in tokenizer.terms(folder))]


class Index:
    """The committed index, for reading; each `snapshot` is one consistent state.

    An `Index` can be used from several threads, and kept open while another process writes.
    """

    def __init__(self, folder: Path) -> None:
        self._commit = folder / "meta.json"  # tantivy replaces it, atomically, with every commit and merge
        self._index = tantivy.Index(schema(), path=str(folder))
        self._index.config_reader("manual")  # else a thread polls for commits, and snapshots may go back
        self._lock = Lock()
        self._seen = b""
        self._statistics: Statistics | None = None

    def snapshot(self) -> "Snapshot":
        """Return the newest committed state."""
        with self._lock:
            # Read before the reload: if that finds a newer commit, the next call reloads again.
            commit = self._commit.read_bytes()
            if self._statistics is None or commit != self._seen:
                self._index.reload()
                columns: dict[str, str] = {field: length_field(field) for field in FIELDS}
                self._statistics = Statistics(self._index.schema, self._index.searcher(), columns)
                self._seen = commit
            return Snapshot(self._index.schema, self._statistics)


class Snapshot:
    """One committed state of an index; its methods identify chunks by uid.

    A snapshot caches what it reads and counts, so take a new one for each query.
    """

    def __init__(self, schema: tantivy.Schema, statistics: Statistics) -> None:
        self._schema = schema
        self._statistics = statistics
        self._searcher = statistics.searcher
        self._addresses: dict[int, tantivy.DocAddress] = {}
        self._stored: dict[int, StoredChunk] = {}
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)

    def __len__(self) -> int:
        """Return the number of chunks."""
        return self._searcher.num_docs

    def top(
        self, field: Field, terms: Sequence[str], limit: int, *, paths: Sequence[str] | None = None
    ) -> set[int]:
        """Find the chunks with the highest BM25 scores in one field; ties go to the lowest uid.

        Args:
            field: The field to search.
            terms: Distinct terms in the form that the field stores.
            limit: The maximum number of chunks.
            paths: If given, only chunks of these files.

        Returns:
            The uids, unordered, of chunks that contain at least one of the terms. `scores` orders them.
        """
        physical = self._statistics.physical(field, terms)
        if physical is None or limit < 1:
            return set()
        bounds = exact_bm25.score_bounds(self._statistics.live(field), physical, len(terms))
        query = self._within(self._boosted(field, terms, physical), paths)
        scores, addresses = self._deep_enough(query, limit, bounds)
        if len(scores) <= limit:
            return set(self._uids(addresses))
        sure, possible = exact_bm25.decided_and_open(scores, limit, bounds)
        best = set(self._uids(addresses[:sure]))
        if possible == limit:
            return best.union(self._uids(addresses[sure:limit]))
        exact = self.scores(field, terms, self._uids(addresses[sure:possible]))
        return best.union(sorted(exact, key=lambda uid: (-exact[uid], uid))[: limit - sure])

    def scores(self, field: Field, terms: Sequence[str], uids: Iterable[int]) -> dict[int, float]:
        """Score chosen chunks in one field; chunks without any of the terms are omitted."""
        chosen = list(uids)
        live, idf = self._statistics.live(field), self._statistics.idf(field, terms)
        if not live.avgdl:  # no chunk has a term in this field
            return {}
        dl = self._statistics.dl(field, [self._addresses[uid] for uid in chosen])
        scores = exact_bm25.bm25(self._tf(field, terms, chosen), dl, idf, live.avgdl)
        return {uid: float(score) for uid, score in zip(chosen, scores, strict=True) if score}

    def defining(
        self, symbols: Iterable[str], limit: int, *, paths: Sequence[str] | None = None
    ) -> list[int]:
        """Find chunks that define one of `symbols`, ignoring case.

        Chunks of the rarest symbol come first, then those with the lowest uid.
        """
        names = {stored_chunk.clean(symbol).lower() for symbol in symbols}
        found: dict[int, None] = {}
        for name in sorted(names, key=lambda name: (self._statistics.df("symbols", name), name)):
            query = self._within(Query.const_score_query(self._term("symbols", name), 0.0), paths)
            hits = self._searcher.search(
                query, limit, count=False, order_by_field="uid", order=Order.Asc
            ).hits
            self._addresses.update(hits)
            found.update(dict.fromkeys(uid for uid, _ in hits))
        return list(found)[:limit]

    def phrases(self, pairs: Mapping[tuple[str, str], float], uids: Sequence[int]) -> dict[int, float]:
        """Sum, for each chosen chunk, the weights of the pairs of stems that are adjacent in it."""
        found: dict[int, float] = defaultdict(float)
        bodies = self._texts("body", uids)
        for pair, weight in pairs.items():
            phrase = stored_chunk.spaced(" ".join(pair))
            # Only chunks with the rarer stem are scanned; most of these counts are cached by now.
            rarer = min(pair, key=lambda stem: self._statistics.df("body", stem))
            for (uid, body), count in zip(bodies.items(), self._counted("body", rarer, bodies), strict=True):
                if count and phrase in body:
                    found[uid] += weight
        return dict(found)

    def stems(self, uid: int) -> frozenset[bytes]:
        """Return the distinct stems of a chunk's body."""
        return frozenset(self._store(uid).body.split())

    def holding(self, stems: Iterable[str], uids: Sequence[int]) -> set[str]:
        """Return the stems that occur in the body of at least one chosen chunk."""
        bodies = self._texts("body", uids)
        return {stem for stem in stems if any(self._counted("body", stem, bodies))}

    def counts(self, field: Field, term: str, uids: Sequence[int]) -> list[int]:
        """Count a term in each of the chosen chunks, in their order."""
        return self._counted(field, term, self._texts(field, uids))

    def df(self, field: Field, term: str) -> int:
        """Count the chunks that contain a term."""
        return self._statistics.df(field, term)

    def idf(self, field: Field, term: str) -> float:
        """Return a term's inverse document frequency."""
        return float(self._statistics.idf(field, [term])[0])

    def stored(self) -> Iterator[StoredChunk]:
        """Yield every chunk with its terms, in no order; this reads the whole index."""
        for address in itertools.chain.from_iterable(self._pages()):
            yield StoredChunk.from_bytes(self._searcher.doc(address)["record"][0])

    def chunks(self, uids: Iterable[int]) -> dict[int, Chunk]:
        """Fetch chunks that were found by earlier calls on this snapshot."""
        return {uid: self._store(uid).chunk for uid in uids}

    def chunks_of(self, path: str) -> list[Chunk]:
        """Fetch every chunk of a file, in line order."""
        return list(self._of_file(path).values())

    def repeated(self) -> list[str]:
        """List the files that have a chunk in the index more than once; without damage, there are none."""
        uids = np.array([uid for page in self._pages() for uid in column(self._searcher, "uid", page)])
        found, counts = np.unique(uids, return_counts=True)
        repeated = [int(uid) for uid in found[counts > 1]]
        for page in self._pages() if repeated else ():
            self._addresses.update(zip(column(self._searcher, "uid", page), page, strict=True))
        return sorted({self._store(uid).chunk.path for uid in repeated})

    def _pages(self) -> Iterator[list[tantivy.DocAddress]]:
        """Yield the addresses of all chunks, some at a time."""
        for first in range(0, len(self), PAGE):
            hits = self._searcher.search(Query.all_query(), PAGE, offset=first, count=False).hits
            yield [address for _, address in hits]

    def at(self, path: str, line: int) -> list[int]:
        """Find the chunk that contains a line of a file; empty when the line is blank or does not exist."""
        found = self._of_file(path).items()
        return [uid for uid, chunk in found if chunk.start_line <= line <= chunk.end_line]

    def _of_file(self, path: str) -> dict[int, Chunk]:
        key = stored_chunk.path_key(path)
        count = self._searcher.doc_freq("path", key)
        hits = self._searcher.search(self._term("path", key), count, count=False).hits if count else []
        found = self.chunks(self._uids([address for _, address in hits]))
        return dict(sorted(found.items(), key=lambda item: item[1].start_line))

    def _deep_enough(
        self, query: Query, limit: int, bounds: exact_bm25.ScoreBounds
    ) -> tuple[Floats, list[tantivy.DocAddress]]:
        """Search until every chunk that can be among the best `limit` is found, or DEEPEST is reached."""
        depth = 2 * limit
        while True:
            # With count=True, every posting is read. Otherwise tantivy may skip blocks by a bound for the
            # mean length at the time when their segment was written.
            hits = self._searcher.search(query, depth, count=True).hits
            scores = np.array([score for score, _ in hits])
            is_all = len(hits) < depth or exact_bm25.decided_and_open(scores, limit, bounds)[1] < depth
            if is_all or depth >= DEEPEST:
                return scores, [address for _, address in hits]
            depth = min(DEEPENING * depth, DEEPEST)

    def _tf(self, field: Field, terms: Sequence[str], uids: Sequence[int]) -> Counts:
        """Count each term in each of the chosen chunks, int64 [n_terms, n_chunks]."""
        texts = self._texts(field, uids)
        if len(texts) != len(uids):
            raise ValueError("a chunk is in the index more than once")
        counts = [self._counted(field, term, texts) for term in terms]
        return np.array(counts, dtype=np.int64).reshape(len(terms), len(uids))

    def _counted(self, field: Field, term: str, texts: Mapping[int, bytes]) -> list[int]:
        """Count a term in the text of each chunk; body counts are cached, as `phrases` needs them again."""
        if not self._statistics.df(field, term):  # many terms of a pasted text are in no chunk
            return [0] * len(texts)
        known = self._counts[term] if field == "body" else {}
        needle = stored_chunk.spaced(term)
        known.update({uid: text.count(needle) for uid, text in texts.items() if uid not in known})
        return [known[uid] for uid in texts]

    def _texts(self, field: Field, uids: Iterable[int]) -> dict[int, bytes]:
        """Read the terms of a field for chosen chunks, by uid."""
        return {uid: self._store(uid).terms(field) for uid in uids}

    def _store(self, uid: int) -> StoredChunk:
        """Read the stored record of a chunk that was found."""
        if uid not in self._stored:
            self._stored[uid] = StoredChunk.from_bytes(self._searcher.doc(self._addresses[uid])["record"][0])
        return self._stored[uid]

    def _uids(self, addresses: list[tantivy.DocAddress]) -> list[int]:
        uids = column(self._searcher, "uid", addresses)
        self._addresses.update(zip(uids, addresses, strict=True))
        return uids

    def _boosted(self, field: Field, terms: Sequence[str], physical: Collection) -> Query:
        """Build the query for any of the terms, each boosted to its idf over live chunks."""
        believed = self._statistics.physical_idf(field, terms, physical)
        boosts = self._statistics.idf(field, terms) / np.where(believed > 0, believed, 1)
        return self._any_of(
            Query.boost_query(self._term(field, term), float(boost))
            for term, boost in zip(terms, boosts, strict=True)
        )

    def _within(self, query: Query, paths: Sequence[str] | None) -> Query:
        if paths is None:
            return query
        return Query.boolean_query([(Occur.Must, query), (Occur.Must, self._in_files(paths))])

    def _in_files(self, paths: Sequence[str]) -> Query:
        keys = [stored_chunk.path_key(path) for path in paths]
        one = len(keys) == 1  # a set of one costs ten times as much as a term
        files = self._term("path", keys[0]) if one else Query.term_set_query(self._schema, "path", keys)
        return Query.const_score_query(files, 0.0)

    def _any_of(self, queries: Iterable[Query]) -> Query:
        return Query.boolean_query([(Occur.Should, query) for query in queries])

    def _term(self, field: str, term: str) -> Query:
        return Query.term_query(self._schema, field, term, "freq")


def schema() -> tantivy.Schema:
    """Return the schema of the index."""
    builder = tantivy.SchemaBuilder()
    for field in FIELDS:  # terms arrive tokenized, joined by spaces
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
        builder.add_unsigned_field(length_field(field), fast=True)
    for name in ("symbols", "path"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="freq")
    builder.add_unsigned_field("uid", fast=True)
    builder.add_bytes_field("record", stored=True)
    return builder.build()


def length_field(field: Field) -> str:
    """Return the name of the column with a field's length in terms."""
    return f"{field}_length"


def uid_of(path: str, start_line: int) -> int:
    """Return the uid of the chunk that begins at a line of a file."""
    return int(digest(f"{stored_chunk.path_key(path)}:{start_line}".encode())[:15], 16)
