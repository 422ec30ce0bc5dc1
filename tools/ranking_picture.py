"""Draw what the scores of a search are made of, for docs/ranking.md: a real command, its real parts, as SVG.

    make pictures

Each result is a bar of its positive parts; what its kind and its place behind another chunk of the file take
away is the dashed rest.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "ranking.svg"
QUESTION = "where is a killed indexing run repaired"
GUESSES = ("write_lock", "indexer.py")
COUNT = 6
WIDTH, ROW, LEFT, TOP, BAR = 900, 46, 12, 58, 16
COLOURS = {
    "body": ("words in the text", "#3b6fb6"),
    "names": ("words in names", "#6a9bd8"),
    "path": ("words in the path", "#9cc0ea"),
    "title": ("spell the file's name", "#c9dcf3"),
    "definition": ("defines a name", "#5b8c5a"),
    "whole": ("holds a name whole", "#8fb98e"),
    "phrase": ("word pairs", "#7d6bb0"),
    "location": ("a named line", "#a99ad0"),
    "purpose": ("what the file is for", "#d9b26a"),
    "past": ("commits", "#c98a2b"),
    "expect": ("guesses", "#b5546b"),
    "coherence": ("the rest of the file", "#9a9a9a"),
    "support": ("files that support it", "#4f9a94"),
    "together": ("changes with the best", "#8fc7c2"),
}

_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"
  aria-label="What the scores of a search are made of">
<style>
text {{ font: 13px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #24292f; }}
.q {{ font-weight: bold; }}
.l {{ font-size: 12px; }}
</style>"""


def main() -> None:
    """Search, and draw the parts of the scores."""
    results = _results()
    PICTURE.write_text(drawn(results), encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {len(results)} results")


def drawn(results: Sequence[dict[str, Any]]) -> str:
    """Draw results, best first, as `goldrank search --json` prints them."""
    named = [(f"{one['path']}:{one['start_line']}-{one['end_line']}", _parts(one)) for one in results]
    longest = max(sum(value for _, value in parts) for _, parts in named)
    unit = (WIDTH - 2 * LEFT - 50) / longest
    used = [name for name in COLOURS if any(name == part for _, parts in named for part, _ in parts)]
    legend_rows = (len(used) + 4) // 5
    height = TOP + len(named) * ROW + legend_rows * 24 + 12
    asked = f"goldrank search {QUESTION!r} {' '.join(f'--expect {guess}' for guess in GUESSES)}"
    lines = [
        _HEAD.format(width=WIDTH, height=height),
        f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
        f'<text class="q" x="{LEFT}" y="28">{escape(asked)}</text>',
    ]
    for row, (one, (place, parts)) in enumerate(zip(results, named, strict=True)):
        lines.extend(_bar(TOP + row * ROW, row + 1, place, parts, one["first_stage"]["score"], unit))
    lines.extend(_legend(used, TOP + len(named) * ROW + 14))
    return "\n".join((*lines, "</svg>", ""))


def _results() -> list[dict[str, Any]]:
    """Search a clone of this repository, with a separate index, as a user would."""
    with tempfile.TemporaryDirectory() as scratch:
        clone, cache = f"{scratch}/goldrank", f"{scratch}/cache"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), clone], check=True)
        command = [sys.executable, "-m", "mcp_server", "search", QUESTION, "--repo", clone, "--cache", cache]
        guesses = [word for guess in GUESSES for word in ("--expect", guess)]
        options = ["--json", "--no-rerank", "--path", "!tools/", "--path", "!docs/", *guesses]
        done = subprocess.run([*command, *options], capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)["results"]
    return found[:COUNT]


def _parts(result: dict[str, Any]) -> list[tuple[str, float]]:
    """Return the positive parts of a score, those of guesses as one, in the order of the legend.

    Raises:
        KeyError: A part has no colour.
    """
    total = dict.fromkeys(COLOURS, 0.0)
    for name, value in result["first_stage"]["parts"].items():
        if value > 0:
            total["expect" if name.startswith("expect_") else name] += value
    return [(name, value) for name, value in total.items() if value > 0]


def _bar(
    top: int, number: int, place: str, parts: Sequence[tuple[str, float]], score: float, unit: float
) -> Iterator[str]:
    yield f'<text x="{LEFT}" y="{top}">{number}. {escape(place)}</text>'
    x, shown = float(LEFT), sum(value for _, value in parts)
    keeps = score / shown  # what kind and decay leave of it
    for name, value in parts:
        width = value * keeps * unit
        yield (
            f'<rect x="{x:.1f}" y="{top + 6}" width="{width:.1f}" height="{BAR}" '
            f'fill="{COLOURS[name][1]}"><title>{escape(COLOURS[name][0])} {value:.2f}</title></rect>'
        )
        x += width
    lost = (shown - score) * unit
    if lost > 1:
        yield (
            f'<rect x="{x:.1f}" y="{top + 6}" width="{lost:.1f}" height="{BAR}" fill="none" '
            'stroke="#9a9a9a" stroke-dasharray="4 3"/>'
        )
    yield f'<text class="l" x="{x + max(lost, 0) + 6:.1f}" y="{top + 19}">{score:.2f}</text>'


def _legend(names: Sequence[str], top: int) -> Iterator[str]:
    for i, name in enumerate(names):
        x, y = LEFT + (i % 5) * 176, top + (i // 5) * 24
        yield f'<rect x="{x}" y="{y - 11}" width="12" height="12" fill="{COLOURS[name][1]}"/>'
        yield f'<text class="l" x="{x + 18}" y="{y}">{escape(COLOURS[name][0])}</text>'


if __name__ == "__main__":
    main()
