"""What the older questions of a repository's past teach a model, and which newer ones judge it.

A candidate that shares a line with what the commit changed is an answer; one of another file, not among the
first, is none. All are from the tree before the commit, in the order that serves.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from retrieval.rank.need import NeedKind
from retrieval.rank.weights import Weights
from retrieval.records import Candidate
from retrieval.training.pairs.history_pairs import SKIPPED, pairs_of
from retrieval.training.pairs.labeled_pairs import LabeledPair
from retrieval.training.pairs.mining import bare
from retrieval.training.past.split import LEARNED
from retrieval.training.tuning.first_order import Asked, FirstOrder, ordered

NEGATIVES = (0, 1, 2, 3, 5)
"""Which of a question's, by first-stage rank, as the embedded model learned: most of the best, one deeper."""
TEACHER_SCALE = 8.0
"""Logits between the first stage's best candidate and one without a score, when it teaches: the spread of the
embedded model's logits of one question."""


@dataclass(frozen=True, slots=True)
class Lessons:
    """The questions of a past, split by time.

    Attributes:
        pairs: What is learned, question after question.
        questions: How many questions that is; the other older ones teach nothing.
        older: How many questions are older.
        later: The newer questions.
    """

    pairs: tuple[LabeledPair, ...]
    questions: int
    older: int
    later: tuple[Asked, ...]


def lessons_of(
    asked: Sequence[Asked], weights: Mapping[NeedKind, Weights], *, depth: int, older: int | None = None
) -> Lessons:
    """Pair the older questions with their candidates; the others judge.

    No passage that answers a newer question is learned, whatever its label, and no copy of one.

    Args:
        asked: The questions, those that teach first, each side oldest first.
        weights: The first stage's, by kind of need.
        depth: How many candidates the second stage reads.
        older: How many of the questions teach, the first ones. [default: `split.LEARNED` of them]
    """
    if older is None:
        older = math.floor(LEARNED * len(asked))
    later = tuple(asked[older:])
    answering = {text for item in later for text in _answers(item)}
    pairs = [
        pair
        for item, order in zip(asked[:older], ordered(asked[:older], weights, depth=depth), strict=True)
        for pair in _lesson(item, order, answering)
    ]
    return Lessons(tuple(pairs), len({pair.question_id for pair in pairs}), older, later)


def _lesson(item: Asked, order: FirstOrder, answering: set[str]) -> list[LabeledPair]:
    """Return the pairs of a question; none where the first stage found no answer, or nothing else."""
    passages = dict(zip(item.readings.chunks, item.readings.passages, strict=True))
    known = [
        (one, int(row))
        for one, row in zip(order.candidates, order.rows, strict=True)
        if one.chunk in passages and bare(passages[one.chunk]) not in answering
    ]
    hits = set(item.pool.hits[:, 0].tolist())
    touched = {path for path, _, _ in item.pool.answers}
    positives = [one for one, row in known if row in hits]
    others = [one for one, row in known if one.rank > SKIPPED and one.chunk.path not in touched]
    negatives = [others[i] for i in NEGATIVES if i < len(others)]
    pairs = pairs_of(
        item.identity,
        item.readings.query,
        positives,
        negatives,
        lambda chunks: [passages[chunk] for chunk in chunks],
    )
    return list(_taught(pairs, order.candidates))


def _taught(pairs: Sequence[LabeledPair], candidates: Sequence[Candidate]) -> Iterator[LabeledPair]:
    """Let the first stage score the pairs, in logits, for a recipe that wants it as a teacher."""
    scores = {one.rank: one.score for one in candidates}
    best = max(scores.values(), default=0.0) or 1.0
    for pair in pairs:
        yield replace(pair, teacher=TEACHER_SCALE * scores[pair.rank] / best)


def _answers(item: Asked) -> Iterator[str]:
    """Yield the texts that answer a question, without their places."""
    is_answer = np.isin(item.readings.rows, item.pool.hits[:, 0])
    for passage, answers in zip(item.readings.passages, is_answer, strict=True):
        if answers:
            yield bare(passage)
