"""What a page says of anything that commits taught: the verdict first, then what it gains, and for whom."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from retrieval.training.evaluation.pages.html_page import folded, quoted, table
from retrieval.training.evaluation.pages.svg_curves import Curve, drawn
from retrieval.training.order.changes import Change
from retrieval.training.order.evidence import Place
from retrieval.training.order.gate import FILES, LINES, VALUE, Gain, OrderDecision
from retrieval.training.order.measures import DEEPEST

SHOWN = 8  # questions of a kind that stand open; the rest is folded
PLACES = 2  # answering places of a question
HASH_CHARS = 10
SAME = 1e-9  # a difference in quality below it is rounding
MANY = 10  # later questions before the mean gain over time is drawn
WIDE = 1.96  # standard errors on either side of a mean, which hold 95 % of a normal distribution

TITLES: Mapping[str, str] = {"order": "The order of results", "model": "The model"}
MEANINGS: Mapping[str, str] = {
    VALUE: "Mean of the measures of files and of lines; what learning raises.",
    LINES: "Share of the answering lines that are among the first ten results.",
    FILES: "Whether the files that answer come first.",
}


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned from commits, and how later commits judge it.

    Attributes:
        kind: The kind of thing that was learned.
        decision: Whether it may serve.
        version: Its name if it was promoted, or None.
        questions: What became of the questions that judge, oldest first.
        lessons: How many commits taught it.
        is_new: Whether it differs from what served.
    """

    kind: Literal["order", "model"]
    decision: OrderDecision
    version: str | None
    questions: tuple[Change, ...]
    lessons: int
    is_new: bool = True


def verdict(learned: Learned) -> str:
    """Write the title of a section, and whether it serves and why, as HTML."""
    if learned.version:
        kind, said = "yes", f"Promoted as {learned.version}: {_told(learned)}"
        if not learned.decision.promote:
            said = (
                f"Promoted by force, as {learned.version}, although the gate refused it: {_reasons(learned)}"
            )
    elif learned.is_new:
        kind, said = "no", f"Refused, nothing has changed. {_reasons(learned)}"
    else:
        kind, said = "", f"Nothing was learned, nothing has changed. {_reasons(learned)}"
    return f'<h2>{TITLES[learned.kind]}</h2>\n<p class="verdict {kind}">{html.escape(said)}</p>'


def gains(learned: Learned) -> str:
    """Write what is gained on later commits, with intervals."""
    decision = learned.decision
    rows = [
        (
            explained(gain.measure, MEANINGS),
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
        f"<h3>What it gains</h3>\n<p>{learned.lessons} older commits taught it; {decision.questions} "
        f"later ones, which it has not seen, judge it.</p>\n{table(head, rows)}{golden}"
    )


def for_whom(learned: Learned, *, note: str = "") -> str:
    """List the questions that got better and worse; `note` is one more sentence about them, as text."""
    better, worse, same = _by_outcome(learned.questions)
    return (
        "<h3>For whom</h3>\n<p>Each question is the subject of a later commit, asked of the tree before it. "
        "The rank is that of the first result with lines that the commit changed; results beyond the "
        "fiftieth do not count. "
        f"A question can gain without it, by its other lines.{html.escape(f' {note}' if note else '')}</p>\n"
        f"{_listed('Better', 'better', better)}{_listed('Worse', 'worse', worse)}"
        f"{folded(f'{len(same)} stayed the same', _table(same)) if same else ''}"
    )


def over_time(learned: Learned) -> str:
    """Draw the mean gain over the later questions up to each, in order of time; "" for too few."""
    gained = np.array([item.gain for item in learned.questions])
    counts = np.arange(1, len(gained) + 1)
    mean = np.cumsum(gained) / counts
    spread = np.sqrt(np.maximum(np.cumsum(gained**2) / counts - mean**2, 0) / counts) * WIDE
    start = min(MANY, len(gained) - 2)  # the mean of a few says nothing, and would set the scale
    values, wide = mean[max(start, 0) :], spread[max(start, 0) :]
    if len(values) < 2:  # noqa: PLR2004 - a line
        return ""
    band = [(float(low), float(high)) for low, high in zip(values - wide, values + wide, strict=True)]
    curve = Curve("mean gain in quality", [float(value) for value in values], band)
    title = "Gain over the later commits, oldest first, with a 95 % band"
    return drawn([curve], title=title, below="commits", first=max(start, 0) + 1)


def explained(name: str, meanings: Mapping[str, str]) -> str:
    """Write a name with what it means below it."""
    meaning = f'<br><span class="faint">{html.escape(meanings[name])}</span>' if name in meanings else ""
    return f"{html.escape(name)}{meaning}"


def _told(learned: Learned) -> str:
    """Say what is gained, in a sentence."""
    decision = learned.decision
    quality = next((gain for gain in decision.gains if gain.measure == VALUE), None)
    better, worse, same = (len(found) for found in _by_outcome(learned.questions))
    outcome = f" {better} got better, {worse} worse, {same} stayed." if learned.questions else ""
    if quality is None:
        return f"{_reasons(learned)}{outcome}"
    return (
        f"on {decision.questions} later commits, quality rises from {quality.before:.3f} to "
        f"{quality.before + quality.gain:.3f} (95 %: by {quality.low:+.3f} to {quality.high:+.3f}).{outcome}"
    )


def _reasons(learned: Learned) -> str:
    return " ".join(learned.decision.reasons)


def _kind(gain: Gain) -> str:
    """Colour only what is beyond chance."""
    return "better" if gain.low > 0 else "worse" if gain.high < 0 else ""


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
    commit = html.escape(item.commit[:HASH_CHARS])
    return f'{quoted(item.subject)} <code class="faint">{commit}</code>'


def _places(item: Change) -> str:
    shown = "<br>".join(f"<code>{quoted(_place(place))}</code>" for place in item.places[:PLACES])
    more = len(item.places) - PLACES
    return shown + (f' <span class="faint">and {more} more</span>' if more > 0 else "")


def _place(place: Place) -> str:
    path, start, end = place
    return path if start is None else f"{path}:{start}-{end}"


def _rank(rank: int | None) -> str:
    return f"&gt;{DEEPEST}" if rank is None else str(rank)
