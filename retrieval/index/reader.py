"""BM25 over several fields of every chunk, in a tantivy directory.

| field      | holds                                                            |
|------------|------------------------------------------------------------------|
| body       | stems of the chunk's text and of its path                        |
| names      | stems of the names defined in the chunk                          |
| symbols    | the names defined in the chunk, whole, lower-cased               |
| path       | the file, for deletion and for filters                           |
| uid        | a number that stands for the chunk, as a column                  |
| *_length   | how many terms body and names have, as columns                   |
| record     | the `Chunk`, and its stems in order; its text stays in the tree  |

A score is Lucene's BM25: idf = ln(1 + (N - df + 0.5) / (df + 0.5)), k1 = 1.2, b = 0.75, document length
quantised to one byte. N and df count live chunks, and of chunks that are equal the lower uid goes first: what
is found depends on which chunks there are, to the last bit, and not on how they came into the index
(docs/decisions/0010-exact-scores.md).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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

DEEPENING = 8  # by so much more is looked at while chunks that tie may be left out
DEEPEST = 20_000  # that many chunks of a field at most: if more than these are equal, their layout decides


def path_terms(path: str) -> list[str]:
    """Give a chunk the terms of its place: the file's stem twice, the last three folders once.

    >>> path_terms("src/http/client.py")
    ['client', 'client', 'src', 'http']
    """
    *folders, name = path.split("/")
    stem = tokenizer.terms(name.partition(".")[0] or name)
    return [*stem, *stem, *(term for folder in folders[-3:] for term in tokenizer.terms(folder))]


class Index:
    """The committed index, for reading; each `snapshot` is one consistent state of it.

    It may be asked from several threads, and be kept open while another process writes.
    """

    def __init__(self, folder: Path) -> None:
        self._commit = folder / "meta.json"  # tantivy replaces it, atomically, with every commit and merge
        self._index = tantivy.Index(schema(), path=str(folder))
        self._index.config_reader("manual")  # else a thread looks for commits, and a snapshot may go back
        self._lock = Lock()
        self._seen = b""
        self._statistics: Statistics | None = None

    def snapshot(self) -> "Snapshot":
        """Return the newest committed state."""
        with self._lock:
            # Read before the reload, which may find a newer commit: then the next look differs, and reloads.
            commit = self._commit.read_bytes()
            if self._statistics is None or commit != self._seen:
                self._index.reload()
                columns: dict[str, str] = {field: length_field(field) for field in FIELDS}
                self._statistics = Statistics(self._index.schema, self._index.searcher(), columns)
                self._seen = commit
            return Snapshot(self._index.schema, self._statistics)


class Snapshot:
    """One committed state of an index; a chunk that it has found is spoken of by its uid.

    It keeps what it read and counted: take one for each question, or it grows with all that are asked.
    """

    def __init__(self, schema: tantivy.Schema, statistics: Statistics) -> None:
        self._schema = schema
        self._statistics = statistics
        self._searcher = statistics.searcher
        self._addresses: dict[int, tantivy.DocAddress] = {}
        self._stored: dict[int, StoredChunk] = {}
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)

    def __len__(self) -> int:
        """Count the chunks."""
        return self._searcher.num_docs

    def top(
        self, field: Field, terms: Sequence[str], limit: int, *, paths: Sequence[str] | None = None
    ) -> set[int]:
        """Find the chunks with the highest BM25 score in one field; of equals, those with the lowest uid.

        Args:
            field: Where to look.
            terms: Distinct terms as the field holds them.
            limit: How many chunks at most.
            paths: When given, chunks of these files only.

        Returns:
            uids; a chunk without any of the terms is not among them. `scores` orders them.
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
        """Score chosen chunks in one field; those without any of the terms are left out."""
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
        """Find chunks that define one of `symbols`, letter for letter but for their case.

        Those of the rarest symbol go first, then those with the lowest uid.
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
        """Add up the weights of the pairs of stems that stand side by side in chosen chunks."""
        found: dict[int, float] = defaultdict(float)
        bodies = self._texts("body", uids)
        for pair, weight in pairs.items():
            phrase = stored_chunk.spaced(" ".join(pair))
            # Only chunks with the rarer stem are looked through; for most, that is counted by now.
            rarer = min(pair, key=lambda stem: self._statistics.df("body", stem))
            for (uid, body), count in zip(bodies.items(), self._counted("body", rarer, bodies), strict=True):
                if count and phrase in body:
                    found[uid] += weight
        return dict(found)

    def holding(self, stems: Iterable[str], uids: Sequence[int]) -> set[str]:
        """Tell which stems stand in the body of at least one of the chosen chunks."""
        bodies = self._texts("body", uids)
        return {stem for stem in stems if any(self._counted("body", stem, bodies))}

    def df(self, field: Field, term: str) -> int:
        """Count the chunks that hold a term."""
        return self._statistics.df(field, term)

    def idf(self, field: Field, term: str) -> float:
        """Return a term's inverse document frequency."""
        return float(self._statistics.idf(field, [term])[0])

    def chunks(self, uids: Iterable[int]) -> dict[int, Chunk]:
        """Fetch the chunks that earlier calls on this snapshot found."""
        return {uid: self._store(uid).chunk for uid in uids}

    def chunks_of(self, path: str) -> list[Chunk]:
        """Fetch every chunk of a file, in line order."""
        return list(self._of_file(path).values())

    def at(self, path: str, line: int) -> list[int]:
        """Find the chunk that holds a line of a file; none when the line is blank or not there."""
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
        """Search until nothing that is left out can be among the best `limit`, or DEEPEST is reached."""
        depth = 2 * limit
        while True:
            # Counted, so that every posting is read: tantivy may else skip blocks by a bound that holds for
            # the mean length of their segment when it was written, not for today's.
            hits = self._searcher.search(query, depth, count=True).hits
            scores = np.array([score for score, _ in hits])
            is_all = len(hits) < depth or exact_bm25.decided_and_open(scores, limit, bounds)[1] < depth
            if is_all or depth >= DEEPEST:
                return scores, [address for _, address in hits]
            depth = min(DEEPENING * depth, DEEPEST)

    def _tf(self, field: Field, terms: Sequence[str], uids: Sequence[int]) -> Counts:
        """Count each term in each of the chosen chunks, int64 [n_terms, n_chunks]."""
        texts = self._texts(field, uids)
        counts = [self._counted(field, term, texts) for term in terms]
        return np.array(counts, dtype=np.int64).reshape(len(terms), len(uids))

    def _counted(self, field: Field, term: str, texts: Mapping[int, bytes]) -> list[int]:
        """Count a term in each of some chunks' texts; in a body once, as phrases ask for it again."""
        if not self._statistics.df(field, term):  # of a pasted text many terms are in no chunk
            return [0] * len(texts)
        known = self._counts[term] if field == "body" else {}
        needle = stored_chunk.spaced(term)
        known.update({uid: text.count(needle) for uid, text in texts.items() if uid not in known})
        return [known[uid] for uid in texts]

    def _texts(self, field: Field, uids: Iterable[int]) -> dict[int, bytes]:
        """Read the terms of a field of chosen chunks, by uid."""
        return {uid: self._store(uid).terms(field) for uid in uids}

    def _store(self, uid: int) -> StoredChunk:
        """Read what is stored of a chunk that was found."""
        if uid not in self._stored:
            self._stored[uid] = StoredChunk.from_bytes(self._searcher.doc(self._addresses[uid])["record"][0])
        return self._stored[uid]

    def _uids(self, addresses: list[tantivy.DocAddress]) -> list[int]:
        uids = column(self._searcher, "uid", addresses)
        self._addresses.update(zip(uids, addresses, strict=True))
        return uids

    def _boosted(self, field: Field, terms: Sequence[str], physical: Collection) -> Query:
        """Ask for any of the terms, each with the idf that it has over live chunks."""
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
        one = len(keys) == 1  # a set of one costs ten times a term
        files = self._term("path", keys[0]) if one else Query.term_set_query(self._schema, "path", keys)
        return Query.const_score_query(files, 0.0)

    def _any_of(self, queries: Iterable[Query]) -> Query:
        return Query.boolean_query([(Occur.Should, query) for query in queries])

    def _term(self, field: str, term: str) -> Query:
        return Query.term_query(self._schema, field, term, "freq")


def schema() -> tantivy.Schema:
    """Return the fields of the index."""
    builder = tantivy.SchemaBuilder()
    for field in FIELDS:  # terms arrive ready, joined by blanks
        builder.add_text_field(field, tokenizer_name="whitespace", index_option="freq")
        builder.add_unsigned_field(length_field(field), fast=True)
    for name in ("symbols", "path"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="freq")
    builder.add_unsigned_field("uid", fast=True)
    builder.add_bytes_field("record", stored=True)
    return builder.build()


def length_field(field: Field) -> str:
    """Name the column that holds how many terms a field has in each chunk."""
    return f"{field}_length"


def uid_of(path: str, start_line: int) -> int:
    """Number the chunk that begins at a line of a file."""
    return int(digest(f"{stored_chunk.path_key(path)}:{start_line}".encode())[:15], 16)
