"""Where a source file defines names: one tree-sitter query per language, read in one pass."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache

from tree_sitter import Language, Node, Parser, Query, QueryCursor, Tree

from retrieval.chunks import grammars
from retrieval.chunks.definition_queries import PATTERNS
from retrieval.files.languages import grammar_of

_CAPITALS = re.compile(r"_*[A-Z][A-Z0-9_]+")
_SEPARATOR = re.compile(r"::|[.\\]")  # in names of modules, which some grammars do not split

# The grammars of C and C++ see unexpanded macros, and fail at a macro alone on a line or before a class name.
# With these blanked, 133 of abseil's 380 headers have errors instead of 357, and the methods found in them
# rise from 3908 to 4970.
_MACRO = re.compile(
    rb"""^[ \t]*([A-Z][A-Z0-9_]{2,})[ \t]*\r?\n(?=\s*(?:[\w#/\[~]|\}[ \t]*//[ \t]*namespace))
    |\b(?:class|struct|union)\s+((?:[A-Z][A-Z0-9_]*(?:\([^()\n]*\))?\s+)+)(?=[A-Za-z_]\w*(?:\s+final)?\s*[:{<])""",
    re.MULTILINE | re.VERBOSE,
)

_TAIL_DEPTH = 10  # Scala's methods need 4 of them to end before the next one's comment

_VALUES = {"value", "variable", "constant", "prototype"}
# A component keeps its state and its handlers in local constants, and people ask for them by name.
_NAMED_LOCALS = {"javascript": "constant", "typescript": "constant"}
_SCOPES = {"members", "local"}
_ROLES = dict.fromkeys(("class", "interface", "struct", "enum", "trait"), "members")
_ROLES |= dict.fromkeys(("function", "method"), "local")
_ROLES |= {scope: scope for scope in _SCOPES}


@dataclass(frozen=True, slots=True)
class Definition:
    """A defined name and the lines of its definition, 1-based and inclusive.

    Attributes:
        name: The identifier as written, unqualified: `bar` of `Foo::bar`.
        kind: function, method, class, interface, struct, enum, trait, module, type, constant, macro,
            variable.
        start_line: First line, including decorators where the syntax makes them part of the definition.
        end_line: Last line.
        name_line: The line of the name.
        is_local: Whether it is a value inside a function, which names no chunk.
    """

    name: str
    kind: str
    start_line: int
    end_line: int
    name_line: int
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class _Match:
    """The capture of a pattern: a definition with its name, or a scope without one."""

    capture: str
    whole: Node
    name: Node | None
    start: int  # bytes, of `whole`
    end: int  # exclusive


def parse(language: str, source: bytes, *, path: str = "") -> Tree | None:
    """Parse a file; a file with syntax errors has a tree too.

    Time and memory are not limited: kilobytes of hostile source can take gigabytes, or crash this process.

    Args:
        language: A name from `languages`.
        source: The file's bytes, UTF-8.
        path: Distinguishes TSX from TypeScript.

    Returns:
        The tree, or None when the language has no grammar.

    Raises:
        GrammarError: The grammar's package is missing or does not load.
    """
    if language not in PATTERNS:
        return None
    if language in {"c", "cpp"}:
        source = _MACRO.sub(_blank, source)
    # One parser per call: creating one takes microseconds, and a shared one is not thread-safe.
    return Parser(grammars.load(grammar_of(language, path))).parse(source)


def definitions(language: str, tree: Tree) -> list[Definition]:
    r"""List the definitions of a file by start line, outer before inner.

    Local variables are not among them, except the constants of JavaScript and TypeScript.

    >>> tree = parse("python", b"class Cart:\n    def total(self): ...")
    >>> [(item.name, item.kind, item.start_line) for item in definitions("python", tree)]
    [('Cart', 'class', 1), ('total', 'method', 2)]
    """
    if language not in PATTERNS:
        return []
    kept = _NAMED_LOCALS.get(language, "")
    found = list(_placed(_matches(_query(tree.language, language), tree), kept=kept))
    if language == "haskell":
        found = _joined(found)
    unique: dict[tuple[str, int, int], Definition] = {}
    for _, item in found:
        unique.setdefault((item.name, item.start_line, item.end_line), item)
    return sorted(unique.values(), key=lambda item: (item.start_line, -item.end_line, item.name_line))


def _blank(match: re.Match[bytes]) -> bytes:
    """Replace the text of a group by spaces, so that no offset changes."""
    group = match.lastindex or 0
    start, end = (place - match.start() for place in match.span(group))
    text = match.group()
    return text[:start] + re.sub(rb"\S", b" ", text[start:end]) + text[end:]


@cache
def _query(grammar: Language, language: str) -> Query:
    return Query(grammar, PATTERNS[language])


def _matches(query: Query, tree: Tree) -> list[_Match]:
    """Run a query; return the matches in source order, enclosing ones first."""
    named: dict[int, tuple[str, Node, Node]] = {}  # by the first byte of the name
    scopes: list[tuple[str, Node]] = []
    wrappers: dict[int, Node] = {}  # by the id of the wrapped node
    for _, captures in sorted(QueryCursor(query).matches(tree.root_node), key=lambda match: match[0]):
        nodes = {capture: found[0] for capture, found in captures.items() if not capture.startswith("_")}
        if wrapped := nodes.get("wrapped"):
            wrappers[wrapped.id] = nodes["wrapper"]
            continue
        whole = nodes.pop("whole", None)
        capture, node = nodes.popitem()
        if capture in _SCOPES:
            scopes.append((capture, node))
        else:
            named.setdefault(node.start_byte, (capture, whole or node, node))
    matches = [_Match(capture, node, None, *node.byte_range) for capture, node in scopes]
    for capture, inner, name in named.values():
        whole = inner
        while whole.id in wrappers:
            whole = wrappers[whole.id]
        matches.append(_Match(capture, whole, name, *whole.byte_range))
    # A block and its only statement have the same bytes, and the block encloses the statement.
    return sorted(matches, key=lambda match: (match.start, -match.end, match.name is not None))


def _placed(matches: Iterable[_Match], *, kept: str) -> Iterator[tuple[int, Definition]]:
    """Yield the definitions among the matches, each with the first byte of its scope.

    The enclosing matches decide whether a match is a method, a function or a skipped local; values of the
    capture `kept` are definitions in any scope.
    """
    around: list[_Match] = []
    for match in matches:
        while around and around[-1].end <= match.start:
            around.pop()
        role, scope = (_ROLES[around[-1].capture], around[-1].start) if around else ("", -1)
        if match.capture in _ROLES:
            around.append(match)
        is_local = role == "local" and match.capture in _VALUES
        is_skipped = match.capture == "skip" or (is_local and match.capture != kept)
        if match.name is None or is_skipped:
            continue
        name = _spelling(match.name, match.capture)
        kind = _kind(match.capture, name, role)
        if name and name != "_":
            first, last = match.whole.start_point[0], _last_row(match.whole)
            yield scope, Definition(name, kind, first + 1, last + 1, match.name.start_point[0] + 1, is_local)


def _kind(capture: str, name: str, role: str) -> str:
    if capture == "value":
        return "constant" if _CAPITALS.fullmatch(name) else "variable"
    if capture in {"function", "prototype"}:
        return "method" if role == "members" else "function"
    return capture


def _spelling(node: Node, capture: str) -> str:
    """Return the last part of a name; "" when broken syntax leaves the name empty."""
    while inner := node.child_by_field_name("name") or node.child_by_field_name("property"):
        node = inner
    text = " ".join((node.text or b"").decode("utf-8", "replace").split())
    if node.type == "operator_cast":
        return text.partition("(")[0].rstrip()
    if capture in {"module", "interface"}:
        return _SEPARATOR.split(text)[-1]
    return text.strip("`").removeprefix(":") if node.type == "simple_symbol" else text.strip("`")


def _last_row(node: Node) -> int:
    """Return the last row of a node's code: a comment at its end belongs to the next node."""
    first = node.start_point[0]
    for _ in range(_TAIL_DEPTH):
        place = node.child_count - 1
        while place >= 0 and (child := node.child(place)).is_extra:
            place -= 1
        if place < 0:
            break
        node = child
    row, column = node.end_point
    return max(first, row - (column == 0))  # an end at column 0 is before that row


def _joined(found: Iterable[tuple[int, Definition]]) -> list[tuple[int, Definition]]:
    """Merge adjacent definitions with the same name and scope: a signature and its equations."""
    joined: list[tuple[int, Definition]] = []
    for scope, item in found:
        last_scope, last = joined[-1] if joined else (scope, None)
        if last and (last_scope, last.name, last.kind) == (scope, item.name, item.kind):
            joined[-1] = (scope, replace(last, end_line=item.end_line))
        else:
            joined.append((scope, item))
    return joined
