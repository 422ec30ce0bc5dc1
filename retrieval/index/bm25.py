"""Which BM25 is used: Lucene's idf and quantised lengths, and rank-bm25 with both, for texts in no index.

The latter is the first stage of `rag_rerank`, and the oracle with which tests compare every score of the
index.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray
from rank_bm25 import BM25Okapi

K1, B = 1.2, 0.75  # Lucene's defaults, which tantivy fixes

_EXACT_LENGTHS = 24  # Lucene's SmallFloat stores this many lengths exactly, the others with 4 bits


class LuceneBM25(BM25Okapi):  # type: ignore[misc]  # rank-bm25 publishes no types
    """The Lucene variant of BM25 (Kamphuis et al. 2020), with Lucene's one-byte document lengths.

    Stock Okapi floors a negative idf at a quarter of the mean idf, which gives `self` and `def` an idf of
    about 2; Lucene's `ln(1 + …)` needs no floor.
    """

    def __init__(self, documents: Sequence[Sequence[str]]) -> None:
        super().__init__(documents, k1=K1, b=B)
        self.doc_len = quantised([len(document) for document in documents]).tolist()

    def _calc_idf(self, nd: Mapping[str, int]) -> None:
        self.idf = {term: bm25_idf(df, self.corpus_size) for term, df in nd.items()}


def bm25_scores(query: Sequence[str], documents: Sequence[Sequence[str]]) -> np.ndarray:
    """Score each document for the distinct terms of a query.

    Returns:
        float64 [n_documents]; all zeros when no document contains a term.
    """
    if not any(documents):  # rank-bm25 divides by the mean length
        return np.zeros(len(documents))
    scores: np.ndarray = LuceneBM25(documents).get_scores(list(dict.fromkeys(query)))
    return scores


def bm25_idf(df: int, n: int) -> float:
    """Return Lucene's inverse document frequency, always positive."""
    return math.log(1 + (n - df + 0.5) / (df + 0.5))


def quantised(lengths: npt.ArrayLike) -> NDArray[np.int64]:
    """Round document lengths down to values that fit Lucene's single byte (SmallFloat.intToByte4).

    >>> quantised([7, 40, 41, 100]).tolist()
    [7, 40, 40, 96]
    """
    exact = np.asarray(lengths, dtype=np.int64)
    rest = np.maximum(exact - _EXACT_LENGTHS, 0)
    bits = np.frexp(rest)[1]
    shift = np.maximum(bits - 4, 0)
    return np.where(exact < _EXACT_LENGTHS, exact, _EXACT_LENGTHS + (rest >> shift << shift))
