"""Whether output is coloured and its places are links: by `--color`, the environment and the terminal.

click strips colours from what goes into a pipe. It knows no links, so those are written to a terminal only.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, TextIO

import click

Mode = Literal["auto", "always", "never"]
_PLAIN = frozenset(("dumb", "unknown"))  # values of TERM whose terminals show escape sequences as they are
_WITHOUT_LINKS = _PLAIN | {"linux"}  # the console of Linux has colours and prints a link's address


def with_color(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--color` to a command; click keeps the choice in the context and applies it to all it prints."""
    return click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        default="auto",
        show_default=True,
        expose_value=False,
        callback=_choose,
        help="Colour the output; auto does on a terminal, unless NO_COLOR is set.",
    )(command)


def _choose(context: click.Context, _option: click.Parameter, mode: Mode) -> None:
    context.color = choice(mode, os.environ)


def choice(mode: Mode, environment: Mapping[str, str]) -> bool | None:
    """Decide on colour: yes, no, or None for yes where the output is a terminal.

    The option wins over NO_COLOR (https://no-color.org), which wins over CLICOLOR_FORCE and FORCE_COLOR.

    >>> choice("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}), choice("always", {"NO_COLOR": "1"})
    (False, True)
    """
    if mode != "auto":
        return mode == "always"
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "0") not in {"", "0"} for name in ("CLICOLOR_FORCE", "FORCE_COLOR")):
        return True
    is_plain = environment.get("TERM") in _PLAIN or environment.get("CLICOLOR") == "0"
    return False if is_plain else None


def is_coloured(stream: TextIO) -> bool:
    """Return whether the current command's output to a stream is coloured."""
    context = click.get_current_context(silent=True)
    chosen = context.color if context else choice("auto", os.environ)
    return stream.isatty() if chosen is None else chosen


def takes_links(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Return whether places printed to a stream may be links: a coloured terminal that knows them."""
    return stream.isatty() and is_coloured(stream) and environment.get("TERM") not in _WITHOUT_LINKS


def takes_lines(environment: Mapping[str, str]) -> bool:
    """Return whether this terminal reads `#40` at the end of a file's link as line 40.

    kitty, iTerm2 and the terminal of VS Code do; another may look for a file of that name.
    """
    programs = {"iTerm.app", "vscode"}
    return "KITTY_WINDOW_ID" in environment or environment.get("TERM_PROGRAM") in programs
