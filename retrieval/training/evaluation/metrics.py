"""How well one ranking answers one question: pure functions of the ranks at which its targets were found.

A target is a file, or some lines of one, that answers the question. Its rank, 1-based, is that of the first
result that touches it. Further results that touch it only take up ranks.
"""

import math
from collections.abc import Sequence

Ranks = Sequence[int | None]
"""The rank of each target of a question; None for one that was not found."""


def hit(ranks: Ranks, cutoff: int) -> float:
    """Return 1 when any target is among the first `cutoff` results, else 0."""
    return float(any(rank <= cutoff for rank in _found(ranks)))


def reciprocal_rank(ranks: Ranks, cutoff: int = 10) -> float:
    """Return 1 / the best rank (its mean over questions is MRR), 0 when that lies beyond the cutoff."""
    best = min(_found(ranks), default=cutoff + 1)
    return 1 / best if best <= cutoff else 0.0


def recall(ranks: Ranks, cutoff: int = 50) -> float:
    """Return the share of targets among the first `cutoff` results: the upper bound of any reranking."""
    return sum(rank <= cutoff for rank in _found(ranks)) / len(ranks) if ranks else 0.0


def ndcg(ranks: Ranks, grades: Sequence[float] = (), cutoff: int = 10) -> float:
    """Return nDCG at a cutoff (Järvelin & Kekäläinen 2002): gain = grade, discount = log2(rank + 1).

    A result that touches two targets counts once, with the higher grade.

    Args:
        ranks: The rank of each target.
        grades: The grade of each target, above 0; by default all 1.
        cutoff: Number of results that count.

    >>> ndcg([1]), round(ndcg([3, None]), 3)
    (1.0, 0.307)
    """
    gains = list(grades) or [1.0] * len(ranks)
    at_rank: dict[int, float] = {}
    for rank, gain in zip(ranks, gains, strict=True):
        if rank is not None and rank <= cutoff:
            at_rank[rank] = max(gain, at_rank.get(rank, 0.0))
    ideal = dict(enumerate(sorted(gains, reverse=True)[:cutoff], 1))
    return _dcg(at_rank) / _dcg(ideal) if ideal else 0.0


def _dcg(gains: dict[int, float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in gains.items())


def _found(ranks: Ranks) -> list[int]:
    return [rank for rank in ranks if rank is not None]
