"""What a set of weights is worth over all sets of questions: one number to climb."""

import math
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from benchmarks.fitting.evidence import Gathered
from retrieval.training.order.evidence import Floats
from retrieval.training.order.measures import Measures

GROUP_WEIGHTS: Mapping[str, float] = {"old": 2.0, "lines": 0.7}
"""Of the groups of a set, relative to 1. The old benchmark counts more because it may lose little."""


def objective(gathered: Gathered, values: Floats, chosen: NDArray[np.bool_] | None = None) -> float:
    """Average the values by group, weighed by the square root of their questions.

    Args:
        gathered: The questions.
        values: `Judged.values`.
        chosen: Which questions count, bool [n_questions]; all by default.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for number, asked in enumerate(gathered.asked):
        if chosen is None or chosen[number]:
            groups[asked.group].append(number)
    weights = {
        name: GROUP_WEIGHTS.get(name.split()[0], 1.0) * math.sqrt(len(own)) for name, own in groups.items()
    }
    total = sum(weights[name] * float(values[own].mean()) for name, own in groups.items())
    return total / sum(weights.values())


def means(gathered: Gathered, measures: Measures) -> dict[str, dict[str, float]]:
    """Average each measure by group."""
    groups: dict[str, list[int]] = defaultdict(list)
    for number, asked in enumerate(gathered.asked):
        groups[asked.group].append(number)
    return {
        name: {
            measure: float(np.nanmean(values[own]))
            for measure, values in measures.items()
            if not np.isnan(values[own]).all()
        }
        for name, own in sorted(groups.items())
    }
