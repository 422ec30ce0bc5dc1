"""What the first stage knows of questions with known answers, as arrays, so that weights are tried quickly.

A pool is what one search may return; a row of it is a chunk. Each question is searched once: what is known of
its pool does not depend on the weights that are tried.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.paths.file_kinds import KINDS
from retrieval.rank.features import FEATURES, Features
from retrieval.rank.need import NeedKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

Place = tuple[str, int | None, int | None]
"""What answers: a file, or a folder with a slash at its end; its first and last line, or None for all."""

Counts = Literal["files", "chunks"]
"""What takes up a rank: a file, at its first result, or every result."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The pool of one question.

    Attributes:
        kind: The kind of its need.
        counts: What takes up a rank.
        values: The features, in the order of FEATURES, float64 [n_rows, n_features].
        file: A number for each file, from 0, int64 [n_rows].
        file_kind: The number in KINDS of each row's file, int64 [n_rows].
        is_asked: Whether the question asks for files of that kind, bool [n_rows].
        is_older: Whether the file has a newer version in the pool, bool [n_rows].
        match: `Features.match`.
        paths: The path of each file, str [n_files].
        lines: The first and last line of each row, int64 [n_rows, 2].
        together: The share of each file in the commits of each other, float64 [n_files, n_files] with a row
            for whose commits they are; [0, 0] without a history.
        answers: What answers.
        hits: Rows and answers that meet: row, number of the answer, int64 [n_hits, 2].
        is_lines: Whether an answer is lines of a file, bool [n_answers].
        wanted_files: How many files and folders answer.
    """

    kind: NeedKind
    counts: Counts
    values: Floats
    file: Ints
    file_kind: Ints
    is_asked: Bools
    is_older: Bools
    match: float
    paths: NDArray[np.str_]
    lines: Ints
    together: Floats = field(default_factory=lambda: np.empty((0, 0)))
    answers: tuple[Place, ...] = ()
    hits: Ints = field(default_factory=lambda: np.empty((0, 2), dtype=np.int64))
    is_lines: Bools = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    wanted_files: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The pools of several questions, one after the other.

    Attributes:
        kinds: The kind of each question's need.
        counts: What takes up a rank, for each question.
        values: As in a `Pool`, like all that follow without a sentence of their own.
        question: The number of each row's question, ascending, int64 [n_rows].
        file: A number for each question's file, ascending with the question, int64 [n_rows].
        file_kind: As in a `Pool`.
        is_asked: As in a `Pool`.
        is_older: As in a `Pool`.
        match: One for each question, float64 [n_questions].
        first_file: The number of each question's first file, and of a file after the last,
            int64 [n_questions + 1].
        together: As in a `Pool`, one after the other, flat.
        together_at: Where that of each question begins; -1 without a history, int64 [n_questions].
        hits: Rows and answers that meet, numbered over all questions, int64 [n_hits, 2].
        answer_question: The question of each answer, int64 [n_answers].
        is_lines: As in a `Pool`.
        wanted_files: One for each question, int64 [n_questions].
        wanted: How many answers each question has, int64 [n_questions].
    """

    kinds: tuple[NeedKind, ...]
    counts: tuple[Counts, ...]
    values: Floats
    question: Ints
    file: Ints
    file_kind: Ints
    is_asked: Bools
    is_older: Bools
    match: Floats
    first_file: Ints
    together: Floats
    together_at: Ints
    hits: Ints
    answer_question: Ints
    is_lines: Bools
    wanted_files: Ints
    wanted: Ints

    def __len__(self) -> int:
        """Return the number of questions."""
        return len(self.kinds)

    def shares(self, question: int) -> Floats | None:
        """Return `Pool.together` of a question; None without a history."""
        at = self.together_at[question]
        count = self.first_file[question + 1] - self.first_file[question]
        return None if at < 0 else self.together[at : at + count * count].reshape(count, count)


