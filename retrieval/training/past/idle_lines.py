"""Which lines of a source file do nothing: comments, imports, brackets, and tests beside the code."""

import re
from collections.abc import Collection, Iterator

from tree_sitter import Node

from retrieval.chunks.definitions import parse
from retrieval.files.languages import language_of

_IDLE_TYPE = re.compile(
    r".*comment.*|imports?|import_(?!expression).*|.*import_statement|use_declaration|using_directive|php_tag|"
    r"preproc_(?:include|call|pragma)|package_.*|namespace_use_declaration|extern_crate_declaration|attribute_item|"
    r"TestDecl"
)
_IDLE_LINE = re.compile(
    r"(?:(?:export\s+)?(?:const|let|var|local)\s+)?(?:[\w{}, ]+\s*=\s*)?(?:await\s+)?(?:@?require|@import|"
    r"require_relative|autoload|load_path)\s*[('\" ].{0,80}['\"]\)?[);,]*"
    r"|(?:alias|import|require|use|include|extend)\s+[A-Z][\w.:]*(?:\.\{[^}]*\})?(?:,\s*(?:only|as):?.*)?"
    r"|export\b.*\bfrom\b.*|(?:pub(?:\(\w+\))?\s+)?mod\s+\w+;|#\s*(?:endif|else)\b.*"
)
_IDLE_WORDS = frozenset(b"end else do then fi begin pass done".split())
_DOCUMENTATION = re.compile(rb"@(?:moduledoc|doc|typedoc)\b")
_BODIES = {"module", "block", "expression_statement"}  # a string alone in one of them documents
_TESTS = re.compile(rb"(?:pub )?mod \w*tests?\b")
_MARK = re.compile(r"\s*(?://|/\*|\*|#|--|(?:import|export|part|library) )")
_WORD = re.compile(rb"\w|[^\x00-\x7f]")


def busy_lines(path: str, data: bytes, wanted: Collection[int]) -> set[int]:
    r"""Return those of the wanted lines, 1-based, that do something.

    >>> busy_lines("a.py", b"import os\n# why\ndef f():\n    '''Say.'''\n    return os\n", range(1, 6))
    {3, 5}
    """
    text = data.decode("utf-8", "replace")
    lines = text.split("\n")
    spoken = {
        number
        for number in wanted
        if 0 < number <= len(lines) and not _IDLE_LINE.fullmatch(lines[number - 1].strip())
    }
    if not spoken:
        return set()
    tree = parse(language_of(path), text.encode("utf-8"), path=path)
    if tree is None:  # a language without a grammar: comments by their marks
        return {n for n in spoken if re.search(r"\w", lines[n - 1]) and not _MARK.match(lines[n - 1])}
    first, last = min(spoken) - 1, max(spoken) - 1
    busy: set[int] = set()
    for leaf in _leaves(tree.root_node, first, last):
        busy.update(range(leaf.start_point[0] + 1, leaf.end_point[0] + 2))
    return busy & spoken


def _leaves(root: Node, first: int, last: int) -> Iterator[Node]:
    """Yield the tokens with words between two rows, 0-based, that are in no idle node."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.end_point[0] < first or node.start_point[0] > last or _is_idle(node):
            continue
        if node.child_count:
            waiting += node.children
        elif node.text and _WORD.search(node.text) and node.text not in _IDLE_WORDS:
            yield node


def _is_idle(node: Node) -> bool:
    if _IDLE_TYPE.fullmatch(node.type):
        return True
    if node.type == "unary_operator":
        return bool(_DOCUMENTATION.match(node.text or b""))
    if node.type == "mod_item":
        return bool(_TESTS.match(node.text or b""))
    return node.type == "string" and node.parent is not None and node.parent.type in _BODIES
