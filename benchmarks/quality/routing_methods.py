"""How repositories can be scored against a question: the methods that were measured for routing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.routing_corpus import Corpus
from retrieval.rank.need import Need
from retrieval.routing.profile import hash_of

Floats = NDArray[np.float64]
SAMPLE, VOTES = 300, 100  # chunks of a repository in ReDDE's sample, and of the sample that vote


@dataclass(frozen=True, slots=True)
class Asked:
    """A question.

    Attributes:
        weights: Of its stems, float64 [n_terms].
        terms: Their hashes, int64 [n_terms].
        held: How many chunks of each repository hold each, float64 [n_terms, n_repositories].
        defined: How many define a name with it, likewise.
        told: How many chunks of the README hold it, likewise.
    """

    weights: Floats
    terms: NDArray[np.int64]
    held: Floats
    defined: Floats
    told: Floats


class Evidence:
    """What all repositories hold.

    Attributes:
        places: The column of each repository.
        chunks: How many chunks each has, float64 [n_repositories].
    """

    def __init__(self, corpora: Sequence[Corpus]) -> None:
        """Count everything, without pruning."""
        self._corpora = sorted(corpora, key=lambda one: one.name)
        self.places = {one.name: place for place, one in enumerate(self._corpora)}
        self.chunks = np.array([float(len(one.sizes)) for one in self._corpora])
        self._counts = [
            [np.unique(stems, return_counts=True) for stems in (one.stems, one.names, one.readme)]
            for one in self._corpora
        ]
        self.lengths = np.array([[float(c.sum()) for _, c in several] for several in self._counts]).T

    def of(self, need: Need) -> Asked:
        """Look the stems of a question up."""
        weights: dict[int, float] = {}
        for wording in need.wordings:
            for stem in wording.query.stems:
                weights[hash_of(stem.encode())] = weights.get(hash_of(stem.encode()), 0.0) + wording.share
        guessed: dict[int, float] = {}
        for guess in need.guesses:
            for stem in guess.stems:
                guessed[hash_of(stem.encode())] = max(guessed.get(hash_of(stem.encode()), 0.0), guess.weight)
        for term, weight in guessed.items():
            weights[term] = weights.get(term, 0.0) + weight
        terms = np.array([*weights], dtype=np.int64)
        columns = np.zeros((3, len(terms), len(self._corpora)))
        for place, several in enumerate(self._counts):
            for field, (stems, counts) in enumerate(several):
                if len(stems):
                    at = np.minimum(np.searchsorted(stems, terms), len(stems) - 1)
                    columns[field, :, place] = np.where(stems[at] == terms, counts[at], 0)
        return Asked(np.array([*weights.values()]), terms, *columns)

    @cached_property
    def sample(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], Floats]:
        """Sample chunks: their stems ascending, whose chunk each is, whose repository, and their lengths."""
        random = np.random.default_rng(1)
        stems, owner = [], []
        of, lengths = list[int](), list[float]()
        for place, one in enumerate(self._corpora):
            ends = np.cumsum(one.sizes)
            for chunk in random.permutation(len(one.sizes))[:SAMPLE]:
                stems.append(one.stems[ends[chunk] - one.sizes[chunk] : ends[chunk]])
                owner.append(np.full(one.sizes[chunk], len(of)))
                of.append(place)
                lengths.append(float(one.sizes[chunk]))
        flat, whose = np.concatenate(stems), np.concatenate(owner)
        order = np.argsort(flat, kind="stable")
        return flat[order], whose[order], np.array(of), np.array(lengths)


Method = Callable[[Evidence, Asked], Floats]


def idf(counts: Floats) -> Floats:
    """Return Lucene's idf over repositories, float64 [n_terms, 1]."""
    df = np.count_nonzero(counts, axis=1)[:, None]
    return np.asarray(np.log1p((counts.shape[1] - df + 0.5) / (df + 0.5)))


def _summed(asked: Asked, values: Floats) -> Floats:
    """Add up the weighed values of the terms, float64 [n_repositories]."""
    return np.asarray(asked.weights @ values, dtype=np.float64)


