"""Which commits lie before a HEAD, and what the files that they changed are called there.

Only these are evidence: a commit of another branch, or one that was amended, describes files that this work
tree does not hold.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.history.columns import Columns, Ints

_UNSEEN, _OPEN = -1, -2  # in place of a date: not reached, or some parents are not dated yet


@dataclass(frozen=True, slots=True)
class Lineage:
    """The columns as seen from a HEAD.

    Attributes:
        columns: With `head`, `used` and `present` of this HEAD.
        count: How many commits lie before it, of those that were read.
        is_cut: Whether some of their parents were not read.
    """

    columns: Columns
    count: int
    is_cut: bool


def before(columns: Columns, head: int, *, limit: int) -> Lineage:
    """Look back from the commit of row `head`; use the newest `limit` commits."""
    dates = _dates(columns, head)
    reached = np.flatnonzero(dates >= 0)
    rank = np.argsort(np.argsort(_names(columns)[reached], kind="stable"), kind="stable")
    order = reached[np.lexsort((rank, -dates[reached]))][:limit]  # rows, newest first
    used = np.zeros(len(columns), np.bool_)
    used[order] = True
    owners = np.repeat(np.arange(len(columns), dtype=np.int32), np.diff(columns.parent_offsets))
    is_cut = bool(np.any(columns.parents[used[owners]] < 0))
    now = replace(columns, head=columns.hashes[head], used=used, present=_present(columns, order, used))
    return Lineage(now, len(order), is_cut)


def _names(columns: Columns) -> NDArray[np.bytes_]:
    """Return the hashes as values that can be sorted."""
    width = columns.hashes.shape[1]
    return np.ascontiguousarray(columns.hashes).view(f"S{width}").reshape(-1)


def _dates(columns: Columns, head: int) -> NDArray[np.int64]:
    """Date each commit before `head`, and after all its parents, whatever their clocks said; -1 for others.

    This is git's corrected commit date (generation number version 2).
    """
    offsets, parents, times = (
        columns.parent_offsets.tolist(),
        columns.parents.tolist(),
        columns.times.tolist(),
    )
    dates = [_UNSEEN] * len(columns)
    waiting = [head]
    while waiting:
        row = waiting[-1]
        above = [parent for parent in parents[offsets[row] : offsets[row + 1]] if parent >= 0]
        if dates[row] == _UNSEEN:
            dates[row] = _OPEN
            waiting += [parent for parent in above if dates[parent] == _UNSEEN]
            continue
        if dates[row] == _OPEN:
            # A parent that is still open is a descendant: info/grafts may name any commit as a parent.
            dates[row] = max([times[row], *(dates[parent] + 1 for parent in above if dates[parent] >= 0)])
        waiting.pop()
    return np.array(dates, np.int64)


def _present(columns: Columns, order: NDArray[np.int64], used: NDArray[np.bool_]) -> Ints:
    """Name the files of all touches as they are called after every rename before HEAD."""
    renames = columns.renames[used[columns.renames[:, 0]]]
    if not len(renames):
        return columns.touches
    renamed: dict[int, list[tuple[int, int]]] = {}
    for row, old, new in renames.tolist():
        renamed.setdefault(row, []).append((old, new))
    owners = np.repeat(np.arange(len(columns), dtype=np.int32), np.diff(columns.touch_offsets))
    affected = np.zeros(len(columns), np.bool_)
    affected[owners[np.isin(columns.touches, renames[:, 1])]] = True
    affected[renames[:, 0]] = True
    present = columns.touches.copy()
    offsets = columns.touch_offsets.tolist()
    called: dict[int, int] = {}  # what a path of this time is called at HEAD
    for row in order[affected[order]].tolist():
        for at in range(offsets[row], offsets[row + 1]):
            path = int(present[at])
            present[at] = called.get(path, path)
        pairs = renamed.get(row, ())
        names = [(old, called.get(new, new)) for old, new in pairs]
        # Before this commit, the new name was another file's, or nobody's.
        called.update((new, new) for _, new in pairs)
        called.update(names)
    return present
