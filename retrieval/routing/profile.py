"""What is kept of an indexed repository to decide whether it may answer: its vocabulary, counted in chunks.

A profile holds the hashes of stems, not words, and no text: what a router needs, in some kilobytes. It is
made from the index alone, so equal indexes give equal bytes, and all of it is checked before any is used,
because it comes from a place that others write.
"""

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.chunks.stored_chunk import StoredChunk
from retrieval.errors import DamagedIndexError, shorten

MAGIC = b"goldrank profile 1\n"
"""Changes with the format; the index's fingerprint, beside which a profile is kept, says what a stem is."""
MOST_TERMS = 500_000  # sympy has 14,000, and the largest of 200 repositories 60,000
MOST_BYTES = 4_000_000  # written: MOST_TERMS take 3 MB
LEAST_CHUNKS = 3
"""A stem in fewer chunks is dropped unless a definition has it: that halves a profile, and costs the route
one question in 400 (benchmarks/runs/2026-11-29-fleet/routing.txt)."""
STEPS = 8
"""A count is kept as the nearest of 8 steps to each power of two, which costs no recall (the same run)."""

_MOST = {"chunks": 2**31, "stems": 2**53}
_BYTES_PER_TERM = 6
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SOURCE_CHARS = 2_000
_HEADER_BYTES = 10 * _SOURCE_CHARS
_DIGEST_BYTES = 32

Hashes = NDArray[np.uint32]
Levels = NDArray[np.uint8]
Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """What a router knows of one repository.

    Attributes:
        source: Where the repository is: `host/owner/name`.
        commit: The commit whose index this was made from.
        chunks: How many chunks the index has.
        stems: How many distinct stems a chunk holds, summed over the chunks.
        terms: The hash of each kept stem, ascending, uint32 [n_terms].
        held: The level of how many chunks hold it, uint8 [n_terms].
        defined: The level of how many chunks define a name with it, uint8 [n_terms].
    """

    source: str
    commit: str
    chunks: int
    stems: int
    terms: Hashes
    held: Levels
    defined: Levels

    def to_bytes(self) -> bytes:
        """Write the profile; equal profiles give equal bytes."""
        head = {name: getattr(self, name) for name in ("source", "commit", "chunks", "stems")}
        text = json.dumps({**head, "terms": len(self.terms)}, sort_keys=True).encode("ascii")
        gaps = np.diff(self.terms, prepend=np.uint32(0)).astype("<u4")
        # The lowest bytes of all gaps, then the next: the highest are nearly all 0.
        planes = gaps.view(np.uint8).reshape(-1, 4).T.tobytes()
        payload = zlib.compress(text + b"\n" + planes + self.held.tobytes() + self.defined.tobytes(), 9)
        return MAGIC + sha256(payload).digest() + payload


def hash_of(stem: bytes) -> int:
    """Return the hash of a stem in UTF-8, equal on every machine.

    It has 32 bits: of the stems that a repository lacks, one in 500,000 passes for one that it has.
    """
    return zlib.crc32(stem)


def counts_of(levels: Levels) -> Counts:
    """Return the counts that levels stand for; 0 for level 0.

    >>> counts_of(levels_of(np.array([0, 1, 2, 1000]))).round().tolist()
    [0.0, 1.0, 2.0, 1024.0]
    """
    return _COUNTS[levels]


def levels_of(counts: NDArray[Any]) -> Levels:
    """Return the levels of counts; 0 stays 0."""
    found = 1 + np.rint(STEPS * np.log2(np.maximum(counts, 1)))
    return np.where(counts > 0, np.minimum(found, 255), 0).astype(np.uint8)


_COUNTS: Counts = np.concatenate(([0.0], 2.0 ** (np.arange(255) / STEPS)))


def make_profile(source: str, commit: str, chunks: Iterable[StoredChunk]) -> Profile:
    """Count what the chunks of an index hold.

    Args:
        source: Where the repository is.
        commit: The commit that is indexed.
        chunks: All chunks, in any order.
    """
    held, defined = Counter[bytes](), Counter[bytes]()
    count = 0
    for stored in chunks:
        count += 1
        held.update(set(stored.body.split()))
        defined.update(set(stored.names.split()))
    return profile_of(source, commit, chunks=count, held=held, defined=defined)


