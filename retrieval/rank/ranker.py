"""How the first stage orders chunks: a weighted sum of the features of each (need, chunk) pair.

    score = sum of weight x feature, the guesses' features times their trust
          + coherence, for a file's best chunk
          x kind                               for tests, prose, examples, data, legal texts, older versions
          x decay                              at a file's second chunk, and at each doubling: fourth, eighth
          + support x best score               for each chunk of a file that other good files change with
          + together x (best score - score)    for the best chunk of each file that changes with the best file
          + whole, for a name alone            more than the best score, so that these chunks come first

`Candidate.parts` has the contribution of each feature, positive or negative, and the parts of a candidate add
up to its score.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.index.reader import Snapshot
from retrieval.rank.features import GUESS_FEATURES, Changes, Feature, Features, extract_features
from retrieval.rank.need import Need
from retrieval.rank.weights import WEIGHTS, Weights
from retrieval.records import Candidate

MATCH_DOUBT = 0.35
TRUSTED = (-0.02, 0.56)
"""Agreement of guesses with their question up to which they count nothing, and from which on, whole;
chosen so that the guesses of another question cost .01 nDCG at most (benchmarks/runs/2026-11-28-lines)."""


HALF_TOGETHER = 0.05
"""The share of the best file's commits that raises another file half as much as all of them would."""
SUPPORTERS = 20
"""The best files of the pool, which support each other; both as in
docs/decisions/0040-files-that-change-together.md."""


def find_and_rank(
    need: Need,
    snapshot: Snapshot,
    *,
    limit: int,
    past: Mapping[str, float] | None = None,
    paths: Sequence[str] | None = None,
    weights: Weights | None = None,
) -> list[Candidate]:
    """Rank the chunks of a snapshot, best first; ties by path, then line.

    Args:
        need: What the caller wants.
        snapshot: The committed index.
        limit: The maximum number of candidates.
        past: Files that commits suggest, with their evidence; None without a history.
        paths: If given, only chunks of these files.
        weights: By default, the weights for the need's kind.

    Returns:
        At most `limit` candidates; empty if no chunk contains a term or defines a name of the need.
    """
    features = extract_features(need, snapshot, past=past, paths=paths)
    return rank(features, weights or weights_for(need), limit=limit)


def weights_for(need: Need) -> Weights:
    """Choose the weights for a need's kind."""
    return WEIGHTS[need.kind]


def rank(features: Features, weights: Weights, *, limit: int) -> list[Candidate]:
    """Return the best `limit` candidates by weighted features, best first."""
    shares = _shares(features, weights)
    scores = _total(shares, features)
    return [
        Candidate(
            chunk=features.pool.chunks[i],
            score=float(scores[i]),
            rank=number,
            parts={name: float(values[i]) for name, values in shares.items() if values[i]},
        )
        for number, i in enumerate(_best_first(scores)[:limit], 1)
    ]


def decays(placed_above: NDArray[np.int64], decay: float | Feature) -> Feature:
    """Return the factor of each chunk for the chunks of its file that are ranked above it.

    The second chunk of a file is worth `decay`, the fourth its square: an answer far down in a long file is
    not lost, as it would be if every chunk counted (docs/decisions/0039-places-of-one-file.md).

    Args:
        placed_above: How many chunks of its file are ranked above each, int64 [n_chunks].
        decay: The factor for each doubling, 0 to 1, for all or for each, float64 [n_chunks].
    """
    return np.asarray(decay ** np.log2(1 + placed_above))


def belonging(shares: Feature) -> Feature:
    """Return how far files belong to another, 0 to 1, by their shares in its commits."""
    return shares / (shares + HALF_TOGETHER)


@dataclass(frozen=True, slots=True)
class Company:
    """The best files of a pool, and how they change together.

    Attributes:
        best: The best chunk of each, the best first, int64 [n_best].
        shares: Of each file in the commits of each, float64 [n_best, n_best]; 0 on the diagonal.
    """

    best: NDArray[np.int64]
    shares: Feature

    def supported(self, scores: Feature, files: NDArray[np.int64]) -> Feature:
        """Return how much each chunk's file is supported by the others, as a share of the most.

        A file supports another by its score, as far as each belongs to the other.

        Args:
            scores: Of the chunks, float64 [n_chunks].
            files: The number of each chunk's file, int64 [n_chunks].
        """
        belongs = belonging(self.shares)
        support = np.minimum(belongs, belongs.T) @ scores[self.best]
        by_file = np.zeros(int(files.max(initial=-1)) + 1)
        by_file[files[self.best]] = support / max(float(support.max(initial=0.0)), 1e-12)
        return np.asarray(by_file[files])


