"""Learned orders for tests, and what they change."""

import numpy as np
from numpy.typing import NDArray

from retrieval.rank.features import FEATURES
from retrieval.rank.weights import QUESTION
from retrieval.training.order.changes import Change
from retrieval.training.order.climb import moved, with_part
from retrieval.training.order.evidence import Pool, answered
from retrieval.training.order.gate import VALUE, Gain, OrderDecision
from retrieval.training.order.learning import LearnedOrder

ROWS = 12


def pools(count: int, *, helps: str, seed: int = 1, hot: int | None = None) -> list[Pool]:
    """Make questions whose answering chunk is the best by one feature, and no better by any other.

    Args:
        count: How many.
        helps: The feature.
        seed: Of all values.
        hot: The chunk that answers every question, if it is the same.
    """
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        values = np.zeros((ROWS, len(FEATURES)))
        values[:, FEATURES.index("body")] = rng.random(ROWS)
        values[:, FEATURES.index("names")] = rng.random(ROWS) / 2
        answer = int(rng.integers(ROWS)) if hot is None else hot
        if helps:
            values[answer, FEATURES.index(helps)] = 1.0
        made.append(pool_of(values, answer))
    return made


def pool_of(values: NDArray[np.float64], answer: int) -> Pool:
    """Make a question of which each row is a file's only chunk, and one of them answers.

    Args:
        values: The features of each row, float64 [ROWS, n_features].
        answer: The row that answers.
    """
    pool = Pool(
        kind="question",
        counts="files",
        values=values,
        file=np.arange(ROWS),
        file_kind=np.zeros(ROWS, dtype=np.int64),
        is_asked=np.zeros(ROWS, dtype=np.bool_),
        is_older=np.zeros(ROWS, dtype=np.bool_),
        match=0.5,
        paths=np.array([f"{row:02}.py" for row in range(ROWS)]),
        lines=np.tile([1, 9], (ROWS, 1)),
    )
    return answered(pool, [(f"{answer:02}.py", 1, 9)])


def learned(promote: bool = True, /, *, decay: float = 1.0, **features: float) -> LearnedOrder:
    """Make an order that learned a decay, and other weights of features."""
    weights = with_part(QUESTION, ("decay", decay))
    for name, value in features.items():
        weights = with_part(weights, (name, value))
    reason = "It gains." if promote else "It may be chance."
    decision = OrderDecision(promote, (reason,), 98, (Gain(VALUE, 0.4, 0.03, 0.01, 0.05),))
    return LearnedOrder(weights, 146, moved(QUESTION, weights), decision)


def asked(
    number: int, before: int | None, after: int | None, gain: float, *, subject: str = "", path: str = ""
) -> Change:
    """Make what became of a later question that three places of a file answer."""
    places = tuple((path or "src/cart.py", line, line + 1) for line in (1, 9, 20))
    return Change(f"{number:040x}", subject or f"Question {number}", places, before, after, gain)
