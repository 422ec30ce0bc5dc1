"""Which questions a golden file contains and which files answer them, including what its loose paths mean.

A row is an object; its only required keys are `q` and `expect_paths`:

    {"q": "Where are retries scheduled?", "expect_paths": ["src/retry.py", "src/queue.py:40-61"],
     "id": "retries", "grades": {"src/queue.py:40-61": 2}, "tags": ["how"], "date": "2026-03-01"}

An expected path is a file, a file with lines, or a loose path: the end of a path, or a folder. A grade says
how much an answer is worth relative to the others (1 by default). A row whose keys all begin with `_` is a
comment. `question` and `paths` may be written for `q` and `expect_paths`. The rows may also be the value of
`questions` in an object, beside `$schema`, which tells an editor what a row may hold; `SCHEMA` is that
schema.
The names `q` and `expect_paths` belong to the file format and appear in this module only.
"""

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date as Date  # noqa: N812 - `date` is a key of a row
from pathlib import Path
from typing import Any

from retrieval.errors import ArgumentError, shorten
from retrieval.records import Chunk

SCHEMA = Path(__file__).with_name("golden.schema.json")
_KEYS = frozenset({"q", "expect_paths", "id", "repo", "grades", "tags", "date"})
_ALSO = {"question": "q", "paths": "expect_paths"}
_LINES = re.compile(r"(?P<path>.+?):(?P<start>[1-9]\d{0,8})(?:-(?P<end>[1-9]\d{0,8}))?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

WEAK = "feedback-"  # prefix of the ids of questions from the feedback log, and of no others
MOST_GRADE = 1_000  # a higher grade outweighs all other answers, and sums of huge floats overflow


@dataclass(frozen=True, slots=True)
class Expected:
    """An answer as the golden file writes it.

    Attributes:
        path: POSIX path, which may be loose: the end of a path, or a folder.
        start_line: First line, 1-based, or None for a whole file.
        end_line: Last line, inclusive, or None.
        grade: Its worth, above 0 and up to MOST_GRADE.
    """

    path: str
    start_line: int | None = None
    end_line: int | None = None
    grade: float = 1.0

    @property
    def written(self) -> str:
        """The answer as it is spelled in a golden file."""
        return self.path if self.start_line is None else f"{self.path}:{self.start_line}-{self.end_line}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answers: query and qrels in one.

    Attributes:
        question_id: The id as written, or a hash of the text.
        text: The text of the question.
        expected: At least one answer.
        repo: The repository's name in files that cover several, or "".
        tags: Words to select questions by.
        date: When it was asked, or the answer was true, as YYYY-MM-DD, or "".
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
        path: The path of the file.
        digest: SHA-256 of its bytes, in hex.
        questions: In the order of the file.
    """

    path: Path
    digest: str
    questions: tuple[Question, ...]


def load(path: Path) -> Golden:
    """Read a golden file.

    Raises:
        ArgumentError: The file is missing or is not JSON, or a row is invalid; the text names the row.
    """
    try:
        return parse(path, path.read_bytes())
    except FileNotFoundError as error:
        raise ArgumentError(
            f"{path} does not exist", remedy='begin it with: goldrank golden add "question" path/to/answer'
        ) from error
    except OSError as error:
        raise ArgumentError(f"{path} cannot be read: {error.strerror}") from error


def parse(path: Path, data: bytes) -> Golden:
    """Read the bytes of a golden file; `path` is for messages.

    Raises:
        ArgumentError: The bytes are not JSON, or a row is invalid; the text names the row.
    """
    rows = enumerate(_rows(path, data), 1)
    questions = [question(row, number, path) for number, row in rows if not _is_comment(row)]
    first: dict[str, int] = {}
    for item in questions:
        if item.question_id in first:
            raise ArgumentError(
                f"{path}: rows {first[item.question_id]} and {item.row} have the same id or text "
                f"({shorten(item.question_id)})",
                remedy="remove one, or give each an id of its own",
            )
        first[item.question_id] = item.row
    return Golden(path, hashlib.sha256(data).hexdigest(), tuple(questions))


def row_of(text: str, answers: Sequence[str], **others: Any) -> dict[str, Any]:
    """Write a question as a row of a golden file, without empty values."""
    return {
        "q": text,
        "expect_paths": list(answers),
        **{key: value for key, value in others.items() if value},
    }


def resolve(expected: Expected, paths: Collection[str]) -> list[str]:
    """Find the files that an expected path means: itself, or those that end with it, or those below it.

    >>> resolve(Expected("b.py"), ["a/b.py", "c.py"]), resolve(Expected("a"), ["a/b.py", "a/d.py"])
    (['a/b.py'], ['a/b.py', 'a/d.py'])
    """
    written = plain(expected.path)
    if written in paths:
        return [written]
    ends = sorted(path for path in paths if path.endswith(f"/{written}"))
    return ends or sorted(path for path in paths if path.startswith(f"{written}/") or f"/{written}/" in path)


def plain(path: str) -> str:
    """Write an expected path as git would: without a leading `./` or a trailing slash."""
    return path.removeprefix("./").rstrip("/")


def targets(question: Question, paths: Collection[str]) -> tuple[Expected, ...]:
    """Resolve a question's answers to exact paths, each once with its best grade; skip unknown ones."""
    grades: dict[tuple[str, int | None, int | None], float] = {}
    for item in question.expected:
        for path in resolve(item, paths):
            key = (path, item.start_line, item.end_line)
            grades[key] = max(item.grade, grades.get(key, 0.0))
    return tuple(Expected(*key, grade) for key, grade in grades.items())


def touches(chunk: Chunk, target: Expected) -> bool:
    """Return whether a chunk shares a line with a target, whose path is exact."""
    if chunk.path != target.path:
        return False
    if target.start_line is None or target.end_line is None:
        return True
    return chunk.start_line <= target.end_line and chunk.end_line >= target.start_line


def _rows(path: Path, data: bytes) -> list[Any]:
    try:
        rows = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ArgumentError(
            f"{path} is not UTF-8 (byte {error.start + 1})", remedy="save it as UTF-8"
        ) from error
    except json.JSONDecodeError as error:
        raise ArgumentError(
            f"{path}, line {error.lineno}: no JSON: {error.msg}", remedy="a golden file is a list of objects"
        ) from error
    except ValueError as error:  # a number with thousands of digits
        raise ArgumentError(f"{path} is no JSON that can be read: {error}") from error
    except RecursionError as error:
        raise ArgumentError(
            f"{path} is nested too deep", remedy="a golden file is a list of objects"
        ) from error
    if isinstance(rows, dict) and set(rows) <= {"$schema", "questions"}:
        rows = rows.get("questions")
    if not isinstance(rows, list):
        raise ArgumentError(f"{path} holds no list", remedy="a golden file is a list of objects")
    return rows


def _is_comment(row: Any) -> bool:
    return isinstance(row, dict) and bool(row) and all(str(key).startswith("_") for key in row)


def question(row: Any, number: int, path: Path) -> Question:
    """Read one row.

    Raises:
        ArgumentError: The row is invalid; the text names it and the accepted values.
    """
    where = f"{path}, row {number}"
    if not isinstance(row, dict):
        raise ArgumentError(f"{where}: {shorten(repr(row))} is no object")
    row = _named(row, where)
    unknown = sorted(str(key) for key in row if key not in _KEYS and not str(key).startswith("_"))
    if unknown:
        known = ", ".join(sorted({*_KEYS, *_ALSO}))
        raise ArgumentError(f"{where}: unknown key {shorten(unknown[0])}", remedy=f"known are {known}")
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
            raise ArgumentError(f'{where}: "{key}" is {shorten(repr(value))}', remedy=f"it takes {wanted}")
    return Question(
        question_id=_text_id(text) if identity in {None, ""} else str(identity),
        text=text.strip(),
        expected=tuple(_expected(answer, float(grades.get(answer, 1)), where) for answer in answers),
        repo=repo,
        tags=tuple(tags),
        date=str(date),
        row=number,
    )


def _named(row: dict[str, Any], where: str) -> dict[str, Any]:
    """Give the keys of a row their first names."""
    twice = next((key for key, name in _ALSO.items() if key in row and name in row), None)
    if twice:
        raise ArgumentError(f'{where}: "{twice}" and "{_ALSO[twice]}" mean the same', remedy="leave one out")
    return {_ALSO.get(key, key): value for key, value in row.items()}


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
        return is_unicode(value) and not value.startswith(WEAK)
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _is_date(value: Any) -> bool:
    try:
        return bool(_DATE.fullmatch(value)) and bool(Date.fromisoformat(value))
    except (TypeError, ValueError):
        return False


def is_unicode(text: str) -> bool:
    """Return whether a text is valid Unicode: JSON and file names may contain lone surrogates."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _text_id(text: str) -> str:
    """Derive an id from a question's text, ignoring spacing and capitalisation."""
    return "q-" + hashlib.blake2b(" ".join(text.lower().split()).encode(), digest_size=6).hexdigest()


def expected(written: str) -> Expected:
    """Read an answer as spelled in a golden file or a reply: a file, or a file with lines.

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
