"""Which faults a row of a golden file has: all of them, each with the values that are accepted."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - `date` is a key of a row
from typing import Any

from retrieval.errors import shorten

WEAK = "feedback-"  # prefix of the ids of questions from the feedback log, and of no others
MOST_GRADE = 1_000  # a higher grade outweighs all other answers, and sums of huge floats overflow
ALSO = {"question": "q", "paths": "expect_paths"}
"""Other names of keys."""
LINES = re.compile(r"(?P<path>.+?):(?P<start>[1-9]\d{0,8})(?:-(?P<end>[1-9]\d{0,8}))?")
"""An answer that names lines of a file."""
BACKWARDS = "the span ends before it starts"

_KEYS = frozenset({"q", "expect_paths", "id", "repo", "grades", "tags", "date"})
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class RowFault:
    """One fault of a row: what is wrong, and what is accepted instead or ""."""

    text: str
    remedy: str = ""


def faults(row: Any) -> list[RowFault]:
    """List the faults of a row, in the order in which they should be mended."""
    if not isinstance(row, dict):
        return [RowFault(f"{_written(row)} is no object")]
    return [*_of_keys(row), *_of_values(row)]


def named(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give the keys of a row their first names."""
    return {ALSO.get(key, key): value for key, value in row.items()}


def is_unicode(text: str) -> bool:
    """Return whether a text is valid Unicode: JSON and file names may contain lone surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _of_keys(row: Mapping[str, Any]) -> Iterator[RowFault]:
    for key, name in ALSO.items():
        if key in row and name in row:
            yield RowFault(f'"{key}" and "{name}" mean the same', "leave one out")
    known = ", ".join(sorted({*_KEYS, *ALSO}))
    for key in sorted(str(key) for key in named(row) if key not in _KEYS and not str(key).startswith("_")):
        yield RowFault(f"unknown key {shorten(key)}", f"known are {known}")


def _of_values(written: Mapping[str, Any]) -> Iterator[RowFault]:
    row, keys = named(written), _keys_of(written)
    text: Any = row.get("q")
    answers: Any = row.get("expect_paths")
    grades, tags, date = row.get("grades", {}), row.get("tags", []), row.get("date", "")
    identity, repo = row.get("id"), row.get("repo", "")
    accepted: dict[str, tuple[Any, bool, str]] = {
        "q": (text, isinstance(text, str) and bool(text.strip()) and is_unicode(text), "a question"),
        "expect_paths": (answers, _is_words(answers) and bool(answers), "a list of paths"),
        "grades": (
            grades, _is_grades(grades, answers), f"numbers above 0 and up to {MOST_GRADE:,} by expected path",
        ),
        "id": (identity, _is_identity(identity), f'a name that does not begin with "{WEAK}"'),
        "repo": (repo, isinstance(repo, str), "a name"),
        "tags": (tags, _is_words(tags), "a list of words"),
        "date": (date, date == "" or _is_date(date), "YYYY-MM-DD"),
    }  # fmt: skip
    for key, (value, is_accepted, wanted) in accepted.items():
        if not is_accepted:
            found = _written(value) if key in row else "missing"
            yield RowFault(f'"{keys.get(key, key)}" is {found}', f"it takes {wanted}")
    for answer in answers if _is_words(answers) else ():
        lines = LINES.fullmatch(answer)
        if lines and int(lines["end"] or lines["start"]) < int(lines["start"]):
            yield RowFault(f"{shorten(answer)}: {BACKWARDS}")


def _keys_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the key that a row has, or should have, for each first name: a row keeps to one set of names."""
    uses_other = any(key in row for key in ALSO)
    return {name: key for key, name in ALSO.items() if key in row or (uses_other and name not in row)}


def _written(value: Any) -> str:
    """Write a value as the file does; characters that nobody can see are written by their codes."""
    text = json.dumps(value, ensure_ascii=False)
    return shorten(text if text.isprintable() else json.dumps(value))


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _is_grades(value: Any, answers: Any) -> bool:
    if not isinstance(value, dict) or not all(map(_is_grade, value.values())):
        return False
    return not _is_words(answers) or set(value) <= set(answers)  # else the answers are the fault


def _is_grade(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MOST_GRADE


def _is_identity(value: Any) -> bool:
    if isinstance(value, str):
        return is_unicode(value) and not value.startswith(WEAK)
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _is_date(value: Any) -> bool:
    try:
        return bool(_DATE.fullmatch(value)) and bool(Date.fromisoformat(value))
    except (TypeError, ValueError):
        return False
