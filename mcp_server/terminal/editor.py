"""How a file is opened in the user's editor, at a line."""

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from retrieval.errors import ArgumentError

_PLUS = frozenset(
    "ed ex vi vim nvim gvim view vis kak kakoune nano pico micro emacs emacsclient mg jed joe ne".split()
)
_GOTO = frozenset("code code-insiders codium vscodium cursor windsurf trae".split())
_COLON = frozenset("hx helix subl sublime_text zed zeditor atom mate".split())


def command(file: Path, line: int, environment: Mapping[str, str]) -> list[str]:
    """Write the command that opens a file at a line; an editor that is unknown opens the file alone.

    Raises:
        ArgumentError: No editor is set, or the variable that names it cannot be read.

    >>> command(Path("a.py"), 40, {"VISUAL": "code --wait", "EDITOR": "vi"})
    ['code', '--wait', '-g', 'a.py:40']
    """
    chosen = environment.get("VISUAL") or environment.get("EDITOR") or ""
    try:
        words = shlex.split(chosen)
    except ValueError as error:
        raise ArgumentError(f"the editor {chosen!r} cannot be read: {error}") from error
    if not words:
        raise ArgumentError("no editor is set", remedy="set EDITOR, as in: export EDITOR=nano")
    name = Path(words[0]).stem.lower()
    if name in _PLUS:
        return [*words, f"+{line}", str(file)]
    if name in _GOTO:
        return [*words, "-g", f"{file}:{line}"]
    if name in _COLON:
        return [*words, f"{file}:{line}"]
    return [*words, str(file)]


def open_at(file: Path, line: int) -> None:
    """Open a file in the user's editor and wait until the editor returns.

    Raises:
        ArgumentError: No editor is set, or it cannot be started.
    """
    words = command(file, line, os.environ)
    try:
        subprocess.run(words, check=False)  # noqa: S603 - the user's own editor
    except OSError as error:
        raise ArgumentError(
            f"the editor {words[0]} cannot be started: {error.strerror}", remedy="set EDITOR to one that can"
        ) from error
