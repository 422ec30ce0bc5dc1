"""Where code throws, and what a user sees of it: the message with its values filled in, the stack trace.

No function here knows a language: what each does in its own way is its row of `dialects.DIALECTS`.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from tree_sitter import Tree

from benchmarks.questions.error_dialects import DIALECTS, Dialect
from retrieval.chunks.definitions import Definition

CALLABLES = {"function", "method"}
SCOPES = {"class", "interface", "struct", "enum", "trait"}

_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": " ", "r": ""}
_UNFINISHED = re.compile(r"[ ,(\[]$|%\W*$|[`{$\\]\s*$|[$#]\{|\\\(|%[sdlzp]|\b(?:FMT|PRI)[_du]")

# What a placeholder is filled with, by what its text says of it; the last row takes the rest.
_VALUES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (
        re.compile(r"%.*[diuxX]|count|size|len|num|index|code|status|max|min|port|line", re.IGNORECASE),
        ("3", "12", "404"),
    ),
    (re.compile(r"path|file|dir", re.IGNORECASE), ("config/app.json", "data/upload.bin")),
    (re.compile(r"ur[il]|host|addr|domain", re.IGNORECASE), ("http://localhost:8080", "example.com")),
    (re.compile(r"type|cls|class|kind|expected|got|actual", re.IGNORECASE), ("string", "int", "Order")),
    (re.compile(r""), ("user_id", "items", "name", "total", "address")),
)


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a repository, read and parsed.

    Attributes:
        path: POSIX path, relative to the repository as it is laid out.
        language: A language of `retrieval.files.languages`.
        text: The file, decoded.
        tree: Its syntax tree.
        definitions: What it defines, by start line.
    """

    path: str
    language: str
    text: str
    tree: Tree
    definitions: Sequence[Definition]


