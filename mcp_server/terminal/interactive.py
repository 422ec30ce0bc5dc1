"""What a person may type in an interactive search: a question, the number of a place, and a few short words.

`input` with the readline of Python's own library edits the line and recalls earlier ones. The questions are
kept in memory only: what somebody looks for in a repository is nobody else's business.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
class Place:
    """One place of an answer: its lines, and what writes it with all its code."""

    chunk: Chunk
    whole: Callable[[], str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the answer to one question: the places, best first, and how they are printed."""

    text: str
    places: Sequence[Place]


class Session:
    """The question that is being answered, and every place that was shown for it."""

    def __init__(self, ask: Callable[[str, int], Page], root: Path | None) -> None:
        """Begin without a question.

        Args:
            ask: Answers a question, from its place 0 or a later one on.
            root: The folder that paths begin at; None where they are no files on this disk.
        """
        self.answered = 0
        self._ask, self._root = ask, root
        self._question = ""
        self._places: list[Place] = []  # of all pages, so that a number keeps its meaning

    def take(self, line: str) -> None:
        """Do what a line says.

        Raises:
            GoldrankError: It cannot be done.
        """
        if line.lower() in _HELP:
            click.echo(click.style(WELCOME, dim=True))
        elif line.lower() in _NEXT and self._question:
            self._show(self._ask(self._question, len(self._places)))
        elif opening := _OPEN.fullmatch(line):
            chunk = self._place(opening[1]).chunk
            editor.open_at(_folder(self._root) / chunk.path, chunk.start_line)
        elif _NUMBER.fullmatch(line):
            click.echo(self._place(line).whole())
        else:
            self._question, self._places = line, []
            self._show(self._ask(line, 0))
            self.answered += bool(self._places)

    def _show(self, page: Page) -> None:
        self._places += page.places
        click.echo(page.text)

    def _place(self, number: str) -> Place:
        """Return the place with a number.

        Raises:
            GoldrankError: No place has this number.
        """
        if 0 < int(number) <= len(self._places):
            return self._places[int(number) - 1]
        known = f"the places are 1 to {len(self._places)}" if self._places else "ask a question first"
        remedy = f'{known}, or search for the number: "{number}"'
        raise GoldrankError(f"no place has the number {number}", remedy=remedy)


def run(ask: Callable[[str, int], Page], root: Path | None) -> int:
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
    session = Session(ask, root)
    while (line := _typed()) and line.lower() not in _LEAVE:
        try:
            session.take(line)
        except GoldrankError as error:
            click.echo(clean(f"goldrank: {error}"), err=True)
    return session.answered


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
