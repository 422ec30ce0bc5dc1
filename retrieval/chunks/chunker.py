"""Where a file is split into chunks: along its syntax tree, else between its sections or at blank lines.

Every chunk is a run of whole lines, and the chunks of a file cover each of its non-blank lines exactly once,
except long lines of data.
A tree is split from the top: adjacent nodes are packed into one chunk while they fit. A node too large for
one chunk is replaced by its children. Comments and decorators stay with the code that follows them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from tree_sitter import Node

from retrieval.chunks import grammars
from retrieval.chunks.definitions import Definition, definitions, parse
from retrieval.chunks.outlines import components, notebook, outline
from retrieval.chunks.outlines.components import Part
from retrieval.chunks.outlines.spans import Span, Weights, packed, trim, windows
from retrieval.files.languages import has_grammar, language_of
from retrieval.records import Chunk
from retrieval.text import LONG_CHARS, SMALL_CHARS, digest, is_data

VERSION = 7
"""Increment when the chunks of any file, or the notes on it, change: every index is then rebuilt."""

CHUNK_CHARS = 750  # non-blank; 400 to 1500 move nDCG@10 by at most 0.007 (docs/decisions/0004-ranking.md)
# In Shift-JIS and others, the second byte of a character may be a backslash. Decoded as one at the end of a
# line, it makes C treat the next line as part of the comment.
_UNREADABLE = re.compile(r"\ufffd\\(?=\r?$)", re.MULTILINE)
MAX_DEPTH = 150  # deepest node that is opened; below it (chained operators), the file is split by lines


def fingerprint(*, size: int = CHUNK_CHARS) -> str:
    """Identify this chunker: an index built by another one must be rebuilt."""
    return f"chunker {VERSION} size {size} grammars {grammars.versions()}"


def lines_of(text: str) -> list[str]:
    r"""Split text into lines as editors and grep count them: at `\n` only, which is removed."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def shown_lines(path: str, lines: Sequence[str]) -> Sequence[str]:
    """Return the lines of a file as people read them: those of a notebook's cells, with the rest blank."""
    return notebook.read(lines).lines(len(lines)) if language_of(path) == "jupyter" else lines


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
    seen = readable(shown_lines(path, lines))
    if not lines or not has_grammar(path):
        return chunk_by_lines(path, text, size=size)
    weigh = Weights(seen)
    spans: list[Span] = []
    found: list[Definition] = []
    for part in _parts(path, language, seen, lines):
        inner, defined = _split(part, weigh, size=size)
        # Small parts are one chunk, but between the cells of a notebook are outputs, which no chunk shows.
        if spans and language != "jupyter" and weigh(spans[-1].first, inner[-1].last) <= size:
            inner = [Span(spans.pop().first, inner[-1].last)]
        spans += inner
        found += defined
    return _chunks(path, lines, spans, weigh, found)


def chunk_by_lines(path: str, text: str, *, size: int = CHUNK_CHARS) -> list[Chunk]:
    """Split a file without a grammar, between its sections or at blank lines; otherwise as `chunk_file`."""
    lines = lines_of(text)
    seen = readable(shown_lines(path, lines))
    weigh = Weights(seen)
    part = Part(language_of(path), Span(0, len(lines) - 1), seen)
    spans, found = _split_outline(part, weigh, size=size) if lines else ([], [])
    return _chunks(path, lines, spans, weigh, found)


def _parts(path: str, language: str, seen: Sequence[str], lines: Sequence[str]) -> Iterable[Part]:
    """Divide a file into parts of one language each, in order, which cover all rows that are searched."""
    if language == "jupyter":
        return _cells(lines, seen)
    if language in components.HOSTS:
        return components.parts(language, seen)
    return [Part(language, Span(0, len(lines) - 1), seen, path)]


def _cells(lines: Sequence[str], seen: Sequence[str]) -> Iterator[Part]:
    found = notebook.read(lines)
    first = 0
    for cell in found.cells:
        last = max(cell.rows)
        if last >= first:  # else several cells are on one line
            language = found.language if cell.is_code else "markdown"
            shown = notebook.Cell(cell.is_code, {row: text for row, text in cell.rows.items() if seen[row]})
            yield Part(language, Span(first, last), notebook.code_lines(shown, len(lines), language=language))
            first = last + 1