@dataclass(frozen=True, slots=True)
class Throw:
    """A place that throws with a message.

    Attributes:
        line: Where the throwing begins.
        start: First line of the message's literals.
        end: Their last line.
        column: Where the throwing begins in its line, 1-based.
        type: The name of what is thrown, or "".
        message: The text with its placeholders filled.
        fixed: The longest run of the message that has no placeholder, as written.
        fatal: Whether it throws, rather than writes a line and goes on.
    """

    line: int
    start: int
    end: int
    column: int
    type: str
    message: str
    fixed: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a stack trace, as a deployed program prints it."""

    path: str
    line: int
    column: int
    function: str
    module: str
    qualified: str
    code: str

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.path.rpartition("/")[2]


def throws(source: Source, *, seed: int) -> Iterator[Throw]:
    """Yield the places of a file that throw with a literal message, in line order."""
    dialect = DIALECTS[source.language]
    for match in _pattern(source.language).finditer(source.text):
        before = source.text[match.start() : match.start("text")]
        # Without a bracket open, what follows on another line is another statement.
        if "\n" in before.strip() and before.count("(") <= before.count(")"):
            continue
        if is_prose(source, match.start()):
            continue
        key = f"{seed}/{source.path}:{match.start()}"
        message, fixed = _read(match["text"], dialect, key=key)
        if len(message.split()) < 3 or _UNFINISHED.search(message):  # noqa: PLR2004 - one or two words name nothing
            continue
        named = match.groupdict()
        yield Throw(
            line=_line(source.text, match.start()),
            start=_line(source.text, match.start("text")),
            end=_line(source.text, match.end("text")),
            column=_column(source.text, match.start()),
            type=named.get("type") or named.get("made") or "",
            message="\n".join(line.strip() for line in message.strip().split("\n")),
            fixed=fixed,
            fatal=not named.get("log"),
        )


def is_prose(source: Source, place: int) -> bool:
    """Tell whether a place of the text, counted in characters, lies in a comment or a string."""
    byte = len(source.text[:place].encode("utf-8", "replace"))
    node = source.tree.root_node.descendant_for_byte_range(byte, byte)
    while node is not None:
        if "comment" in node.type or "string" in node.type:
            return True
        node = node.parent
    return False


def enclosing(source: Source, line: int) -> Definition | None:
    """Find the innermost function around a line."""
    around = [item for item in source.definitions if item.kind in CALLABLES and _holds(item, line)]
    return around[-1] if around else None


def trace(throw: Throw, function: Definition, source: Source, others: Sequence[Source], *, repo: str) -> str:
    """Write the stack trace of a throw: its own frame, and that of a caller.

    Args:
        throw: The place.
        function: What is around it.
        source: The file of both.
        others: Where else a caller may be.
        repo: The repository's name, for the paths.

    Returns:
        The text. Without a caller in any file the user's own program is it, as it is for a library.
    """
    dialect = DIALECTS[source.language]
    inner = _frame(source, throw.line, throw.column, function, repo=repo)
    callers = (_caller(other, function, repo=repo) for other in (source, *others))
    return dialect.trace.format(
        type=throw.type or dialect.untyped,
        message=throw.message,
        inner=inner,
        outer=next(filter(None, callers), None) or _stranger(inner, dialect.glue),
    )


def order(key: str) -> int:
    """Hash a key to where it stands among others: the same on every machine, in every version of Python."""
    return int(hashlib.sha256(key.encode()).hexdigest(), 16)


@cache
def _pattern(language: str) -> re.Pattern[str]:
    dialect = DIALECTS[language]
    text = rf"{dialect.literal}(?:\s*{dialect.join}\s*(?:{dialect.literal}|{dialect.value}))*"
    return re.compile(rf"{dialect.throws}[^\"'`;{{}}]{{0,120}}?(?P<text>{text})")


def _read(text: str, dialect: Dialect, *, key: str) -> tuple[str, str]:
    """Turn joined literals and values into what is printed and its longest fixed part as written."""
    printed, fixed, told_value = "", "", False
    for piece in re.finditer(rf"(?P<literal>{dialect.literal})|{dialect.value}", text):
        if not piece["literal"]:
            # Two values side by side would read as one word: the second one is left out.
            printed += "" if told_value else _filled(piece[0], key)
            told_value = True
            continue
        told_value = False
        body = re.sub(r"^[\w@$]*(\"\"\"|[\"'`])|(\"\"\"|[\"'`])$", "", piece["literal"])
        fixed = max([fixed, *re.split(dialect.hole, body)], key=len)
        printed += re.sub(dialect.hole, lambda hole: _filled(hole[0], key), body)
    unescaped = _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[1]), printed)
    return unescaped.replace("%%", "%"), fixed


def _filled(hole: str, key: str) -> str:
    return next(values[order(key + hole) % len(values)] for hint, values in _VALUES if hint.search(hole))


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _column(text: str, place: int) -> int:
    return place - text.rfind("\n", 0, place)


def _holds(item: Definition, line: int) -> bool:
    return item.start_line <= line <= item.end_line


def _frame(source: Source, line: int, column: int, function: Definition, *, repo: str) -> Frame:
    dialect = DIALECTS[source.language]
    modules = re.findall(dialect.module, "\n".join(source.text.split("\n")[:line]))
    # Scala says the parts of a package in lines of their own.
    module = dialect.glue.join(re.split(r"\s+package\s+", modules[-1])) if modules else ""
    scopes = [item.name for item in source.definitions if item.kind in SCOPES and _holds(item, line)]
    constructs = dialect.constructor and function.name in scopes[-1:]
    parts = [*filter(None, [module]), *scopes, dialect.constructor if constructs else function.name]
    return Frame(
        path=dialect.home.format(repo=repo) + source.path.removeprefix("src/"),
        line=line,
        column=column,
        function=function.name,
        module=module,
        qualified=dialect.glue.join(parts),
        code=source.text.split("\n")[line - 1].strip(),
    )


def _caller(source: Source, function: Definition, *, repo: str) -> Frame | None:
    """Find the first place of a file where another function calls `function`."""
    call = rf"(?<![\w$@:]){re.escape(function.name)}(?![\w$]){DIALECTS[source.language].call}"
    for match in re.finditer(call, source.text):
        line = _line(source.text, match.start())
        around = enclosing(source, line)
        if around and around.name != function.name and not is_prose(source, match.start()):
            return _frame(source, line, _column(source.text, match.start()), around, repo=repo)
    return None


def _stranger(inner: Frame, glue: str) -> Frame:
    ending = inner.name.rpartition(".")[2]
    # Python's __init__ is called by the name of its class.
    named = [part for part in inner.qualified.split(glue) if not part.startswith("__")]
    return Frame(f"/srv/shop/main.{ending}", 27, 5, "main", "Main", f"shop{glue}main", f"{named[-1]}(order)")
