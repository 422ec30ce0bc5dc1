"""Where a file is split into chunks: along its syntax tree, or at blank lines without a tree.

Every chunk is a run of whole lines, and the chunks of a file cover each of its non-blank lines exactly once,
except long lines of data.
A tree is split from the top: adjacent nodes are packed into one chunk while they fit. A node too large for
one chunk is replaced by its children. Comments and decorators stay with the code that follows them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tree_sitter import Node

from retrieval.chunks import grammars
from retrieval.chunks.definitions import Definition, definitions, parse
from retrieval.files.languages import language_of
from retrieval.records import Chunk
from retrieval.text import LONG_CHARS, SMALL_CHARS, digest, is_data

VERSION = 7
"""Increment when the chunks of any file, or the notes on it, change: every index is then rebuilt."""

CHUNK_CHARS = 750  # non-blank; 400 to 1500 move nDCG@10 by at most 0.007 (docs/decisions/0004-ranking.md)
HEAD_ROOM = 1.6
"""How far a chunk may exceed its size to keep a signature and its comment with the start of the body."""
CRUMB_CHARS = 60  # a chunk may exceed its size by a piece this small, such as a closing brace
# In Shift-JIS and others, the second byte of a character may be a backslash. Decoded as one at the end of a
# line, it makes C treat the next line as part of the comment.
_UNREADABLE = re.compile(r"\ufffd\\(?=\r?$)", re.MULTILINE)
MAX_DEPTH = 150  # deepest node that is opened; below it (chained operators), the file is split by lines


@dataclass(frozen=True, slots=True)
class _Span:
    first: int  # rows, 0-based and inclusive
    last: int


def fingerprint(*, size: int = CHUNK_CHARS) -> str:
    """Identify this chunker: an index built by another one must be rebuilt."""
    return f"chunker {VERSION} size {size} grammars {grammars.versions()}"


def lines_of(text: str) -> list[str]:
    r"""Split text into lines as editors and grep count them: at `\n` only, which is removed."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def readable(lines: Sequence[str]) -> Sequence[str]:
    """Blank the lines of data, which are not searched; line numbers do not change."""
    if max(map(len, lines), default=0) <= LONG_CHARS or sum(map(len, lines)) <= SMALL_CHARS:
        return lines
    return ["" if is_data(line) else line for line in lines]


def chunk_file(path: str, text: str, *, size: int = CHUNK_CHARS) -> list[Chunk]:
    """Split a file into chunks of about `size` non-blank characters, in line order, without lines of data.

    The grammar runs in this process, where it can take any amount of time and memory or crash. Use
    `parser_pool.cut` for files that you do not trust.

    Raises:
        GrammarError: The grammar's package is missing or does not load.
    """
    language, lines = language_of(path), lines_of(text)
    seen = readable(lines)
    tree = parse(language, _UNREADABLE.sub("\ufffd ", "\n".join(seen)).encode("utf-8", "replace"), path=path)
    if tree is None:
        return chunk_by_lines(path, text, size=size)
    weigh = _Weights(seen)
    spans = _cut(tree.root_node, _Span(0, len(lines) - 1), weigh, size=size)
    return _chunks(path, lines, spans, weigh, definitions(language, tree))


def chunk_by_lines(path: str, text: str, *, size: int = CHUNK_CHARS) -> list[Chunk]:
    """Split a file at its blank lines, without a tree and without definitions; otherwise as `chunk_file`."""
    lines = lines_of(text)
    weigh = _Weights(readable(lines))
    return _chunks(path, lines, _windows(_Span(0, len(lines) - 1), weigh, size=size), weigh, [])


