"""How the first stage orders chunks: a weighted sum of named features of each (query, chunk) pair.

    score = sum of weight x feature            each BM25 field divided by its best score in the pool
          + coherence, for a file's best chunk
          x minor                              for tests, examples, prose, older versions
          x decay                              for each chunk of the same file ranked above

`extract_features` measures the features and `rank` weights them. `Candidate.parts` has the contribution of
each feature, positive or negative, and the parts of a candidate add up to its score.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from retrieval.index.bm25 import bm25_idf
from retrieval.index.reader import FIELDS, Field, Snapshot
from retrieval.paths import path_roles
from retrieval.rank import path_features
from retrieval.rank.query import Location, Query
from retrieval.rank.weights import QUESTION, SYMBOL, Weights
from retrieval.records import Candidate, Chunk

DEPTHS: Mapping[Field, int] = {"body": 100, "names": 100}
"""Chunks taken from each field: fewer gain nothing beyond noise, and 50 of both lose on one of four sets
(benchmarks/runs/2026-11-27-index/depths.txt)."""
DEFINING_CHUNKS = 50  # chunks that define a name of the query
MOST_PAIRS = 32  # only the rarest pairs of words in the query are searched for
MOST_LOCATIONS = 20  # lines of this repository's files that are looked up

Feature = NDArray[np.float64]
"""One value for each chunk of the pool, float64 [n_chunks]."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The chunks that may answer a query.

    Attributes:
        chunks: Sorted by path, then line.
        uids: The uids of these chunks.
        idf: The idf of each stem of the query, in the body field.
    """

    chunks: tuple[Chunk, ...]
    uids: tuple[int, ...]
    idf: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Features:
    """The features of a pool.

    Attributes:
        pool: The chunks.
        files: The number of each chunk's file, from 0 in order of path, int64 [n_chunks].
        by_name: The values of each feature, by name, in the order of summation.
        minor: 1 if the chunk's file seldom has the answer or has a newer version, else 0.
        body_peak: The pool's best BM25 score in the body field, by which that feature was divided.
    """

    pool: Pool
    files: NDArray[np.int64]
    by_name: Mapping[str, Feature]
    minor: Feature
    body_peak: float


def find_and_rank(
    query: Query,
    snapshot: Snapshot,
    *,
    limit: int,
    paths: Sequence[str] | None = None,
    weights: Weights | None = None,
) -> list[Candidate]:
    """Rank the chunks of a snapshot for a query, best first; ties by path, then line.

    Args:
        query: The parsed query.
        snapshot: The committed index.
        limit: The maximum number of candidates.
        paths: If given, only chunks of these files.
        weights: By default, the weights for the query's kind.

    Returns:
        At most `limit` candidates; empty if no chunk contains a term or defines a name of the query.
    """
    return rank(extract_features(query, snapshot, paths=paths), weights or weights_for(query), limit=limit)


def weights_for(query: Query) -> Weights:
    """Choose the weights for a query's kind."""
    return SYMBOL if query.is_symbol else QUESTION


def extract_features(query: Query, snapshot: Snapshot, *, paths: Sequence[str] | None = None) -> Features:
    """Find the chunks that may answer a query, and measure every feature of each."""
    pool = find(query, snapshot, paths=paths)
    values = {name: measure(query, snapshot, pool) for name, measure in MEASURES.items()}
    body_peak = _peak(values["body"])
    for name in FIELDS:  # as shares of the pool's best score, the fields are comparable
        values[name] = values[name] / _peak(values[name])
    files = {path: number for number, path in enumerate(dict.fromkeys(chunk.path for chunk in pool.chunks))}
    return Features(
        pool=pool,
        files=np.array([files[chunk.path] for chunk in pool.chunks], dtype=np.int64),
        by_name=values,
        minor=_minor(pool, files),
        body_peak=body_peak,
    )


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


def order_of(features: Features, weights: Weights) -> NDArray[np.int64]:
    """Return the positions of the chunks in the pool, best first, int64 [n_chunks]."""
    return _best_first(_total(_shares(features, weights), features))


def _shares(features: Features, weights: Weights) -> dict[str, Feature]:
    """Return the contribution of each step to each chunk; a chunk's contributions add up to its score."""
    shares = {
        name: weights.features[name] * values
        for name, values in features.by_name.items()
        if weights.features.get(name)
    }
    shares["coherence"] = weights.coherence * _coherence(_total(shares, features), features.files)
    shares["minor"] = _total(shares, features) * features.minor * (weights.minor - 1)
    scores = _total(shares, features)
    shares["decay"] = scores * (weights.decay ** _placed_above(scores, features.files) - 1)
    return shares


def _total(shares: Mapping[str, Feature], features: Features) -> Feature:
    # Rounded, so that chunks with equal sums tie whatever the last bits are.
    return np.round(sum(shares.values(), np.zeros(len(features.files))), 6)


def _best_first(scores: Feature) -> NDArray[np.int64]:
    return np.argsort(-scores, kind="stable")


def _coherence(scores: Feature, files: NDArray[np.int64]) -> Feature:
    """Raise each file's best chunk by the sum of the file's scores: many good chunks suggest an answer.

    The best chunk of the file with the highest sum gains as much as the highest score of any chunk.
    """
    raised = np.zeros(len(scores))
    if not scores.any():
        return raised
    sums = np.bincount(files, scores)
    best_first = np.lexsort((-scores, files))
    best = best_first[np.flatnonzero(np.diff(files[best_first], prepend=-1))]
    raised[best] = scores.max() * sums / sums.max()
    return raised


