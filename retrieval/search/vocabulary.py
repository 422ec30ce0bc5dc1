"""Which of the caller's guesses occur here, which place they fit, and which names are near the question.

A caller who learns that `retry_policy` occurs nowhere and that the code says `Backoff` asks better next time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from retrieval.chunks import tokenizer
from retrieval.index.reader import Snapshot
from retrieval.rank.confidence import occurs
from retrieval.rank.everyday import Everyday, everyday
from retrieval.rank.features import GUESS_FEATURES, Features
from retrieval.rank.need import Need
from retrieval.rank.query import name_key
from retrieval.rank.ranker import trust_in_guesses, trusting_order_of
from retrieval.rank.spelling import slips
from retrieval.rank.weights import Weights
from retrieval.records import Candidate, Chunk
from retrieval.search.first_stage import Measured

NEAR_NAMES = 3
NEAR_CANDIDATES = 20  # candidates whose names are offered
LITTLE_TRUST = 0.5
"""Below this trust, a reply names the place that the guesses fit best. Of 432 calls of assistants, 19 have
less; the eight places of six of those lack the answer, and it is that place in three. Of calls with another
question's guesses, 79 % have less (docs/decisions/0034-guesses-that-are-set-aside.md)."""
SHORTEST_NAME, LONGEST_NAME = 4, 40


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How the words of a call meet those of the repository.

    Attributes:
        found: The guesses all of whose terms occur in the index.
        absent: The other guesses.
        near: Names that the repository defines near the question, best first, other than the caller's.
        aside: Where the guesses count little beside the question, the place that would come first if they
            counted whole, of the files without a result; else None.
        slips: Where nothing seems to answer, words that may be typing errors, with what may be meant.
        everyday: The most frequent word of a question that has only everyday words, so that nothing answers.
    """

    found: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    aside: Chunk | None = None
    everyday: Everyday | None = None
    slips: Mapping[str, str] = field(default_factory=dict)


NO_VOCABULARY = Vocabulary()


def vocabulary_of(
    measured: Measured,
    snapshot: Snapshot,
    candidates: Sequence[Candidate],
    *,
    weights: Weights,
    shown: Collection[str],
    is_low: bool,
) -> Vocabulary:
    """Compare a call's guesses with the index and the question, and name what the best candidates define.

    Args:
        measured: The need with its features.
        snapshot: The index.
        candidates: Best first.
        weights: Those that ordered the candidates.
        shown: The files of the results.
        is_low: Whether nothing seems to answer.
    """
    need = measured.need
    here = {guess.text: occurs(guess, snapshot) for guess in need.guesses}
    return Vocabulary(
        found=tuple(text for text, is_there in here.items() if is_there),
        absent=tuple(text for text, is_there in here.items() if not is_there),
        near=_near(need, candidates[:NEAR_CANDIDATES]),
        aside=_aside(measured, weights, shown),
        everyday=everyday(need, snapshot) if is_low else None,
        slips=slips(need, partial(snapshot.df, "body")) if is_low else {},
    )


def fitting_place(features: Features, weights: Weights, shown: Collection[str]) -> Chunk | None:
    """Return the place that would come first if guesses counted whole, outside the files that are shown."""
    is_guessed = np.any([features.by_name[name] > 0 for name in GUESS_FEATURES], axis=0)
    ordered = (features.pool.chunks[i] for i in trusting_order_of(features, weights) if is_guessed[i])
    return next((chunk for chunk in ordered if chunk.path not in shown), None)


def _aside(measured: Measured, weights: Weights, shown: Collection[str]) -> Chunk | None:
    features = measured.features
    if not measured.need.guesses or trust_in_guesses(features, weights) >= LITTLE_TRUST:
        return None
    return fitting_place(features, weights, shown)


def _near(need: Need, candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Choose names that say something which the caller did not: one of each candidate, best first."""
    said = {name_key(part) for wording in need.wordings for part in tokenizer.parts(wording.query.text)}
    said |= {key for guess in need.guesses for key in guess.keys}
    said |= {name_key(name) for wording in need.wordings for name in wording.query.identifiers}
    chosen: dict[str, str] = {}
    for candidate in candidates:
        names = (candidate.chunk.symbol, *candidate.chunk.names)
        new = (name for name in names if _is_telling(name) and name_key(name) not in said | chosen.keys())
        if name := next(new, ""):
            chosen[name_key(name)] = name
        if len(chosen) == NEAR_NAMES:
            break
    return tuple(chosen.values())


def _is_telling(name: str) -> bool:
    return SHORTEST_NAME <= len(name) <= LONGEST_NAME and name.isidentifier() and not name.startswith("__")
