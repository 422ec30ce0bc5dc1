"""Which lines of a Jupyter notebook are code or prose, and what they say.

A notebook is JSON with one string a line, so a cell's lines are lines of the file. They are found by reading
the JSON mark by mark, which also works for a notebook that is damaged or half written. Outputs, images and
metadata are not text that anyone wrote, and are left out.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

# A string that does not end takes the rest of its line, so that no character is read twice.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|$)|[{}\[\],]')
_MAGIC = re.compile(r"\s*[%!?]")
_LANGUAGES = {
    "ir": "r",
    "ipython": "python",
    "c++": "cpp",
    "c#": "csharp",
    "f#": "fsharp",
    "powershell": "powershell",
}
_MOST_DEPTH = 8  # deeper values are outputs or metadata
_NEW_CELL = (("cells",), ("worksheets", "cells"))  # the keys around a cell, in format 4 and before
_NAMES = ("language_info.name", "kernelspec.language", "kernelspec.name")


@dataclass(slots=True)
class Cell:
    """A cell of a notebook.

    Attributes:
        is_code: Whether it is code; else it is prose.
        rows: The text of each of its rows, by 0-based row.
    """

    is_code: bool = True
    rows: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook as people read it.

    Attributes:
        language: The language of its kernel, as `languages` calls it where it is known there.
        cells: Its cells with text, in order.
    """

    language: str
    cells: tuple[Cell, ...]

    def lines(self, count: int) -> list[str]:
        """Return as many lines as the file has: those of cells as people read them, the others blank."""
        shown = [""] * count
        for cell in self.cells:
            for row, text in cell.rows.items():
                shown[row] = f"{shown[row]} {text}" if shown[row] else text
        return shown


@dataclass(slots=True)
class _Frame:
    """An object or array that is open, with its current key."""

    is_object: bool
    key: str = ""
    awaits_key: bool = True


def read(lines: Sequence[str]) -> Notebook:
    r"""Read the cells of a notebook.

    >>> found = read(['{"cells": [{"cell_type": "code", "source": [', '"x = 1\\n",', '"y"', "]}]}"])
    >>> [cell.rows for cell in found.cells]
    [{1: 'x = 1', 2: 'y'}]
    """
    cells: list[Cell] = []
    names: dict[str, str] = {}
    for row, keys, mark in _strings(lines):
        if keys[:-1] in _NEW_CELL and keys[-1] in {"source", "input"}:
            text = _text(mark)
            if cells and text.strip():
                before = cells[-1].rows.get(row)
                cells[-1].rows[row] = f"{before} {text}" if before else text
        elif keys[:-1] in _NEW_CELL and keys[-1] == "cell_type" and cells:
            cells[-1].is_code = _text(mark) == "code"
        elif keys[:-1] in _NEW_CELL and not keys[-1]:
            cells.append(Cell())
        elif keys[:1] == ("metadata",):
            names[".".join(keys[1:])] = _text(mark).lower()
    said = next((names[name] for name in _NAMES if names.get(name)), "python")
    language = said.rstrip("0123456789.-")
    return Notebook(_LANGUAGES.get(language, language), tuple(cell for cell in cells if cell.rows))


def code_lines(cell: Cell, count: int, *, language: str) -> list[str]:
    """Return as many lines as the file has, blank except for a cell's code without IPython's commands."""
    lines = [""] * count
    for row, text in cell.rows.items():
        lines[row] = "" if language == "python" and _MAGIC.match(text) else text
    return lines


def _strings(lines: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """Yield each string with its row and the keys that lead to it; as an object begins, a last key ""."""
    stack: list[_Frame] = []
    for row, line in enumerate(lines):
        for mark in _TOKEN.findall(line):
            top = stack[-1] if stack else None
            if mark in "{[":
                if mark == "{" and 1 < len(stack) < _MOST_DEPTH:
                    yield row, (*_keys(stack), ""), ""
                stack.append(_Frame(mark == "{"))
            elif mark in "}]":
                stack = stack[:-1]
            elif top is None:
                continue
            elif mark == ",":
                top.awaits_key = True
            elif top.is_object and top.awaits_key:
                top.key, top.awaits_key = mark[1:-1], False
            elif len(stack) < _MOST_DEPTH:
                yield row, _keys(stack), mark


def _keys(stack: Sequence[_Frame]) -> tuple[str, ...]:
    return tuple(frame.key for frame in stack if frame.is_object)


def _text(mark: str) -> str:
    """Decode a string; one in several lines becomes one line, since it has one row."""
    try:
        text = str(json.loads(mark))
    except ValueError:  # cut off, or with an escape that JSON does not know
        text = mark.strip('"').removesuffix("\\n")
    return " ".join(text.removesuffix("\n").splitlines())
