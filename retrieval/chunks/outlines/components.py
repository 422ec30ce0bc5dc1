"""Which parts of a web page or component are written in which language: script, style and markup.

A part keeps the rows of its file: everything else is blanked, so that the part's own grammar sees its code
where the file has it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.chunks.outlines.spans import Span

HOSTS = frozenset({"astro", "html", "svelte", "vue"})
MOST_PARTS = 200  # of one file; the rest is markup

_OPEN = re.compile(r"<(script|style)\b((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>", re.IGNORECASE)
_LANG = re.compile(r"\b(lang|type)\s*=\s*[\"']?([\w/+.-]+)", re.IGNORECASE)
_SCRIPTS = {
    "application/javascript": "javascript",
    "js": "javascript",
    "jsx": "javascript",
    "module": "javascript",
    "text/babel": "javascript",
    "text/javascript": "javascript",
    "text/typescript": "typescript",
    "ts": "typescript",
    "tsx": "typescript",
    "typescript": "typescript",
}
_STYLES = {"css", "scss", "sass", "less", "postcss", "stylus", "text/css"}


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a file in one language.

    Attributes:
        language: The language; "html" for markup.
        span: The rows, tags included.
        lines: All lines of the file, those outside the part blanked.
        dialect: A path whose suffix decides the grammar's dialect.
    """

    language: str
    span: Span
    lines: Sequence[str]
    dialect: str = ""


def parts(language: str, lines: Sequence[str]) -> Iterator[Part]:
    """Yield the parts of a file, in order, which cover all rows.

    >>> text = ["<p>x</p>", "<script lang=ts>", "let a = 1", "</script>"]
    >>> [(part.language, part.span.first, part.span.last) for part in parts("vue", text)]
    [('html', 0, 0), ('typescript', 1, 3)]
    """
    # One part at a time: each is as long as the file, and a file may have thousands.
    for kind, span, begin, code, dialect in _found(language, lines):
        blank = [""] * (len(lines) - begin - len(code))
        yield Part(kind, span, [*[""] * begin, *code, *blank], dialect)


_Found = tuple[str, Span, int, Sequence[str], str]
"""A part's language, rows, first row of code, code and dialect."""


def _found(language: str, lines: Sequence[str]) -> list[_Found]:
    text = "\n".join(lines)
    found: list[_Found] = []
    row, at = _front_matter(language, lines, found)
    offset = sum(len(line) + 1 for line in lines[:row])
    rows, counted = row, offset
    while len(found) < MOST_PARTS and (opened := _OPEN.search(text, offset)):
        closed = re.compile(rf"</{opened[1]}\s*>", re.IGNORECASE).search(text, opened.end())
        end = closed.start() if closed else len(text)
        offset = closed.end() if closed else len(text)
        kind = _language(opened[1].lower(), opened[2], host=language)
        first = rows + text.count("\n", counted, opened.start())
        begin = first + text.count("\n", opened.start(), opened.end())
        last = begin + text.count("\n", opened.end(), end)
        rows, counted = last, end
        if kind and first >= at:
            if first > at:
                found.append(_markup(lines, at, first - 1))
            code = text[opened.end() : end].split("\n")
            found.append((kind[0], Span(first, last), begin, code, kind[1]))
            at = last + 1
    if at < len(lines):
        found.append(_markup(lines, at, len(lines) - 1))
    return found


def _front_matter(language: str, lines: Sequence[str], found: list[_Found]) -> tuple[int, int]:
    """Add the script between the fences at the top of an Astro file; return the row after it, twice."""
    start = next((row for row, line in enumerate(lines) if line.strip()), len(lines))
    if language != "astro" or start == len(lines) or lines[start].rstrip() != "---":
        return 0, 0
    end = next((row for row in range(start + 1, len(lines)) if lines[row].rstrip() == "---"), 0)
    if not end:
        return 0, 0
    found.append(("typescript", Span(0, end), start + 1, lines[start + 1 : end], "a.tsx"))
    return end + 1, end + 1


def _language(tag: str, attributes: str, *, host: str) -> tuple[str, str] | None:
    """Return the language of a tag's content and its dialect; None for data and templates."""
    said = [value.lower() for _, value in _LANG.findall(attributes)]
    if tag == "style":
        return ("css", "") if not said or set(said) & _STYLES else None
    for value in said:
        if value in _SCRIPTS:
            return _SCRIPTS[value], "a.tsx" if value == "tsx" else ""
    if said:
        return None
    return ("typescript" if host == "astro" else "javascript"), ""


def _markup(lines: Sequence[str], first: int, last: int) -> _Found:
    return "html", Span(first, last), first, lines[first : last + 1], ""
