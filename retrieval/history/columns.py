"""How the commits that were read are stored: as columns of numbers in one file with a checksum.

A row is a commit, in the order in which it was read. Rows are only added, so a switch to another branch reads
the commits that it adds and no others; `lineage` says which rows lie before a HEAD.

Lists of different lengths are stored as one flat array and the offsets of each list: those of row i are
`flat[offsets[i]:offsets[i + 1]]`.
"""

import json
import zlib
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MAGIC = b"goldrank history 1\n"
_ALIGNMENT = 8  # the widest number here; numpy reads unaligned arrays slowly

Array = NDArray[np.generic]
Ints = NDArray[np.int32]
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Columns:
    """All commits that were read, and which of them lie before one HEAD.

    Attributes:
        hashes: The commits' hashes, uint8 [n_commits, 20 or 32].
        times: When each was committed, in seconds, int64 [n_commits].
        parent_offsets: int32 [n_commits + 1].
        parents: The row of each parent; -1 for a commit that was not read.
        subject_offsets: int32 [n_commits + 1].
        subjects: UTF-8.
        lengths: How many terms each message has, int32 [n_commits]; 0 for a commit that counts nothing.
        file_counts: How many files each commit changed, int32 [n_commits].
        terms: Hashes of all stems (`stem_hash`), sorted, uint64 [n_terms].
        posting_offsets: int64 [n_terms + 1].
        posting_rows: The commits that hold each term, ascending.
        posting_tfs: How often each does, uint8.
        touch_offsets: int32 [n_commits + 1].
        touches: The paths that each commit changed, as it named them.
        path_offsets: int32 [n_paths + 1].
        paths: Paths relative to the root, as bytes of the file system.
        renames: The row, the old and the new path of each rename, int32 [n_renames, 3].
        head: The hash of the HEAD that `used` and `present` belong to, uint8 [20 or 32].
        used: Whether a commit lies before that HEAD, bool [n_commits].
        present: The paths of `touches` as they are called at that HEAD.
    """

    hashes: Bytes
    times: NDArray[np.int64]
    parent_offsets: Ints
    parents: Ints
    subject_offsets: Ints
    subjects: Bytes
    lengths: Ints
    file_counts: Ints
    terms: NDArray[np.uint64]
    posting_offsets: NDArray[np.int64]
    posting_rows: Ints
    posting_tfs: Bytes
    touch_offsets: Ints
    touches: Ints
    path_offsets: Ints
    paths: Bytes
    renames: Ints
    head: Bytes
    used: NDArray[np.bool_]
    present: Ints

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.times)

    def subject(self, row: int) -> str:
        """Return the first line of a commit's message."""
        start, end = self.subject_offsets[row : row + 2]
        return self.subjects[start:end].tobytes().decode("utf-8", "replace")

    def path(self, number: int) -> bytes:
        """Return a path."""
        start, end = self.path_offsets[number : number + 2]
        return self.paths[start:end].tobytes()

    def all_paths(self) -> list[bytes]:
        """Return all paths, by number."""
        flat, offsets = self.paths.tobytes(), self.path_offsets.tolist()
        return [flat[start:end] for start, end in pairwise(offsets)]

    def all_hashes(self) -> list[bytes]:
        """Return the hashes of all commits, by row."""
        flat, width = self.hashes.tobytes(), self.hashes.shape[1]
        return [flat[start : start + width] for start in range(0, len(flat), width)]


def empty() -> Columns:
    """Return columns without rows."""
    return Columns(
        hashes=np.empty((0, 20), np.uint8),
        times=np.empty(0, np.int64),
        parent_offsets=np.zeros(1, np.int32),
        parents=np.empty(0, np.int32),
        subject_offsets=np.zeros(1, np.int32),
        subjects=np.empty(0, np.uint8),
        lengths=np.empty(0, np.int32),
        file_counts=np.empty(0, np.int32),
        terms=np.empty(0, np.uint64),
        posting_offsets=np.zeros(1, np.int64),
        posting_rows=np.empty(0, np.int32),
        posting_tfs=np.empty(0, np.uint8),
        touch_offsets=np.zeros(1, np.int32),
        touches=np.empty(0, np.int32),
        path_offsets=np.zeros(1, np.int32),
        paths=np.empty(0, np.uint8),
        renames=np.empty((0, 3), np.int32),
        head=np.empty(0, np.uint8),
        used=np.empty(0, np.bool_),
        present=np.empty(0, np.int32),
    )


def to_bytes(columns: Columns, fingerprint: str) -> bytes:
    """Write columns as the content of a file; `fingerprint` says what made them."""
    layout, parts, at = [], [], 0
    for item in fields(Columns):
        array: Array = np.ascontiguousarray(getattr(columns, item.name))
        data = array.tobytes()
        layout.append([item.name, array.dtype.str, array.shape, at])
        padding = -len(data) % _ALIGNMENT
        parts.append(data + bytes(padding))
        at += len(data) + padding
    body = b"".join(parts)
    header = json.dumps({"fingerprint": fingerprint, "crc": zlib.crc32(body), "arrays": layout}).encode()
    start = MAGIC + header + b"\n"
    return start + bytes(-len(start) % _ALIGNMENT) + body


def from_bytes(data: bytes, fingerprint: str) -> Columns | None:
    """Read columns; None when they are damaged or were made with another fingerprint.

    The arrays are views of `data` and cannot be written.
    """
    end = data.find(b"\n", len(MAGIC))
    if not data.startswith(MAGIC) or end < 0:
        return None
    try:
        header = json.loads(data[len(MAGIC) : end])
        body = memoryview(data)[end + 1 + -(end + 1) % _ALIGNMENT :]
        if header["fingerprint"] != fingerprint or header["crc"] != zlib.crc32(body):
            return None
        arrays = {
            name: np.frombuffer(body, kind, int(np.prod(shape)), at).reshape(shape)
            for name, kind, shape, at in header["arrays"]
        }
        return Columns(**arrays)
    except (ValueError, TypeError, KeyError):
        return None
