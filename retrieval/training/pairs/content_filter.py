"""Which chunks can answer a question at all: import blocks, licences and shims cannot."""

import re
from collections.abc import Iterator, Sequence

from retrieval.files.languages import language_of

LEAST_LINES = 2  # of code; a chunk that defines a name needs one

_PROSE = frozenset({"markdown", "rst", "asciidoc", "text", "html", "latex", "xml"})
_HASH_IS_CODE = frozenset({"c", "cpp", "csharp", "rust", "zig", "php"})  # directives and attributes
_COMMENT = re.compile(r"(//|/\*|\*|--(?!>)|;|<!--|\"\"\"|'''|%)")
_HASH = re.compile(r"#(?!\[)")
_IMPORT = re.compile(
    r"(?:(?:pub(?:\([a-z]+\))?\s+)?use\s|(?:pub\s+)?mod\s+\w+;|import\b|from\s+\S+\s+import\b|package\s|using\s"
    r"|#\s*(?:include|pragma|if|ifdef|ifndef|else|endif|import)\b|require(?:_relative)?\b|alias\s|source\s"
    r"|export\s+(?:\*|\{[^}]*\}?\s*(?:from)?|type\s*\{)|module\.exports\s*=\s*require|(?:local|const|let|var)\s+[\w{},:\s]+=\s*"
    r"(?:require\b|@import\b|await\s+import\b)|__all__\b|extern\s+crate\b|namespace\s+[\w\\.]+;?$|@import\b)"
)


def has_substance(path: str, lines: Sequence[str], *, defines: bool) -> bool:
    """Return whether a chunk contains more than imports, comments and directives.

    Args:
        path: Its file, whose language decides what is a comment.
        lines: The chunk.
        defines: Whether it defines a name.

    >>> has_substance("a.py", ["from b import *  # noqa"], defines=False)
    False
    """
    return sum(1 for _ in _code(path, lines)) >= (1 if defines else LEAST_LINES)


def _code(path: str, lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines that are neither blank nor comments nor imports; in prose every line with words."""
    language = language_of(path)
    is_open = 0  # brackets of an import that goes on
    for line in map(str.strip, lines):
        if is_open:
            is_open = max(0, is_open + _opened(line))
        elif not any(map(str.isalnum, line)):
            continue
        elif language in _PROSE:
            yield line
        elif _IMPORT.match(line):
            is_open = max(0, _opened(line))
        elif not (_COMMENT.match(line) or (language not in _HASH_IS_CODE and _HASH.match(line))):
            yield line


def _opened(line: str) -> int:
    return sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
