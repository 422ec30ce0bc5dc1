"""How a golden file is edited: rows are validated first, then added or removed in place, atomically.

An edit preserves everything else in the file: order, whitespace, comments and line endings.
"""

import json
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from retrieval.errors import ArgumentError, shorten
from retrieval.training.golden import golden_file, row_faults
from retrieval.training.golden.golden_file import Golden, Question

NEW = Path("new question")
"""What messages call the place of a row that is in no file yet."""


def add(path: Path, rows: Iterable[Mapping[str, Any]]) -> Golden:
    """Append rows to a golden file, one line each; create the file if it is missing.

    Returns:
        The file as it is now.

    Raises:
        ArgumentError: A row is invalid or duplicates another question, or the file cannot be read or written;
            nothing is written.
    """
    path = path.resolve()  # so that a link stays a link
    data = _bytes(path) if path.exists() else b"[]"
    known, text = golden_file.parse(path, data), data.decode("utf-8")
    new = list(rows)
    for number, row in enumerate(new, 1):
        _check_new(golden_file.question(row, number, NEW), known)
    end = "\r\n" if "\r\n" in text.rstrip() else "\n"
    lines = [f"  {_written(row)}" for row in new]
    _, close = golden_file.row_spans(text)
    opening = text[:close].rstrip()
    opening += "," if not opening.endswith("[") else ""
    return _replace(path, end.join([opening, f",{end}".join(lines), text[close:].rstrip(), ""]))


def find(asked: Golden, name: str) -> Question:
    """Find a question by its id, or by its row if no id is that number.

    Raises:
        ArgumentError: There is no such question, or a number matches two.
    """
    named = [question for question in asked.questions if question.question_id == name]
    rows = [question for question in asked.questions if str(question.row) == name]
    if named and rows and named != rows:
        raise ArgumentError(
            f"{name} is the id of row {named[0].row}, and row {name} is another question",
            remedy=f"use that one's id: {rows[0].question_id}",
        )
    if not named and not rows:
        raise ArgumentError(
            f"{asked.path} has no question {shorten(repr(name))}",
            remedy="`goldrank golden list` shows ids and rows",
        )
    return (named or rows)[0]


def remove(path: Path, questions: Iterable[Question]) -> Golden:
    """Remove the rows of questions from a golden file, as `golden_file.load` read them.

    Returns:
        The file as it is now.

    Raises:
        ArgumentError: The file changed meanwhile, or cannot be written.
    """
    path = path.resolve()
    data = _bytes(path)
    now, text = golden_file.parse(path, data), data.decode("utf-8")
    spans, _ = golden_file.row_spans(text)
    for question in sorted(questions, key=lambda item: -item.row):
        if question not in now.questions:
            raise ArgumentError(
                f"{path}, row {question.row} changed meanwhile", remedy="look again, then repeat"
            )
        start, end = spans[question.row - 1]
        if question.row < len(spans):
            end = spans[question.row][0]  # with the comma and the space up to the next row
        elif question.row > 1:
            start = spans[question.row - 2][1]  # with the comma before it
        text = text[:start] + text[end:]
        spans, _ = golden_file.row_spans(text)
    return _replace(path, text)


def _check_new(item: Question, known: Golden) -> None:
    for question in known.questions:
        if question.question_id == item.question_id:
            raise ArgumentError(
                f"{known.path}, row {question.row} has this id or asks this already "
                f"({shorten(question.question_id)}: {shorten(question.text)}); nothing was written.",
                remedy=(
                    f"Remove that row first: goldrank golden remove {question.row}; "
                    "or give this one an id: --id"
                ),
                joint=" ",
            )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArgumentError(f"{path} cannot be read: {error.strerror}") from error


def _written(row: Mapping[str, Any]) -> str:
    """Write a row as one line of JSON; a file name that is not valid Unicode needs escapes."""
    text = json.dumps(row, ensure_ascii=False)
    return text if row_faults.is_unicode(text) else json.dumps(row)


def _replace(path: Path, text: str) -> Golden:
    """Replace a file's text atomically, if the new text is a golden file."""
    data = text.encode("utf-8")
    read = golden_file.parse(path, data)
    fresh = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with fresh.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, fresh)
        os.replace(fresh, path)  # noqa: PTH105 - atomic: a reader sees the old file or the new one
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise ArgumentError(f"{path} cannot be written: {error.strerror}") from error
    return read
