"""How weights order the pools of all questions at once, in a fraction of a second.

It computes what `retrieval.rank.ranker` does; `tests/benchmarks/fitting/test_evidence.py` compares them.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from retrieval.paths.file_kinds import KINDS
from retrieval.rank.features import FEATURES, GUESS_FEATURES
from retrieval.rank.need import NeedKind
from retrieval.rank.ranker import (
    MATCH_DOUBT,
    SUPPORTERS,
    TRUSTED,
    Company,
    belonging,
    best_of_files,
    decays,
)
from retrieval.rank.weights import Weights
from retrieval.training.order.evidence import Bools, Evidence, Floats, Ints


def order_of(evidence: Evidence, weights: Mapping[NeedKind, Weights]) -> Ints:
    """Rank every pool: the rows of each question, best first, int64 [n_rows], question after question."""
    scores = scored(evidence, weights)
    return np.lexsort((-scores, evidence.question))


def scored(evidence: Evidence, weights: Mapping[NeedKind, Weights]) -> Floats:
    """Score every row, as a search does, float64 [n_rows]."""
    kinds = np.array(evidence.kinds)[evidence.question]
    scores = np.zeros(len(evidence.question))
    for kind, own in weights.items():
        rows = np.flatnonzero(kinds == kind)
        if len(rows):
            scores[rows] = _scored_alike(evidence, rows, own)
    return scores


def _scored_alike(evidence: Evidence, rows: Ints, weights: Weights) -> Floats:
    """Score rows whose questions share weights, as `ranker._shares` does."""
    owner, file = evidence.question[rows], evidence.file[rows]
    kinds = _factors(evidence, rows, weights)
    scores = _own(evidence, rows, weights) + _guessed(evidence, rows, owner, kinds, weights)
    scores = np.round(scores, 6)
    scores = scores + weights.coherence * _coherence(scores, kinds, owner, file)
    scores = np.round(scores, 6) * kinds
    scores = np.round(scores, 6)
    is_known, supported = _supported(evidence, scores, owner, file, weights)
    decay = np.where(is_known, weights.known_decay, weights.decay)
    gained = weights.support * _peaks(scores, owner, len(evidence))[owner] * supported
    scores = np.round(scores * decays(_placed_above(scores, file), decay), 6)
    scores = np.round(scores + gained, 6)
    if is_known.any():
        gaps = _gaps_closed(evidence, scores, owner, file) * is_known
        scores = np.round(scores + weights.together * gaps, 6)
    if weights.puts_whole_first:
        whole = evidence.values[rows, FEATURES.index("whole")]
        scores = np.round(scores + whole * (1 + _peaks(scores, owner, len(evidence.kinds))[owner]), 6)
    return np.asarray(scores, dtype=np.float64)


def _own(evidence: Evidence, rows: Ints, weights: Weights) -> Floats:
    factors = [0.0 if name in GUESS_FEATURES else weights.features.get(name, 0.0) for name in FEATURES]
    return np.asarray(evidence.values[rows] @ np.array(factors))


def _guessed(evidence: Evidence, rows: Ints, owner: Ints, kinds: Floats, weights: Weights) -> Floats:
    factors = [weights.features.get(name, 0.0) if name in GUESS_FEATURES else 0.0 for name in FEATURES]
    guessed = np.asarray(evidence.values[rows] @ np.array(factors))
    if not guessed.any():
        return guessed
    own = _own(evidence, rows, weights) * kinds
    by_guesses = guessed * kinds
    count = len(evidence.kinds)
    agreement = np.zeros(count)
    np.maximum.at(agreement, owner, _share(own, owner, count) * _share(by_guesses, owner, count))
    least, enough = TRUSTED
    trust = np.clip((agreement - MATCH_DOUBT * evidence.match - least) / (enough - least), 0, 1)
    trust[_peaks(own, owner, count) <= 0] = 1.0
    return guessed * trust[owner]


def _factors(evidence: Evidence, rows: Ints, weights: Weights) -> Floats:
    plain = np.array([weights.kinds[kind] for kind in KINDS])[evidence.file_kind[rows]]
    asked = np.array([weights.asked[kind] for kind in KINDS])[evidence.file_kind[rows]]
    factors = np.where(evidence.is_asked[rows], asked, plain)
    return np.where(evidence.is_older[rows], np.minimum(factors, weights.older), factors)


def _coherence(scores: Floats, kinds: Floats, owner: Ints, file: Ints) -> Floats:
    sums = np.bincount(file, scores)
    best_first = np.lexsort((-scores * kinds, file))
    best = best_first[np.flatnonzero(np.diff(file[best_first], prepend=-1))]
    highest = np.zeros(int(owner.max(initial=0)) + 1)
    np.maximum.at(highest, owner, scores)
    largest = np.full(len(highest), 1e-12)
    np.maximum.at(largest, owner[best], sums[file[best]])
    raised = np.zeros(len(scores))
    raised[best] = highest[owner[best]] * sums[file[best]] / largest[owner[best]]
    return raised


def _supported(
    evidence: Evidence, scores: Floats, owner: Ints, file: Ints, weights: Weights
) -> tuple[Bools, Floats]:
    """Tell of each row whether its question's best files change together, and how its own is supported."""
    is_known, supported = np.zeros(len(scores), dtype=np.bool_), np.zeros(len(scores))
    if not weights.together:
        return is_known, supported
    for rows, files, shares in _with_history(evidence, owner, file):
        best = best_of_files(scores[rows], files)[:SUPPORTERS]
        company = Company(best, shares[np.ix_(files[best], files[best])])
        if company.shares.any():
            is_known[rows], supported[rows] = True, company.supported(scores[rows], files)
    return is_known, supported


def _gaps_closed(evidence: Evidence, scores: Floats, owner: Ints, file: Ints) -> Floats:
    """Return how far each row closes its gap to the best one, by what its file changes with."""
    gaps = np.zeros(len(scores))
    for rows, files, shares in _with_history(evidence, owner, file):
        own = scores[rows]
        best = best_of_files(own, files)
        gaps[rows.start + best] = belonging(shares[files[best[0]], files[best]]) * (own[best[0]] - own[best])
    return gaps


def _with_history(evidence: Evidence, owner: Ints, file: Ints) -> Iterator[tuple[slice, Ints, Floats]]:
    """Yield the rows of each question that has a history, their files from 0, and those files' shares."""
    asked, starts = np.unique(owner, return_index=True)
    for question, start, end in zip(asked.tolist(), starts, [*starts[1:], len(owner)], strict=True):
        if (shares := evidence.shares(question)) is not None:
            yield slice(start, end), file[start:end] - evidence.first_file[question], shares


def _placed_above(scores: Floats, file: Ints) -> Ints:
    best_first = np.lexsort((-scores, file))
    starts = np.searchsorted(file[best_first], file)
    places = np.empty(len(scores), dtype=np.int64)
    places[best_first] = np.arange(len(scores))
    return places - starts


def _share(values: Floats, owner: Ints, count: int) -> Floats:
    return np.asarray(values / np.maximum(_peaks(values, owner, count), 1e-12)[owner])


def _peaks(values: Floats, owner: Ints, count: int) -> Floats:
    peaks = np.zeros(count)
    np.maximum.at(peaks, owner, values)
    return peaks
