"""Which statistics BM25 uses: those of a commit's live chunks, and those that tantivy computes instead."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import tantivy
from tantivy import Query

from retrieval.chunks.stored_chunk import StoredChunk, path_key
from retrieval.index.bm25 import bm25_idf, quantised
from retrieval.index.exact_bm25 import Collection, Counts, Floats, physical_idf

MOST_COUNTS = 10_000  # cached document frequencies: a megabyte


class Statistics:
    """The counts of one commit, each computed on first use and shared by all snapshots of the commit.

    Summing the lengths takes time proportional to the number of chunks, 0.6 ms for 100,000. While there are
    deleted chunks, a document frequency takes time proportional to itself.
    """

    def __init__(
        self, schema: tantivy.Schema, searcher: tantivy.Searcher, lengths: Mapping[str, str]
    ) -> None:
        """Describe a commit.

        Args:
            schema: The index's schema.
            searcher: The commit, as opened by tantivy.
            lengths: The name of each field's length column.
        """
        self._schema, self._searcher, self._lengths = schema, searcher, lengths
        self._live: dict[str, Collection] = {}
        self._physical: dict[str, Collection] = {}
        self._df: dict[tuple[str, str], int] = {}
        self._physical_df: dict[tuple[str, str], int] = {}

    @property
    def searcher(self) -> tantivy.Searcher:
        """The commit."""
        return self._searcher

    def live(self, field: str) -> Collection:
        """Return the statistics of the live chunks."""
        if field not in self._live:
            asked = {"total": {"sum": {"field": self._lengths[field]}}}
            total = self._searcher.aggregate(Query.all_query(), asked)["total"]["value"]
            n = self._searcher.num_docs
            self._live[field] = Collection(n, total / max(n, 1))
        return self._live[field]

    def physical(self, field: str, terms: Sequence[str]) -> Collection | None:
        """Return the statistics that tantivy uses; None when no live chunk contains any of the terms."""
        for term in () if field in self._physical else terms:
            query = Query.term_query(self._schema, field, term, "freq")
            for _, address in self._searcher.search(query, 1, count=False).hits:
                n, avgdl = (constant(query, self._searcher, address, name) for name in ("N", "avgdl"))
                self._physical[field] = Collection(int(n), avgdl)
                return self._physical[field]
        return self._physical.get(field)

    def df(self, field: str, term: str) -> int:
        """Count the live chunks that contain a term."""
        df = self.physical_df(field, term)
        if not df or not self._is_any_deleted:
            return df
        return self._remembered(self._df, field, term, self._count)

    def physical_df(self, field: str, term: str) -> int:
        """Count the chunks that contain a term, including the deleted ones that tantivy counts."""
        return self._remembered(self._physical_df, field, term, self._searcher.doc_freq)

    def idf(self, field: str, terms: Sequence[str]) -> Floats:
        """Compute the inverse document frequencies over the live chunks, float64 [n_terms]."""
        return np.array([bm25_idf(self.df(field, term), self._searcher.num_docs) for term in terms])

    def physical_idf(self, field: str, terms: Sequence[str], physical: Collection) -> Floats:
        """Compute the inverse document frequencies as tantivy does, float64 [n_terms]."""
        return physical_idf([self.physical_df(field, term) for term in terms], physical.n)

    def dl(self, field: str, addresses: Sequence[tantivy.DocAddress]) -> Counts:
        """Look up the quantised lengths of chunks, int64 [n_chunks]."""
        return quantised(column(self._searcher, self._lengths[field], addresses))

    def _count(self, field: str, term: str) -> int:
        query = Query.const_score_query(Query.term_query(self._schema, field, term, "basic"), 0.0)
        return int(self._searcher.search(query, 1, count=True).count)  # type: ignore[attr-defined]  # a gap in its stub

    @staticmethod
    def _remembered(
        known: dict[tuple[str, str], int], field: str, term: str, count: Callable[[str, str], int]
    ) -> int:
        """Cache a count: a query needs each of its terms several times, and counting visits every segment."""
        if (field, term) not in known:
            if len(known) >= MOST_COUNTS:
                known.clear()
            known[field, term] = count(field, term)
        return known[field, term]

    @cached_property
    def _is_any_deleted(self) -> bool:
        for _, address in self._searcher.search(Query.all_query(), 1, count=False).hits:
            stored = StoredChunk.from_bytes(self._searcher.doc(address)["record"][0])
            query = Query.term_query(self._schema, "path", path_key(stored.chunk.path), "freq")
            return int(constant(query, self._searcher, address, "N")) != self._searcher.num_docs
        return True  # no chunk is live


def column(searcher: tantivy.Searcher, name: str, addresses: Sequence[tantivy.DocAddress]) -> list[int]:
    """Look up the value of a numeric column for each chunk."""
    return [int(value or 0) for value in searcher.fast_field_values(name, list(addresses))]


def constant(query: Query, searcher: tantivy.Searcher, address: tantivy.DocAddress, name: str) -> float:
    """Read a number from tantivy's explanation of a term's score: N, n, freq, dl or avgdl."""
    explanation = json.loads(query.explain(searcher, address).to_json())
    return next(value for description, value in _told(explanation) if description.startswith(f"{name}, "))


def _told(explanation: dict[str, Any]) -> Iterator[tuple[str, float]]:
    yield explanation["description"], explanation["value"]
    for detail in explanation.get("details", ()):
        yield from _told(detail)
