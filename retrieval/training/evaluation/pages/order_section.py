"""What a page says of a learned order: the verdict first, then what it gains, what moved, and for whom."""

import html
from collections.abc import Mapping, Sequence

import numpy as np

from retrieval.training.evaluation.pages.html_page import folded, quoted, table
from retrieval.training.evaluation.pages.svg_curves import Curve, drawn
from retrieval.training.order.changes import Change, OrderChange
from retrieval.training.order.gate import FILES, LINES, VALUE, Gain
from retrieval.training.order.measures import DEEPEST

SHOWN = 8  # questions of a kind that stand open; the rest is folded
PLACES = 2  # answering places of a question
HASH_CHARS = 10
SAME = 1e-9  # a difference in quality below it is rounding
MANY = 10  # later questions before the mean gain over time is drawn
WIDE = 1.96  # standard errors on either side of a mean, which hold 95 % of a normal distribution

MEANINGS: Mapping[str, str] = {
    VALUE: "Mean of the measures of files and of lines; what learning raises.",
    LINES: "Share of the answering lines that are among the first ten results.",
    FILES: "Whether the files that answer come first.",
}
PARTS: Mapping[str, str] = {
    "names": "Words of the question in the names that a piece of code defines or uses as its heading.",
    "path": "Words of the question in the path of the file.",
    "title": "The question spells the whole name of the file.",
    "definition": "The code defines an identifier that the question contains.",
    "whole": "The code holds identifiers of the question whole, not only their parts.",
    "phrase": "Words that are neighbours in the question are neighbours in the code.",
    "past": "Commits whose messages resemble the question changed this file.",
    "coherence": "The best place of a file rises when its other places match, too.",
    "decay": "What each further place of a file already shown is worth; 1 is as much as the first.",
    "kinds test": "What tests are worth beside other code.",
    "kinds prose": "What documentation is worth beside code.",
    "asked test": "What tests are worth when the question asks for tests.",
    "asked prose": "What documentation is worth when the question asks for it.",
}
"""What each part of an order that learning can move does."""


def order_section(change: OrderChange) -> str:
    """Write the section, as HTML; the same change gives the same bytes."""
    parts = [f"<h2>The order of results</h2>\n{_verdict(change)}"]
    if change.learned.moved:
        parts += [_gains(change), _weights(change)]
    if change.questions:
        parts += [_questions(change), _plots(change)]
    return "\n".join(parts)


def _verdict(change: OrderChange) -> str:
    learned = change.learned
    if change.version:
        kind, said = "yes", f"Promoted as {change.version}: {_told(change)}"
        if not learned.decision.promote:
            said = f"Promoted by force, as {change.version}, although the gate refused it: {_reasons(change)}"
    elif learned.moved:
        kind, said = "no", f"Refused, nothing has changed. {_reasons(change)}"
    else:
        kind, said = "", f"Nothing was learned, nothing has changed. {_reasons(change)}"
    return f'<p class="verdict {kind}">{html.escape(said)}</p>'


def _told(change: OrderChange) -> str:
    """Say what an order gains, in a sentence."""
    decision = change.learned.decision
    quality = next((gain for gain in decision.gains if gain.measure == VALUE), None)
    better, worse, same = (len(found) for found in _by_outcome(change.questions))
    outcome = f" {better} got better, {worse} worse, {same} stayed." if change.questions else ""
    if quality is None:
        return f"{_reasons(change)}{outcome}"
    return (
        f"on {decision.questions} later commits, quality rises from {quality.before:.3f} to "
        f"{quality.before + quality.gain:.3f} (95 %: by {quality.low:+.3f} to {quality.high:+.3f}).{outcome}"
    )


def _reasons(change: OrderChange) -> str:
    return " ".join(change.learned.decision.reasons)


def _gains(change: OrderChange) -> str:
    decision = change.learned.decision
    rows = [
        (
            _explained(gain.measure, MEANINGS),
            f"{gain.before:.3f}",
            f"{gain.before + gain.gain:.3f}",
            f'<span class="{_kind(gain)}">{gain.gain:+.3f}</span>',
            f"{gain.low:+.3f} to {gain.high:+.3f}",
        )
        for gain in decision.gains
    ]
    golden = ""
    if decision.golden:
        before, after = decision.golden
        golden = f"<p>The golden file, {FILES}: {before:.3f} before, {after:.3f} after.</p>"
    head = ("measure", "before", "after", "gain", "95 % interval")
    return (
        f"<h3>What it gains</h3>\n<p>{change.learned.lessons} older commits taught it; {decision.questions} "
        f"later ones, which it has not seen, judge it.</p>\n{table(head, rows)}{golden}"
    )


def _kind(gain: Gain) -> str:
    """Colour only what is beyond chance."""
    return "better" if gain.low > 0 else "worse" if gain.high < 0 else ""


