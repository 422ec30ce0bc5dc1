"""How well a question was answered: measures of files and of lines, from the ranks that were found."""

import math

from benchmarks.judges.found import Found

CUTOFF = 10
SHOWN = 8  # results of a reply by default

FILE_MEASURES = ("ndcg10", "hit1", "hit8", "recall10", "mrr10", "strict10")
LINE_MEASURES = ("line_hit1", "line_hit8", "line_recall10", "line_mrr10", "characters")
MEASURES = FILE_MEASURES + LINE_MEASURES


def score(found: Found) -> dict[str, float]:
    """Return each measure of a question; those of lines only if a target has lines.

    >>> score(Found(((2,), ())))["mrr10"], score(Found(((1,),), (9, None), 700))["line_recall10"]
    (0.5, 0.5)
    """
    return _file_scores(found) | (_line_scores(found) if found.lines else {})


def _file_scores(found: Found) -> dict[str, float]:
    """Score the files; all targets have gain 1, and a rank counts once."""
    ranks = sorted({rank for answers in found.files for rank in answers})
    firsts = [min(answers, default=None) for answers in found.files]
    within = [first is not None and first <= CUTOFF for first in firsts]
    ideal = _dcg(range(1, min(CUTOFF, len(firsts)) + 1))
    best = ranks[0] if ranks else math.inf
    return {
        # A folder may hold more files than the one that the ideal ranking counts for it.
        "ndcg10": min(1.0, _dcg(ranks) / ideal),
        "hit1": float(best <= 1),
        "hit8": float(best <= SHOWN),
        "recall10": sum(within) / len(within),
        "mrr10": 1 / best if best <= CUTOFF else 0.0,
        "strict10": float(all(within)),
    }


def _line_scores(found: Found) -> dict[str, float]:
    best = min((rank for rank in found.lines if rank is not None), default=math.inf)
    within = [rank is not None and rank <= CUTOFF for rank in found.lines]
    return {
        "line_hit1": float(best <= 1),
        "line_hit8": float(best <= SHOWN),
        "line_recall10": sum(within) / len(within),
        "line_mrr10": 1 / best if best <= CUTOFF else 0.0,
        "characters": float(found.characters or 0),
    }


def _dcg(ranks: range | list[int]) -> float:
    """Sum the discounts of ranks within the cutoff (Järvelin & Kekäläinen 2002, gain 1)."""
    return sum(1 / math.log2(rank + 1) for rank in ranks if rank <= CUTOFF)
