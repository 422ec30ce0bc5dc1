"""How exact BM25 scores are computed with tantivy: bit for bit the same whatever the history of an index.

tantivy counts deleted chunks in N, df and avgdl until it merges their segments, and then only estimates
avgdl. It computes in float32, and the order in which it adds terms depends on the layout of the segments. So
this module computes the score in float64, from counts over the live chunks and from the chunk's own terms.

The best chunks follow from tantivy's order, because the distance of its scores from the exact ones is bounded
(`ScoreBounds`).

In this module and in `collection_stats`, "live" means the chunks that a search can find, and "physical" also
includes the deleted chunks that tantivy still counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.index.bm25 import K1, B

_EPSILON = 2.0**-23  # twice the largest relative error of one float32 operation
_OPERATIONS = 16  # roundings in tantivy's score of one term, of which there are 12

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Collection:
    """The statistics of a field over all chunks.

    Attributes:
        n: The number of chunks.
        avgdl: The mean length in terms.
    """

    n: int
    avgdl: float


@dataclass(frozen=True, slots=True)
class ScoreBounds:
    """How far an exact score can be from tantivy's when each term is boosted to its live idf.

    A term scores idf * (k1 + 1) * tf / (tf + norm). With equal idf, the two scores differ by the factor
    (tf + physical norm) / (tf + live norm). For any tf, this factor is between 1 and physical norm / live
    norm; for any dl, that ratio is between 1 and live avgdl / physical avgdl. The same bounds hold for a sum
    of terms.

    Attributes:
        lowest: An exact score is at least this factor times tantivy's.
        highest: An exact score is at most this factor times tantivy's.
    """

    lowest: float
    highest: float


def score_bounds(live: Collection, physical: Collection, n_terms: int) -> ScoreBounds:
    """Bound the exact scores of a query by tantivy's, including the rounding of float32."""
    ratio = live.avgdl / physical.avgdl
    slack = _EPSILON * (_OPERATIONS + n_terms)
    return ScoreBounds(min(1.0, ratio) * (1 - slack), max(1.0, ratio) * (1 + slack))


def decided_and_open(scores: Floats, limit: int, bounds: ScoreBounds) -> tuple[int, int]:
    """Count the chunks that are certainly, and those that are possibly, among the best `limit`.

    Let c be the limit-th highest of tantivy's scores. At least `limit` chunks have an exact score of
    c * lowest or more, so a chunk that cannot reach it is not among the best. Fewer than `limit` chunks have
    an exact score above c * highest, so a chunk that must exceed it is among the best.

    Args:
        scores: tantivy's scores, highest first; more than `limit`.
        limit: The number of chunks wanted.
        bounds: How far the exact scores can be from these.

    Returns:
        How many, counted from the first, are certainly among the best, and how many possibly.
    """
    cut = scores[limit - 1]
    sure = np.count_nonzero(scores * bounds.lowest > cut * bounds.highest)
    possible = np.count_nonzero(scores * bounds.highest >= cut * bounds.lowest)
    return int(sure), int(possible)


def bm25(tf: Counts, dl: Counts, idf: Floats, avgdl: float) -> Floats:
    """Score chunks by Lucene's BM25.

    Args:
        tf: How often each term occurs in each chunk, int64 [n_terms, n_chunks].
        dl: The quantised lengths of the chunks, int64 [n_chunks].
        idf: The idf of the terms over live chunks, float64 [n_terms].
        avgdl: The mean length of the live chunks.

    Returns:
        float64 [n_chunks].
    """
    shares = idf[:, np.newaxis] * (tf * (K1 + 1) / (tf + _norm(dl, avgdl)))
    return np.asarray(sum(shares, np.zeros(len(dl))))  # term by term: np.sum may choose another order


def physical_idf(df: Sequence[int], n: int) -> Floats:
    """Compute idf as tantivy does: in float32, with few digits for a term in every chunk.

    Returns:
        float64 [n_terms]; 0 for a term in nearly all of more than eight million chunks.
    """
    absent = np.array([n - count for count in df], dtype=np.float32)
    held = np.array(df, dtype=np.float32)
    half = np.float32(0.5)
    return np.log(np.float32(1) + (absent + half) / (held + half)).astype(np.float64)


def _norm(dl: Counts, avgdl: float) -> Floats:
    return np.asarray(K1 * (1 - B + B * dl / avgdl), dtype=np.float64)
