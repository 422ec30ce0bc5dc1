"""What the first stage knows of every question of every set, as arrays, so that weights can be tried quickly.

A row is a chunk of a question's pool. `gather` asks each question once, as a search does; `order_of` then
ranks all of them with any weights in a fraction of a second. It computes what `retrieval.rank.ranker` does
(`tests/benchmarks/quality/test_evidence.py` compares them).
"""

import itertools
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.judges.asking import Places, opened_trees
from benchmarks.judges.question_sets import Question, QuestionSet, Target, Wording
from retrieval.paths.file_kinds import KINDS
from retrieval.rank.features import FEATURES, GUESS_FEATURES, Features
from retrieval.rank.need import Need, NeedKind, read_need
from retrieval.rank.ranker import MATCH_DOUBT, TRUSTED
from retrieval.rank.weights import Weights
from retrieval.records import Chunk
from retrieval.search.first_stage import features_of

WRONG = "wrong"
"""A form of a question: as `call`, with the guesses of another question of the same tree."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in one form.

    Attributes:
        question: The question.
        form: "asked", "agent", "call" or WRONG.
        group: Questions that are averaged: set, form and kind.
        kind: The kind of its need.
        counts: As in its `QuestionSet`.
    """

    question: Question
    form: str
    group: str
    kind: NeedKind
    counts: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """The pools of all questions, one after the other.

    Attributes:
        asked: The questions.
        values: The features, in the order of FEATURES, float64 [n_rows, n_features].
        question: The number of each row's question, ascending, int64 [n_rows].
        file: A number for each question's file, ascending with the question, int64 [n_rows].
        kind: The number in KINDS of each row's file, int64 [n_rows].
        is_asked: Whether the question asks for files of that kind, bool [n_rows].
        is_older: Whether the file has a newer version in the pool, bool [n_rows].
        match: `Features.match` of each question, float64 [n_questions].
        hits: Rows and targets that meet: row, number of the target, int64 [n_hits, 2].
        target_question: The question of each target, int64 [n_targets].
        is_lines: Whether a target is lines of a file, bool [n_targets].
    """

    asked: tuple[Asked, ...]
    values: Floats
    question: Ints
    file: Ints
    kind: Ints
    is_asked: NDArray[np.bool_]
    is_older: NDArray[np.bool_]
    match: Floats
    hits: Ints
    target_question: Ints
    is_lines: NDArray[np.bool_]


def gather(sets: Sequence[QuestionSet], forms: Collection[str], places: Places) -> Evidence:
    """Ask every question of the sets in every form that it has, and keep what the first stage knows."""
    pools: list[tuple[Asked, Features]] = []
    for questions in sets:
        ordered = sorted(questions.questions, key=lambda question: question.tree)
        with tqdm(total=len(ordered), desc=questions.name, unit="question", disable=None) as bar:
            for tree, group in itertools.groupby(ordered, key=lambda question: question.tree):
                own = list(group)
                for question, repository, _ in opened_trees(questions.name, tree, own, places):
                    view = repository.view()
                    for form, wording in _wordings(question, own, forms):
                        need = read_need(wording.query, wording.expect)
                        pools.append((_asked(question, form, need, questions), features_of(view, need)))
                    bar.update()
    return _joined(pools)


def order_of(evidence: Evidence, weights: Mapping[NeedKind, Weights]) -> Ints:
    """Rank every pool: the rows of each question, best first, int64 [n_rows], question after question."""
    scores = _scored(evidence, weights)
    return np.lexsort((-scores, evidence.question))


def _wordings(
    question: Question, beside: Sequence[Question], forms: Collection[str]
) -> Iterator[tuple[str, Wording]]:
    for form in (form for form in question.wordings if form in forms):
        yield form, question.wordings[form]
    others = [other for other in beside if other.id != question.id and "call" in other.wordings]
    if WRONG in forms and "call" in question.wordings and others:
        chosen = others[zlib.crc32(question.id.encode()) % len(others)]
        yield WRONG, Wording(question.wordings["call"].query, chosen.wordings["call"].expect)


def _asked(question: Question, form: str, need: Need, questions: QuestionSet) -> Asked:
    kind = "everyday" if question.kind.startswith("everyday") else question.kind
    group = f"{questions.name} {form} {kind if questions.counts == 'files' else ''}".strip()
    return Asked(question, form, group, need.kind, questions.counts)


