"""How a reply is painted for a terminal: places stand out and open by a click, matched words are bold.

click.style draws it. Colours of each language's syntax would need rich and Pygments: 11 MB in every
installation and 0.1 s of CPU in every search, and they would drown what matters here, the matched words.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click

from mcp_server.messages.blocks import GAP
from mcp_server.messages.visibility import clean
from retrieval.chunks import tokenizer
from retrieval.records import Chunk

_HEADING = re.compile(r"(\d{1,6})\. ")
_NUMBERED = re.compile(r"( *\d+ \| )(.*)", re.DOTALL)
_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Link:
    """How places become links.

    Attributes:
        root: The folder that paths begin at.
        has_lines: Whether the terminal takes a line number at the end of a link.
    """

    root: Path
    has_lines: bool

    def around(self, shown: str, place: Chunk) -> str:
        """Make a text a link to a place (OSC 8)."""
        # The machine's name keeps a terminal that looks at another one from opening a file of its own.
        machine = os.uname().nodename if hasattr(os, "uname") else ""
        line = f"#{place.start_line}" if self.has_lines else ""
        address = (self.root / place.path).as_uri().replace("file://", f"file://{machine}", 1) + line
        return f"\x1b]8;;{address}\x1b\\{shown}\x1b]8;;\x1b\\"


def painted(
    reply: str, places: Sequence[Chunk], *, first: int = 1, words: str = "", link: Link | None = None
) -> str:
    """Colour a reply of `rag_search`, or one of its places.

    Args:
        reply: The text. It holds no control characters but newlines.
        places: The places that it lists, in its order.
        first: The number of the first of them.
        words: What was asked; these words are bold in code.
        link: Makes places links; None leaves them text.
    """
    stems = frozenset(tokenizer.stems(tokenizer.query_terms(words)))
    lines: list[str] = []
    for line in reply.split("\n"):
        numbered, heading = _NUMBERED.fullmatch(line), _HEADING.match(line)
        at = int(heading[1]) - first if heading else -1
        if numbered:
            lines.append(click.style(numbered[1], dim=True) + _emphasised(numbered[2], stems))
        elif 0 <= at < len(places):
            lines.append(_heading(line, places[at], link))
        elif line.startswith("note: "):
            lines.append(click.style(line, fg="yellow"))
        else:
            is_aside = not lines or line.startswith("[") or line.lstrip().startswith(GAP)
            lines.append(click.style(line, dim=True) if is_aside else line)
    return "\n".join(lines)


def _heading(line: str, place: Chunk, link: Link | None) -> str:
    """Paint a heading: `1. src/client.py:1-9  class Client  (score 3.141)`."""
    span = clean(place.span)
    before, found, after = line.partition(span)
    if not found:  # a path too long to be shown whole
        return click.style(line, fg="cyan", bold=True)
    path, _, numbers = span.rpartition(":")
    shown = click.style(path, fg="cyan", bold=True) + click.style(f":{numbers}", fg="cyan")
    what, bracket, scores = after.rpartition("  (")
    linked = link.around(shown, place) if link else shown
    return f"{before}{linked}{what}{click.style(bracket + scores, dim=True)}"


def _emphasised(code: str, stems: frozenset[str]) -> str:
    return _WORD.sub(partial(_emphasise, stems), code) if stems else code


def _emphasise(stems: frozenset[str], word: re.Match[str]) -> str:
    is_asked = not stems.isdisjoint(tokenizer.stems([word[0].lower()]))
    return click.style(word[0], bold=True) if is_asked else word[0]
