r"""How a table is added to and removed from a TOML file as text, so that every other byte stays.

tomlkit keeps comments too, but assigns those below a table to that table: it would delete comments that
belong to the next one. It also mixes line endings.
The caller parses the result, which catches text inside a string that looks like a header.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mcp_server.clients import text_block
from retrieval.errors import ClientFileError

_HEADER = re.compile(r"[ \t]*\[")
_SILENT = re.compile(r"[ \t\r]*(#|$)")


def parse(text: str) -> dict[str, Any]:
    """Read a text.

    Raises:
        ClientFileError: It is not TOML; the message begins with the line.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise ClientFileError(f"line {line}: {error}") from error


def render(keys: Sequence[str], value: Mapping[str, Any]) -> str:
    """Write a table of strings and lists of strings; a JSON string is a TOML string, except for DEL.

    >>> print(render(("mcp_servers", "x"), {"command": "a", "args": ["b"]}))
    [mcp_servers.x]
    command = "a"
    args = ["b"]
    """
    members = [
        f"{key} = {json.dumps(item, ensure_ascii=False)}".replace("\x7f", r"\u007f")
        for key, item in value.items()
    ]
    return "\n".join([f"[{'.'.join(keys)}]", *members])


def add(text: str | None, keys: Sequence[str], value: Mapping[str, Any]) -> str:
    """Append the table, or replace it in place."""
    block = render(keys, value)
    span = _span(text or "", keys)
    if text is None or span is None:
        return text_block.append(text, block)
    return text[: span[0]] + block.replace("\n", text_block.newline_of(text)) + text[span[1] :]


def remove(text: str, keys: Sequence[str]) -> str | None:
    """Remove the table; None if the file held nothing else."""
    span = _span(text, keys)
    if span is None:
        raise ClientFileError(f"[{'.'.join(keys)}] is not written as a table of its own")
    return text_block.cut(text, *span)


def line_of(text: str, keys: Sequence[str]) -> int:
    """Return the line of the table's header, or 1 when it has none."""
    span = _span(text, keys)
    return text.count("\n", 0, span[0]) + 1 if span else 1


def _span(text: str, keys: Sequence[str]) -> tuple[int, int] | None:
    """Find a table, from its header to the end of its last member; comments below belong to the next."""
    parts = r"[ \t]*\.[ \t]*".join(rf"""["']?{re.escape(key)}["']?""" for key in keys)
    header = re.compile(rf"[ \t]*\[[ \t]*{parts}[ \t]*\][ \t\r]*(#.*)?")
    start: int | None = None
    end = 0
    for at, line in _lines(text):
        if start is None:
            if header.fullmatch(line):
                start, end = at, at + len(line.rstrip("\r"))
        elif _HEADER.match(line):
            break
        elif not _SILENT.match(line):
            end = at + len(line.rstrip("\r"))
    return None if start is None else (start, end)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield each line without its "\n", and its offset."""
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1
