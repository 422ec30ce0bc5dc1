"""How commits become rows: which of them count, and how rows are added to columns that exist."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from retrieval.history import message
from retrieval.history.columns import Bytes, Columns, Ints
from retrieval.history.log import MOST_FILES, Commit
from retrieval.history.past import stem_hash

_MOST_TF = 255  # an uint8


@dataclass(slots=True)
class _Rows:
    """New rows, before they are arrays."""

    hashes: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    parents: list[list[bytes]] = field(default_factory=list)
    subjects: list[bytes] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    file_counts: list[int] = field(default_factory=list)
    touches: list[list[int]] = field(default_factory=list)
    posting_terms: list[int] = field(default_factory=list)
    posting_rows: list[int] = field(default_factory=list)
    posting_tfs: list[int] = field(default_factory=list)
    renames: list[tuple[int, int, int]] = field(default_factory=list)


class Growth:
    """Rows that are added to columns one commit at a time, and become new columns at the end."""

    def __init__(self, base: Columns, *, shallow: Iterable[str] = ()) -> None:
        """Begin with the rows of `base`; of `shallow` commits, git cannot say which files they changed."""
        self._base = base
        self._rows = _Rows()
        self._row_of = {name: row for row, name in enumerate(base.all_hashes())}
        self._paths = {path: number for number, path in enumerate(base.all_paths())}
        self._hashed: dict[str, int] = {}
        self._shallow = {bytes.fromhex(name) for name in shallow}

    def row_of(self, name: bytes) -> int:
        """Return the row of a commit; -1 when it was not read."""
        return self._row_of.get(name, -1)

    def tips(self) -> list[str]:
        """List the commits that are no other's parent, the last read first."""
        is_tip = np.ones(len(self._base), np.bool_)
        is_tip[self._base.parents[self._base.parents >= 0]] = False
        return [self._base.hashes[row].tobytes().hex() for row in np.flatnonzero(is_tip)[::-1].tolist()]

    def add(self, commit: Commit) -> None:
        """Add a commit unless it has a row."""
        if commit.hash in self._row_of:
            return
        rows, row = self._rows, len(self._row_of)
        self._row_of[commit.hash] = row
        rows.hashes.append(commit.hash)
        rows.times.append(commit.time)
        rows.parents.append(commit.parents)
        rows.renames += [(row, self._number(old), self._number(new)) for old, new in commit.renames]
        if self._counts(commit):
            self._add_evidence(row, commit)
        else:
            rows.subjects.append(b"")
            rows.lengths.append(0)
            rows.file_counts.append(commit.file_count)
            rows.touches.append([])

    def columns(self) -> Columns:
        """Return the columns with all rows; which lie before a HEAD is not known yet."""
        base, new = self._base, self._rows
        if not new.hashes:
            return base
        width = len(new.hashes[0])
        parents = [[self._row_of.get(name, -1) for name in names] for names in new.parents]
        paths = list(self._paths)[len(base.path_offsets) - 1 :]
        hashes = np.frombuffer(b"".join(new.hashes), np.uint8).reshape(-1, width)
        terms, offsets, rows, tfs = self._postings()
        return replace(
            base,
            hashes=np.concatenate([base.hashes, hashes]) if len(base) else hashes,
            times=np.concatenate([base.times, np.array(new.times, np.int64)]),
            parent_offsets=_longer(base.parent_offsets, [len(row) for row in parents]),
            parents=np.concatenate([base.parents, _flat(parents)]),
            subject_offsets=_longer(base.subject_offsets, [len(text) for text in new.subjects]),
            subjects=_joined(base.subjects, new.subjects),
            lengths=np.concatenate([base.lengths, np.array(new.lengths, np.int32)]),
            file_counts=np.concatenate([base.file_counts, np.array(new.file_counts, np.int32)]),
            terms=terms,
            posting_offsets=offsets,
            posting_rows=rows,
            posting_tfs=tfs,
            touch_offsets=_longer(base.touch_offsets, [len(row) for row in new.touches]),
            touches=np.concatenate([base.touches, _flat(new.touches)]),
            path_offsets=_longer(base.path_offsets, [len(path) for path in paths]),
            paths=_joined(base.paths, paths),
            renames=np.concatenate([base.renames, np.array(new.renames, np.int32).reshape(-1, 3)]),
        )

    def _counts(self, commit: Commit) -> bool:
        """Return whether a commit is evidence for the files that it changed."""
        if not commit.paths or commit.file_count > MOST_FILES or commit.hash in self._shallow:
            return False
        return not message.is_bot(commit.author)

    def _add_evidence(self, row: int, commit: Commit) -> None:
        rows, said = self._rows, message.read(commit.message)
        rows.subjects.append(said.subject.encode("utf-8", "replace"))
        rows.lengths.append(max(len(said.stems), 1))
        rows.file_counts.append(commit.file_count)
        rows.touches.append([self._number(path) for path in commit.paths])
        for stem, tf in Counter(said.stems).items():
            if (hashed := self._hashed.get(stem)) is None:
                hashed = self._hashed[stem] = stem_hash(stem)
            rows.posting_terms.append(hashed)
            rows.posting_rows.append(row)
            rows.posting_tfs.append(min(tf, _MOST_TF))

    def _number(self, path: bytes) -> int:
        return self._paths.setdefault(path, len(self._paths))

    def _postings(self) -> tuple[NDArray[np.uint64], NDArray[np.int64], Ints, Bytes]:
        """Merge the new postings into the old: terms, offsets, rows, term frequencies."""
        base, new = self._base, self._rows
        old_terms = np.repeat(base.terms, np.diff(base.posting_offsets))
        each = np.concatenate([old_terms, np.array(new.posting_terms, np.uint64)])
        order = np.argsort(each, kind="stable")  # fast, as nearly all is sorted; rows stay ascending
        terms, starts = np.unique(each[order], return_index=True)
        rows = np.concatenate([base.posting_rows, np.array(new.posting_rows, np.int32)])
        tfs = np.concatenate([base.posting_tfs, np.array(new.posting_tfs, np.uint8)])
        return terms, np.append(starts, len(each)).astype(np.int64), rows[order], tfs[order]


def _longer(offsets: Ints, lengths: list[int]) -> Ints:
    """Continue offsets with lists of these lengths."""
    return np.concatenate([offsets, offsets[-1] + np.cumsum(lengths, dtype=np.int32)]).astype(np.int32)


def _flat(lists: list[list[int]]) -> Ints:
    return np.fromiter(chain.from_iterable(lists), np.int32)


def _joined(flat: Bytes, parts: list[bytes]) -> Bytes:
    return np.concatenate([flat, np.frombuffer(b"".join(parts), np.uint8)])
