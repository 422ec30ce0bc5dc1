"""What a golden file asks, and which files answer: reads it, writes to it, finds what its loose paths mean.

A row is an object; the only keys that must be there are `q` and `expect_paths`:

    {"q": "Where are retries scheduled?", "expect_paths": ["src/retry.py", "src/queue.py:40-61"],
     "id": "retries", "grades": {"src/queue.py:40-61": 2}, "tags": ["how"], "date": "2026-03-01"}

An expected path is a file; a file and lines; or, loosely, the end of a path or a folder. Grades say how much
an answer is worth beside the others (1 by default). A row whose keys all begin with `_` is a comment.
The names `q` and `expect_paths` are the file's own and appear in this module only.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - `date` is a key of a row
from pathlib import Path
from typing import Any

from retrieval.errors import ArgumentError, shorten
from retrieval.records import Chunk

_KEYS = frozenset({"q", "expect_paths", "id", "repo", "grades", "tags", "date"})
_LINES = re.compile(r"(?P<path>.+?):(?P<start>[1-9]\d{0,8})(?:-(?P<end>[1-9]\d{0,8}))?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

WEAK = "feedback-"  # how the ids of questions begin that come from the feedback log, and no other
MOST_GRADE = 1_000  # beyond it one answer is all that counts; sums of what a float can hold overflow


@dataclass(frozen=True, slots=True)
class Expected:
    """An answer as the golden file writes it.

    Attributes:
        path: POSIX path, perhaps loose: the end of a path, or a folder.
        start_line: First line, 1-based, or None for a whole file.
        end_line: Last line, inclusive, or None.
        grade: What it is worth, above 0 and up to MOST_GRADE.
    """

    path: str
    start_line: int | None = None
    end_line: int | None = None
    grade: float = 1.0

    @property
    def written(self) -> str:
        """The answer as a golden file spells it."""
        return self.path if self.start_line is None else f"{self.path}:{self.start_line}-{self.end_line}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answers: query and qrels in one.

    Attributes:
        question_id: As written, else a hash of the text.
        text: What is asked.
        expected: At least one answer.
        repo: The repository's name in files that speak of several, or "".
        tags: Words to select by.
        date: When it was true or asked, as YYYY-MM-DD, or "".
        row: Its place in the file, 1-based, for messages.
    """

    question_id: str
    text: str
    expected: tuple[Expected, ...]
    repo: str = ""
    tags: tuple[str, ...] = ()
    date: str = ""
    row: int = 0


@dataclass(frozen=True, slots=True)
class Golden:
    """A golden file as it was read.

    Attributes:
        path: Where it lies.
        digest: SHA-256 of its bytes, in hex.
        questions: In the order of the file.
    """

    path: Path
    digest: str
    questions: tuple[Question, ...]


def load(path: Path) -> Golden:
    """Read a golden file.

    Raises:
        ArgumentError: It is not there, is no JSON, or a row is none; the text names the row.
    """
    data, rows = _read(path)
    questions = [_question(row, number, path) for number, row in enumerate(rows, 1) if not _is_comment(row)]
    first: dict[str, int] = {}
    for question in questions:
        if question.question_id in first:
            raise ArgumentError(
                f"{path}: rows {first[question.question_id]} and {question.row} have the same id or text "
                f"({shorten(question.question_id)}); remove one, or give each an id of its own"
            )
        first[question.question_id] = question.row
    return Golden(path, hashlib.sha256(data).hexdigest(), tuple(questions))


