"""How the second stage ranks: a cross-encoder reads query and chunk together, and both scores are fused.

The module is independent of the model: a `PairScorer` is anything that scores (query, passage) pairs.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import CancelledError
from retrieval.progress import IsCancelled
from retrieval.records import AnyCandidate, Chunk, Ranked
from retrieval.rerank.excerpt import excerpt

PAIR_TEXT_VERSION = 2
"""Increment when `pair_text` or `excerpt` changes: a model is tied to the text that it was trained with."""

BLOCK = 16
"""Candidates are read in blocks of this size by first-stage rank, so that a deadline cuts off the tail.
Within a block, they are sorted by length to reduce padding."""
BATCH = 8  # pairs per forward pass; 8 is faster than 32 on a CPU, and cancelling waits for at most one batch


class PairScorer(Protocol):
    """Scores pairs of a query and a passage; the seam of the second stage."""

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Score each passage for the query: logits, float32 [len(passages)], higher is more relevant."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The output of the cross-encoder.

    Attributes:
        logits: One per candidate in first-stage order; None from the first candidate that was not read.
        note: Why not all candidates were read, or "".
    """

    logits: tuple[float | None, ...]
    note: str = ""


def pair_text(chunk: Chunk, text: str) -> str:
    """Format a chunk for the model: its path, its definition and scope, then its text.

    The model reads the `excerpt` of that text, in mining, training, evaluation and serving alike.
    """
    name = chunk.qualified_name
    head = f"{chunk.path} {chunk.kind} {name}" if name else chunk.path
    head = head.encode("utf-8", "replace").decode("utf-8")  # models reject names that are not valid Unicode
    return f"{' '.join(head.split())}\n{text}"


def read_pairs(
    query: str,
    passages: Sequence[str],
    scorer: PairScorer,
    *,
    deadline: float | None = None,
    is_cancelled: IsCancelled = lambda: False,
) -> Reading:
    """Score excerpts of passages in first-stage order, batch by batch, until done, cancelled or out of time.

    Args:
        query: The query.
        passages: The `pair_text` of each candidate, best first.
        scorer: The cross-encoder.
        deadline: A time of `time.monotonic()` after which no batch starts.
        is_cancelled: Checked before each batch.

    Raises:
        CancelledError: `is_cancelled` returned True.
    """
    reading = Reading((None,) * len(passages))
    for so_far in read_stepwise(query, passages, scorer, deadline=deadline, is_cancelled=is_cancelled):
        reading = so_far
    return reading


def read_stepwise(
    query: str,
    passages: Sequence[str],
    scorer: PairScorer,
    *,
    deadline: float | None = None,
    is_cancelled: IsCancelled = lambda: False,
) -> Iterator[Reading]:
    """Do the same as `read_pairs`, but yield after each batch, so that other readings can run in between.

    Raises:
        CancelledError: `is_cancelled` returned True.
    """
    logits: list[float | None] = [None] * len(passages)
    for start in range(0, len(passages), BLOCK):
        # Excerpts are made here, not in advance: a long list takes a while, and its caller may leave.
        texts = {i: excerpt(query, passages[i]) for i in range(start, min(start + BLOCK, len(passages)))}
        block = sorted(texts, key=lambda i: len(texts[i]))
        scored: dict[int, float] = {}
        for batch in (block[i : i + BATCH] for i in range(0, len(block), BATCH)):
            if is_cancelled():
                raise CancelledError("the caller no longer wants this ranking")
            if deadline is not None and time.monotonic() >= deadline:
                yield Reading(tuple(logits), f"out of time after {start} of {len(passages)} candidates")
                return
            found = scorer.score(query, [texts[i] for i in batch])  # float32 [len(batch)]
            scored.update(zip(batch, map(float, found), strict=True))
            yield Reading(tuple(logits))
        for (
            i,
            logit,
        ) in scored.items():  # only complete blocks count, so that the candidates read are a prefix
            logits[i] = logit
        yield Reading(tuple(logits))


def fuse(
    candidates: Sequence[AnyCandidate], logits: Sequence[float | None], *, weight: float
) -> list[Ranked]:
    """Rank candidates by both stages; ties keep their first-stage order.

    The fused score is (1 - weight) x first-stage score, as a share of the best, plus weight x logit, scaled
    to 0..1 over the candidates that were read. A candidate that was not read gets nothing for its logit, so
    it never passes one that was read, because those are a prefix.

    Args:
        candidates: In first-stage order.
        logits: One per candidate, None if it was not read.
        weight: Weight of the cross-encoder, 0 to 1.
    """
    if not candidates:
        return []
    best = max(candidates[0].score, 1e-12)
    read = [logit for logit in logits if logit is not None]
    low, high = (min(read), max(read)) if read else (0.0, 0.0)
    spread = max(high - low, 1e-12)
    share = weight if read else 0.0
    scores = np.array(
        [
            (1 - share) * candidate.score / best
            + (share * (logit - low) / spread if logit is not None else 0.0)
            for candidate, logit in zip(candidates, logits, strict=True)
        ]
    )  # float64 [n_candidates]
    order = np.argsort(-np.round(scores, 9), kind="stable")
    return [Ranked(candidates[i], float(scores[i]), rank, logits[i]) for rank, i in enumerate(order, 1)]
