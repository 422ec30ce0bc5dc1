"""How what a search found is printed: as a reply, painted where the output is coloured, or as JSON."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import click

from mcp_server.messages import explanation, replies, search_json
from mcp_server.messages.blocks import block_of
from mcp_server.messages.sections import Section
from mcp_server.messages.ways import COMMAND, Ways
from mcp_server.terminal.colour import is_coloured, takes_lines, takes_links
from mcp_server.terminal.painting import Link, painted
from retrieval.search import searcher
from retrieval.search.searcher import Answer, Request
from retrieval.sync.view import View

Output = Literal["text", "json", "jsonl"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a search is printed.

    Attributes:
        max_chars: Longest reply.
        form: How much of each result.
        explain: Whether each score is explained.
        explain_line: `path:line` of a chunk to explain, or None.
        output: Text for people, or JSON for programs.
        ways: How the reader asks again.
    """

    max_chars: int
    form: replies.Form
    explain: bool
    explain_line: str | None
    output: Output
    ways: Ways = COMMAND


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found, and where."""

    request: Request
    answer: Answer
    view: View
    sections: Sequence[Section]

    @property
    def source(self) -> str:
        """The repository's name and its commit."""
        return f"{self.view.name} ({self.view.commit})"

    @property
    def first(self) -> int:
        """The number of the first place."""
        return self.request.offset + 1

    @property
    def words(self) -> str:
        """All that was asked, guesses included."""
        return " ".join((self.request.query, *self.request.wordings, *self.request.expect))


def show(found: Found, shown: Shown) -> None:
    """Print what a search found."""
    if shown.output == "json":
        click.echo(search_json.as_json(found.answer, found.sections, source=found.source, first=found.first))
        return
    if shown.output == "jsonl":
        for line in search_json.as_lines(found.sections, first=found.first):
            click.echo(line)
        return
    explained = explanation.line_of(shown.explain_line, found.view) if shown.explain_line else None
    click.echo(text(found, shown))
    if shown.explain:
        click.echo(replies.clean("\n".join(explanation.of_results(found.answer))))
    if explained:
        ranking = searcher.ranking(found.view, found.request)
        chunks = found.view.snapshot.chunks_of(explained.path)
        click.echo(replies.clean("\n".join(explanation.of_line(ranking, explained, chunks))))


def text(found: Found, shown: Shown) -> str:
    """Write what a search found."""
    layout = replies.Layout(shown.max_chars, shown.form, shown.ways)
    reply = replies.search_reply(
        found.answer, found.sections, request=found.request, source=found.source, layout=layout
    )
    return _painted(reply, found)


def whole(found: Found, position: int) -> str:
    """Write one place with all its code.

    Args:
        found: The places.
        position: Which of them, from 0.
    """
    block = block_of(found.sections[position], found.first + position, found.words)
    return _painted("\n".join((block.heading, *block.full)), found)


def _painted(reply: str, found: Found) -> str:
    if not is_coloured(sys.stdout):
        return reply
    is_linked = found.view.is_on_disk and takes_links(sys.stdout, os.environ)
    link = Link(found.view.root, takes_lines(os.environ)) if is_linked else None
    places = [section.place for section in found.sections]
    return painted(reply, places, first=found.first, words=found.words, link=link)
