"""Which files the commits before HEAD suggest for a question, and which files change together.

A commit's message is evidence for the files that it changed: the commit that fixed a bug describes it in the
words of whoever met it, which the code itself may not hold.
"""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrieval.history import columns
from retrieval.history.columns import Columns, Ints
from retrieval.paths import file_kinds

K1, B = 1.2, 0.75  # Lucene's defaults, as for chunks
BEST_COMMITS = 50
"""Fewer miss files, more favour the files that everyone changes: by history alone, nDCG@10 over issue titles,
issue texts and questions is .549 .445 .472 with 30, .545 .467 .478 with 50, .541 .439 .468 with 100
(benchmarks/runs/2026-11-28-lines/history.txt)."""
SPREAD = 0.7
"""A commit's score is divided by its number of files to this power: one that changed twenty says little about
each. .5 and .7 rank alike, 1 ranks worse (as above)."""
MINOR = 0.3  # the share that tests and docs get, which are changed along with the code that answers
FEW = 1.0
"""Added to the commits that changed the given file, weighed by 1 / files: a file's share stays low until
several commits agree."""
SHORT_HASH = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Touch:
    """Why the past suggests a file.

    Attributes:
        score: The sum of the scores of the commits that changed it, each divided among its files.
        commit: The abbreviated hash of the commit that contributed most.
        subject: The first line of that commit's message, with secrets masked.
    """

    score: float
    commit: str
    subject: str


