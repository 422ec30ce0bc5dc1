"""What a page says of a model that commits taught: its verdict and gains, its training, and for whom."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.training.evaluation.pages.html_page import table
from retrieval.training.evaluation.pages.learned_section import (
    Learned,
    for_whom,
    gains,
    over_time,
    verdict,
)
from retrieval.training.evaluation.pages.svg_curves import Curve, drawn
from retrieval.training.fit.training_record import Trained

DRAWN = 50  # points of the loss at most: that of a single step is mostly noise


@dataclass(frozen=True, slots=True)
class ModelChange:
    """A model that commits taught, and what it changes.

    Attributes:
        learned: What was learned, and how later commits judge it.
        trained: The training.
        weight: The weight of its word in the score of a search.
        unasked: How many of the later questions a search asks no model about.
    """

    learned: Learned
    trained: Trained
    weight: float
    unasked: int


def model_section(change: ModelChange) -> str:
    """Write the section, as HTML; the same change gives the same bytes."""
    learned = change.learned
    plots = f'<div class="plots">\n{_losses(change.trained)}\n{over_time(learned)}\n</div>'
    parts = [verdict(learned), gains(learned), _training(change)]
    if learned.questions:
        parts.append(for_whom(learned, note=_told_unasked(change)))
    return "\n".join((*parts, f"<h3>How it went</h3>\n{plots}"))


def _training(change: ModelChange) -> str:
    trained, recipe = change.trained, change.trained.recipe
    counts = trained.counts
    losses = [f"{epoch.training_loss:.3f}" for epoch in trained.epochs]
    minutes = f"{trained.seconds / 60:.1f}"
    if trained.resumed_at:
        minutes += f", after an interruption at step {trained.resumed_at}"
    rows = [
        ("lessons", f"{counts.questions:,} commits"),
        ("pairs", f"{counts.pairs:,}: {counts.positives:,} that answer, {counts.negatives:,} that do not"),
        ("epochs", f"{len(trained.epochs)}, in {trained.steps:,} steps"),
        ("loss", f"{recipe.loss}; mean of each epoch: {', '.join(losses)}"),
        ("minutes", minutes),
        ("tuned weights", f"{recipe.keep:.0%} tuned, {1 - recipe.keep:.0%} of the base"),
        ("weight in the score", f"{change.weight:g}; the first stage has {1 - change.weight:g}"),
    ]
    return f"<h3>How it was trained</h3>\n{table(('setting', 'value'), rows, said=[1])}"


def _told_unasked(change: ModelChange) -> str:
    """Say of how many questions the model has no say."""
    count = len(change.learned.questions)
    if not change.unasked:
        return f"A search asks the model about all {count}."
    return (
        f"A search asks the model about {count - change.unasked} of the {count}. The first stage alone "
        f"answers the other {change.unasked}, which stay the same."
    )


def _losses(trained: Trained) -> str:
    """Draw the loss over the training, in equal groups of steps; "" for a single one."""
    values = _grouped(trained.step_losses)
    if len(values) < 2:  # noqa: PLR2004 - a line
        return ""
    size = -(-len(trained.step_losses) // DRAWN)
    below = "step" if size == 1 else f"groups of {size} steps"
    return drawn([Curve("loss", values)], title="Loss over the training", below=below, first=1)


def _grouped(losses: Sequence[float]) -> list[float]:
    """Average losses over groups of as many steps, the last of which may be shorter.

    >>> _grouped([3.0, 1.0])
    [3.0, 1.0]
    >>> len(_grouped([1.0] * 101))
    34
    """
    size = -(-len(losses) // DRAWN) or 1
    return [float(np.mean(losses[start : start + size])) for start in range(0, len(losses), size)]
