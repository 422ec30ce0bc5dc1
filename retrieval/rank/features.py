"""What the first stage measures of each chunk: named features of a (need, chunk) pair.

| feature    | value                                                                              |
|------------|------------------------------------------------------------------------------------|
| body, names| BM25 in that field, as a share of the pool's best                                  |
| path       | share of the query's words, by idf, that the path contains                         |
| title      | share of the query's letters that spell the file's whole name                      |
| definition | 1 if the chunk defines an identifier of the query                                  |
| whole      | share of the query's identifiers, by idf, that the chunk holds whole               |
| phrase     | squared share of the query's word pairs, by idf, that are adjacent in the chunk    |
| location   | 1 if the query names a line of the chunk                                           |
| purpose    | squared share of a question's words, by idf, that the file's beginning holds       |
| past       | evidence of the commits that touched the file, as a share of the pool's best       |
| expect_*   | the same for the caller's guesses, each with the weight of its place               |
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.chunks import tokenizer
from retrieval.index.bm25 import K1, bm25_idf
from retrieval.index.reader import FIELDS, Field, Snapshot
from retrieval.paths import file_kinds, path_roles
from retrieval.paths.file_kinds import FileKind
from retrieval.rank import path_features
from retrieval.rank.need import Guess, Need
from retrieval.rank.pool import Pool, find, meant
from retrieval.rank.query import Query, name_key, whole_stem
from retrieval.records import Chunk

# Words that ask for files which are seldom the answer otherwise; "why" is answered in prose.
_ASKING: Mapping[FileKind, str] = {
    "test": "test tests tested testing testcase unittest spec specs fixture fixtures mock mocks mocked",
    "prose": "doc docs documentation documented readme guide tutorial manual why rationale",
    "example": "example examples sample samples demo benchmark benchmarks",
    "data": "translation translations translate translated locale locales localization language languages "
    "i18n theme themes snapshot snapshots",
    "legal": "license licence licenses licensed copyright author authors contributors changelog changes "
    "release releases history",
}
SATURATION = K1 + 1  # upper limit of BM25 for one term, divided by its idf
OTHER_ENDING = 0.5  # what a file's name is worth to a path that ends otherwise: `ssl.c` for `ssl.h`
MOST_PAIRS = 32  # only the rarest pairs of words in the query are searched for

Feature = NDArray[np.float64]
"""One value for each chunk of the pool, float64 [n_chunks]."""


class Changes(Protocol):
    """Knows which files change together; in production, a `Past`."""

    def together(self, path: str, others: Sequence[str]) -> NDArray[np.float64]:
        """Return the share of each of `others`, 0 to 1, in the commits that changed a file."""

    def among(self, paths: Sequence[str]) -> NDArray[np.float64]:
        """Return these shares for each pair of files, float64 [n_paths, n_paths], a row for one's commits."""


@dataclass(frozen=True, slots=True)
class Features:
    """The features of a pool.

    Attributes:
        pool: The chunks.
        files: The number of each chunk's file, from 0 in order of path, int64 [n_chunks].
        by_name: The values of each feature, by name, in the order of summation.
        kinds: The kind of each chunk's file, or of its place in that file.
        asked: The kinds of files that the caller asks for.
        is_older: 1 if the chunk's file has a newer version in the pool, else 0.
        idf: The idf of each stem of the first wording, in the body field.
        match: The pool's best BM25 score in the body for the first wording, as a share of the possible.
        changes: Which files change together; None without a history.
    """

    pool: Pool
    files: NDArray[np.int64]
    by_name: Mapping[str, Feature]
    kinds: tuple[FileKind, ...]
    asked: frozenset[FileKind]
    is_older: Feature
    idf: Mapping[str, float]
    match: float
    changes: Changes | None = None


