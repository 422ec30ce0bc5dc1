"""Draw the search that the README shows: a real command, its real output, as SVG.

    make pictures

Rich draws the terminal. Its default template loads a font from the network; ours names system fonts.
"""

import io
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "search.svg"
QUESTION = "how does the index survive a process that is killed"
# This file contains the question.
OPTIONS = ("--path", "!tools/", "--top-k", "3", "--max-chars", "1900")
COLUMNS = 104
_STYLES = (
    (re.compile(r"^\$ .*", re.MULTILINE), "bold"),
    (re.compile(r"^\d+\. (\S+:\d+-\d+)", re.MULTILINE), "bold cyan"),
    (re.compile(r"^ *(\d+) \|", re.MULTILINE), "dim"),
    (re.compile(r"\(score [^)]*\)"), "dim"),
    (re.compile(r"^\[.*\]$|^\S+ \((?:commit|no commit|not a git).*", re.MULTILINE), "dim"),
)
_TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
  role="img" aria-label="A search with goldrank">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}</defs>
<rect fill="#1d1f21" x="1" y="1" width="{terminal_width}" height="{terminal_height}" rx="8" />
<g transform="translate(9, 16)" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">
{matrix}</g></g>
</svg>
"""


def main() -> None:
    """Run the search and draw it."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False)
    command = shlex.join(["goldrank", "search", QUESTION, *OPTIONS])
    console.print(_coloured(f"$ {command}\n{_answer()}"))
    svg = console.export_svg(code_format=_TEMPLATE, unique_id="goldrank")
    PICTURE.write_text(svg, encoding="utf-8")
    print(f"{PICTURE.relative_to(ROOT)}: {len(svg):,} bytes")


def _answer() -> str:
    """Search a clone of this repository, with a separate index, as a user would."""
    with tempfile.TemporaryDirectory() as scratch:
        clone, cache = f"{scratch}/goldrank", f"{scratch}/cache"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), clone], check=True)
        command = [sys.executable, "-m", "mcp_server", "search", QUESTION, "--repo", clone, "--cache", cache]
        done = subprocess.run([*command, *OPTIONS], capture_output=True, text=True, check=True)
    return done.stdout


def _coloured(shown: str) -> Text:
    text = Text(shown, no_wrap=True, overflow="ellipsis")
    for pattern, style in _STYLES:
        for match in pattern.finditer(shown):
            group = match.lastindex or 0
            text.stylize(style, match.start(group), match.end(group))
    return text


if __name__ == "__main__":
    main()
