"""Which texts a message catalogue holds: each translated text with the key that the code knows it by.

Catalogues are read line by line, since every format writes an entry on its own lines: JSON, ARB, YAML,
properties, strings and TOML as `key: text` or `key = text`, gettext as `msgid` and `msgstr`, XML dialects
as elements. Keys are nested by indentation. A file in one long line has no entries.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape

MOST_LINES = 10_000  # lines of one catalogue that are read
LONGEST_LINE = 2_000  # characters; a longer line is data, not a text of an interface

# Each part is delimited by what it cannot contain, so that every line takes linear time.
_PAIR = re.compile(
    r"""(\s*)(?:"([^"]*)"\s*|'([^']*)'\s*|([^\s"':=#{}\[\]<>][^:="'<>]*))(?::|=>?)(.*)""",
)
_GETTEXT = re.compile(r'\s*(?:(msgid|msgstr|msgctxt|msgid_plural)(?:\[\d+\])?\s+)?"(.*)"\s*')
_ELEMENT = re.compile(r"<(string|data|value|source|target)\b([^<>]*)>([^<]*)")
_NAME = re.compile(r'\bname="([^"]*)"')
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))")
_OPENS = frozenset({"", "{", "[", "|", ">", "|-", ">-", "array("})


@dataclass(frozen=True, slots=True)
class Entry:
    """One text of an interface.

    Attributes:
        key: The names that lead to the text, outermost first; for gettext and XLIFF, the original text alone.
        text: The text as people read it, in the catalogue's language.
    """

    key: tuple[str, ...]
    text: str


def entries(path: str, lines: Sequence[str]) -> list[Entry]:
    """Read the entries of a catalogue, in order.

    >>> entries("ja.json", ['{', '  "menu": {', '    "trash": "ゴミ箱"', '  }', '}'])
    [Entry(key=('menu', 'trash'), text='ゴミ箱')]
    """
    kept = [line for line in lines[:MOST_LINES] if len(line) <= LONGEST_LINE]
    suffix = path.rpartition(".")[2].lower()
    if suffix in {"po", "pot"}:
        found = _gettext(kept)
    elif suffix in {"xml", "xlf", "xliff", "resx"}:
        found = _elements(kept)
    else:
        found = _pairs(kept)
    return [entry for entry in found if entry.text and any(entry.key)]


def _pairs(lines: Sequence[str]) -> Iterator[Entry]:
    parents: list[tuple[int, str]] = []
    for line in lines:
        pair = _PAIR.fullmatch(line)
        if not pair:
            continue
        indent, value = len(pair[1].expandtabs(4)), pair[5].strip()
        key = _unescaped(next(part for part in pair.group(2, 3, 4) if part is not None).strip())
        while parents and parents[-1][0] >= indent:
            parents.pop()
        if value in _OPENS:
            parents.append((indent, key))
        else:
            yield Entry((*(name for _, name in parents), key), _unquoted(value))


def _gettext(lines: Sequence[str]) -> Iterator[Entry]:
    parts: dict[str, str] = {}
    field = ""
    for line in (*lines, 'msgid ""'):
        said = _GETTEXT.fullmatch(line)
        if not said:
            continue
        if said[1] == "msgid":
            yield Entry((parts.get("msgid", ""),), parts.get("msgstr", ""))
            parts = {}
        field = said[1] or field
        parts[field] = parts.get(field, "") + _unescaped(said[2])


def _elements(lines: Sequence[str]) -> Iterator[Entry]:
    key = ""
    for line in lines:
        for element, attributes, text in _ELEMENT.findall(line):
            name = _NAME.search(attributes)
            key = unescape(text) if element == "source" else name[1] if name else key
            if element != "source" and text.strip():
                yield Entry((key,), unescape(text).strip())


def _unquoted(value: str) -> str:
    """Take the quotes and the comma or semicolon off a value."""
    value = value.rstrip(",; ")
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'`"
    return _unescaped(value[1:-1] if is_quoted else value)


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else _character(match[2]), text)
    # JSON writes a character beyond the first 65,536 as two escapes; one alone is no character.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escaped: str) -> str:
    return " " if escaped in "nrt" else escaped
