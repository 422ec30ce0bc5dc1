"""What each question of the past is asked of: the tree before its commit, with only the commits before that.

A clone of the repository moves to a question's parent, the index follows, and the commits before the parent
are its past. So neither a later file nor a later message can reach a lesson. What was measured is kept on
disk: after an interruption, the same command continues.
"""

import logging
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from retrieval.paths.file_kinds import KINDS
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.rank.features import FEATURES
from retrieval.rank.learned_order import LEARNED
from retrieval.rank.need import NeedKind, read_need
from retrieval.search.first_stage import measure
from retrieval.sync.repository import Repository
from retrieval.sync.view import View
from retrieval.text import digest
from retrieval.training.golden import golden_file
from retrieval.training.golden.golden_file import Golden
from retrieval.training.order.evidence import Counts, Place, Pool, answered, pool_of
from retrieval.training.order.readings import Readings, read_readings, readings_of, write_readings
from retrieval.training.past.followed_clone import FollowedClone
from retrieval.training.past.questions import PastQuestion

log = logging.getLogger(__name__)

FORMAT = 3
"""Increment when a stored pool changes, or what is measured of one: all are then measured again."""
MOST = 300
"""Questions that are measured, the newest: two minutes of two cores, and a step that gains .01 stands out."""

_STORED = "pool_"  # prefix of the arrays in a file: numpy has names of its own
_MEASURED = tuple(
    item.name for item in fields(Pool) if item.name not in {"answers", "hits", "is_lines", "wanted_files"}
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A question of the past, and the pool in which its answer was to be found then.

    Attributes:
        question: The question.
        pool: Its pool.
        readings: What the second stage would have read of it; None unless that was asked for.
    """

    question: PastQuestion
    pool: Pool
    readings: Readings | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """Where lessons are made.

    Attributes:
        source: The repository that is learned; it is only read.
        folder: A folder of goldrank's for the clone, its index, and what was measured.
        max_bytes: Larger files are not indexed.
        fingerprint: Identifies the release that measures.
    """

    source: Path
    folder: Path
    max_bytes: int
    fingerprint: str

    @property
    def measured(self) -> Path:
        """The folder of the pools that this release measured."""
        made_by = "\n".join((str(FORMAT), self.fingerprint, *FEATURES, *KINDS))
        return self.folder / "evidence" / digest(made_by.encode("utf-8"))[:16]


def teachable(questions: Sequence[PastQuestion]) -> list[PastQuestion]:
    """Return the questions that a search reads as questions, rather than as paths or names."""
    return [item for item in questions if read_need(item.subject).kind == LEARNED]


def gather(
    questions: Sequence[PastQuestion],
    places: Places,
    *,
    teaches: Literal["order", "model"] = "order",
    progress: Progress = no_progress,
    is_over: IsCancelled = lambda: False,
) -> list[Lesson]:
    """Measure the questions, in their order; those that were measured before cost nothing.

    A question whose tree cannot be checked out is left out.

    Args:
        questions: Newest first.
        places: Where to work.
        teaches: A model needs what the second stage would read, so a question without that is measured again.
        progress: Called with questions done and questions in all.
        is_over: Checked before each question that is not yet measured; when it returns True, the rest is
            left out, except what was measured before.
    """
    _drop_outdated(places)
    tree = _FollowedTree(places)
    found = []
    for done, question in enumerate(questions):
        progress(done, len(questions))
        file = _file(question, places)
        lesson = _stored(question, file, teaches)
        if lesson is None and not is_over():
            try:
                lesson = measured(tree.at(question.parent), question)
            except subprocess.CalledProcessError as error:
                log.warning("%s cannot be checked out: %s", question.parent, error.stderr)
                continue
            _store(lesson, file)
        if lesson:
            found.append(lesson)
    progress(len(questions), len(questions))
    return found


def count_measured(
    questions: Sequence[PastQuestion], places: Places, *, teaches: Literal["order", "model"] = "order"
) -> int:
    """Count the questions that an earlier run has measured; `teaches` as in `gather`."""
    files = [_file(question, places) for question in questions]
    return sum(file.exists() and (teaches == "order" or _beside(file).exists()) for file in files)


def measured(view: View, question: PastQuestion) -> Lesson:
    """Measure a question on a view of the tree before its commit."""
    pool, readings = _asked(view, question.subject, answers_of(question))
    return Lesson(question, pool, readings)


def answers_of(question: PastQuestion) -> tuple[Place, ...]:
    """Return the places that answer a question of the past."""
    return tuple((target.path, target.start, target.end) for target in question.targets)


def of_golden(asked: Golden, view: View) -> list[tuple[Pool, Readings]]:
    """Measure the questions of a golden file on today's tree; what has no indexed answer is left out."""
    paths = frozenset(view.paths)
    found = []
    for question in asked.questions:
        targets = golden_file.targets(question, paths)
        if targets:
            answers = [(target.path, target.start_line, target.end_line) for target in targets]
            found.append(_asked(view, question.text, answers))
    return found


def read_pool(file: Path, answers: Sequence[Place]) -> Pool | None:
    """Read a stored pool, and answer it; None if there is none, or it is damaged."""
    try:
        with file.open("rb") as data, np.load(data, allow_pickle=False) as stored:
            values: dict[str, Any] = {name: stored[_STORED + name] for name in _MEASURED}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    kind, counts = str(values["kind"]), str(values["counts"])
    if kind not in get_args(NeedKind) or counts not in get_args(Counts):
        return None
    pool = Pool(**values | {"kind": kind, "counts": counts, "match": float(values["match"])})
    return answered(pool, answers)


def write_pool(file: Path, pool: Pool) -> None:
    """Store what was measured of a pool, so that a reader sees all of it or nothing."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    with fresh.open("wb") as out:
        arrays: dict[str, Any] = {_STORED + name: getattr(pool, name) for name in _MEASURED}
        np.savez_compressed(out, **arrays)
    fresh.replace(file)


def _asked(view: View, text: str, answers: Sequence[Place]) -> tuple[Pool, Readings]:
    need = read_need(text)
    found = measure(view, need)
    return pool_of(need.kind, found.features, answers), readings_of(view, found, text)


def _stored(question: PastQuestion, file: Path, teaches: Literal["order", "model"]) -> Lesson | None:
    """Read what was measured of a question; None if it has to be measured, for what it teaches."""
    pool = read_pool(file, answers_of(question))
    if pool is None or teaches == "order":
        return Lesson(question, pool) if pool else None
    readings = read_readings(_beside(file))
    return Lesson(question, pool, readings) if readings else None


def _store(lesson: Lesson, file: Path) -> None:
    """Store the readings first: a pool without them counts as measured for the order alone."""
    if lesson.readings:
        write_readings(_beside(file), lesson.readings)
    write_pool(file, lesson.pool)


def _beside(file: Path) -> Path:
    """Name the file of the readings that belong to a pool."""
    return file.with_suffix(".read.gz")


class _FollowedTree:
    """The clone and its index, made when the first question is asked of them."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._opened: tuple[FollowedClone, Repository] | None = None

    def at(self, commit: str) -> View:
        """Move to a commit; return a view of its tree, with the commits before it."""
        clone = self._opened[0] if self._opened else FollowedClone(self._places.source, self._folder("tree"))
        clone.check_out(commit)
        if self._opened is None:
            cache, most = self._folder("index"), self._places.max_bytes
            self._opened = clone, Repository(clone.root, cache=cache, max_bytes=most)
        repository = self._opened[1]
        repository.refresh()
        if repository.is_past_due:
            repository.read_past()
        return repository.view()

    def _folder(self, name: str) -> Path:
        return self._places.folder / name


def _drop_outdated(places: Places) -> None:
    """Delete what other releases measured."""
    for folder in places.measured.parent.glob("*"):
        if folder != places.measured:
            shutil.rmtree(folder, ignore_errors=True)


def _file(question: PastQuestion, places: Places) -> Path:
    return places.measured / f"{question.commit}-{_mark(question)}.npz"


def _mark(question: PastQuestion) -> str:
    """Identify what a commit asks, which depends on the miner."""
    said = "\n".join((question.subject, *(f"{t.path}:{t.start}-{t.end}" for t in question.targets)))
    return digest(said.encode("utf-8", "surrogateescape"))[:8]