def _placed_above(scores: Feature, files: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count, for each chunk, the chunks of its file with a better score; the first wins a tie."""
    best_first = np.lexsort((-scores, files))
    starts = np.searchsorted(files[best_first], files)  # where each chunk's file begins in that order
    places_in_order = np.empty(len(scores), dtype=np.int64)
    places_in_order[best_first] = np.arange(len(scores))
    return places_in_order - starts


def find(query: Query, snapshot: Snapshot, *, paths: Sequence[str] | None = None) -> Pool:
    """Collect the chunks to score: the best of each field, and those that the query names or points to."""
    found: set[int] = set()
    for name in FIELDS if query.stems else ():
        found.update(snapshot.top(name, query.stems, DEPTHS[name], paths=paths))
    if query.identifiers:
        found.update(snapshot.defining(query.identifiers, DEFINING_CHUNKS, paths=paths))
    if query.locations:
        files = {chunk.path for chunk in snapshot.chunks(found).values()}
        for path, line in _meant(query.locations, files):
            found.update(snapshot.at(path, line))
    chunks = snapshot.chunks(found)
    uids = sorted(chunks, key=lambda uid: (chunks[uid].path, chunks[uid].start_line))
    idf = {stem: snapshot.idf("body", stem) for stem in query.stems}
    return Pool(tuple(chunks[uid] for uid in uids), tuple(uids), idf)


def _field(name: Field, query: Query, snapshot: Snapshot, pool: Pool) -> Feature:
    """Return BM25 in one field."""
    scores = snapshot.scores(name, query.stems, pool.uids) if query.stems else {}
    return np.array([scores.get(uid, 0.0) for uid in pool.uids])


def _path(_query: Query, _snapshot: Snapshot, pool: Pool) -> Feature:
    """Return the share of the query's words, by idf, that the path contains."""
    total = sum(pool.idf.values())
    return _by_file(pool, lambda path: path_features.coverage(path, pool.idf) / total if total else 0.0)


def _title(query: Query, _snapshot: Snapshot, pool: Pool) -> Feature:
    """Return the share of the query's letters that spell the file's whole name."""
    return _by_file(pool, lambda path: query.spelled.get(path_features.title(path), 0.0))


def _definition(query: Query, _snapshot: Snapshot, pool: Pool) -> Feature:
    """Return 1 if the chunk defines an identifier of the query."""
    wanted = set(query.identifiers)
    return np.array(
        [float(not wanted.isdisjoint(name.lower() for name in chunk.names)) for chunk in pool.chunks]
    )


def _phrase(query: Query, snapshot: Snapshot, pool: Pool) -> Feature:
    """Return the squared share of the query's word pairs, by idf, that are adjacent in the chunk.

    Squared because a question shares a pair of words with many chunks, while only pasted text shares most.
    """
    idf = {stem: snapshot.idf("body", stem) for pair in query.pairs for stem in pair}
    unknown = bm25_idf(0, len(snapshot))  # pasted hashes, hosts and the like, which are not from this code
    known = [pair for pair in query.pairs if max(idf[pair[0]], idf[pair[1]]) < unknown]
    weighed = {pair: idf[pair[0]] + idf[pair[1]] for pair in known}
    rarest = dict(sorted(weighed.items(), key=lambda item: -item[1])[:MOST_PAIRS])
    if not rarest:
        return np.zeros(len(pool.uids))
    found, total = snapshot.phrases(rarest, pool.uids), sum(rarest.values())
    return np.array([(found.get(uid, 0.0) / total) ** 2 for uid in pool.uids])


def _location(query: Query, _snapshot: Snapshot, pool: Pool) -> Feature:
    """Return 1 if the query names a line of the chunk."""
    lines: dict[str, list[int]] = defaultdict(list)
    for path, line in _meant(query.locations, {chunk.path for chunk in pool.chunks}):
        lines[path].append(line)
    return np.array(
        [
            float(any(chunk.start_line <= line <= chunk.end_line for line in lines[chunk.path]))
            for chunk in pool.chunks
        ]
    )


MEASURES: Mapping[str, Callable[[Query, Snapshot, Pool], Feature]] = {
    "body": partial(_field, "body"),
    "names": partial(_field, "names"),
    "path": _path,
    "title": _title,
    "definition": _definition,
    "phrase": _phrase,
    "location": _location,
}
"""How each feature is measured, in the order of summation."""


def _peak(values: Feature) -> float:
    return max(float(values.max(initial=0.0)), 1e-12)


def _by_file(pool: Pool, measure: Callable[[str], float]) -> Feature:
    values = {path: measure(path) for path in {chunk.path for chunk in pool.chunks}}
    return np.array([values[chunk.path] for chunk in pool.chunks])


def _meant(locations: Iterable[Location], paths: Collection[str]) -> list[tuple[str, int]]:
    """Match locations to the files in `paths` with the longest common tail; return paths and lines.

    A stack frame of other code does not match only because both have a utils.py: if both paths have a
    folder, the folders must match too.
    """
    found: dict[tuple[str, int], None] = {}
    for location in locations:
        shared = {path: path_roles.common_tail(path, location.path) for path in paths}
        longest = max(shared.values(), default=0)
        for path in sorted(path for path, count in shared.items() if count == longest > 0):
            if longest > 1 or "/" not in path or "/" not in location.path:
                found[path, location.line] = None
            if len(found) == MOST_LOCATIONS:
                return list(found)
    return list(found)


def _minor(pool: Pool, files: Iterable[str]) -> Feature:
    """Return 1 for files that seldom have the answer, or with a newer version in the pool."""
    outdated = path_roles.older(files)
    return _by_file(pool, lambda path: float(path in outdated or path_roles.is_minor(path)))
