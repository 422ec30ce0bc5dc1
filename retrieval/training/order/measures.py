"""What weights are worth: measures of every question at once, and the value that is climbed.

A file counts once, at its first result; lines by the answers that the first results touch; questions that
count chunks by nDCG@10 over chunks. Results beyond the fiftieth do not count.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from retrieval.rank.need import NeedKind
from retrieval.rank.weights import Weights
from retrieval.training.order.evidence import Evidence, Floats, Ints
from retrieval.training.order.scoring import order_of

CUTOFF, SHOWN, DEEPEST = 10, 8, 50
NEVER = 10**6

Measures = Mapping[str, Floats]
"""By name, one value for each question, NaN where it has none."""


@dataclass(frozen=True, slots=True)
class Judged:
    """The measures of all questions, and the value that is climbed."""

    measures: Measures
    values: Floats


Judge = Callable[[Evidence], Judged]
"""Ranks and measures the same questions, whatever their answers."""


def judge(evidence: Evidence, weights: Mapping[NeedKind, Weights]) -> Judged:
    """Rank every pool and measure it."""
    return judge_order(evidence, order_of(evidence, weights))


def judge_order(evidence: Evidence, order: Ints) -> Judged:
    """Measure an order: the rows of each question, best first, int64 [n_rows], question after question."""
    rank = _ranks(evidence, order)
    measures = _of_files(evidence, order, rank) | _of_lines(evidence, rank) | _of_chunks(evidence, rank)
    return Judged(measures, _values(measures))


def first_ranks(evidence: Evidence, order: Ints) -> Ints:
    """Return the rank of each question's first result that meets an answer, or NEVER, int64 [n_questions].

    `order` as in `judge_order`.
    """
    by_answer = _first_of_answers(evidence, _ranks(evidence, order))
    first = np.full(len(evidence), NEVER)
    np.minimum.at(first, evidence.answer_question, by_answer)
    return first


def _ranks(evidence: Evidence, order: Ints) -> Ints:
    """Return the rank of each row among those of its question, from 1, int64 [n_rows]."""
    starts = np.searchsorted(evidence.question, np.arange(len(evidence)))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - starts[evidence.question[order]] + 1
    return rank


def _values(measures: Measures) -> Floats:
    """Weigh what a caller sees: files alone, files and lines, or chunks."""
    files = 0.6 * measures["ndcg10"] + 0.4 * measures["hit1"]
    lines = (
        0.25 * measures["ndcg10"]
        + 0.15 * measures["hit1"]
        + 0.2 * (measures["line_hit1"] + measures["line_hit8"] + measures["line_recall10"])
    )
    values = np.where(np.isnan(measures["line_recall10"]), files, lines)
    return np.where(np.isnan(measures["chunk_ndcg10"]), values, measures["chunk_ndcg10"])


def _of_files(evidence: Evidence, order: Ints, rank: Ints) -> dict[str, Floats]:
    count = len(evidence)
    file_of_row = evidence.file[order]
    _, at = np.unique(file_of_row, return_index=True)
    is_first = np.zeros(len(order), dtype=bool)
    is_first[at] = True
    seen = np.cumsum(is_first)
    starts = np.searchsorted(evidence.question, np.arange(count))
    before = np.concatenate(([0], seen))[np.minimum(starts, len(order))]
    file_rank = seen - before[evidence.question[order]]
    is_answer = np.zeros(int(evidence.file.max(initial=0)) + 1, dtype=bool)
    is_answer[evidence.file[evidence.hits[:, 0]]] = True
    rows = np.flatnonzero(is_first & is_answer[file_of_row] & (rank[order] <= DEEPEST))
    owner, ranks = evidence.question[order][rows], file_rank[rows]
    gained, first = np.zeros(count), np.full(count, NEVER)
    near = ranks <= CUTOFF
    np.add.at(gained, owner[near], 1 / np.log2(ranks[near] + 1))
    np.minimum.at(first, owner, ranks)
    return {
        "ndcg10": np.minimum(1.0, gained / _ideal(evidence.wanted_files)),
        "hit1": (first <= 1).astype(np.float64),
        "hit8": (first <= SHOWN).astype(np.float64),
    }


def _of_lines(evidence: Evidence, rank: Ints) -> dict[str, Floats]:
    count = len(evidence)
    by_answer = _first_of_answers(evidence, rank)
    counted = evidence.is_lines
    owner, ranks = evidence.answer_question[counted], by_answer[counted]
    total = np.bincount(owner, minlength=count)
    found = np.bincount(owner, (ranks <= CUTOFF).astype(np.float64), count)
    first = np.full(count, NEVER)
    np.minimum.at(first, owner, ranks)
    by_chunks = np.array([counts == "chunks" for counts in evidence.counts])
    none = (total == 0) | by_chunks
    return {
        "line_hit1": np.where(none, np.nan, first <= 1),
        "line_hit8": np.where(none, np.nan, first <= SHOWN),
        "line_recall10": np.where(none, np.nan, found / np.maximum(total, 1)),
    }


def _of_chunks(evidence: Evidence, rank: Ints) -> dict[str, Floats]:
    count = len(evidence)
    pairs = np.stack((evidence.answer_question, _first_of_answers(evidence, rank)), axis=1)
    pairs = np.unique(pairs[pairs[:, 1] <= CUTOFF], axis=0)  # a chunk that meets two answers counts once
    gained = np.bincount(pairs[:, 0], 1 / np.log2(pairs[:, 1] + 1), count)
    ideal = _ideal(evidence.wanted)
    by_chunks = np.array([counts == "chunks" for counts in evidence.counts])
    return {"chunk_ndcg10": np.where(by_chunks, gained / ideal, np.nan)}


def _first_of_answers(evidence: Evidence, rank: Ints) -> Ints:
    """Return the rank of the first row that meets each answer, or NEVER, int64 [n_answers]."""
    first = np.full(len(evidence.answer_question), NEVER)
    np.minimum.at(first, evidence.hits[:, 1], rank[evidence.hits[:, 0]])
    return np.where(first <= DEEPEST, first, NEVER)


def _ideal(wanted: Ints) -> Floats:
    gains = np.concatenate(([1.0], np.cumsum([1 / math.log2(rank + 1) for rank in range(1, CUTOFF + 1)])))
    return gains[np.minimum(wanted, CUTOFF)]
