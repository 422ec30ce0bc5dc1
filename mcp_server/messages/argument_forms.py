"""How arguments that are slightly off are read: `topK`, `"3"`, `null`, a text in place of a list.

What can mean only one thing is accepted, with a note on how it was read, unless the two are equal in JSON.
Everything else is left for validation to reject.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from retrieval.errors import shorten

ALIASES: Mapping[str, str] = {
    **dict.fromkeys(("question", "q", "search", "search_query", "text"), "query"),
    **dict.fromkeys(("hints", "keywords", "identifiers", "terms", "guesses", "names", "symbols"), "expect"),
    **dict.fromkeys(("queries", "wordings"), "query"),
    **dict.fromkeys(("k", "n", "limit", "max_results", "num_results", "count"), "top_k"),
    **dict.fromkeys(("skip", "start", "from"), "offset"),
    **dict.fromkeys(("glob", "globs", "paths", "files", "include", "file_pattern"), "path"),
    **dict.fromkeys(("lang", "languages"), "language"),
    **dict.fromkeys(("repository", "repo_name", "project", "root"), "repo"),
    **dict.fromkeys(("max_length", "max_characters", "budget"), "max_chars"),
    **dict.fromkeys(("output", "output_format", "mode"), "format"),
    **dict.fromkeys(("documents", "passages", "hits", "results", "items"), "candidates"),
}
"""What models call our arguments when they do not look: the same thing under the names of other tools."""

_SHOWN_CHARS = 60
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}(?:\.0{1,18})?")
_NOT_GIVEN = frozenset({"", "null", "none"})  # what stands for a number or a switch that is not given
_SWITCH = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_Notes = list[str]
_ABSENT = object()


def read(arguments: Mapping[str, Any], model: type[BaseModel]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a call's arguments with their proper names and types, and notes on how they were read.

    >>> from mcp_server.messages.arguments import SearchArguments
    >>> read({"question": "who calls it", "topK": "3", "path": None}, SearchArguments)
    ({'query': 'who calls it', 'top_k': 3}, ('question was read as query', 'topK was read as top_k', \
'top_k "3" was read as 3'))
    """
    given = {name: value for name, value in arguments.items() if value is not None or not _named(name, model)}
    named, notes = _renamed(given, model)
    values: dict[str, Any] = {}
    for name, value in named.items():
        field = model.model_fields.get(name)
        read_as = _value(name, value, field, notes) if field else value
        if read_as is not _ABSENT:
            values[name] = read_as
    return values, tuple(notes)


def meant(name: str, model: type[BaseModel]) -> str:
    """Return the argument that a misspelled name means, or ""."""
    return "" if name in model.model_fields else _slips(model).get(folded(name), "")


@cache
def _slips(model: type[BaseModel]) -> dict[str, str]:
    aliases = {folded(alias): field for alias, field in ALIASES.items() if field in model.model_fields}
    return aliases | {folded(field): field for field in model.model_fields}


def folded(name: str) -> str:
    """Write a name without case, hyphens and underscores.

    >>> folded("maxChars"), folded("max-chars"), folded("MAX_CHARS")
    ('maxchars', 'maxchars', 'maxchars')
    """
    return re.sub(r"[-_ ]", "", name).lower() if len(name) <= _SHOWN_CHARS else ""


def integer(value: object) -> int | None:
    """Return the whole number that a value is or spells, or None.

    >>> integer(3.0), integer(" 3 "), integer("3.0"), integer(True), integer(3.5)
    (3, 3, 3, None, None)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and _INTEGER.fullmatch(value.strip()):
        return int(value.strip().partition(".")[0])
    return None


def _named(name: str, model: type[BaseModel]) -> bool:
    return name in model.model_fields or bool(meant(name, model))


def _renamed(given: Mapping[str, Any], model: type[BaseModel]) -> tuple[dict[str, Any], _Notes]:
    """Correct slips in names.

    A slip next to the argument that it means is left, and rejected: the two may differ.
    """
    renamed: dict[str, Any] = {}
    notes: _Notes = []
    for name, value in given.items():
        argument = meant(name, model)
        if argument and argument not in given and argument not in renamed:
            notes.append(f"{name} was read as {argument}")
            renamed[argument] = value
        else:
            renamed[name] = value
    return renamed, notes


def _value(name: str, value: object, field: FieldInfo, notes: _Notes) -> object:
    """Convert a value to its argument's kind; return it unchanged if that is not possible."""
    kind = _kind(field)
    if name == "query" and kind == "list":
        return _wordings(value, field, notes)
    if kind == "list":
        return _listed(name, value, field, notes)
    if name == "language" and (several := _languages(value)) is not None:
        read_as: object = several or _ABSENT
    else:
        only = value[0] if isinstance(value, list) and len(value) == 1 else value
        read_as = _READERS[kind](only, field)
        if read_as is None:
            return value
    if read_as is _ABSENT:
        notes.append(f"{name} {_shown(value)} was read as not given")
    elif read_as != value or isinstance(value, bool) != isinstance(read_as, bool):  # 1 == True, but not here
        notes.append(f"{name} {_shown(value)} was read as {_shown(read_as, kind)}")
    return read_as


