"""Which questions are asked, in which forms, of which trees, and what answers them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal

FORMS = ("asked", "agent", "call")
"""A person's words; what an assistant makes of them; the same with names that the code may use."""

IN_WORDS = frozenset({"everyday vague", "everyday how", "everyday where-add", "everyday non-english"})
"""The everyday kinds that a person words, rather than pastes."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What answers a question: a file, a folder (with a slash at its end), or lines of a file.

    Attributes:
        path: Relative to the tree.
        start: The first line, 1-based, or None for the whole file.
        end: The last line, inclusive, or None.
    """

    path: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """What is sent to a search.

    Attributes:
        query: The query.
        expect: Guesses of what the answer contains, most likely first.
    """

    query: str
    expect: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question over one tree.

    Attributes:
        id: Unique in its set.
        kind: Its kind in its set.
        repo: Its repository, the unit that is resampled.
        tree: The name of the folder it is asked of.
        commit: The commit that must be checked out there first, or "".
        wordings: What is sent, by form; a form that the question lacks is left out.
        targets: What answers it.
    """

    id: str
    kind: str
    repo: str
    tree: str
    commit: str
    wordings: Mapping[str, Wording]
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions that are judged alike.

    Attributes:
        name: The name of the set.
        counts: "files" if a file counts once, at its first result, "chunks" if every result takes up a rank,
            as in the benchmark that the first release was tuned on.
        questions: In order; those of one tree are asked one after the other.
    """

    name: str
    counts: Literal["files", "chunks"]
    questions: tuple[Question, ...]


def read_people(file: Path) -> QuestionSet:
    """Read questions of people over whole repositories, with what an assistant calls for them."""
    return QuestionSet("people", "files", tuple(_people(row) for row in _rows(file)))


def read_lines(file: Path) -> QuestionSet:
    """Read questions that `benchmarks.questions.commits` mined, each asked of a commit of its own."""
    return QuestionSet("lines", "files", tuple(_mined(row) for row in _rows(file)))


def read_written(file: Path) -> QuestionSet:
    """Read questions that were written by reading code; commits.json beside the file has their commits."""
    commits = json.loads(file.with_name("commits.json").read_text(encoding="utf-8"))
    heads = {row["repo"]: row["head"] for row in commits if "head" in row}
    rows = groupby(_rows(file), key=itemgetter("repo"))
    asked = [_written(row, number, heads[repo]) for repo, own in rows for number, row in enumerate(own, 1)]
    return QuestionSet("written", "files", tuple(asked))


def read_old(file: Path) -> QuestionSet:
    """Read the benchmark that the first release was tuned on."""
    return QuestionSet("old", "chunks", tuple(_benchmark(row) for row in _rows(file)))


def read_pasted(file: Path) -> QuestionSet:
    """Read what `benchmarks.questions.mine` mined: errors, traces, names and other pasted text."""
    return QuestionSet("pasted", "chunks", tuple(_benchmark(row) for row in _rows(file)))


READERS: Mapping[str, Callable[[Path], QuestionSet]] = {
    "people": read_people,
    "lines": read_lines,
    "written": read_written,
    "old": read_old,
    "pasted": read_pasted,
}


def groups_of(kind: str) -> list[str]:
    """List the groups that a kind is reported in, its own first.

    >>> groups_of("everyday how")
    ['everyday how', 'everyday', 'everyday in words', 'all']
    """
    everyday = ["everyday"] if kind.startswith("everyday ") else []
    return [kind, *everyday, *(["everyday in words"] if kind in IN_WORDS else []), "all"]


def tree_of(repo: str, commit: str) -> str:
    """Name the folder that holds a repository at a commit."""
    return f"{repo.replace('/', '+', 1)}@{commit[:10]}"


def _rows(file: Path) -> Iterator[Row]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)


def _people(row: Row) -> Question:
    wordings = {"asked": Wording(row["query"])}
    if row.get("call_without_guesses"):
        wordings["agent"] = Wording(row["call_without_guesses"])
    if row.get("call"):
        wordings["call"] = Wording(row["call"]["query"], tuple(row["call"]["expect"]))
    tree = tree_of(row["repo"], row["commit"])
    return Question(row["id"], row["kind"], row["repo"], tree, "", wordings, _targets(row["targets"]))


def _mined(row: Row) -> Question:
    asked = {"asked": Wording(row["query"])}
    tree = row["repo"].replace("/", "+", 1)
    return Question(row["id"], row["kind"], row["repo"], tree, row["commit"], asked, _targets(row["targets"]))


def _written(row: Row, number: int, commit: str) -> Question:
    asked = {"asked": Wording(row["q"])}
    tree = row["repo"].replace("/", "+", 1)
    return Question(f"{tree}-w{number:02}", "written", row["repo"], tree, commit, asked, _targets([row]))


def _benchmark(row: Row) -> Question:
    asked = {"asked": Wording(row["query"])}
    return Question(row["id"], row["category"], row["repo"], row["repo"], "", asked, _targets(row["targets"]))


def _targets(rows: Sequence[Row]) -> tuple[Target, ...]:
    return tuple(Target(row["path"], row.get("start"), row.get("end")) for row in rows)