class Past:
    """The commits before one HEAD, as an immutable snapshot; any thread may call its methods."""

    def __init__(self, stored: Columns) -> None:
        """Open the commits before `stored.head`."""
        self._columns = stored
        self._counted = stored.used & (stored.lengths > 0)  # bool [n_commits]
        self._n = int(np.count_nonzero(self._counted))

    def __len__(self) -> int:
        """Return how many commits are evidence: merges, bots and commits of very many files are not."""
        return self._n

    def files(self, stems: Sequence[str]) -> dict[str, Touch]:
        """Return the files that the best commits for `stems` changed, under their present names.

        Files that no longer exist are among them.
        """
        rows, scores = self._best(stems)
        if not len(rows):
            return {}
        stored = self._columns
        starts, ends = stored.touch_offsets[rows], stored.touch_offsets[rows + 1]
        found: dict[int, tuple[float, float, int]] = {}  # by path: sum, largest share, its row
        shares = scores / stored.file_counts[rows] ** SPREAD
        for row, start, end, share in zip(
            rows.tolist(), starts.tolist(), ends.tolist(), shares.tolist(), strict=True
        ):
            for path in stored.present[start:end].tolist():
                total, most, which = found.get(path, (0.0, 0.0, row))
                found[path] = (total + share, *((share, row) if share > most else (most, which)))
        return {path: self._touch(path, *sums) for path, sums in self._named(found)}

    def together(self, path: str, others: Sequence[str]) -> Floats:
        """Return how often other files changed in the commits that changed a file.

        Commits weigh 1 / files; the first one, which adds all files, counts nothing. A share of 1 would mean
        that a file changed in all of very many.

        Returns:
            Shares of 0 to 1, float64 [n_others].
        """
        stored, given = self._columns, self._numbers.get(os.fsencode(path))
        if given is None:
            return np.zeros(len(others))
        rows, count = self._rows_of(given), len(stored.path_offsets)
        weights = 1.0 / stored.file_counts[rows]
        starts, ends = stored.touch_offsets[rows], stored.touch_offsets[rows + 1]
        # A renamed file is two of its commit's touches, and one of its files.
        which = np.repeat(np.arange(len(rows)), ends - starts)
        which, touched = np.divmod(np.unique(which * count + stored.present[_ranges(starts, ends)]), count)
        shares = np.bincount(touched, weights[which], count) / (weights.sum() + FEW)
        numbers = [self._numbers.get(os.fsencode(other), count - 1) for other in others]
        return np.asarray(shares[numbers])  # the last number is no path's

    def among(self, paths: Sequence[str]) -> Floats:
        """Return what `together` says of each pair of files, float64 [n_paths, n_paths]; 0 on the diagonal.

        A row has the shares of all files in the commits of one.
        """
        numbers = [self._numbers.get(os.fsencode(path)) for path in paths]
        rows = [np.empty(0, np.int32) if number is None else self._rows_of(number) for number in numbers]
        known, column = np.unique(np.concatenate([*rows, np.empty(0, np.int32)]), return_inverse=True)
        changed = np.zeros((len(paths), len(known)))
        changed[np.repeat(np.arange(len(paths)), [len(own) for own in rows]), column] = 1.0
        both = changed / self._columns.file_counts[known] @ changed.T
        shares = both / (both.diagonal() + FEW)[:, np.newaxis]
        np.fill_diagonal(shares, 0.0)
        return np.asarray(shares)

    def _best(self, stems: Iterable[str]) -> tuple[Ints, Floats]:
        """Score the commits by Lucene's BM25; return the best rows, best first, newest first among equals."""
        stored = self._columns
        scores = np.zeros(len(stored))
        for stem in dict.fromkeys(stems):
            rows, tfs = self._postings(stem)
            if len(rows):
                idf = np.log1p((self._n - len(rows) + 0.5) / (len(rows) + 0.5))
                scores[rows] += idf * (tfs * (K1 + 1) / (tfs + self._norms[rows]))
        found = np.flatnonzero(scores)
        if len(found) > BEST_COMMITS:
            cut = np.partition(scores[found], -BEST_COMMITS)[-BEST_COMMITS]
            found = found[scores[found] >= cut]
        # Equal scores are ordered by what the commits are, not by when they were read.
        keys = [stored.hashes[row].tobytes() for row in found.tolist()]
        ranks = np.argsort(np.array(keys, dtype=f"S{stored.hashes.shape[1]}"), kind="stable")
        found = found[ranks]
        order = np.lexsort((-stored.times[found], -scores[found]))[:BEST_COMMITS]
        found = found[order]
        return found.astype(np.int32), scores[found]

    def _postings(self, stem: str) -> tuple[Ints, Floats]:
        """Return the counted commits that hold a stem, and how often each does."""
        stored = self._columns
        wanted = stem_hash(stem)
        at = int(np.searchsorted(stored.terms, np.uint64(wanted)))
        if at == len(stored.terms) or int(stored.terms[at]) != wanted:
            return np.empty(0, np.int32), np.empty(0)
        start, end = stored.posting_offsets[at : at + 2]
        rows, tfs = stored.posting_rows[start:end], stored.posting_tfs[start:end]
        is_counted = self._counted[rows]
        return rows[is_counted], tfs[is_counted].astype(np.float64)

    def _touch(self, path: str, total: float, _most: float, row: int) -> Touch:
        share = MINOR if file_kinds.is_minor(path) else 1.0
        commit = self._columns.hashes[row].tobytes().hex()[:SHORT_HASH]
        return Touch(total * share, commit, self._columns.subject(row))

    def _named(
        self, found: dict[int, tuple[float, float, int]]
    ) -> Iterable[tuple[str, tuple[float, float, int]]]:
        return ((os.fsdecode(self._columns.path(number)), sums) for number, sums in found.items())

    @cached_property
    def _norms(self) -> Floats:
        """The lengths of the messages as BM25 counts them, float64 [n_commits]."""
        lengths = self._columns.lengths
        avgdl = int(lengths[self._counted].sum(dtype=np.int64)) / max(self._n, 1)
        return np.asarray(K1 * (1 - B + B * lengths / max(avgdl, 1.0)))

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        """The number of each path."""
        return {path: number for number, path in enumerate(self._columns.all_paths())}

    def _rows_of(self, number: int) -> Ints:
        """Return the counted commits that changed a path, ascending."""
        offsets, rows = self._rows_by_path
        return rows[offsets[number] : offsets[number + 1]]

    @cached_property
    def _rows_by_path(self) -> tuple[NDArray[np.int64], Ints]:
        """The counted commits, but for the first, that changed each path: offsets [n_paths + 1], rows."""
        stored, count = self._columns, len(self._columns.path_offsets) - 1
        rows = np.repeat(np.arange(len(stored), dtype=np.int64), np.diff(stored.touch_offsets))
        is_counted = (self._counted & (np.diff(stored.parent_offsets) > 0))[rows]
        pairs = np.unique(stored.present[is_counted] * np.int64(len(stored) or 1) + rows[is_counted])
        numbers, rows = np.divmod(pairs, len(stored) or 1)
        sizes = np.bincount(numbers, minlength=count)
        return np.concatenate(([0], np.cumsum(sizes))), rows.astype(np.int32)


def _ranges(starts: Ints, ends: Ints) -> NDArray[np.int64]:
    """Return the numbers of all ranges, one range after the other; ends are exclusive."""
    sizes = (ends - starts).astype(np.int64)
    before = np.cumsum(sizes) - sizes  # numbers in the ranges before each
    return np.asarray(np.arange(int(sizes.sum())) + np.repeat(starts - before, sizes), dtype=np.int64)


def stem_hash(stem: str) -> int:
    """Return the 64 bits by which a stem is stored."""
    return int.from_bytes(hashlib.blake2b(stem.encode("utf-8", "replace"), digest_size=8).digest(), "little")


EMPTY = Past(columns.empty())