def best_of_files(scores: Feature, files: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of each file's best chunk, the best of all first."""
    first = np.flatnonzero(_placed_above(scores, files) == 0)
    return first[_best_first(scores[first])]


def trust_in_guesses(features: Features, weights: Weights) -> float:
    """Return how much the guesses of a need count in its order, 0 to 1; 1 without guesses."""
    return _trust(_weighed(features, weights), features, _kind_factors(features, weights))


def trusting_order_of(features: Features, weights: Weights) -> NDArray[np.int64]:
    """Return what `order_of` would if the guesses counted whole."""
    return _best_first(_total(_shares(features, weights, trust=1.0), features))


def order_of(features: Features, weights: Weights) -> NDArray[np.int64]:
    """Return the positions of the chunks in the pool, best first, int64 [n_chunks]."""
    return _best_first(_total(_shares(features, weights), features))


def _shares(features: Features, weights: Weights, *, trust: float | None = None) -> dict[str, Feature]:
    """Return the contribution of each step to each chunk; a chunk's contributions add up to its score."""
    kinds = _kind_factors(features, weights)
    shares = _weighed(features, weights)
    if trust is None:
        trust = _trust(shares, features, kinds)
    shares |= {name: trust * shares[name] for name in GUESS_FEATURES if name in shares}
    shares["coherence"] = weights.coherence * _coherence(_total(shares, features), kinds, features.files)
    shares["kind"] = _total(shares, features) * (kinds - 1)
    scores = _total(shares, features)
    company = _company(scores, features) if weights.together else None
    decay = weights.known_decay if company else weights.decay
    shares["decay"] = scores * (decays(_placed_above(scores, features.files), decay) - 1)
    if features.changes and company:
        shares["support"] = weights.support * scores.max() * company.supported(scores, features.files)
        gaps = _gaps_closed(_total(shares, features), features, features.changes)
        shares["together"] = weights.together * gaps
    if weights.puts_whole_first:
        shares["whole"] = features.by_name["whole"] * (1 + _total(shares, features).max(initial=0.0))
    return shares


def _weighed(features: Features, weights: Weights) -> dict[str, Feature]:
    return {
        name: weights.features[name] * values
        for name, values in features.by_name.items()
        if weights.features.get(name)
    }


def _trust(shares: Mapping[str, Feature], features: Features, kinds: Feature) -> float:
    """Return how much the guesses count, 0 to 1: as much as they agree with the question.

    They agree where one chunk is good by the question and good by the guesses. A question whose words stand
    in the code needs more agreement than one whose words do not. Guesses at another answer of the same
    repository agree with the question in few chunks, and then move little.
    """
    own = {name: values for name, values in shares.items() if name not in GUESS_FEATURES}
    guessed = {name: values for name, values in shares.items() if name in GUESS_FEATURES}
    by_question, by_guesses = _total(own, features) * kinds, _total(guessed, features) * kinds
    if not by_question.any() or not by_guesses.any():
        return 1.0
    agreement = float(np.max((by_question / by_question.max()) * (by_guesses / by_guesses.max())))
    least, enough = TRUSTED
    return float(np.clip((agreement - MATCH_DOUBT * features.match - least) / (enough - least), 0, 1))


def _kind_factors(features: Features, weights: Weights) -> Feature:
    """Return the factor of each chunk for the kind of its file, and for an older version of another file."""
    factors = {
        kind: weights.asked[kind] if kind in features.asked else weights.kinds[kind]
        for kind in set(features.kinds)
    }
    by_kind = np.array([factors[kind] for kind in features.kinds])
    return np.where(features.is_older > 0, np.minimum(by_kind, weights.older), by_kind)


def _total(shares: Mapping[str, Feature], features: Features) -> Feature:
    # Rounded, so that chunks with equal sums tie whatever the last bits are.
    return np.round(sum(shares.values(), np.zeros(len(features.files))), 6)


def _best_first(scores: Feature) -> NDArray[np.int64]:
    return np.argsort(-scores, kind="stable")


def _coherence(scores: Feature, kinds: Feature, files: NDArray[np.int64]) -> Feature:
    """Raise each file's best chunk by the sum of the file's scores: many good chunks suggest an answer.

    The best chunk of the file with the highest sum gains as much as the highest score of any chunk. Tests
    within a file of code vouch for the file, but its best chunk is the best by the factors of their kinds.
    """
    raised = np.zeros(len(scores))
    if not scores.any():
        return raised
    sums = np.bincount(files, scores)
    best_first = np.lexsort((-scores * kinds, files))
    best = best_first[np.flatnonzero(np.diff(files[best_first], prepend=-1))]
    raised[best] = scores.max() * sums / sums.max()
    return raised


def _company(scores: Feature, features: Features) -> Company | None:
    """Return the best files and how they change together; None where no two of them are known to."""
    if not features.changes:
        return None
    best = best_of_files(scores, features.files)[:SUPPORTERS]
    company = Company(best, features.changes.among([features.pool.chunks[i].path for i in best]))
    return company if company.shares.any() else None


def _gaps_closed(scores: Feature, features: Features, changes: Changes) -> Feature:
    """Return how far each file's best chunk closes its gap to the best one, by what its file changes with."""
    raised = np.zeros(len(scores))
    best = best_of_files(scores, features.files)
    first, *others = (features.pool.chunks[i].path for i in best)
    shares = np.concatenate(([0.0], changes.together(first, others)))
    raised[best] = belonging(shares) * (scores[best[0]] - scores[best])
    return raised


def _placed_above(scores: Feature, files: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count, for each chunk, the chunks of its file with a better score; the first wins a tie."""
    best_first = np.lexsort((-scores, files))
    starts = np.searchsorted(files[best_first], files)  # where each chunk's file begins in that order
    places_in_order = np.empty(len(scores), dtype=np.int64)
    places_in_order[best_first] = np.arange(len(scores))
    return places_in_order - starts