def extract_features(
    need: Need,
    snapshot: Snapshot,
    *,
    past: Mapping[str, float] | None = None,
    changes: Changes | None = None,
    paths: Sequence[str] | None = None,
) -> Features:
    """Find the chunks that may answer, and measure every feature of each.

    Args:
        need: What the caller wants.
        snapshot: The committed index.
        past: Files that commits suggest, with their evidence; None without a history.
        changes: Which files change together; None without a history.
        paths: If given, only chunks of these files.
    """
    past = past or {}
    pool = find(need, snapshot, past, paths=paths)
    measured = [WordingFeatures(wording.query, snapshot, pool) for wording in need.wordings]
    values = {
        name: sum(
            (wording.share * one.feature(name) for wording, one in zip(need.wordings, measured, strict=True)),
            np.zeros(len(pool.uids)),
        )
        for name in QUERY_FEATURES
    }
    values["past"] = _shares(np.array([past.get(chunk.path, 0.0) for chunk in pool.chunks]))
    if need.guesses:
        values |= _guessed(need.guesses, snapshot, pool)
    files = {path: number for number, path in enumerate(dict.fromkeys(chunk.path for chunk in pool.chunks))}
    outdated = path_roles.older(files)
    return Features(
        pool=pool,
        files=np.array([files[chunk.path] for chunk in pool.chunks], dtype=np.int64),
        by_name=values,
        kinds=tuple(_kind_of(chunk) for chunk in pool.chunks),
        asked=asked_kinds((*need.stems, *need.guessed)),
        is_older=np.array([float(chunk.path in outdated) for chunk in pool.chunks]),
        idf=measured[0].idf,
        match=measured[0].body_peak / (SATURATION * (sum(measured[0].idf.values()) or 1.0)),
        changes=changes,
    )


def _kind_of(chunk: Chunk) -> FileKind:
    own = (chunk.symbol,) if chunk.kind == "module" else ()
    return file_kinds.kind_within(chunk.path, (*chunk.scope.split("."), *own))


def asked_kinds(stems: Iterable[str]) -> frozenset[FileKind]:
    """Return the kinds of files that a need asks for by a word."""
    said = set(stems)
    return frozenset(kind for kind, words in _asking().items() if not words.isdisjoint(said))


@cache
def _asking() -> dict[FileKind, frozenset[str]]:
    return {kind: frozenset(tokenizer.stems(words.split())) for kind, words in _ASKING.items()}


class WordingFeatures:
    """The features of one wording."""

    def __init__(self, query: Query, snapshot: Snapshot, pool: Pool) -> None:
        self._query, self._snapshot, self._pool = query, snapshot, pool
        self.idf = {stem: snapshot.idf("body", stem) for stem in query.stems}
        self.body_peak = 0.0

    def feature(self, name: str) -> Feature:
        """Measure one of QUERY_FEATURES."""
        return QUERY_FEATURES[name](self)

    def field(self, field: Field) -> Feature:
        """Return BM25 in a field, as a share of the pool's best."""
        scores = _bm25(field, self._query.stems, self._snapshot, self._pool)
        if field == "body":
            self.body_peak = _peak(scores)
        return _shares(scores)

    def path(self) -> Feature:
        """Return the share of the query's words, by idf, that the path contains."""
        return _coverage(self.idf, self._pool)

    def title(self) -> Feature:
        """Return the share of the query's letters that spell the file's whole name."""
        name = self._query.text.strip().rpartition("/")[2].lower() if self._query.is_path else ""
        return _by_file(self._pool, lambda path: self._titled(path, name))

    def _titled(self, path: str, name: str) -> float:
        """Return a file's share; of a query that is a path, less where the ending is another."""
        share = self._query.spelled.get(path_features.title(path), 0.0)
        return share * OTHER_ENDING if name and path.rpartition("/")[2].lower() != name else share

    def definition(self) -> Feature:
        """Return 1 for chunks that define an identifier of the query."""
        wanted = set(self._query.identifiers)
        return np.array(
            [float(not wanted.isdisjoint(map(str.lower, chunk.names))) for chunk in self._pool.chunks]
        )

    def whole(self) -> Feature:
        """Return the share of the query's identifiers, by idf, that the chunk holds whole."""
        wholes = dict.fromkeys(filter(None, map(whole_stem, self._query.identifiers)))
        idf = {whole: self._snapshot.idf("body", whole) for whole in wholes}
        return self._held(idf, self._pool.uids)

    def purpose(self) -> Feature:
        """Return the squared share of the words of a question, by idf, that the file's beginning holds.

        There a file says what it is for, in words like those of who asks how, where or why; a title or a
        request is worded otherwise.
        """
        pool = zip(self._pool.chunks, self._pool.uids, strict=True)
        begins = {chunk.path: uid for chunk, uid in pool if chunk.start_line == 1}
        held = self._held(self.idf if self._query.asks else {}, list(begins.values())) ** 2
        shares = dict(zip(begins, map(float, held), strict=True))
        return _by_file(self._pool, lambda path: shares.get(path, 0.0))

    def _held(self, idf: Mapping[str, float], uids: Sequence[int]) -> Feature:
        """Return the share of some terms, by idf, that the body of each chosen chunk holds."""
        total, held = sum(idf.values()), np.zeros(len(uids))
        for term, weight in idf.items():
            counts = self._snapshot.counts("body", term, uids)
            held += weight / total * np.array([float(count > 0) for count in counts])
        return held

    def phrase(self) -> Feature:
        """Return the squared share of the query's word pairs, by idf, that are adjacent in the chunk."""
        # Squared because a question shares a pair of words with many chunks, while only pasted text shares
        # most. Hashes, hosts and other words that are not from this code do not count.
        idf = {stem: self._snapshot.idf("body", stem) for pair in self._query.pairs for stem in pair}
        unknown = bm25_idf(0, len(self._snapshot))
        known = [pair for pair in self._query.pairs if max(idf[pair[0]], idf[pair[1]]) < unknown]
        weighed = {pair: idf[pair[0]] + idf[pair[1]] for pair in known}
        rarest = dict(sorted(weighed.items(), key=lambda item: -item[1])[:MOST_PAIRS])
        if not rarest:
            return np.zeros(len(self._pool.uids))
        found, total = self._snapshot.phrases(rarest, self._pool.uids), sum(rarest.values())
        return np.array([(found.get(uid, 0.0) / total) ** 2 for uid in self._pool.uids])

    def location(self) -> Feature:
        """Return 1 for chunks with a line that the query names."""
        lines: dict[str, list[int]] = defaultdict(list)
        for path, line in meant(self._query.locations, {chunk.path for chunk in self._pool.chunks}):
            lines[path].append(line)
        return np.array(
            [
                float(any(chunk.start_line <= line <= chunk.end_line for line in lines[chunk.path]))
                for chunk in self._pool.chunks
            ]
        )