def pool_of(
    kind: NeedKind, features: Features, answers: Sequence[Place], *, counts: Counts = "files"
) -> Pool:
    """Keep what was measured for one question, and which of its chunks answer."""
    chunks = features.pool.chunks
    none = np.zeros(len(chunks))
    file = np.asarray(features.files, dtype=np.int64)
    by_file = {number: chunk.path for number, chunk in zip(file.tolist(), chunks, strict=True)}
    pool = Pool(
        kind=kind,
        counts=counts,
        values=np.stack([features.by_name.get(name, none) for name in FEATURES], axis=1),
        file=file,
        file_kind=np.array([KINDS.index(kind) for kind in features.kinds], dtype=np.int64),
        is_asked=np.array([kind in features.asked for kind in features.kinds], dtype=np.bool_),
        is_older=np.asarray(features.is_older > 0),
        match=float(features.match),
        paths=np.array([by_file[number] for number in range(len(by_file))], dtype=np.str_),
        lines=np.array([(chunk.start_line, chunk.end_line) for chunk in chunks], dtype=np.int64).reshape(
            -1, 2
        ),
        together=features.changes.among([by_file[number] for number in range(len(by_file))])
        if features.changes
        else np.empty((0, 0)),
    )
    return answered(pool, answers)


def answered(pool: Pool, answers: Sequence[Place]) -> Pool:
    """Return the pool of the same question if these places answered it."""
    hits = [
        (int(row), number)
        for number, answer in enumerate(answers)
        for row in np.flatnonzero(_meets(pool, answer))
    ]
    return replace(
        pool,
        answers=tuple(answers),
        hits=np.array(hits, dtype=np.int64).reshape(-1, 2),
        is_lines=np.array([start is not None for _, start, _ in answers], dtype=np.bool_),
        wanted_files=len({path for path, _, _ in answers}),
    )


def joined(pools: Sequence[Pool]) -> Evidence:
    """Join at least one pool."""
    sizes = [len(pool.file) for pool in pools]
    answers = [len(pool.is_lines) for pool in pools]
    rows, firsts = np.cumsum([0, *sizes]), np.cumsum([0, *answers])
    files = np.cumsum([0, *(len(pool.paths) for pool in pools)])
    together = np.cumsum([0, *(pool.together.size for pool in pools)])
    return Evidence(
        kinds=tuple(pool.kind for pool in pools),
        counts=tuple(pool.counts for pool in pools),
        values=np.concatenate([pool.values for pool in pools]),
        question=np.repeat(np.arange(len(pools)), sizes),
        file=np.concatenate([pool.file + base for pool, base in zip(pools, files[:-1], strict=True)]),
        file_kind=np.concatenate([pool.file_kind for pool in pools]),
        is_asked=np.concatenate([pool.is_asked for pool in pools]),
        is_older=np.concatenate([pool.is_older for pool in pools]),
        match=np.array([pool.match for pool in pools]),
        first_file=files,
        together=np.concatenate([pool.together.ravel() for pool in pools]),
        together_at=np.array(
            [at if pool.together.size else -1 for pool, at in zip(pools, together[:-1], strict=True)]
        ),
        hits=np.concatenate(
            [
                pool.hits + np.array([row, first], dtype=np.int64)
                for pool, row, first in zip(pools, rows[:-1], firsts[:-1], strict=True)
            ]
        ),
        answer_question=np.repeat(np.arange(len(pools)), answers),
        is_lines=np.concatenate([pool.is_lines for pool in pools]),
        wanted_files=np.array([pool.wanted_files for pool in pools], dtype=np.int64),
        wanted=np.array(answers, dtype=np.int64),
    )


def _meets(pool: Pool, answer: Place) -> Bools:
    """Tell which rows share a line with an answer, bool [n_rows]."""
    path, start, end = answer
    is_file = np.char.startswith(pool.paths, path) if path.endswith("/") else pool.paths == path
    is_met = np.asarray(is_file, dtype=np.bool_)[pool.file]
    if start is None or end is None:
        return is_met
    return np.asarray(is_met & (pool.lines[:, 0] <= end) & (pool.lines[:, 1] >= start))
