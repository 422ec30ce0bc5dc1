"""How untrusted text is written in Markdown without breaking its tables and headings."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a table as lines of Markdown."""
    written = [f"| {' | '.join(map(_cell, row))} |" for row in (head, *rows)]
    return [written[0], "|" + " --- |" * len(head), *written[1:]]


def _cell(text: str) -> str:
    r"""Escape a text so that it stays in its cell and is not HTML.

    >>> _cell("a | b\n<c>")
    'a \\| b<br>&lt;c&gt;'
    """
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("|", "\\|")
    return "<br>".join(safe.splitlines())


def one_line(text: str) -> str:
    """Write a text on one line: a line break would end a heading or a list."""
    return " ".join(text.split())