def profile_of(
    source: str, commit: str, *, chunks: int, held: Mapping[bytes, int], defined: Mapping[bytes, int]
) -> Profile:
    """Make a profile of counts.

    Args:
        source: Where the repository is.
        commit: The commit that is indexed.
        chunks: How many chunks there are.
        held: How many chunks hold each stem.
        defined: How many chunks define a name with each stem.
    """
    stems = [*held, *(stem for stem in defined if stem not in held)]
    terms, places = np.unique(
        np.array([hash_of(stem) for stem in stems], dtype=np.uint32), return_inverse=True
    )
    columns = []
    for counted in (held, defined):  # stems of one hash are counted together
        one = np.array([counted.get(stem, 0) for stem in stems], dtype=np.int64)
        columns.append(np.bincount(places, one, len(terms)).astype(np.float64))
    kept = _kept(*columns)
    levels = (levels_of(column)[kept] for column in columns)
    return Profile(source, commit, chunks, sum(held.values()), terms[kept], *levels)


def read_profile(data: bytes, *, source: str) -> Profile:
    """Read a profile, and verify all of it.

    Args:
        data: Its bytes.
        source: Where the repository is that it must be of; it also names the profile in an error.

    Raises:
        DamagedIndexError: It is damaged, of another version or repository, or larger than any.
    """
    try:
        return _verified(data, source)
    except (ValueError, KeyError, TypeError, zlib.error, RecursionError) as error:
        raise DamagedIndexError(f"the profile of {shorten(source)} is refused: {error}") from error


def _kept(held: Counts, defined: Counts) -> NDArray[np.intp]:
    """Choose which terms are kept; of more than MOST_TERMS, those that most chunks hold."""
    kept = np.flatnonzero((held >= LEAST_CHUNKS) | (defined > 0))
    if len(kept) > MOST_TERMS:
        kept = np.sort(kept[np.argsort(-held[kept], kind="stable")[:MOST_TERMS]])
    return kept


def _verified(data: bytes, source: str) -> Profile:
    """Read a profile.

    Raises:
        ValueError, KeyError, TypeError, zlib.error, RecursionError: It is not what `to_bytes` writes.
    """
    if len(data) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
    if not data.startswith(MAGIC):
        raise ValueError("it is no profile, or of another version")
    digest, payload = data[len(MAGIC) :][:_DIGEST_BYTES], data[len(MAGIC) + _DIGEST_BYTES :]
    if sha256(payload).digest() != digest:
        raise ValueError("its content has another digest")
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(payload, _BYTES_PER_TERM * MOST_TERMS + _HEADER_BYTES)
    line, _, packed = text.partition(b"\n")
    head = json.loads(line)
    n = _checked_header(head, source)
    if len(packed) != _BYTES_PER_TERM * n or not unpacking.eof or unpacking.unused_data:
        raise ValueError("it has another number of terms than it says")
    columns = np.frombuffer(packed, np.uint8).reshape(_BYTES_PER_TERM, n)
    gaps = columns[:4].T.copy().view("<u4").reshape(n)
    terms = np.cumsum(gaps, dtype=np.uint64)
    if n and (terms[-1] >= 2**32 or np.any(gaps[1:] == 0)):
        raise ValueError("its terms are not in order")
    return Profile(**head, terms=terms.astype(np.uint32), held=columns[4], defined=columns[5])


def _checked_header(head: dict[str, Any], source: str) -> int:
    """Check the header, and return the number of terms, which is taken out of it.

    Raises:
        ValueError, KeyError, TypeError: A field is missing, of another type, or impossible.
    """
    n = head.pop("terms")
    for name, value, most in (("terms", n, MOST_TERMS), *((name, head[name], _MOST[name]) for name in _MOST)):
        if type(value) is not int or not 0 <= value <= most:
            raise ValueError(f"{name} is {shorten(repr(value))}")
    if head["source"] != source:
        raise ValueError(f"it is of {shorten(repr(head['source']))}")
    if not _COMMIT.fullmatch(head["commit"]):
        raise ValueError(f"{shorten(repr(head['commit']))} is no commit")
    if {*head} != {"source", "commit", *_MOST}:
        raise ValueError("it has other fields")
    return int(n)
