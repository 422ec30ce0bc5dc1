"""How an evaluation becomes one HTML page, plots included, that opens offline."""

import html
import io
from collections.abc import Callable, Sequence
from typing import Any

from retrieval.training.evaluation import comparison, metrics
from retrieval.training.evaluation.comparison import Report, Scores
from retrieval.training.evaluation.pages import offline_search
from retrieval.training.evaluation.pages.html_page import framed
from retrieval.training.evaluation.tables import COLUMNS, first_answer, gain, row

NOWHERE = 100  # where a plot draws targets that are not among the first 50
CUTOFFS = (1, 2, 3, 5, 10, 20, 50)

_COLORS = ("#9e9e9e", "#bcbd22", "#1f77b4", "#ff7f0e", "#8c564b", "#2ca02c")


def as_html(report: Report, *, title: str, first: str = "", more: str = "") -> str:
    """Write the page; the same arguments give the same bytes.

    Args:
        report: The evaluation.
        title: The title of the page.
        first: Sections before the systems, as HTML.
        more: Sections between the plots and the questions, as HTML.
    """
    model = f"<h2>The model</h2>\n{_systems_section(report)}" if first else _systems_section(report)
    body = f"{first}{model}{more}{_questions_table(report)}\n{_facts(report)}"
    return framed(title, body, style=offline_search.STYLE)


def _systems_section(report: Report) -> str:
    """Write what systems scored, and the plots."""
    plots = "\n".join(
        f"<figure>{_plot(draw, report)}</figure>" for draw in (_ranks, _recall, _latency, _trust)
    )
    return f'{_systems_table(report)}\n{_gains(report)}\n<div class="plots">\n{plots}\n</div>\n'


def _systems_table(report: Report) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ["system", *COLUMNS])
    rows = "\n".join(
        f'<tr><td title="{html.escape(scores.note)}">{html.escape(scores.name)}</td>'
        + "".join(f"<td>{cell}</td>" for cell in row(report, scores))
        + "</tr>"
        for scores in report.systems
    )
    notes = "; ".join(f"{scores.name}: {scores.note}" for scores in report.systems if scores.note)
    said = f"<p>{len(report.asked)} questions. {html.escape(notes)}</p>"
    return f'<div class="wide"><table><tr>{head}</tr>\n{rows}\n</table></div>\n{said}'


def _gains(report: Report) -> str:
    return "<ul>" + "".join(f"<li>{html.escape(gain(item))}</li>" for item in report.comparisons) + "</ul>"


def _questions_table(report: Report) -> str:
    """List every question with the rank of its first answer in each system that names chunks."""
    names = [scores.name for scores in report.systems]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ["question", *names])
    rows = []
    first, last = _around(report)
    for item in report.asked:
        change = (
            last.by_question[item.question_id]["nDCG@10"] - first.by_question[item.question_id]["nDCG@10"]
        )
        kind = "better" if change > 0 else "worse" if change < 0 else "same"
        cells = "".join(f"<td>{first_answer(scores, item.question_id)}</td>" for scores in report.systems)
        rows.append(f'<tr class="{kind}"><td>{html.escape(item.text)}</td>{cells}</tr>')
    body = "\n".join(rows)
    table = f"<table><tr>{head}</tr>\n{body}\n</table>"
    above, below = (f'<span class="{kind}">{kind}</span>' for kind in ("better", "worse"))
    said = (
        f"By nDCG@10, which weighs all answers of a question, {html.escape(last.name)} is {above} or {below} "
    )
    said += f"than {html.escape(first.name)}."
    return f'<h2>Rank of the first answer</h2>\n<p>{said}</p>\n<div class="wide">{table}</div>'


def _facts(report: Report) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(str(key))}</td><td>{html.escape(str(value))}</td></tr>"
        for key, value in report.facts.items()
    )
    return f'<h2>What was judged</h2>\n<table class="facts">{rows}</table>'


def _around(report: Report) -> tuple[Scores, Scores]:
    """Return the first stage and the last system, which is the evaluated one."""
    named = {scores.name: scores for scores in report.systems}
    return named.get("first stage", report.systems[0]), report.systems[-1]


def _plot(draw: Callable[[Any, Report], None], report: Report) -> str:
    """Draw a plot as an SVG element without scripts, fonts or links; the same report gives the same bytes."""
    import matplotlib as mpl  # noqa: PLC0415 - heavy, and needed here alone
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context({"svg.hashsalt": draw.__name__, "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(5, 3.6), layout="constrained")
        draw(figure.subplots(), report)
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()[target.getvalue().index("<svg") :]


def _ranks(axes: Any, report: Report) -> None:
    before, after = _around(report)
    for item in report.asked:
        ranks = [
            min((rank for rank in scores.ranks[item.question_id] if rank), default=NOWHERE)
            for scores in (before, after)
        ]
        color = _COLORS[5] if ranks[1] < ranks[0] else "#d62728" if ranks[1] > ranks[0] else _COLORS[0]
        axes.plot([0, 1], ranks, color=color, alpha=0.6, marker="o", markersize=3, linewidth=1)
    axes.set_yscale("log")
    axes.invert_yaxis()
    axes.set_yticks([1, 2, 3, 5, 10, 20, 50, NOWHERE], ["1", "2", "3", "5", "10", "20", "50", "none"])
    axes.minorticks_off()
    axes.set_xticks([0, 1], [before.name, after.name])
    axes.set_title("Rank of the first answer, a line a question")


def _recall(axes: Any, report: Report) -> None:
    for scores, color in zip(report.systems, _colors(report), strict=True):
        values = [_mean_recall(scores, cutoff) for cutoff in CUTOFFS]
        axes.plot(CUTOFFS, values, color=color, marker="o", markersize=3, label=scores.name)
    axes.set_xscale("log")
    axes.set_xticks(CUTOFFS, [str(cutoff) for cutoff in CUTOFFS])
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("results read")
    axes.set_title("Recall: share of answers found")
    axes.legend()


def _mean_recall(scores: Scores, cutoff: int) -> float:
    return sum(metrics.recall(ranks, cutoff) for ranks in scores.ranks.values()) / max(len(scores.ranks), 1)


def _latency(axes: Any, report: Report) -> None:
    for scores, color in zip(report.systems, _colors(report), strict=True):
        spent = max(scores.mean("ms"), 0.1)
        low, high = comparison.mean_interval(scores, report.asked, "nDCG@10")
        mean = scores.mean("nDCG@10")
        axes.errorbar(
            [spent], [mean], yerr=[[max(mean - low, 0)], [max(high - mean, 0)]],
            fmt="o", color=color, capsize=3, label=scores.name,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlabel("milliseconds a question")
    axes.set_ylim(0, 1.02)
    axes.set_title("nDCG@10 and what it costs, with 95 % intervals")
    axes.legend()


def _trust(axes: Any, report: Report) -> None:
    before, _ = _around(report)
    bins = comparison.reliability(report.confidence, before)
    axes.plot([0, 1], [0, 1], color="#cccccc", linewidth=1)
    for confidence, right, count in bins:
        axes.scatter([confidence], [right], s=10 + 4 * count, color=_COLORS[2])
        axes.annotate(str(count), (confidence, right), textcoords="offset points", xytext=(6, -10))
    axes.set_xlim(0, 1.02)
    axes.set_ylim(-0.06, 1.04)
    axes.set_xlabel("confidence of the first stage")
    axes.set_ylabel("first result answers")
    axes.set_title("Reliability of the confidence (questions a bin)")


def _colors(report: Report) -> Sequence[str]:
    return [_COLORS[i % len(_COLORS)] for i in range(len(report.systems))]
