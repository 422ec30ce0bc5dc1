"""Draw the terminals that README and docs show: real commands, their real output and colours, as SVG.

    make pictures

Rich draws what `--color always` prints. Its default template loads a font from the network; ours names system
fonts. The commands run in a clone of this repository, or in a small one, with a home of their own, so no path
of this machine is drawn.
"""

import io
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
COLUMNS = 104


@dataclass(frozen=True, slots=True)
class Session:
    """A picture: its name below docs/, what it shows, the command, and the folder where it runs."""

    name: str
    label: str
    command: Sequence[str]
    folder: str = "goldrank"


QUESTION = "how are secrets masked before a file is indexed".split()
# tools/ contains the question.
_SEARCH = ("search", *QUESTION, "--path", "!tools/", "-k", "3")
SESSIONS = (
    Session("search", "A search with goldrank", (*_SEARCH, "--max-chars", "1900")),
    Session("explain", "Why each result stands where it does", (*_SEARCH, "--format", "paths", "--explain")),
    Session("status", "What is searched, and what is left out", ("status",)),
    Session("init", "What init would add for Claude Code", ("init", "claude", "--print"), "shop"),
    Session("doctor", "A check of the installation", ("doctor",), "shop"),
)
_TEMPLATE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 WIDTH HEIGHT"
  role="img" aria-label="LABEL">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs>
{lines}</defs>
<rect fill="#1d1f21" width="WIDTH" height="HEIGHT" rx="8" />
<g transform="translate(MARGIN, MARGIN)">
{backgrounds}<g class="{unique_id}-matrix">
{matrix}</g></g>
</svg>
"""
MARGIN = 12
CHARACTER, LINE = 12.2, 24.4  # what rich gives each of them


def main() -> None:
    """Run every session and draw it."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch).resolve()
        clone = home / "goldrank"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        shop = home / "shop"
        shop.mkdir()
        (shop / "basket.py").write_text(
            "def total(basket):\n    return sum(basket.values())\n", encoding="utf-8"
        )
        subprocess.run(["git", "init", "--quiet", str(shop)], check=True)
        for folder in (clone, shop):
            _run(home, folder, ("index",))
        for session in SESSIONS:
            svg = drawn(session, _run(home, home / session.folder, session.command))
            picture = ROOT / "docs" / f"{session.name}.svg"
            picture.write_text(svg, encoding="utf-8")
            print(f"{picture.relative_to(ROOT)}: {len(svg):,} bytes")


def drawn(session: Session, output: str) -> str:
    """Draw a command and what it printed.

    Args:
        session: The command.
        output: Its output, with ANSI colours.
    """
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False)
    console.print(Text(f"$ {shlex.join(('goldrank', *session.command))}", style="bold"))
    console.print(Text.from_ansi(output.rstrip()), no_wrap=True, overflow="ellipsis")
    height = console.export_text(clear=False).count("\n") * LINE + 2 * MARGIN
    template = _TEMPLATE.replace("LABEL", session.label).replace("HEIGHT", f"{height:.0f}")
    template = template.replace("WIDTH", f"{COLUMNS * CHARACTER + 2 * MARGIN:.0f}").replace(
        "MARGIN", str(MARGIN)
    )
    return console.export_svg(code_format=template, unique_id=f"goldrank-{session.name}")


def _run(home: Path, folder: Path, command: Sequence[str]) -> str:
    """Run goldrank without anybody's settings, and show what is in its home by `~`."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    environment |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "PYTHONSAFEPATH": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "goldrank_launcher", *command, "--color", "always"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )
    if done.returncode > 1:
        raise SystemExit(f"goldrank {shlex.join(command)}: {done.stderr}")
    shown = done.stdout
    installed = "~/.local/share/pipx/venvs/goldrank"
    program = f"{sys.prefix}/bin/goldrank"  # whole in a client's file, where ~ would mean nothing
    for path, name in (
        (str(home), "~"),
        (program, "/home/you/.local/bin/goldrank"),
        (sys.prefix, installed),
        (str(ROOT), installed),
    ):
        shown = shown.replace(path, name)
    return shown


if __name__ == "__main__":
    main()