QUERY_FEATURES: Mapping[str, Callable[[WordingFeatures], Feature]] = {
    "body": lambda one: one.field("body"),
    "names": lambda one: one.field("names"),
    "path": WordingFeatures.path,
    "title": WordingFeatures.title,
    "definition": WordingFeatures.definition,
    "whole": WordingFeatures.whole,
    "phrase": WordingFeatures.phrase,
    "location": WordingFeatures.location,
    "purpose": WordingFeatures.purpose,
}
"""How each feature of a wording is measured, in the order of summation."""

GUESS_FEATURES = ("expect_body", "expect_names", "expect_path", "expect_title", "expect_definition")
FEATURES = (*QUERY_FEATURES, "past", *GUESS_FEATURES)
"""Every feature, in the order of summation."""


def _guessed(guesses: Sequence[Guess], snapshot: Snapshot, pool: Pool) -> dict[str, Feature]:
    """Measure how well each chunk and its file meet the guesses."""
    total = sum(guess.weight for guess in guesses)
    none = np.zeros(len(pool.uids))
    keys = [frozenset(map(name_key, chunk.names)) for chunk in pool.chunks]
    fields = {
        field: sum((guess.weight * _bm25(field, guess.stems, snapshot, pool) for guess in guesses), none)
        for field in FIELDS
    }
    paths, definitions = none.copy(), none.copy()
    for guess in guesses:
        paths += guess.weight / total * _coverage({s: snapshot.idf("body", s) for s in guess.stems}, pool)
        defined = np.array([float(not guess.keys.isdisjoint(own)) for own in keys])
        definitions = np.maximum(definitions, guess.weight * defined)
    titled = {guess.title: guess.weight for guess in reversed(guesses) if guess.title}
    return {
        "expect_body": _shares(fields["body"]),
        "expect_names": _shares(fields["names"]),
        "expect_path": paths,
        "expect_title": _by_file(pool, lambda path: titled.get(path_features.title(path), 0.0)),
        "expect_definition": definitions,
    }


def _bm25(field: Field, stems: Sequence[str], snapshot: Snapshot, pool: Pool) -> Feature:
    scores = snapshot.scores(field, stems, pool.uids) if stems else {}
    return np.array([scores.get(uid, 0.0) for uid in pool.uids])


def _coverage(idf: Mapping[str, float], pool: Pool) -> Feature:
    total = sum(idf.values())
    return _by_file(pool, lambda path: path_features.coverage(path, idf) / total if total else 0.0)


def _by_file(pool: Pool, measure: Callable[[str], float]) -> Feature:
    values = {path: measure(path) for path in {chunk.path for chunk in pool.chunks}}
    return np.array([values[chunk.path] for chunk in pool.chunks])


def _shares(values: Feature) -> Feature:
    """Divide by the pool's best, so that features are comparable."""
    return values / _peak(values)


def _peak(values: Feature) -> float:
    return max(float(values.max(initial=0.0)), 1e-12)
