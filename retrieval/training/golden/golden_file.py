"""Which questions a golden file contains and which files answer them, including what its loose paths mean.

A row is an object; its only required keys are `q` and `expect_paths`:

    {"q": "Where are retries scheduled?", "expect_paths": ["src/retry.py", "src/queue.py:40-61"],
     "id": "retries", "grades": {"src/queue.py:40-61": 2}, "tags": ["how"], "date": "2026-03-01"}

An expected path is a file, a file with lines, or a loose path: the end of a path, or a folder. A grade says
how much an answer is worth relative to the others (1 by default). A row whose keys all begin with `_` is a
comment. `question` and `paths` may be written for `q` and `expect_paths`. The rows may also be the value of
`questions` in an object, beside `$schema`, which tells an editor what a row may hold; `SCHEMA` is that
schema.
The names `q` and `expect_paths` belong to the file format and appear in this module and `row_faults` only.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import ArgumentError, shorten
from retrieval.records import Chunk
from retrieval.training.golden import row_faults

SCHEMA = Path(__file__).with_name("golden.schema.json")
_SPACE = re.compile(r"[ \t\r\n]*")
_LIST = re.compile(r"\ufeff?\s*(?:\{.*?\"questions\"\s*:\s*)?\[", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Expected:
    """An answer as the golden file writes it.

    Attributes:
        path: POSIX path, which may be loose: the end of a path, or a folder.
        start_line: First line, 1-based, or None for a whole file.
        end_line: Last line, inclusive, or None.
        grade: Its worth, above 0 and up to `row_faults.MOST_GRADE`.
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
class Fault:
    """Why a row cannot be read.

    Attributes:
        row: Its place in the file, 1-based.
        text: What is wrong.
        remedy: What is accepted instead, or "".
    """

    row: int
    text: str
    remedy: str


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
    return parse(path, bytes_of(path))


def bytes_of(path: Path) -> bytes:
    """Read the bytes of a golden file.

    Raises:
        ArgumentError: The file is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ArgumentError(
            f"{path} does not exist", remedy='begin it with: goldrank golden add "question" path/to/answer'
        ) from error
    except OSError as error:
        raise ArgumentError(f"{path} cannot be read: {error.strerror}") from error


def parse(path: Path, data: bytes) -> Golden:
    """Read the bytes of a golden file; `path` is for messages.

    Raises:
        ArgumentError: The bytes are not JSON, or a row is invalid; the text names the first such row.
    """
    questions, wrong = check(path, data)
    if wrong:
        first, others = wrong[0], len(wrong) - 1
        more = f"`goldrank golden lint` lists {others:,} more {'error' if others == 1 else 'errors'}"
        remedies = (first.remedy, more if others else "")
        raise ArgumentError(
            f"{path}, row {first.row}: {first.text}", remedy="; ".join(filter(None, remedies))
        )
    return Golden(path, hashlib.sha256(data).hexdigest(), tuple(questions))


def check(path: Path, data: bytes) -> tuple[list[Question], list[Fault]]:
    """Read the valid rows of a golden file, and list the faults of the others, by row.

    Raises:
        ArgumentError: The bytes are not a list in JSON.
    """
    questions: list[Question] = []
    wrong: list[Fault] = []
    first: dict[str, int] = {}
    for number, row in enumerate(_rows(path, data), 1):
        if _is_comment(row):
            continue
        found = row_faults.faults(row)
        wrong += [Fault(number, fault.text, fault.remedy) for fault in found]
        if found:
            continue
        item = _question(row_faults.named(row), number)
        before = first.setdefault(item.question_id, number)
        if before == number:
            questions.append(item)
            continue
        same = f"it has the same id or text as row {before} ({shorten(item.question_id)})"
        wrong.append(Fault(number, same, "remove one, or give each an id of its own"))
    return questions, wrong


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
    for fault in row_faults.faults(row):
        raise ArgumentError(f"{path}, row {number}: {fault.text}", remedy=fault.remedy)
    return _question(row_faults.named(row), number)


def _question(row: Mapping[str, Any], number: int) -> Question:
    """Read a row without faults."""
    text, identity, grades = row["q"], row.get("id"), row.get("grades", {})
    return Question(
        question_id=_text_id(text) if identity in {None, ""} else str(identity),
        text=text.strip(),
        expected=tuple(_expected(answer, float(grades.get(answer, 1))) for answer in row["expect_paths"]),
        repo=row.get("repo", ""),
        tags=tuple(row.get("tags", ())),
        date=str(row.get("date", "")),
        row=number,
    )


def row_spans(text: str) -> tuple[list[tuple[int, int]], int]:
    """Find the position of each row of a valid file's text, and of the bracket that closes their list."""
    decoder, spans = json.JSONDecoder(), []
    opening = _LIST.match(text)
    at = _after(text, opening.end() if opening else 0)
    while text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        spans.append((at, end))
        at = _after(text, end)
        at = _after(text, at + 1) if text[at] == "," else at
    return spans, at


def row_lines(data: bytes) -> list[int]:
    """Return the line, 1-based, at which each row begins; `data` is a list in JSON."""
    text = data.decode("utf-8-sig")
    return [text.count("\n", 0, start) + 1 for start, _end in row_spans(text)[0]]


def _after(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _text_id(text: str) -> str:
    """Derive an id from a question's text, ignoring spacing and capitalisation."""
    return "q-" + hashlib.blake2b(" ".join(text.lower().split()).encode(), digest_size=6).hexdigest()


def expected(written: str) -> Expected:
    """Read an answer as spelled in a golden file or a reply: a file, or a file with lines.

    Raises:
        ArgumentError: The span ends before it starts.
    """
    read = _expected(written, 1.0)
    if read.start_line is not None and read.end_line is not None and read.end_line < read.start_line:
        raise ArgumentError(f"the answer: {shorten(written)}: {row_faults.BACKWARDS}")
    return read


def _expected(answer: str, grade: float) -> Expected:
    match = row_faults.LINES.fullmatch(answer)
    if match is None:
        return Expected(answer, grade=grade)
    start = int(match["start"])
    return Expected(match["path"], start, int(match["end"] or start), grade)
