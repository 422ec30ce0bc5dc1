"""Whether the best candidate seems to answer at all: a calibrated confidence from first-stage evidence.

A search always finds something; this says when nothing of it is likely the answer. The model is a logistic
regression over a few signs of the best candidate, fitted on questions asked of the right and of the wrong
repository: benchmarks/quality/abstention.py, docs/decisions/0008-abstention.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.chunks import tokenizer
from retrieval.index.bm25 import K1
from retrieval.index.reader import Snapshot
from retrieval.rank.query import Query
from retrieval.rank.ranker import Features
from retrieval.records import Candidate

RARE, RARE_SHARE = 10, 0.01  # chunks that hold an identifier and nothing that people ask about in other words
_SATURATION = K1 + 1  # what BM25 gives at most for one term, times its idf


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression and where its word is taken as a no.

    Attributes:
        intercept: In logits.
        factors: By sign, in logits.
        threshold: A lower confidence means that nothing seems to answer.
    """

    intercept: float
    factors: Mapping[str, float]
    threshold: float


# benchmarks/runs/2026-11-24-dev/abstention.txt
QUESTION = Calibration(
    -6.301, {"match": 2.181, "covered": 3.037, "named": 1.284, "phrase": 1.349, "score": 2.269}, 0.260
)
SYMBOL = Calibration(
    -7.179, {"match": 1.801, "covered": 1.504, "named": 0.546, "phrase": 3.187, "score": 1.275}, 0.648
)


@dataclass(frozen=True, slots=True)
class Confidence:
    """How likely the best candidate answers, had half of all questions an answer here.

    Attributes:
        value: 0 to 1.
        is_low: Whether a reply should say that nothing seems to answer.
    """

    value: float
    is_low: bool


def judge(
    query: Query, snapshot: Snapshot, features: Features, candidates: Sequence[Candidate]
) -> Confidence:
    """Weigh the signs of the best candidate; no candidate is no answer."""
    if not candidates:
        return Confidence(0.0, is_low=True)
    calibration = SYMBOL if query.is_symbol else QUESTION
    found = signs(snapshot, features, candidates[0])
    logit = calibration.intercept + sum(factor * found[name] for name, factor in calibration.factors.items())
    value = 1 / (1 + math.exp(-logit))
    return Confidence(value, value < calibration.threshold and not stands_here(query, snapshot))


def stands_here(query: Query, snapshot: Snapshot) -> bool:
    """Tell whether an identifier of a query stands in the index, letter for letter: it is not absent then.

    Within a question, one that stands in many places may be an everyday word, and tells nothing.
    """
    most = len(snapshot) if query.is_symbol else max(RARE, RARE_SHARE * len(snapshot))
    for name in query.identifiers:
        whole, *_ = tokenizer.stems(tokenizer.terms(name)) or [""]
        if whole and 0 < snapshot.df("body", whole) <= most:
            return True
    return False


def signs(snapshot: Snapshot, features: Features, best: Candidate) -> dict[str, float]:
    """Measure what tells an answer from the best of what is no answer; shares are 0 to 1 and weighed by idf.

    match: The pool's best BM25 score in the body, as a share of what any text could reach.
    covered: Share of the query in those chunks of the best candidate's file that are in the pool.
    named: Share of the query in the names that these define.
    phrase: Share of the query that stands in the candidate word behind word.
    score: Its first-stage score.
    """
    number = features.pool.chunks.index(best.chunk)
    beside = np.flatnonzero(features.files == features.files[number])
    names = {term for i in beside for term in tokenizer.name_stems(features.pool.chunks[i].names)}
    total = sum(features.pool.idf.values()) or 1.0  # a name without a term, such as `__`, has none
    here = snapshot.holding(features.pool.idf, [features.pool.uids[i] for i in beside])

    def share(stems: set[str]) -> float:
        return sum(features.pool.idf[stem] for stem in sorted(stems)) / total  # in one order, to the last bit

    return {
        "match": features.body_peak / (_SATURATION * total),
        "covered": share(here),
        "named": share(names & features.pool.idf.keys()),
        "phrase": math.sqrt(features.by_name["phrase"][number]),
        "score": best.score,
    }
