"""Which comment describes a definition or a file: its lines and its text.

A question made from a comment is a fair one only if the comment is removed: `Comment` therefore says which
lines to remove before the code is indexed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

SEARCHED = 12  # a docstring is searched within this many lines of a signature
_LINE = re.compile(r"\s*(?:///?!?|##?(?!\[|!|include|define|if|e)|--(?!>)(?: \|)?|;;+)(?:\s|$)")
_CLOSED = re.compile(r".*(?:\*/|-\})\s*$")
_OPEN = re.compile(r"\s*(?:/\*|\{-)")
_QUOTES = re.compile(r'\s*(?:@(?:module)?doc\s+(?:~[sS])?)?[rRbBuU]{0,2}("""|\'\'\')')
_MARKS = re.compile(r"^\s*(?:/\*[*!]?|///?!?|\*+/?|#+|--+(?: \|)?|;;+|\{-+(?: \|)?)?\s?|(?:\*+/|-\})\s*$")
_TAG = re.compile(
    r"^\s*(?:[@\\](?!(?:brief|code|link|c)\b)\w+|:\w+[^:]*:|[A-Z]\w*( \w+)?:\s*$"
    r"|-{3,}|={3,}|~{3,}|#+ |```|>>>|\.\. |\* @|=\w+)"
)
_NOISE = (
    (re.compile(r"\{@\w+\s+([^}]*)\}"), r"\1"),
    (re.compile(r"</?\w+[^>]*>"), " "),
    (re.compile(r":\w+:`~?([^`]*)`"), r"\1"),
    (re.compile(r"\[`?([^\]`]+)`?\](?:\([^)]*\)|\[[^\]]*\])?"), r"\1"),
    (re.compile(r"[@\\](?:brief|c|p|code)\s"), ""),
    (re.compile(r"[`*_]{1,2}(\S(?:.*?\S)?)[`*_]{1,2}"), r"\1"),
)
_LEGAL = re.compile(
    r"licen[cs]e|copyright|\(c\)|warrant|liab|permission|redistribut|generated|do not edit|author|TODO|FIXME"
    r"|XXX|eslint|noqa|spdx|all rights|vim:|-\*-|pragma|deprecat|https?://",
    re.IGNORECASE,
)
_ENGLISH = frozenset(
    "a an the of to in for is are and or with by from this that if be as on when it its not".split()
)
_SENTENCE = re.compile(r"(.+?[.!?:])(?:\s|$)")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
SHORTEST, LONGEST = 4, 32  # words kept of a comment


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment and its lines.

    Attributes:
        start_line: First line, 1-based.
        end_line: Last line, inclusive.
        text: Its first paragraph, without marks.
    """

    start_line: int
    end_line: int
    text: str

    @property
    def sentence(self) -> str:
        """Return the first sentence without its full stop."""
        found = _SENTENCE.match(self.text + " ")
        return (found[1] if found else self.text).rstrip(".:! ")


def of_definition(lines: Sequence[str], start_line: int, end_line: int) -> Comment | None:
    """Find the comment above a definition, or the docstring in it, that is informative English."""
    return _told(lines, _above(lines, start_line - 1) or _inside(lines, start_line, end_line))


def of_file(lines: Sequence[str]) -> Comment | None:
    """Find a file's first comment that is not its licence."""
    row = 0
    while row < min(len(lines), 80):
        while row < len(lines) and (not lines[row].strip() or lines[row].startswith(("#!", "<?php"))):
            row += 1
        last = _below(lines, row)
        if last is None:
            return None
        if found := _told(lines, (row + 1, last + 1)):
            return found
        row = last + 1
    return None


def _above(lines: Sequence[str], row: int) -> tuple[int, int] | None:
    """Return the 1-based lines of a comment that ends right above the 0-based `row`."""
    last = row - 1
    while last >= 0 and lines[last].strip().startswith(("@", "#[", "[")) and not _QUOTES.match(lines[last]):
        last -= 1  # annotations
    if last < 0:
        return None
    first = last
    if _CLOSED.match(lines[last]):
        while first >= 0 and not _OPEN.match(lines[first]):
            first -= 1
    elif lines[last].strip() == '"""':
        first -= 1
        while first >= 0 and not _QUOTES.match(lines[first]):
            first -= 1
        if first < 0 or "doc" not in lines[first]:
            return None
    elif _LINE.match(lines[last]):
        while first > 0 and _LINE.match(lines[first - 1]):
            first -= 1
    else:
        return None
    return (first + 1, last + 1) if first >= 0 and last - first < 80 else None


def _inside(lines: Sequence[str], start_line: int, end_line: int) -> tuple[int, int] | None:
    """Return the 1-based lines of the docstring that a definition begins with."""
    for row in range(start_line, min(start_line + SEARCHED, end_line)):
        found = _QUOTES.match(lines[row])
        if found and lines[row - 1].split("#")[0].rstrip().endswith(":"):
            last = row
            if lines[row].count(found[1]) < 2:
                last += 1
                while last < end_line and found[1] not in lines[last]:
                    last += 1
            return (row + 1, last + 1) if last < end_line - 1 else None
    return None


def _below(lines: Sequence[str], row: int) -> int | None:
    """Return the last 0-based row of the comment that begins at `row`; None if none does."""
    if row >= len(lines):
        return None
    last = row
    if _OPEN.match(lines[row]):
        while last < len(lines) - 1 and not _CLOSED.match(lines[last]):
            last += 1
        return last
    if quotes := _QUOTES.match(lines[row]):
        if lines[row].count(quotes[1]) < 2:
            last += 1
            while last < len(lines) - 1 and quotes[1] not in lines[last]:
                last += 1
        return last
    if not _LINE.match(lines[row]):
        return None
    while last < len(lines) - 1 and _LINE.match(lines[last + 1]):
        last += 1
    return last


def _told(lines: Sequence[str], span: tuple[int, int] | None) -> Comment | None:
    if span is None:
        return None
    words: list[str] = []
    for line in lines[span[0] - 1 : span[1]]:
        bare = _MARKS.sub("", _QUOTES.sub("", line)).replace('"""', "").replace("'''", "").strip()
        if _TAG.match(bare):
            if words:
                break
            continue
        if not bare:
            if words:
                break
            continue
        words += bare.split()
    text = " ".join(words)
    for pattern, instead in _NOISE:
        text = pattern.sub(instead, text)
    text = " ".join(text.split())
    return Comment(*span, text) if is_telling(text) else None


def is_telling(text: str) -> bool:
    """Return whether a text is informative English that a user might ask about."""
    words = text.split()
    plain = [word for word in words if _WORD.fullmatch(word.strip("(),.;:'\"!?"))]
    return (
        len(words) >= SHORTEST
        and text.isascii()
        and len(plain) >= 0.75 * len(words)
        and any(word.lower() in _ENGLISH for word in plain)
        and not _LEGAL.search(text)
    )


def shortened(text: str) -> str:
    """Shorten a text to its first words."""
    return " ".join(text.split()[:LONGEST])