def presence(_evidence: Evidence, asked: Asked) -> Floats:
    """Sum the idf of what is there at all."""
    return _summed(asked, idf(asked.held) * (asked.held > 0))


def cori(evidence: Evidence, asked: Asked) -> Floats:
    """Callan, Lu and Croft 1995, without the default belief."""
    df, count = np.count_nonzero(asked.held, axis=1)[:, None], asked.held.shape[1]
    length = evidence.lengths[0] / evidence.lengths[0].mean()
    share = asked.held / (asked.held + 50 + 150 * length)
    return _summed(asked, share * np.log((count + 0.5) / np.maximum(df, 1)) / np.log(count + 1))


def share(evidence: Evidence, asked: Asked) -> Floats:
    """Sum idf x the saturated share of chunks."""
    part = asked.held / evidence.chunks
    return _summed(asked, idf(asked.held) * part / (part + 0.01))


def likelihood(evidence: Evidence, asked: Asked) -> Floats:
    """Query likelihood with Dirichlet smoothing (Xu and Croft 1999, Si et al. 2002)."""
    everywhere = ((asked.held.sum(1) + 0.1) / evidence.lengths[0].sum())[:, None]
    return _summed(asked, np.log((asked.held + 300 * everywhere) / (evidence.lengths[0] + 300) / everywhere))


def redde(evidence: Evidence, asked: Asked) -> Floats:
    """Si and Callan 2003: the best chunks of a central sample vote for their repositories."""
    stems, whose, of, lengths = evidence.sample
    scores = np.zeros(len(of))
    for term, weight in zip(asked.terms, asked.weights, strict=True):
        found = whose[np.searchsorted(stems, term) : np.searchsorted(stems, term, "right")]
        rarity = np.log1p((len(of) - len(found) + 0.5) / (len(found) + 0.5))
        scores[found] += weight * rarity / (1 + 1.2 * (0.25 + 0.75 * lengths[found] / lengths.mean()))
    best = np.argsort(-scores, kind="stable")[:VOTES]
    votes = np.zeros(len(evidence.chunks))
    np.add.at(
        votes, of[best], scores[best] * (evidence.chunks / np.minimum(evidence.chunks, SAMPLE))[of[best]]
    )
    return votes


def bm25(field: int, k1: float, b: float) -> Method:
    """BM25 with a repository as the document; a field is 0 held, 1 defined, 2 told."""

    def score(evidence: Evidence, asked: Asked) -> Floats:
        counts = (asked.held, asked.defined, asked.told)[field]
        length = evidence.lengths[field] / max(evidence.lengths[field].mean(), 1)
        return _summed(asked, idf(counts) * counts / (counts + k1 * (1 - b + b * length)))

    return score


def two_fields(k1: float, b: float, b_names: float, names: float, readme: float = 0.0) -> Method:
    """Add the BM25 of what is held, of what is defined, and of the README."""
    parts = ((1.0, bm25(0, k1, b)), (names, bm25(1, k1, b_names)), (readme, bm25(2, 1.0, 0.5)))

    def score(evidence: Evidence, asked: Asked) -> Floats:
        return sum((w * part(evidence, asked) for w, part in parts if w), np.zeros(len(evidence.chunks)))

    return score


METHODS: Mapping[str, Method] = {
    "idf of what is there": presence,
    "CORI": cori,
    "idf x saturated share": share,
    "query likelihood": likelihood,
    "ReDDE": redde,
    "BM25, k1 1.2, b 0.75": bm25(0, 1.2, 0.75),
    "BM25, k1 30, b 0.5": bm25(0, 30.0, 0.5),
    "BM25 of definitions": bm25(1, 30.0, 0.75),
    "BM25 of the README": bm25(2, 1.0, 0.5),
    "held + defined": two_fields(30.0, 0.5, 0.75, 0.5),
    "held + defined + README": two_fields(30.0, 0.5, 0.75, 0.5, 0.1),
}
