"""How a model orders measured questions as a search would: when it is asked, and how its word is fused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.rank.confidence import Confidence
from retrieval.rank.need import NeedKind, read_need
from retrieval.rank.weights import Weights
from retrieval.rerank.fusion import PairScorer, fuse, read_pairs
from retrieval.search.second_stage import QUESTIONS, is_sure, skips
from retrieval.training.order.evidence import Evidence, Ints
from retrieval.training.order.measures import Judge, Judged, judge_order
from retrieval.training.tuning.first_order import Asked, FirstOrder, ordered

Logits = tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Trust:
    """How far a search trusts a model; the fields mean what those of a `SecondStage` do.

    Attributes:
        weight: Its weight in the fused score.
        depth: How many candidates it reads.
        kinds: The kinds of needs that it is asked about.
        is_spared: Whether it is not asked where the first stage is sure, or the question is code.
    """

    weight: float
    depth: int
    kinds: frozenset[NeedKind] = QUESTIONS
    is_spared: bool = True


@dataclass(frozen=True, slots=True)
class Questions:
    """Questions in the first-stage order that serves.

    Attributes:
        asked: The questions.
        orders: The order of each.
    """

    asked: tuple[Asked, ...]
    orders: tuple[FirstOrder, ...]


def in_order(asked: Sequence[Asked], weights: Mapping[NeedKind, Weights], *, depth: int) -> Questions:
    """Order questions by weights; `depth` is how many candidates a model may read."""
    return Questions(tuple(asked), tuple(ordered(asked, weights, depth=depth)))


def read_all(
    questions: Questions,
    scorer: PairScorer,
    trust: Trust,
    *,
    progress: Progress = no_progress,
    is_cancelled: IsCancelled = lambda: False,
) -> list[Logits | None]:
    """Let a model read the candidates of each question that it is asked; None for the others.

    Raises:
        CancelledError: `is_cancelled` returned True.
    """
    found: list[Logits | None] = []
    for done, (item, order) in enumerate(zip(questions.asked, questions.orders, strict=True)):
        progress(done, len(questions.asked))
        found.append(_read(item, order, scorer, is_cancelled) if is_asked(item, order, trust) else None)
    progress(len(questions.asked), len(questions.asked))
    return found


def is_asked(item: Asked, order: FirstOrder, trust: Trust) -> bool:
    """Return whether a search asks the model about a question."""
    if not order.candidates or not trust.weight:
        return False
    if skips(read_need(item.text), trust.kinds, is_spared=trust.is_spared):
        return False
    confidence = Confidence(order.confidence, is_low=False)
    return not (trust.is_spared and is_sure(confidence, order.candidates))


def judge_of(questions: Questions, logits: Sequence[Logits | None], weight: float) -> Judge:
    """Return what measures the questions in the fused order, whatever their answers."""
    order = order_of(questions, logits, weight)

    def judge(evidence: Evidence) -> Judged:
        return judge_order(evidence, order)

    return judge


def order_of(questions: Questions, logits: Sequence[Logits | None], weight: float) -> Ints:
    """Return the rows of all questions in the order that a search shows, question after question."""
    ends = np.cumsum([0, *(len(order.order) for order in questions.orders)])
    return np.concatenate(
        [
            first + fused(one, own, weight)
            for first, one, own in zip(ends[:-1], questions.orders, logits, strict=True)
        ]
    )


def fused(order: FirstOrder, logits: Logits | None, weight: float) -> Ints:
    """Return the rows of a question in the order that a search shows, int64 [n_rows]."""
    if logits is None:
        return order.order
    places = [one.candidate.rank - 1 for one in fuse(order.candidates, logits, weight=weight)]
    return np.concatenate([order.rows[places], order.order[len(places) :]])


def _read(item: Asked, order: FirstOrder, scorer: PairScorer, is_cancelled: IsCancelled) -> Logits:
    known = [i for i, passage in enumerate(order.passages) if passage is not None]
    texts = [passage for passage in order.passages if passage is not None]
    read = read_pairs(item.readings.query, texts, scorer, is_cancelled=is_cancelled).logits
    logits: list[float | None] = [None] * len(order.passages)
    for i, logit in zip(known, read, strict=True):
        logits[i] = logit
    return tuple(logits)
