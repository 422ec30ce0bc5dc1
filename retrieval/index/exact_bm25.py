"""The arithmetic of exact BM25 out of tantivy: the same bits whatever the history of an index.

tantivy counts deleted chunks in N, df and avgdl until it merges their segments, and then only estimates
avgdl; it computes in float32, and adds the terms in an order that depends on where the chunks lie. So the
score is computed here, in float64, from what is counted over live chunks and in the chunk's own terms.

Which chunks score best follows from tantivy's order, whose distance from the exact one is bounded
(`ScoreBounds`).

Two words have one meaning in this module and in `collection_stats`: live, of the chunks that a search can
find; physical, of these and the deleted ones that tantivy still counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.index.bm25 import K1, B

_EPSILON = 2.0**-23  # twice what one float32 operation is off at most, relative
_OPERATIONS = 16  # that tantivy rounds in the score of one term; there are 12

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Collection:
    """A field of all chunks together.

    Attributes:
        n: How many chunks.
        avgdl: Their mean length, in terms.
    """

    n: int
    avgdl: float


@dataclass(frozen=True, slots=True)
class ScoreBounds:
    """How far an exact score lies from tantivy's when each term is boosted to its live idf.

    A term gives idf * (k1 + 1) * tf / (tf + norm). With the idf made equal, its two scores differ by the
    factor (tf + physical norm) / (tf + live norm), which lies between 1 and physical norm / live norm
    whatever tf is, and this between 1 and live avgdl / physical avgdl whatever dl is. A sum of terms lies
    where its terms lie.

    Attributes:
        lowest: An exact score is at least this times tantivy's.
        highest: And at most this times tantivy's.
    """

    lowest: float
    highest: float


def score_bounds(live: Collection, physical: Collection, n_terms: int) -> ScoreBounds:
    """Bound the exact scores of a query by tantivy's, float32's rounding included."""
    ratio = live.avgdl / physical.avgdl
    slack = _EPSILON * (_OPERATIONS + n_terms)
    return ScoreBounds(min(1.0, ratio) * (1 - slack), max(1.0, ratio) * (1 + slack))


def decided_and_open(scores: Floats, limit: int, bounds: ScoreBounds) -> tuple[int, int]:
    """Find which of tantivy's scores say by themselves who is among the best `limit`, and who is not.

    Let c be the limit-th highest of tantivy's scores. At least `limit` chunks have an exact score of
    c * lowest or more, so a chunk that cannot reach that is not among the best. Less than `limit` chunks have
    an exact score of more than c * highest, so a chunk that must exceed that is.

    Args:
        scores: tantivy's, highest first; more than `limit`.
        limit: How many are wanted.
        bounds: How far the exact scores can lie from these.

    Returns:
        How many, from the first, are surely among the best, and how many may be.
    """
    cut = scores[limit - 1]
    sure = np.count_nonzero(scores * bounds.lowest > cut * bounds.highest)
    possible = np.count_nonzero(scores * bounds.highest >= cut * bounds.lowest)
    return int(sure), int(possible)


def bm25(tf: Counts, dl: Counts, idf: Floats, avgdl: float) -> Floats:
    """Score chunks by Lucene's BM25.

    Args:
        tf: How often each term stands in each chunk, int64 [n_terms, n_chunks].
        dl: The chunks' quantised lengths, int64 [n_chunks].
        idf: The terms', over live chunks, float64 [n_terms].
        avgdl: The mean length of the live chunks.

    Returns:
        float64 [n_chunks].
    """
    shares = idf[:, np.newaxis] * (tf * (K1 + 1) / (tf + _norm(dl, avgdl)))
    return np.asarray(sum(shares, np.zeros(len(dl))))  # term by term: np.sum may choose its own order


def physical_idf(df: Sequence[int], n: int) -> Floats:
    """Compute idf as tantivy does: in float32, where that of a term in every chunk has few digits.

    Returns:
        float64 [n_terms]; 0 for a term that nearly all of more than eight million chunks hold.
    """
    absent = np.array([n - count for count in df], dtype=np.float32)
    held = np.array(df, dtype=np.float32)
    half = np.float32(0.5)
    return np.log(np.float32(1) + (absent + half) / (held + half)).astype(np.float64)


def _norm(dl: Counts, avgdl: float) -> Floats:
    return np.asarray(K1 * (1 - B + B * dl / avgdl), dtype=np.float64)