def _kind(field: FieldInfo) -> str:
    """Name the kind of an argument: integer, switch, choice, text or list."""
    annotation = field.annotation
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(option for option in get_args(annotation) if option is not type(None))
    if get_origin(annotation) is Literal:
        return "choice"
    return {int: "integer", bool: "switch", str: "text"}.get(annotation, "list")  # type: ignore[arg-type] # a list's type is no key


def _integer(value: object, _field: FieldInfo) -> object:
    return _ABSENT if _is_not_given(value) else integer(value)


def _switch(value: object, _field: FieldInfo) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    if _is_not_given(value):
        return _ABSENT
    return _SWITCH.get(value.strip().lower()) if isinstance(value, str) else None


def _choice(value: object, field: FieldInfo) -> object:
    if not isinstance(value, str):
        return None
    if not value.strip():
        return _ABSENT
    wanted = value.strip().lower()
    return wanted if wanted in get_args(field.annotation) else None


def _text(value: object, field: FieldInfo) -> object:
    if isinstance(value, str):
        return value if value.strip() or field.is_required() else _ABSENT
    return json.dumps(value) if isinstance(value, int | float) else None


_READERS = {"integer": _integer, "switch": _switch, "choice": _choice, "text": _text}


def _is_not_given(value: object) -> bool:
    return isinstance(value, str) and value.strip().lower() in _NOT_GIVEN


def _languages(value: object) -> str | None:
    """Write several languages as the filter reads them; None if the value is not a list of names."""
    names = _parsed(value) if isinstance(value, str) else value
    if not isinstance(names, list):
        return None
    kept = [name for name in names if name is not None]
    return ", ".join(kept) if all(isinstance(name, str) for name in kept) else None


def _listed(name: str, value: object, field: FieldInfo, notes: _Notes) -> object:
    """Read a list that was sent as text or as one item; JSON gets no note, as Claude Desktop sends it."""
    items = value
    if isinstance(value, str):
        items = _parsed(value)
        if not isinstance(items, list):
            items = _lines(value)
            if len(items) > 1:
                notes.append(f"{name} was read as {len(items):,} lines")
    elif isinstance(value, dict) if name == "candidates" else name == "path" and _is_number(value):
        items = [value]
    if not isinstance(items, list):
        return value
    if name != "candidates":
        items = [_item(name, item, notes) for item in items if item is not None]
    most = next((rule.max_length for rule in field.metadata if hasattr(rule, "max_length")), len(items))
    if len(items) > most:
        others = "" if name in {"query", "expect"} else ", send the others in another call"
        what = {"query": "wordings of query", "expect": "guesses of expect"}.get(name, name)
        notes.append(f"{len(items):,} {what} were given; the first {most} are read{others}")
    return items[:most]


def _wordings(value: object, field: FieldInfo, notes: _Notes) -> object:
    """Read one wording or several; a text stays one wording whatever its lines, unless it is a JSON list."""
    if isinstance(value, str):
        parsed = _parsed(value)
        is_list = isinstance(parsed, list) and parsed and all(isinstance(item, str) for item in parsed)
        return _listed("query", parsed, field, notes) if is_list else value
    if isinstance(value, list):
        said = [item for item in value if not isinstance(item, str) or item.strip()]
        return _listed("query", said or value[:1], field, notes)
    read_as = _text(value, field)
    if read_as is None:
        return value
    notes.append(f"query {_shown(value)} was read as {_shown(read_as, 'text')}")
    return read_as


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _lines(text: str) -> list[str]:
    """Split what was pasted from a terminal into lines; keep JSON objects and blank text whole."""
    lines = [line.rstrip("\r") for line in text.split("\n") if line.strip()]
    return lines if len(lines) > 1 and not text.lstrip().startswith("{") else [text]


def _item(name: str, item: object, notes: _Notes) -> object:
    """Convert a number in a list of texts to text: a folder may be called 2024."""
    if _is_number(item):
        notes.append(f"{name} {shorten(str(item), _SHOWN_CHARS)} was read as text")
        return json.dumps(item)
    return item


def _parsed(text: str) -> object:
    """Parse a text as JSON if it looks like a list, else return it."""
    if not text.lstrip().startswith("["):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # no JSON; a number of thousands of digits; nested without end
        return text


def _shown(value: object, kind: str = "") -> str:
    if kind in ("text", "choice") and isinstance(value, str):
        return shorten(value, _SHOWN_CHARS)
    try:
        return shorten(json.dumps(value, ensure_ascii=False), _SHOWN_CHARS)
    except (ValueError, RecursionError):
        return shorten(repr(value), _SHOWN_CHARS)