def _split(part: Part, weigh: Weights, *, size: int) -> tuple[list[Span], list[Definition]]:
    source = _UNREADABLE.sub("\ufffd ", "\n".join(part.lines)).encode("utf-8", "replace")
    tree = parse(part.language, source, path=part.dialect)
    if tree is None:
        return _split_outline(part, weigh, size=size)
    return _cut(tree.root_node, part.span, weigh, size=size), definitions(part.language, tree)


def _split_outline(part: Part, weigh: Weights, *, size: int) -> tuple[list[Span], list[Definition]]:
    found = outline.sections(part.language, part.lines)
    spans = outline.cut(found, part.span, weigh, size=size)
    return spans, [
        Definition(item.name, item.kind, item.first + 1, item.last + 1, item.row + 1)
        for item in found
        if item.name
    ]


def _cut(node: Node, span: Span, weigh: Weights, *, size: int, depth: int = 0) -> list[Span]:
    """Split the rows of `span`, which belong to `node`, into spans that fit and cover all rows."""
    if weigh(span.first, span.last) <= size:
        return [span]
    if depth == MAX_DEPTH or not node.child_count:
        return windows(span, weigh, size=size)
    pieces = (_cut(child, piece, weigh, size=size, depth=depth + 1) for piece, child in _pieces(node, span))
    has_head = depth > 0 and not _holds_members(node)
    return packed(pieces, weigh, size=size, begins_with_head=has_head)


def _holds_members(node: Node) -> bool:
    """Return whether a node's children are statements or members, rather than a signature and its body."""
    return node.type.endswith(("body", "block", "list", "statements", "members"))


def _pieces(node: Node, span: Span) -> list[tuple[Span, Node]]:
    """Assign every row of `span` to one child, and comments and decorators to the child after them."""
    pieces: list[tuple[Span, Node]] = []
    first = span.first
    for child in node.children:
        last = min(_last_row(child), span.last)
        if last < first or _belongs_to_next(child):
            continue  # rows already assigned, or left for the next child
        pieces.append((Span(first, last), child))
        first = last + 1
    if first <= span.last:  # trailing rows: comments at the end, or a node without a child there
        pieces.append((Span(first, span.last), node.children[-1]))
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


def _chunks(
    path: str, lines: Sequence[str], spans: Iterable[Span], weigh: Weights, found: Sequence[Definition]
) -> list[Chunk]:
    chunks: list[Chunk] = []
    named = sorted(range(len(found)), key=lambda number: (found[number].name_line, number))
    at = 0
    around: list[int] = []  # definitions named above the chunk that may enclose it
    for span in filter(None, (trim(span, weigh) for span in spans)):
        start, end = span.first + 1, span.last + 1
        inside: list[int] = []
        while at < len(named) and found[named[at]].name_line <= end:
            (inside if found[named[at]].name_line >= start else around).append(named[at])
            at += 1
        around = [number for number in around if found[number].end_line >= start]
        above = [found[number] for number in sorted(around) if found[number].end_line >= end]
        own = [found[number] for number in sorted(inside)]
        chunks.append(_chunk(path, (start, end), lines, own, above))
        around += inside
    return chunks


def _chunk(
    path: str,
    rows: tuple[int, int],
    lines: Sequence[str],
    inside: Sequence[Definition],
    around: Sequence[Definition],
) -> Chunk:
    start, end = rows
    # The main definition of a chunk is the one with the most rows in it; the first on a tie.
    told = [item for item in inside if not item.is_local]
    main = max(told, key=lambda item: min(item.end_line, end) - item.name_line, default=None)
    return Chunk(
        path=path,
        start_line=start,
        end_line=end,
        kind=main.kind if main else "",
        symbol=main.name if main else "",
        scope=".".join(item.name for item in around if not item.is_local),
        names=tuple(dict.fromkeys(item.name for item in inside if item.kind != "section")),
        digest=digest(chunk_text(lines, start, end).encode("utf-8", "surrogatepass")),
    )


def chunk_text(lines: Sequence[str], start_line: int, end_line: int) -> str:
    """Return lines `start_line` to `end_line`, 1-based and inclusive, without a final newline."""
    return "\n".join(lines[start_line - 1 : end_line])
