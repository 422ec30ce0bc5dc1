"""Learned orders for tests."""

from dataclasses import replace

from retrieval.rank.weights import QUESTION
from retrieval.training.order.climb import moved, with_part
from retrieval.training.order.gate import VALUE, Gain, OrderDecision
from retrieval.training.order.learning import LearnedOrder


def learned(promote: bool = True, /, *, decay: float = 1.0, **features: float) -> LearnedOrder:
    """Make an order that learned a decay, and other weights of features."""
    weights = replace(QUESTION, decay=decay)
    for name, value in features.items():
        weights = with_part(weights, (name, value))
    reason = "It gains." if promote else "It may be chance."
    decision = OrderDecision(promote, (reason,), 98, (Gain(VALUE, 0.4, 0.03, 0.01, 0.05),))
    return LearnedOrder(weights, 146, moved(QUESTION, weights), decision)
