"""What a page says of a learned order: its verdict and gains, which weights moved, and the climb to them."""

import html
from collections.abc import Mapping

from retrieval.training.evaluation.pages.html_page import folded, table
from retrieval.training.evaluation.pages.learned_section import (
    Learned,
    explained,
    for_whom,
    gains,
    over_time,
    verdict,
)
from retrieval.training.evaluation.pages.svg_curves import Curve, drawn
from retrieval.training.order.changes import OrderChange

PARTS: Mapping[str, str] = {
    "names": "Words of the question in the names that a piece of code defines or uses as its heading.",
    "path": "Words of the question in the path of the file.",
    "title": "The question spells the whole name of the file.",
    "definition": "The code defines an identifier that the question contains.",
    "whole": "The code holds identifiers of the question whole, not only their parts.",
    "phrase": "Words that are neighbours in the question are neighbours in the code.",
    "purpose": "The file says at its beginning what the question asks for.",
    "past": "Commits whose messages resemble the question changed this file.",
    "coherence": "The best place of a file rises when its other places match, too.",
    "decay": "What the second place of a file is worth, and the fourth once more; 1 is as much as the first.",
    "kinds test": "What tests are worth beside other code.",
    "kinds prose": "What documentation is worth beside code.",
    "asked test": "What tests are worth when the question asks for tests.",
    "asked prose": "What documentation is worth when the question asks for it.",
}
"""What each part of an order that learning can move does."""


def order_section(change: OrderChange) -> str:
    """Write the section, as HTML; the same change gives the same bytes."""
    learned = Learned(
        "order",
        change.learned.decision,
        change.version,
        change.questions,
        change.learned.lessons,
        is_new=bool(change.learned.moved),
    )
    parts = [verdict(learned)]
    if learned.is_new:
        parts += [gains(learned), _weights(change)]
    if learned.questions:
        plots = f'<div class="plots">\n{_climb(change)}\n{over_time(learned)}\n</div>'
        steps = folded("The steps of the climb", _steps(change))
        parts += [for_whom(learned), f"<h3>How it went</h3>\n{plots}\n{steps}"]
    return "\n".join(parts)


def _weights(change: OrderChange) -> str:
    rows = [
        (explained(part, PARTS), f"{old:g} → {new:g}") for part, (old, new) in change.learned.moved.items()
    ]
    return f"<h3>What moved</h3>\n{table(('weight', 'before → after'), rows)}"


def _climb(change: OrderChange) -> str:
    curves = [
        Curve("commits that teach", [point.lessons for point in change.climb]),
        Curve("later commits", [point.later for point in change.climb]),
    ]
    return drawn(curves, title="Quality after each step of the climb", below="step")


def _steps(change: OrderChange) -> str:
    rows = []
    for number, point in enumerate(change.climb):
        said = f"{point.step[0]} = {point.step[1]:g}" if point.step else "what served"
        rows.append((f"{number}: {html.escape(said)}", f"{point.lessons:.3f}", f"{point.later:.3f}"))
    return table(("step", "commits that teach", "later commits"), rows)