class _Weights:
    """The number of non-blank characters in any run of rows."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._sums = [0]
        for line in lines:
            self._sums.append(self._sums[-1] + len("".join(line.split())))

    def __call__(self, first: int, last: int) -> int:
        return self._sums[last + 1] - self._sums[first]


def _cut(node: Node, span: _Span, weigh: _Weights, *, size: int, depth: int = 0) -> list[_Span]:
    """Split the rows of `span`, which belong to `node`, into spans that fit and cover all rows."""
    if weigh(span.first, span.last) <= size:
        return [span]
    if depth == MAX_DEPTH or not node.child_count:
        return _windows(span, weigh, size=size)
    spans: list[_Span] = []
    is_end = False  # of a node that was cut: only crumbs are added, and no beginning of the next
    for piece, child in _pieces(node, span):
        weight = weigh(piece.first, piece.last)
        inner = [piece] if weight <= size else _cut(child, piece, weigh, size=size, depth=depth + 1)
        is_crumb = weight <= CRUMB_CHARS
        room = size + (CRUMB_CHARS if is_crumb else 0)
        if depth and len(spans) == 1 and not _holds_members(node):
            room = int(HEAD_ROOM * size)
        elif len(inner) > 1 or (is_end and not is_crumb):
            room = 0
        if spans and weigh(spans[-1].first, inner[0].last) <= room:
            inner[0] = _Span(spans.pop().first, inner[0].last)
        is_end = len(inner) > 1 or (is_end and is_crumb)
        spans.extend(inner)
    return spans


def _holds_members(node: Node) -> bool:
    """Return whether a node's children are statements or members, rather than a signature and its body."""
    return node.type.endswith(("body", "block", "list", "statements", "members"))


def _pieces(node: Node, span: _Span) -> list[tuple[_Span, Node]]:
    """Assign every row of `span` to one child, and comments and decorators to the child after them."""
    pieces: list[tuple[_Span, Node]] = []
    first = span.first
    for child in node.children:
        last = min(_last_row(child), span.last)
        if last < first or _belongs_to_next(child):
            continue  # rows already assigned, or left for the next child
        pieces.append((_Span(first, last), child))
        first = last + 1
    if first <= span.last:  # trailing rows: comments at the end, or a node without a child there
        pieces.append((_Span(first, span.last), node.children[-1]))
    return pieces


def _belongs_to_next(child: Node) -> bool:
    return child.next_sibling is not None and any(
        word in child.type for word in ("comment", "decorator", "attribute_item", "annotation")
    )


def _last_row(node: Node) -> int:
    row, column = node.end_point
    return (
        row - 1 if column == 0 and row > node.start_point[0] else row
    )  # an end at column 0 is before the row


def _windows(span: _Span, weigh: _Weights, *, size: int) -> list[_Span]:
    """Split rows into windows that fit, if possible at the last blank row of a window's second half."""
    spans: list[_Span] = []
    first, blank = span.first, -1
    row = span.first
    while row <= span.last:
        if weigh(first, row) > size and row > first:
            last = blank if blank >= first and weigh(first, blank) > size // 2 else row - 1
            spans.append(_Span(first, last))
            first, blank = last + 1, -1
            row = first
            continue
        if weigh(row, row) == 0:
            blank = row
        row += 1
    return [*spans, _Span(first, span.last)] if first <= span.last else spans


def _trim(span: _Span, weigh: _Weights) -> _Span | None:
    first, last = span.first, span.last
    while first <= last and not weigh(first, first):
        first += 1
    while last > first and not weigh(last, last):
        last -= 1
    return _Span(first, last) if first <= last else None


def _chunks(
    path: str, lines: Sequence[str], spans: Iterable[_Span], weigh: _Weights, found: Sequence[Definition]
) -> list[Chunk]:
    trimmed = (_trim(span, weigh) for span in spans)
    return [_chunk(path, span, lines, found) for span in trimmed if span]


def _chunk(path: str, span: _Span, lines: Sequence[str], found: Sequence[Definition]) -> Chunk:
    start, end = span.first + 1, span.last + 1
    inside = [item for item in found if start <= item.name_line <= end]
    # The main definition of a chunk is the one with the most rows in it; the first on a tie.
    told = [item for item in inside if not item.is_local]
    main = max(told, key=lambda item: min(item.end_line, end) - item.name_line, default=None)
    around = [item for item in found if item.name_line < start and item.end_line >= end and not item.is_local]
    return Chunk(
        path=path,
        start_line=start,
        end_line=end,
        kind=main.kind if main else "",
        symbol=main.name if main else "",
        scope=".".join(item.name for item in around),
        names=tuple(dict.fromkeys(item.name for item in inside)),
        digest=digest(chunk_text(lines, start, end).encode("utf-8", "surrogatepass")),
    )


def chunk_text(lines: Sequence[str], start_line: int, end_line: int) -> str:
    """Return lines `start_line` to `end_line`, 1-based and inclusive, without a final newline."""
    return "\n".join(lines[start_line - 1 : end_line])
