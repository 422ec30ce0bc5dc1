"""Measured questions whose answers only a second stage can tell, without a repository."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from order_factory import ROWS, pool_of

from retrieval.rank.features import FEATURES
from retrieval.records import Chunk
from retrieval.training.order.readings import Readings
from retrieval.training.tuning.first_order import Asked

ANSWER = "window"
"""A word of every passage that answers, and of no other."""


class Liking:
    """A `PairScorer` that likes passages with a word."""

    def __init__(self, word: str) -> None:
        """Like a word."""
        self.word = word

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:  # noqa: ARG002 - the seam's
        """Score 1 where the word stands."""
        return np.array([float(self.word in passage.split()) for passage in passages], dtype=np.float32)


def asked(count: int, *, seed: int = 1, answer: str = ANSWER) -> list[Asked]:
    """Make questions whose first candidates are as good as each other, and one of them answers."""
    return [_asked(number, np.random.default_rng([seed, number]), answer) for number in range(count)]


def _asked(number: int, rng: np.random.Generator, answer: str) -> Asked:
    right = int(rng.integers(5))
    values = np.zeros((ROWS, len(FEATURES)))
    values[:, FEATURES.index("body")] = np.linspace(1, 0.8, ROWS)
    chunks = [Chunk(f"{row:02}.py", 1, 9) for row in range(ROWS)]
    words = [rng.choice(["door", "lock", "key", "close"], size=6).tolist() for _ in range(ROWS)]
    passages = [
        f"{chunk.path}\n{' '.join([*own, answer] if row == right else own)} n{number} r{row}"
        for row, (chunk, own) in enumerate(zip(chunks, words, strict=True))
    ]
    readings = Readings(
        query="how does the door open",
        rows=np.arange(ROWS),
        chunks=tuple(chunks),
        passages=tuple(passages),
        copies=np.arange(ROWS),
        confidence=np.full(ROWS, 0.2),
    )
    return Asked(f"c{number}", readings.query, pool_of(values, right), readings)
