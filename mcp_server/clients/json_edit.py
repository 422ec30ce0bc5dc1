"""How a member is added to and removed from a JSON file as text, so that every other byte stays.

Comments and trailing commas are replaced by blanks of the same length, and Python's json reads the rest: no
maintained JSON library on PyPI keeps comments without needing node.

The form alone tells `remove` what to restore:

    an object that was empty      our member directly follows its brace
    an object that we created     our member is its only one, on a line of its own
    a trailing comma before us    there is one after us too
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mcp_server.clients.text_block import newline_of
from retrieval.errors import ClientFileError

_INDENT = "  "  # where a file shows none
_STRING = r'"(?:\\.|[^"\\\n])*"'
_COMMENT = re.compile(rf"{_STRING}|//[^\r\n]*|/\*.*?\*/", re.DOTALL)
_TRAILING = re.compile(rf"{_STRING}|,(?=\s*[}}\]])")
_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()

Extra = Literal["comment", "trailing comma"]
"""What JSON itself does not have."""

Edit = tuple[int, int, str]
"""From, up to, and what stands there instead."""


@dataclass(frozen=True, slots=True)
class _Member:
    """A member of an object: where its key, its value, and the comma behind it are."""

    key: str
    start: int
    value: int
    end: int
    comma: int | None


@dataclass(frozen=True, slots=True)
class _Object:
    """An object: where its braces are, and its members in order."""

    opening: int
    closing: int
    members: tuple[_Member, ...]

    def member(self, key: str) -> _Member | None:
        """Find a member; of two with the same key the last counts, as for every JSON reader."""
        return next((member for member in reversed(self.members) if member.key == key), None)


def parse(text: str) -> Any:
    """Read a text; one without any value is an empty object.

    Raises:
        ClientFileError: Not JSON, even with comments and trailing commas; the message begins with the line.
    """
    bare = _bare(_plain(text))
    try:
        return json.loads(bare) if bare.strip() else {}
    except json.JSONDecodeError as error:
        raise ClientFileError(f"line {error.lineno}: {error.msg}") from error
    except RecursionError as error:
        raise ClientFileError("line 1: nested too deeply") from error


def line_with(text: str, extra: Extra) -> int | None:
    r"""Return the line of the first comment or trailing comma; None when there is none.

    >>> line_with('{\n"//": [1,] // one\n}', "comment"), line_with('{"a": ",]"}', "trailing comma")
    (2, None)
    """
    pattern, searched = (_COMMENT, text) if extra == "comment" else (_TRAILING, _plain(text))
    found = next((found for found in pattern.finditer(searched) if found[0][0] != '"'), None)
    return _line(text, found.start()) if found else None


def render(keys: Sequence[str], value: Mapping[str, Any]) -> str:
    """Write a whole file that holds one value.

    >>> print(render(("a", "b"), {"c": 1}))
    {
      "a": {
        "b": {
          "c": 1
        }
      }
    }
    """
    return json.dumps(_nested(keys, value), indent=len(_INDENT), ensure_ascii=False)


def add(text: str | None, keys: Sequence[str], value: Mapping[str, Any]) -> str:
    """Set the value at `keys`, creating objects on the way. None stands for a file that does not exist.

    Raises:
        ClientFileError: A value on the way is not an object.
    """
    if text is None:
        return render(keys, value) + "\n"
    if not _plain(text).strip():
        gap = newline_of(text) if text and not text.endswith("\n") else ""  # a comment may end the text
        return text + gap + render(keys, value).replace("\n", newline_of(text))
    place = _object(text, _skip(_plain(text), 0))
    unit = (_indent(text, place.members[0].start) if place.members else None) or _INDENT
    for depth, key in enumerate(keys):
        if place.member(key) is None:
            return _apply(text, _insertion(text, place, keys[depth:], value, unit=unit))
        if key is not keys[-1]:
            place = _object(text, _found(place, key).value)
    old = _found(place, keys[-1])
    spelled = _spell(value, text, indent=_indent(text, old.start), unit=unit)
    return _apply(text, [(old.value, old.end, spelled)])


def remove(text: str, keys: Sequence[str]) -> str | None:
    """Remove the value at `keys`, and the objects that were created for it.

    Returns None if the file was created for this value.
    """
    chain = _chain(text, keys)
    for place, key in zip(reversed(chain), reversed(keys), strict=True):
        if not _was_made(text, place):
            return _apply(text, _removal(text, place, _found(place, key)))
    rest = text[: chain[0].opening] + text[chain[0].closing + 1 :]
    return None if chain[0].opening == 0 and rest in {"\n", "\r\n"} else rest


def line_of(text: str, keys: Sequence[str]) -> int:
    """Return the line of the member at `keys`, which must exist."""
    return _line(text, _found(_chain(text, keys)[-1], keys[-1]).start)


def _chain(text: str, keys: Sequence[str]) -> list[_Object]:
    """Return the objects on the way to `keys`, outermost first; each contains the key at its depth."""
    chain = [_object(text, _skip(_plain(text), 0))]
    for key in keys[:-1]:
        chain.append(_object(text, _found(chain[-1], key).value))
    return chain


def _was_made(text: str, place: _Object) -> bool:
    """Return whether `add` created an object: it holds only our member and no comments."""
    if len(place.members) > 1:
        return False
    only = place.members[0]
    around = text[place.opening + 1 : only.start] + text[only.end : place.closing]
    return only.start > place.opening + 1 and not around.strip()


def _insertion(
    text: str, place: _Object, keys: Sequence[str], value: Mapping[str, Any], *, unit: str
) -> list[Edit]:
    """Add a member after the last one and after the comments that follow it."""
    name, held = f"{_dumps(keys[0])}: ", _nested(keys[1:], value)
    # An object that is made inside goes on lines of its own: `_was_made` tells it by that.
    least = "" if len(keys) > 1 else None
    if not place.members:
        return [(place.opening + 1, place.opening + 1, name + _spell(held, text, indent=least, unit=unit))]
    last = place.members[-1]
    tail = len(text[: place.closing].rstrip())
    indent = _indent(text, place.members[0].start)
    if indent is None and "\n" in text[last.end : place.closing]:
        indent = unit
    gap = " " if indent is None else newline_of(text) + indent
    piece = gap + name + _spell(held, text, indent=least if indent is None else indent, unit=unit)
    if last.comma is not None:
        return [(tail, tail, piece + ",")]
    if tail == last.end:
        return [(tail, tail, "," + piece)]
    return [(last.end, last.end, ","), (tail, tail, piece)]


def _removal(text: str, place: _Object, member: _Member) -> list[Edit]:
    """Remove a member, the space before it, and the comma that separates it from the others."""
    edits = [(len(text[: member.start].rstrip()), member.end, "")]
    at = place.members.index(member)
    comma = member.comma
    if comma is None and at > 0:
        comma = place.members[at - 1].comma
    return edits if comma is None else [*edits, (comma, comma + 1, "")]


def _spell(value: Any, text: str, *, indent: str | None, unit: str) -> str:
    """Write a value over several lines, or on one line if its neighbours are on one line."""
    if indent is None:
        return _dumps(value)
    lines = json.dumps(value, indent=unit, ensure_ascii=False).split("\n")
    return (newline_of(text) + indent).join(lines)


def _indent(text: str, at: int) -> str | None:
    """Return the indentation before `at` on its line; None if something else precedes it."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return None if line.strip() else line


