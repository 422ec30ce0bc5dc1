"""In which order the second stage meets the candidates of measured questions, without copies, as a search."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.rank.need import NeedKind
from retrieval.rank.weights import Weights
from retrieval.records import Candidate, Chunk
from retrieval.training.order.evidence import Floats, Ints, Pool, joined
from retrieval.training.order.readings import Readings
from retrieval.training.order.scoring import scored


@dataclass(frozen=True, slots=True)
class Asked:
    """A measured question.

    Attributes:
        identity: Tells it from others: the commit that asks it, or the id in a golden file.
        text: The question as it was asked.
        pool: What the first stage knows of it.
        readings: What the second stage would read of it.
    """

    identity: str
    text: str
    pool: Pool
    readings: Readings


@dataclass(frozen=True, slots=True)
class FirstOrder:
    """One question in first-stage order.

    Attributes:
        order: All rows of its pool, best first, copies of better ones last, int64 [n_rows].
        candidates: What the second stage may read, best first.
        rows: Their rows, the first of `order`, int64 [n_candidates].
        passages: What the model reads of each, or None where that is unknown.
        confidence: How likely the best candidate answers; 0 where that is unknown.
    """

    order: Ints
    candidates: tuple[Candidate, ...]
    rows: Ints
    passages: tuple[str | None, ...]
    confidence: float


def ordered(
    asked: Sequence[Asked], weights: Mapping[NeedKind, Weights], *, depth: int
) -> Iterator[FirstOrder]:
    """Order the candidates of each question.

    Args:
        asked: The questions.
        weights: The first stage's, by kind of need.
        depth: How many candidates the second stage reads.
    """
    if not asked:
        return
    scores = scored(joined([item.pool for item in asked]), weights)
    ends = np.cumsum([len(item.pool.file) for item in asked])
    for item, own in zip(asked, np.split(scores, ends[:-1]), strict=True):
        yield _ordered(item, own, depth)


def _ordered(item: Asked, scores: Floats, depth: int) -> FirstOrder:
    readings = item.readings
    number = {row: i for i, row in enumerate(readings.rows.tolist())}
    kept, repeated = _parted(np.argsort(-scores, kind="stable"), number, readings)
    rows = kept[:depth]
    known = [number.get(int(row)) for row in rows]
    first = known[0] if known else None
    confidence = float(readings.confidence[first]) if first is not None else 0.0
    return FirstOrder(
        order=np.concatenate([kept, repeated]),
        candidates=tuple(
            Candidate(
                readings.chunks[i] if i is not None else _chunk(item.pool, int(row)), float(scores[row]), rank
            )
            for rank, (row, i) in enumerate(zip(rows, known, strict=True), 1)
        ),
        rows=rows,
        passages=tuple(readings.passages[i] if i is not None else None for i in known),
        confidence=0.0 if np.isnan(confidence) else confidence,
    )


def _parted(order: Ints, number: Mapping[int, int], readings: Readings) -> tuple[Ints, Ints]:
    """Part the rows from those that only repeat a better one."""
    seen: set[int] = set()
    kept: list[int] = []
    repeated: list[int] = []
    for row in order.tolist():
        original = int(readings.copies[number[row]]) if row in number else None
        (repeated if original in seen else kept).append(row)
        if original is not None:
            seen.add(original)
    return np.array(kept, dtype=np.int64), np.array(repeated, dtype=np.int64)


def _chunk(pool: Pool, row: int) -> Chunk:
    start, end = pool.lines[row].tolist()
    return Chunk(str(pool.paths[pool.file[row]]), start, end)
