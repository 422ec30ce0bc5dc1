"""Which headings documents and configuration have: those of Markdown, reStructuredText, HTML and YAML."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import unescape

from retrieval.text import LONG_CHARS

Heading = tuple[int, int, str]
"""The 0-based row, the level, and the text."""

YAML_DEPTH = 3  # keys nested deeper begin no section: two levels below `jobs:` is a step

_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_ATX = re.compile(r"\s{0,3}(#{1,6})(?:\s+(.*))?$")
_SETEXT = re.compile(r"\s{0,3}(=+|-+)\s*$")
_MARKUP = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[`*]|\{#[^}]*\}|<[^>]*>")
_RULE = re.compile(r"([=\-`:.'\"~^_*+#])\1{2,}\s*$")
_TAG = re.compile(r"<h([1-6])\b[^>]*>(.*)", re.IGNORECASE)
_KEY = re.compile(
    r"(\s*)(- +)?(\"[^\"]*\"|'[^']*'|[^\s\"'#\-\[\]{}|>&*!%@][^:#]*|-[^\s:#][^:#]*)\s*:(?:\s+(.*))?$"
)
_BLOCK_SCALAR = re.compile(r"(?:[&!]\S+\s+)*[|>][+\-0-9]*(?:\s+#.*)?$")


def markdown(lines: Sequence[str]) -> Iterator[Heading]:
    """Yield the headings of Markdown, of which those in fenced code and in front matter are none."""
    fence, start = "", _after_front_matter(lines)
    for row in range(start, len(lines)):
        line = lines[row]
        opened = _FENCE.match(line)
        if fence:
            is_closed = opened and opened[1].startswith(fence) and not line[opened.end() :].strip()
            fence = "" if is_closed else fence
        elif opened:
            fence = opened[1]
        elif len(line) > LONG_CHARS:
            continue
        elif heading := _ATX.match(line):
            yield row, len(heading[1]), _plain((heading[2] or "").rstrip("# "))
        elif (under := _SETEXT.match(line)) and row > start and _is_text(lines, row - 1, start):
            yield row - 1, 1 if under[1][0] == "=" else 2, _plain(lines[row - 1])


def restructured(lines: Sequence[str]) -> Iterator[Heading]:
    """Yield the headings of reStructuredText, whose levels follow the order of their underlines."""
    levels: dict[tuple[str, bool], int] = {}
    for row in range(1, len(lines)):
        rule = _RULE.match(lines[row])
        title = lines[row - 1]
        if (
            not rule
            or not title.strip()
            or len(title) > LONG_CHARS
            or title[0].isspace()
            or _RULE.match(title)
        ):
            continue
        if len(lines[row].rstrip()) < len(title.rstrip()):
            continue
        over = row > 1 and lines[row - 2].rstrip() == lines[row].rstrip()
        level = levels.setdefault((rule[1], over), len(levels) + 1)
        yield row - 1 - over, level, _plain(title)


def html(lines: Sequence[str]) -> Iterator[Heading]:
    """Yield the headings of HTML that begin and end on one line."""
    for row, line in enumerate(lines):
        if len(line) <= LONG_CHARS and (heading := _TAG.search(line)):
            yield row, int(heading[1]), _plain(heading[2].partition("</h")[0])


def yaml(lines: Sequence[str]) -> Iterator[Heading]:
    """Yield the keys of YAML down to `YAML_DEPTH`, and the documents of a stream, which have no name."""
    above: list[int] = []  # indentations of the keys that enclose the row
    scalar = -1  # indentation of the key whose text in several lines is being passed over
    for row, line in enumerate(lines):
        if not line.strip() or len(line) > LONG_CHARS:
            continue
        indent = len(line) - len(line.lstrip())
        if scalar >= 0 and indent > scalar:
            continue
        scalar = -1
        if line.startswith("---"):
            above = []
            yield row, -1, ""
            continue
        key = _KEY.match(line)
        if not key:
            continue
        level = indent + bool(key[2])  # an item of a list may be no deeper than the list's own key
        while above and above[-1] >= level:
            above.pop()
        if len(above) < YAML_DEPTH:
            yield row, level, _title(key)
        above.append(level)
        if key[4] and _BLOCK_SCALAR.match(key[4]):
            scalar = indent


READERS: Mapping[str, Callable[[Sequence[str]], Iterator[Heading]]] = {
    "html": html,
    "markdown": markdown,
    "rst": restructured,
    "yaml": yaml,
}


def _title(key: re.Match[str]) -> str:
    """Return what a key is called; an item of a list is called by its name, or not at all."""
    name = key[3].strip("\"' ")
    if not key[2]:
        return name
    return (key[4] or "").strip("\"' ") if name in {"name", "id"} else ""


def _after_front_matter(lines: Sequence[str]) -> int:
    """Return the row after the YAML at the top of a page, or 0."""
    if not lines or lines[0].rstrip() != "---":
        return 0
    return next((row + 1 for row in range(1, len(lines)) if lines[row].rstrip() in {"---", "..."}), 0)


def _is_text(lines: Sequence[str], row: int, start: int) -> bool:
    """Return whether a row can be the text of an underlined heading: a paragraph of one line."""
    line = lines[row]
    is_one = row == start or not lines[row - 1].strip()
    return bool(line.strip()) and is_one and not line.lstrip().startswith(("|", ">", "-", "*", "#", "<"))


def _plain(text: str) -> str:
    """Take the markup off a heading."""
    return " ".join(unescape(_MARKUP.sub(lambda match: match[1] or "", text)).split())
