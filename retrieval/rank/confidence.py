"""Whether the best candidate is likely an answer: a calibrated confidence from first-stage features.

A search always finds something; this module decides when none of it is likely the answer. The model is a
logistic regression over a few signs of the best candidate, fitted on questions to the right and to the wrong
repository: benchmarks/quality/abstention.py, docs/decisions/0023-lines-and-guesses.md.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.chunks import tokenizer
from retrieval.index.reader import Snapshot
from retrieval.rank.everyday import everyday
from retrieval.rank.features import Features
from retrieval.rank.need import Guess, Need, NeedKind
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


# benchmarks/runs/2026-11-28-lines/abstention.txt
_QUESTION = Calibration(
    -5.18,
    {
        "match": 1.5,
        "known": 2.28,
        "covered": 2.51,
        "named": 1.56,
        "phrase": 3.13,
        "title": 5.31,
        "definition": 1.95,
        "whole": 0.54,
        "past": 0.75,
    },
    0.139,
)
CALIBRATIONS: Mapping[NeedKind, Calibration] = {
    "name": Calibration(
        -6.34,
        {
            "match": 0.74,
            "known": 1.46,
            "covered": 0.86,
            "named": 1.04,
            "phrase": 2.69,
            "title": 1.85,
            "definition": 2.05,
            "whole": 1.27,
            "past": 1.05,
        },
        0.649,
    ),
    "pasted": Calibration(
        -4.79,
        {
            "match": 1.63,
            "known": 2.03,
            "covered": 1.93,
            "named": 0.84,
            "phrase": 3.09,
            "title": 1.24,
            "definition": 3.74,
            "whole": 2.32,
            "past": 0.9,
        },
        0.204,
    ),
    "guessed": Calibration(
        -9.17,
        {
            "match": 2.29,
            "known": 1.53,
            "covered": 1.9,
            "named": 2.26,
            "phrase": 1.86,
            "title": 0.53,
            "definition": -0.01,
            "whole": 0.46,
            "past": 1.5,
            "guessed": 5.41,
            "suggested": 2.48,
        },
        0.302,
    ),
    "question": _QUESTION,
    "path": _QUESTION,  # too few for one of their own
}


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
    """Compute the confidence from the signs of the best candidate; 0 without candidates or a telling word."""
    if not candidates or everyday(need, snapshot):
        return Confidence(0.0, is_low=True)
    calibration = CALIBRATIONS[need.kind]
    found = signs(need, snapshot, features, candidates[0])
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


def signs(need: Need, snapshot: Snapshot, features: Features, best: Candidate) -> dict[str, float]:
    """Measure the signs that distinguish an answer from a non-answer; shares are 0 to 1, weighted by idf.

    match: The pool's best BM25 score in the body, as a share of the maximum possible.
    known: Share of the query that occurs in the index at all.
    covered: Share of the query in the chunks of the best candidate's file that are in the pool.
    named: Share of the query in the names that these chunks define.
    phrase: Share of the query whose adjacent words are adjacent in one chunk of the pool.
    title, definition, whole, past: These features of the best candidate.
    guessed: Share of the guesses that occur in the index, by weight.
    suggested: How far the best candidate's path meets the guesses, as a name and by words.
    """
    number = features.pool.chunks.index(best.chunk)
    beside = np.flatnonzero(features.files == features.files[number])
    names = {term for i in beside for term in tokenizer.name_stems(features.pool.chunks[i].names)}
    total = sum(features.idf.values()) or 1.0  # a name without terms, such as `__`, has no idf
    here = snapshot.holding(features.idf, [features.pool.uids[i] for i in beside])

    def share(stems: Iterable[str]) -> float:
        # sorted, so that sums are equal to the last bit
        return sum(features.idf[stem] for stem in sorted(stems)) / total

    values = {name: float(of_chunks[number]) for name, of_chunks in features.by_name.items()}
    weights = sum(guess.weight for guess in need.guesses) or 1.0
    return {
        "match": features.match,
        "known": share({stem for stem in features.idf if snapshot.df("body", stem)}),
        "covered": share(here),
        "named": share(names & features.idf.keys()),
        "phrase": math.sqrt(features.by_name["phrase"].max(initial=0.0)),
        **{name: values[name] for name in ("title", "definition", "whole", "past")},
        "guessed": sum(guess.weight for guess in need.guesses if occurs(guess, snapshot)) / weights,
        "suggested": values.get("expect_path", 0.0) + values.get("expect_title", 0.0),
    }


def occurs(guess: Guess, snapshot: Snapshot) -> bool:
    """Return whether all terms of a guess occur in the index."""
    return bool(guess.stems) and all(snapshot.df("body", stem) for stem in guess.stems)