def add(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append rows to a golden file, one line each, leaving what is there as it is; make the file if need be.

    Raises:
        ArgumentError: A row is none, or the file cannot be read or written.
    """
    old = _read(path)[1] if path.exists() else []
    new = list(rows)
    for number, row in enumerate(new, len(old) + 1):
        _question(row, number, path)
    path = path.resolve()  # a link stays one
    before = path.read_bytes().decode("utf-8").rstrip() if path.exists() else "[]"
    end = "\r\n" if "\r\n" in before else "\n"
    lines = [f"  {_written(row)}" for row in new]
    opening = before.removesuffix("]").rstrip() + ("," if old else "")
    written = end.join([opening, f",{end}".join(lines), "]", ""])
    scratch = path.with_name(f"{path.name}.new")
    try:
        scratch.write_bytes(written.encode("utf-8"))
        if path.exists():
            shutil.copymode(path, scratch)
        os.replace(scratch, path)  # noqa: PTH105 - atomic: a reader sees the old file or the new one
    except OSError as error:
        raise ArgumentError(f"{path} cannot be written: {error.strerror}") from error


def row_of(text: str, answers: Sequence[str], **others: Any) -> dict[str, Any]:
    """Write a question as a row of a golden file; what is empty is left out."""
    return {
        "q": text,
        "expect_paths": list(answers),
        **{key: value for key, value in others.items() if value},
    }


def _written(row: Mapping[str, Any]) -> str:
    """Write a row as one line of JSON; a file name that is no Unicode needs escapes."""
    text = json.dumps(row, ensure_ascii=False)
    return text if _is_unicode(text) else json.dumps(row)


def unknown(row: Mapping[str, Any], paths: Collection[str]) -> str:
    """Say which answer of a row means none of the files, or ""."""
    question = _question(row, 1, Path("the question"))
    for item in question.expected:
        if not resolve(item, paths):
            return f"{shorten(item.written)} is no indexed file; paths are relative to the repository"
    return ""


def resolve(expected: Expected, paths: Collection[str]) -> list[str]:
    """Find the files that an expected path means: itself, else those that end with it, else those below it.

    >>> resolve(Expected("b.py"), ["a/b.py", "c.py"]), resolve(Expected("a"), ["a/b.py", "a/d.py"])
    (['a/b.py'], ['a/b.py', 'a/d.py'])
    """
    written = plain(expected.path)
    if written in paths:
        return [written]
    ends = sorted(path for path in paths if path.endswith(f"/{written}"))
    return ends or sorted(path for path in paths if path.startswith(f"{written}/") or f"/{written}/" in path)


def plain(path: str) -> str:
    """Write an expected path as git would: no `./` before it, no slash behind it."""
    return path.removeprefix("./").rstrip("/")


def targets(question: Question, paths: Collection[str]) -> tuple[Expected, ...]:
    """Write a question's answers with exact paths, each once and at its best grade; others are left out."""
    grades: dict[tuple[str, int | None, int | None], float] = {}
    for item in question.expected:
        for path in resolve(item, paths):
            key = (path, item.start_line, item.end_line)
            grades[key] = max(item.grade, grades.get(key, 0.0))
    return tuple(Expected(*key, grade) for key, grade in grades.items())


def touches(chunk: Chunk, target: Expected) -> bool:
    """Tell whether a chunk shares a line with a target, whose path is exact."""
    if chunk.path != target.path:
        return False
    if target.start_line is None or target.end_line is None:
        return True
    return chunk.start_line <= target.end_line and chunk.end_line >= target.start_line


def _read(path: Path) -> tuple[bytes, list[Any]]:
    try:
        data = path.read_bytes()
        rows = json.loads(data.decode("utf-8-sig"))
    except FileNotFoundError as error:
        raise ArgumentError(
            f'{path} does not exist; begin it with: goldrank golden add "question" path/to/answer'
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{path} cannot be read: {error}") from error
    except json.JSONDecodeError as error:
        raise ArgumentError(
            f"{path}, line {error.lineno}: no JSON: {error.msg}; a golden file is a list of objects"
        ) from error
    except RecursionError as error:
        raise ArgumentError(f"{path} is nested too deep; a golden file is a list of objects") from error
    if not isinstance(rows, list):
        raise ArgumentError(f"{path} holds no list; a golden file is a list of objects")
    return data, rows


def _is_comment(row: Any) -> bool:
    return isinstance(row, dict) and bool(row) and all(str(key).startswith("_") for key in row)


def _question(row: Any, number: int, path: Path) -> Question:
    where = f"{path}, row {number}"
    if not isinstance(row, dict):
        raise ArgumentError(f"{where}: {shorten(repr(row))} is no object")
    unknown = sorted(str(key) for key in row if key not in _KEYS and not str(key).startswith("_"))
    if unknown:
        known = ", ".join(sorted(_KEYS))
        raise ArgumentError(f"{where}: unknown key {shorten(unknown[0])}; known are {known}")
    text: Any = row.get("q")
    answers: Any = row.get("expect_paths")
    grades, tags, date = row.get("grades", {}), row.get("tags", []), row.get("date", "")
    identity, repo = row.get("id"), row.get("repo", "")
    accepted: dict[str, tuple[Any, bool, str]] = {
        "q": (text, isinstance(text, str) and bool(text.strip()) and _is_unicode(text), "a question"),
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
            raise ArgumentError(f'{where}: "{key}" is {shorten(repr(value))}; it takes {wanted}')
    return Question(
        question_id=_text_id(text) if identity in {None, ""} else str(identity),
        text=text.strip(),
        expected=tuple(_expected(answer, float(grades.get(answer, 1)), where) for answer in answers),
        repo=repo,
        tags=tuple(tags),
        date=str(date),
        row=number,
    )


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def _is_grades(value: Any, answers: Any) -> bool:
    if not isinstance(value, dict) or not _is_words(answers):
        return False
    return set(value) <= set(answers) and all(map(_is_grade, value.values()))


def _is_grade(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= MOST_GRADE


def _is_identity(value: Any) -> bool:
    if isinstance(value, str):
        return _is_unicode(value) and not value.startswith(WEAK)
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _is_date(value: Any) -> bool:
    try:
        return bool(_DATE.fullmatch(value)) and bool(Date.fromisoformat(value))
    except (TypeError, ValueError):
        return False


def _is_unicode(text: str) -> bool:
    """Tell whether a text can be written: JSON can spell half a character, and so can a file's name."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _text_id(text: str) -> str:
    """Name a question by what it asks, however it is spaced or capitalised."""
    return "q-" + hashlib.blake2b(" ".join(text.lower().split()).encode(), digest_size=6).hexdigest()


def expected(written: str) -> Expected:
    """Read an answer as a golden file or a reply spells it: a file, or a file and lines.

    Raises:
        ArgumentError: The span ends before it starts.
    """
    return _expected(written, 1.0, "the answer")


def _expected(answer: str, grade: float, where: str) -> Expected:
    match = _LINES.fullmatch(answer)
    if match is None:
        return Expected(answer, grade=grade)
    start = int(match["start"])
    end = int(match["end"] or start)
    if end < start:
        raise ArgumentError(f"{where}: {shorten(answer)}: the span ends before it starts")
    return Expected(match["path"], start, end, grade)