def _weights(change: OrderChange) -> str:
    rows = [
        (_explained(part, PARTS), f"{old:g} → {new:g}") for part, (old, new) in change.learned.moved.items()
    ]
    return f"<h3>What moved</h3>\n{table(('weight', 'before → after'), rows)}"


def _explained(name: str, meanings: Mapping[str, str]) -> str:
    meaning = f'<br><span class="faint">{html.escape(meanings[name])}</span>' if name in meanings else ""
    return f"{html.escape(name)}{meaning}"


def _questions(change: OrderChange) -> str:
    better, worse, same = _by_outcome(change.questions)
    return (
        "<h3>For whom</h3>\n<p>Each question is the subject of a later commit, asked of the tree before it. "
        "The rank is that of the first result with lines that the commit changed; results beyond the "
        "fiftieth do not count. "
        "A question can gain without it, by its other lines.</p>\n"
        f"{_listed('Better', 'better', better)}{_listed('Worse', 'worse', worse)}"
        f"{folded(f'{len(same)} stayed the same', _table(same)) if same else ''}"
    )


def _by_outcome(questions: Sequence[Change]) -> tuple[list[Change], list[Change], list[Change]]:
    """Return the questions that got better, those that got worse, and the others; most changed first."""
    ordered = sorted(questions, key=lambda item: -abs(item.gain))
    better = [item for item in ordered if item.gain > SAME]
    worse = [item for item in ordered if item.gain < -SAME]
    return better, worse, [item for item in ordered if abs(item.gain) <= SAME]


def _listed(name: str, kind: str, found: Sequence[Change]) -> str:
    if not found:
        return f"<h4>{name}: 0</h4>\n"
    title = f'<h4 class="{kind}">{name}: {len(found)}</h4>\n'
    rest = found[SHOWN:]
    return (
        f"{title}{_table(found[:SHOWN])}"
        f"{folded(f'{len(rest)} more, which changed less', _table(rest)) if rest else ''}\n"
    )


def _table(found: Sequence[Change]) -> str:
    rows = [
        (
            _asked(item),
            f"{_rank(item.before)} → {_rank(item.after)}",
            f"{item.gain:+.3f}",
            _places(item),
        )
        for item in found
    ]
    return table(("question", "rank", "quality", "answered by"), rows, said=[3])


def _asked(item: Change) -> str:
    commit = html.escape(item.question.commit[:HASH_CHARS])
    return f'{quoted(item.question.subject)} <code class="faint">{commit}</code>'


def _places(item: Change) -> str:
    places = [f"{span.path}:{span.start}-{span.end}" for span in item.question.targets]
    shown = "<br>".join(f"<code>{quoted(place)}</code>" for place in places[:PLACES])
    more = len(places) - PLACES
    return shown + (f' <span class="faint">and {more} more</span>' if more > 0 else "")


def _rank(rank: int | None) -> str:
    return f"&gt;{DEEPEST}" if rank is None else str(rank)


def _plots(change: OrderChange) -> str:
    return f'<h3>How it went</h3>\n<div class="plots">\n{_climb(change)}\n{_over_time(change)}\n</div>\n' + (
        folded("The steps of the climb", _steps(change))
    )


def _climb(change: OrderChange) -> str:
    curves = [
        Curve("commits that teach", [point.lessons for point in change.climb]),
        Curve("later commits", [point.later for point in change.climb]),
    ]
    return drawn(curves, title="Quality after each step of the climb", below="step")


def _over_time(change: OrderChange) -> str:
    """Draw the mean gain over the later questions up to each, in order of time."""
    gains = np.array([item.gain for item in change.questions])
    counts = np.arange(1, len(gains) + 1)
    mean = np.cumsum(gains) / counts
    spread = np.sqrt(np.maximum(np.cumsum(gains**2) / counts - mean**2, 0) / counts) * WIDE
    start = min(MANY, len(gains) - 2)  # the mean of a few says nothing, and would set the scale
    values, wide = mean[max(start, 0) :], spread[max(start, 0) :]
    if len(values) < 2:  # noqa: PLR2004 - a line
        return ""
    band = [(float(low), float(high)) for low, high in zip(values - wide, values + wide, strict=True)]
    curve = Curve("mean gain in quality", [float(value) for value in values], band)
    title = "Gain over the later commits, oldest first, with a 95 % band"
    return drawn([curve], title=title, below="commits", first=max(start, 0) + 1)


def _steps(change: OrderChange) -> str:
    rows = []
    for number, point in enumerate(change.climb):
        said = f"{point.step[0]} = {point.step[1]:g}" if point.step else "what served"
        rows.append((f"{number}: {html.escape(said)}", f"{point.lessons:.3f}", f"{point.later:.3f}"))
    return table(("step", "commits that teach", "later commits"), rows)
