"""What of a listing reached a model: compares a request that a client sent with what the server said.

A description or the instructions may be whole, cut or absent. Of a schema each keyword is looked for at its
place, as clients strip some that they or their models do not know.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchmarks.clients.scripted_model import Json, Seen, Tool

FOUND_BY = 20  # characters: enough to know a text by its beginning


class Listed(NamedTuple):
    """What the server lists: its tools by name, and its instructions."""

    tools: Mapping[str, Tool]
    instructions: str


def told(seen: Seen, listed: Listed) -> str:
    """Write a table of what the model was told of each tool, and a sentence about the instructions."""
    rows = [_row(tool, name, ours) for name, ours in listed.tools.items() for tool in _named(seen, name)]
    where, length = _place(seen.body, listed.instructions)
    shown = f"{_share(length, len(listed.instructions))}, in `{where}`" if where else "not shown to a model"
    return (
        "| tool | characters | description | missing in the schema | added to it |\n"
        "|---|---|---|---|---|\n" + "\n".join(rows) + f"\n\nThe instructions: {shown}.\n"
    )


def _named(seen: Seen, name: str) -> list[Tool]:
    return [tool for tool in seen.tools if tool.name.endswith(name)]


def _row(tool: Tool, name: str, ours: Tool) -> str:
    length = _common(tool.description, ours.description)
    known, theirs = dict(_keywords(ours.schema)), dict(_keywords(tool.schema))
    lost = Counter(place[-1] for place, value in known.items() if theirs.get(place) != value)
    stood = Counter(place[-1] for place in known)
    missing = ", ".join(f"{word} ({count} of {stood[word]})" for word, count in sorted(lost.items()))
    arguments = [key for key in tool.schema.get("properties", {}) if key not in ours.schema["properties"]]
    words = sorted({place[-1] for place in theirs if place not in known and place[0] not in arguments})
    more = ", ".join((*arguments, *words)) or "nothing"
    size = len(tool.description) + len(json.dumps(tool.schema, ensure_ascii=False))
    description = _share(length, len(ours.description))
    return f"| {name} | {size:,} | {description} | {missing or 'nothing'} | {more} |"


def _keywords(schema: Json, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each keyword that says something by itself, with its place; the names of arguments are places."""
    for key, value in schema.items():
        if key == "properties":
            for name, inner in value.items():
                yield from _keywords(inner, (*at, name))
        elif key == "items":
            yield from _keywords(value, (*at, key))
        elif key == "anyOf":
            for i, inner in enumerate(value):
                yield from _keywords(inner, (*at, f"{key} {i}"))
        else:
            yield (*at, key), json.dumps(sorted(value) if isinstance(value, list) else value)


def _place(node: Json, text: str, at: str = "") -> tuple[str, int]:
    """Find where a text, or its beginning, stands in a request; return the place and how much stands."""
    if isinstance(node, str):
        start = node.find(text[:FOUND_BY])
        return (at, _common(node[start:], text)) if start >= 0 else ("", 0)
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    inner = (
        _place(value, text, f"{at}[{key}]" if isinstance(key, int) else f"{at}.{key}".lstrip("."))
        for key, value in items
    )
    return max(inner, key=lambda found: found[1], default=("", 0))


def _common(text: str, other: str) -> int:
    """Count the characters that two texts begin with in common."""
    return next(
        (i for i, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other))
    )


def _share(length: int, whole: int) -> str:
    return f"whole ({whole})" if length == whole else f"{length} of {whole}" if length else "absent"
