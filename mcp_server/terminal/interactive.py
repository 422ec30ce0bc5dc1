"""What a person may type in an interactive search: a question, the number of a place, and a few short words.

`input` with the readline of Python's own library edits the line and recalls earlier ones. The questions are
kept in memory only: what somebody looks for in a repository is nobody else's business.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import click

from mcp_server.messages.visibility import clean
from mcp_server.terminal import editor
from retrieval.errors import GoldrankError
from retrieval.records import Chunk

PROMPT = "search> "
WELCOME = (
    "Ask in plain words or name an identifier. Then: a number shows that place whole, o and a number "
    "opens it in your editor, n shows the next places, ? shows this again, q or an empty line ends."
)
_LEAVE, _HELP, _NEXT = {"q", "quit", "exit", ":q"}, {"?", "h", "help"}, {"n", "next"}
_OPEN = re.compile(r"o(?:pen)?\s*(\d{1,6})")
_NUMBER = re.compile(r"\d{1,6}")


@dataclass(frozen=True, slots=True)
class Listing:
    """The answer to one question.

    Attributes:
        text: The places, as they are printed.
        places: The places, in the order of their numbers.
        whole: Writes a place with all its code; takes its position, from 0.
        first: The number of the first place.
    """

    text: str
    places: Sequence[Chunk]
    whole: Callable[[int], str]
    first: int = 1


def run(ask: Callable[[str, int], Listing], root: Path | None) -> int:
    """Answer questions until an empty line, a word that leaves, or the end of input.

    Args:
        ask: Answers one question, from its place 0 or a later one on.
        root: The folder that paths begin at; None where the places are in no file on this disk.

    Returns:
        How many questions found something.
    """
    with suppress(ImportError):  # Python on Windows has none
        import readline  # noqa: F401 - `input` uses it once it is imported
    click.echo(click.style(WELCOME, dim=True))
    answered, found, question, seen = 0, Listing("", (), lambda _at: ""), "", 0
    while (line := _typed()) and line.lower() not in _LEAVE:
        try:
            if line.lower() in _HELP:
                click.echo(click.style(WELCOME, dim=True))
            elif line.lower() in _NEXT and question:
                seen += len(found.places)
                found = replace(ask(question, seen), first=seen + 1)
                click.echo(found.text)
            elif opening := _OPEN.fullmatch(line):
                place = found.places[_position(opening[1], found)]
                editor.open_at(_folder(root) / place.path, place.start_line)
            elif _NUMBER.fullmatch(line):
                click.echo(found.whole(_position(line, found)))
            else:
                question, seen = line, 0
                found = ask(line, 0)
                answered += bool(found.places)
                click.echo(found.text)
        except GoldrankError as error:
            click.echo(clean(f"goldrank: {error}"), err=True)
    return answered


def _folder(root: Path | None) -> Path:
    """Return the folder that an editor opens files in.

    Raises:
        GoldrankError: The places are in no file on this disk.
    """
    if root is None:
        raise GoldrankError(
            "this repository is served from its URL, without files that an editor could open",
            remedy="the number alone shows the place; clone the repository to edit it",
        )
    return root


def _typed() -> str:
    """Read a line; "" at the end of input, and for Ctrl-C."""
    try:
        return input(PROMPT).strip()
    except (EOFError, KeyboardInterrupt):
        click.echo()
        return ""


def _position(number: str, found: Listing) -> int:
    """Return the position of a place that was named by its number.

    Raises:
        GoldrankError: No place has this number.
    """
    position, last = int(number) - found.first, found.first + len(found.places) - 1
    if 0 <= position < len(found.places):
        return position
    known = f"the last answer lists {found.first} to {last}" if found.places else "ask a question first"
    remedy = f'{known}, or search for the number: "{number}"'
    raise GoldrankError(f"no place has the number {number}", remedy=remedy)