def _object(text: str, opening: int) -> _Object:
    """Find the members of an object."""
    plain = _plain(text)
    bare = _bare(plain)
    if plain[opening] != "{":
        raise ClientFileError(f"line {_line(text, opening)}: this should be an object")
    members: list[_Member] = []
    at = _skip(plain, opening + 1)
    while plain[at] != "}":
        if plain[at] != '"':  # `{,}`, which looks like a trailing comma
            raise ClientFileError(f"line {_line(text, at)}: a name should stand here")
        key, end = _DECODER.raw_decode(bare, at)
        value = _skip(plain, _skip(plain, end) + 1)
        end = _DECODER.raw_decode(bare, value)[1]
        after = _skip(plain, end)
        comma = after if plain[after] == "," else None
        members.append(_Member(key, at, value, end, comma))
        at = after if comma is None else _skip(plain, after + 1)
    return _Object(opening, at, tuple(members))


def _found(place: _Object, key: str) -> _Member:
    member = place.member(key)
    if member is None:
        raise ClientFileError(f"{key} is not in it")
    return member


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _nested(keys: Sequence[str], value: Any) -> Any:
    for key in reversed(keys):
        value = {key: value}
    return value


def _plain(text: str) -> str:
    """Replace comments by blanks, so that positions stay."""
    return _COMMENT.sub(lambda found: found[0] if found[0][0] == '"' else _blank(found[0]), text)


def _bare(plain: str) -> str:
    """Replace trailing commas by blanks."""
    return _TRAILING.sub(lambda found: found[0] if found[0][0] == '"' else " ", plain)


def _blank(comment: str) -> str:
    return re.sub(r"[^\r\n]", " ", comment)


def _skip(plain: str, at: int) -> int:
    found = _SPACE.match(plain, at)
    return found.end() if found else at


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _apply(text: str, edits: Sequence[Edit]) -> str:
    """Apply edits that do not overlap, last to first, so that positions stay valid."""
    for start, end, instead in sorted(edits, reverse=True):
        text = text[:start] + instead + text[end:]
    return text