def _joined(pools: Sequence[tuple[Asked, Features]]) -> Evidence:
    sizes = [len(features.pool.chunks) for _, features in pools]
    starts = np.concatenate(([0], np.cumsum(sizes)))
    files = np.concatenate(([0], np.cumsum([int(f.files.max(initial=-1)) + 1 for _, f in pools])))
    hits: list[tuple[int, int]] = []
    target_question: list[int] = []
    is_lines: list[bool] = []
    for number, (asked, features) in enumerate(pools):
        for target in asked.question.targets:
            chunks = enumerate(features.pool.chunks, int(starts[number]))
            hits += [(row, len(target_question)) for row, chunk in chunks if _meets(chunk, target)]
            target_question.append(number)
            is_lines.append(target.start is not None)
    found = [features for _, features in pools]
    return Evidence(
        asked=tuple(asked for asked, _ in pools),
        values=np.concatenate([_matrix(features) for features in found]),
        question=np.repeat(np.arange(len(pools)), sizes),
        file=np.concatenate([f.files + base for f, base in zip(found, files[:-1], strict=True)]),
        kind=np.array([KINDS.index(kind) for features in found for kind in features.kinds]),
        is_asked=np.array([kind in features.asked for features in found for kind in features.kinds]),
        is_older=np.concatenate([features.is_older > 0 for features in found]),
        match=np.array([features.match for features in found]),
        hits=np.array(hits, dtype=np.int64).reshape(-1, 2),
        target_question=np.array(target_question, dtype=np.int64),
        is_lines=np.array(is_lines),
    )


def _meets(chunk: Chunk, target: Target) -> bool:
    path, start, end = chunk.path, chunk.start_line, chunk.end_line
    if target.path.endswith("/"):
        return bool(path.startswith(target.path))
    if path != target.path:
        return False
    return target.start is None or target.end is None or (start <= target.end and end >= target.start)


def _matrix(features: Features) -> Floats:
    none = np.zeros(len(features.pool.chunks))
    return np.stack([features.by_name.get(name, none) for name in FEATURES], axis=1)


def _scored(evidence: Evidence, weights: Mapping[NeedKind, Weights]) -> Floats:
    kinds = np.array([asked.kind for asked in evidence.asked])[evidence.question]
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
    scores = scores + weights.coherence * _coherence(scores, owner, file)
    scores = np.round(scores, 6) * kinds
    scores = np.round(scores, 6)
    scores = np.asarray(scores * weights.decay ** _placed_above(scores, file), dtype=np.float64).round(6)
    if weights.puts_whole_first:
        whole = evidence.values[rows, FEATURES.index("whole")]
        scores = np.round(scores + whole * (1 + _peaks(scores, owner, len(evidence.asked))[owner]), 6)
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
    count = len(evidence.asked)
    agreement = np.zeros(count)
    np.maximum.at(agreement, owner, _share(own, owner, count) * _share(by_guesses, owner, count))
    least, enough = TRUSTED
    trust = np.clip((agreement - MATCH_DOUBT * evidence.match - least) / (enough - least), 0, 1)
    trust[_peaks(own, owner, count) <= 0] = 1.0
    return guessed * trust[owner]


def _factors(evidence: Evidence, rows: Ints, weights: Weights) -> Floats:
    plain = np.array([weights.kinds[kind] for kind in KINDS])[evidence.kind[rows]]
    asked = np.array([weights.asked[kind] for kind in KINDS])[evidence.kind[rows]]
    factors = np.where(evidence.is_asked[rows], asked, plain)
    return np.where(evidence.is_older[rows], np.minimum(factors, weights.older), factors)


def _coherence(scores: Floats, owner: Ints, file: Ints) -> Floats:
    sums = np.bincount(file, scores)
    best_first = np.lexsort((-scores, file))
    best = best_first[np.flatnonzero(np.diff(file[best_first], prepend=-1))]
    highest = np.zeros(int(owner.max(initial=0)) + 1)
    np.maximum.at(highest, owner, scores)
    largest = np.full(len(highest), 1e-12)
    np.maximum.at(largest, owner[best], sums[file[best]])
    raised = np.zeros(len(scores))
    raised[best] = highest[owner[best]] * sums[file[best]] / largest[owner[best]]
    return raised


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
