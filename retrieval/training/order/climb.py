"""How weights are searched: coordinate ascent over small grids of round numbers, a part at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from retrieval.paths.file_kinds import KINDS
from retrieval.rank.features import FEATURES, GUESS_FEATURES
from retrieval.rank.weights import Weights

FACTORS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
DECAYS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0)
COHERENCES = (0.1, 0.2, 0.3, 0.4, 0.5)
KIND_FACTORS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
FIXED = frozenset({"body", "location"})  # the unit of all others, and a place that the question names

Step = tuple[str, float]
"""A part of the weights, and its new value."""

Worth = Callable[[Weights], float]
OnStep = Callable[[Step, float], None]
"""Called after each step, with the worth that it reached."""


def climb(
    start: Weights,
    worth: Worth,
    *,
    least_gain: float,
    parts: Sequence[str],
    passes: int = 2,
    on_step: OnStep = lambda _step, _worth: None,
) -> Weights:
    """Climb from `start`; a step is taken where it gains at least `least_gain` in worth."""
    weights, best = start, worth(start)
    for _ in range(passes):
        before = weights
        for part in parts:
            tried = {value: with_part(weights, (part, value)) for value in grid(part)}
            worths = {value: worth(other) for value, other in tried.items() if other != weights}
            value = max(worths, key=lambda value: worths[value])
            if worths[value] >= best + least_gain:
                weights, best = tried[value], worths[value]
                on_step((part, value), best)
        if weights == before:
            break
    return weights


def all_parts() -> Iterator[str]:
    """Name every part of the weights that may be fitted."""
    yield from (name for name in FEATURES if name not in FIXED)
    yield from ("coherence", "decay")
    yield from (f"{table} {kind}" for table in ("kinds", "asked") for kind in ("test", "prose"))


def question_parts() -> tuple[str, ...]:
    """Name the parts that questions without guesses can teach."""
    return tuple(part for part in all_parts() if part not in GUESS_FEATURES)


def grid(part: str) -> tuple[float, ...]:
    """Return the values that are tried for a part."""
    if part.startswith(("kinds", "asked")):
        return KIND_FACTORS
    return {"coherence": COHERENCES, "decay": DECAYS}.get(part, FACTORS)


def with_part(weights: Weights, step: Step) -> Weights:
    """Return weights with another value of one part."""
    part, value = step
    if part == "coherence":
        return replace(weights, coherence=value)
    if part == "decay":
        return replace(weights, decay=value, known_decay=value)
    table, _, name = part.partition(" ")
    kind = next((kind for kind in KINDS if kind == name), KINDS[0])
    if table == "kinds":
        return replace(weights, kinds={**weights.kinds, kind: value})
    if table == "asked":
        return replace(weights, asked={**weights.asked, kind: value})
    return replace(weights, features={**weights.features, part: value})


def moved(before: Weights, after: Weights) -> dict[str, tuple[float, float]]:
    """Return each part that differs, with its value before and after."""
    old, new = _parts_of(before), _parts_of(after)
    return {part: (old[part], new[part]) for part in new if old[part] != new[part]}


def _parts_of(weights: Weights) -> Mapping[str, float]:
    tables: tuple[tuple[str, Mapping[Any, float]], ...] = (("kinds", weights.kinds), ("asked", weights.asked))
    return {
        **{name: weights.features.get(name, 0.0) for name in FEATURES},
        "coherence": weights.coherence,
        "decay": weights.known_decay,  # commits teach it, so there is a history
        **{f"{table} {kind}": values[kind] for table, values in tables for kind in KINDS},
        "older": weights.older,
    }
