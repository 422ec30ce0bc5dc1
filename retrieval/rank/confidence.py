"""Whether the best candidate is likely an answer: a calibrated confidence from first-stage features.

A search always finds something; this module decides when none of it is likely the answer. The model is a
logistic regression over a few signs of the best candidate, fitted on questions to the right and to the wrong
repository: benchmarks/quality/abstention.py, docs/decisions/0008-abstention.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.chunks import tokenizer
from retrieval.index.reader import Snapshot
from retrieval.rank.features import Features
from retrieval.rank.need import Need
from retrieval.rank.query import whole_stem
from retrieval.records import Candidate

RARE, RARE_SHARE = 10, 0.01  # chunks that may contain an identifier before it counts as an everyday word


@dataclass(frozen=True, slots=True)
class Calibration:
    """A logistic regression and its threshold.

    Attributes:
        intercept: In logits.
        factors: By sign, in logits.
        threshold: Below this confidence, nothing seems to answer.
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
    """The probability that the best candidate answers, if half of all questions have an answer here.

    Attributes:
        value: 0 to 1.
        is_low: Whether the reply should say that nothing seems to answer.
    """

    value: float
    is_low: bool


def judge(need: Need, snapshot: Snapshot, features: Features, candidates: Sequence[Candidate]) -> Confidence:
    """Compute the confidence from the signs of the best candidate; 0 without candidates."""
    if not candidates:
        return Confidence(0.0, is_low=True)
    calibration = SYMBOL if need.is_symbol else QUESTION
    found = signs(snapshot, features, candidates[0])
    logit = calibration.intercept + sum(factor * found[name] for name, factor in calibration.factors.items())
    value = 1 / (1 + math.exp(-logit))
    return Confidence(value, value < calibration.threshold and not stands_here(need, snapshot))


def stands_here(need: Need, snapshot: Snapshot) -> bool:
    """Return whether the index contains an identifier of the query exactly.

    In a question, an identifier that occurs in many chunks may be an everyday word, so it does not count.
    """
    most = len(snapshot) if need.is_symbol else max(RARE, RARE_SHARE * len(snapshot))
    for name in need.query.identifiers:
        whole = whole_stem(name)
        if whole and 0 < snapshot.df("body", whole) <= most:
            return True
    return False


def signs(snapshot: Snapshot, features: Features, best: Candidate) -> dict[str, float]:
    """Measure the signs that distinguish an answer from a non-answer; shares are 0 to 1, weighted by idf.

    match: The pool's best BM25 score in the body, as a share of the maximum possible.
    covered: Share of the query in the chunks of the best candidate's file that are in the pool.
    named: Share of the query in the names that these chunks define.
    phrase: Share of the query whose adjacent words are adjacent in the candidate.
    score: The candidate's first-stage score.
    """
    number = features.pool.chunks.index(best.chunk)
    beside = np.flatnonzero(features.files == features.files[number])
    names = {term for i in beside for term in tokenizer.name_stems(features.pool.chunks[i].names)}
    total = sum(features.idf.values()) or 1.0  # a name without terms, such as `__`, has no idf
    here = snapshot.holding(features.idf, [features.pool.uids[i] for i in beside])

    def share(stems: set[str]) -> float:
        return (
            sum(features.idf[stem] for stem in sorted(stems)) / total
        )  # sorted, so that sums are equal to the last bit

    return {
        "match": features.match,
        "covered": share(here),
        "named": share(names & features.idf.keys()),
        "phrase": math.sqrt(features.by_name["phrase"][number]),
        "score": best.score,
    }
