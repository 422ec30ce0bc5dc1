"""Which of the caller's guesses occur in the repository, and which of its own names are near the question.

A caller who learns that `retry_policy` occurs nowhere and that the code says `Backoff` asks better next time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from retrieval.chunks import tokenizer
from retrieval.index.reader import Snapshot
from retrieval.rank.confidence import occurs
from retrieval.rank.need import Need
from retrieval.rank.query import name_key
from retrieval.records import Candidate

NEAR_NAMES = 3
NEAR_CANDIDATES = 20  # candidates whose names are offered
SHORTEST_NAME, LONGEST_NAME = 4, 40


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How the words of a call meet those of the repository.

    Attributes:
        found: The guesses all of whose terms occur in the index.
        absent: The other guesses.
        near: Names that the repository defines near the question, best first, other than the caller's.
    """

    found: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


NO_VOCABULARY = Vocabulary()


def vocabulary_of(need: Need, snapshot: Snapshot, candidates: Sequence[Candidate]) -> Vocabulary:
    """Compare a call's guesses with the index, and name what the best candidates define."""
    here = {guess.text: occurs(guess, snapshot) for guess in need.guesses}
    return Vocabulary(
        found=tuple(text for text, is_there in here.items() if is_there),
        absent=tuple(text for text, is_there in here.items() if not is_there),
        near=_near(need, candidates[:NEAR_CANDIDATES]),
    )


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
