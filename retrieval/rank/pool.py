"""Which chunks may answer: the best of each field, and those that the caller names or points to."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from retrieval.index.reader import FIELDS, Field, Snapshot
from retrieval.paths import path_roles
from retrieval.rank.need import Guess, Need
from retrieval.rank.query import Location, Query, whole_stem
from retrieval.records import Chunk

DEPTHS: Mapping[Field, int] = {"body": 100, "names": 100}
"""Chunks taken from each field: fewer gain nothing beyond noise, and 50 of both lose on one of four sets
(benchmarks/runs/2026-11-27-index/depths.txt)."""
DEFINING_CHUNKS = 50  # chunks that define a name of the query
WHOLE_CHUNKS = 50  # chunks that hold the whole of an identifier
GUESSED_CHUNKS = 50  # chunks that the guesses add, by each field
GUESSED_NAMES = 12  # identifiers in the guesses that are looked up as definitions
PAST_FILES, PAST_CHUNKS = 10, 2  # files that the past suggests, and the best chunks of each
MOST_LOCATIONS = 20  # lines of this repository's files that are looked up


@dataclass(frozen=True, slots=True)
class Pool:
    """The chunks that may answer a query.

    Attributes:
        chunks: Sorted by path, then line.
        uids: The uids of these chunks.
    """

    chunks: tuple[Chunk, ...]
    uids: tuple[int, ...]


def find(
    need: Need, snapshot: Snapshot, past: Mapping[str, float], *, paths: Sequence[str] | None = None
) -> Pool:
    """Collect the chunks to score.

    Args:
        need: What the caller wants.
        snapshot: The committed index.
        past: Files that commits suggest, with their evidence.
        paths: If given, only chunks of these files.
    """
    found: set[int] = set()
    for wording in need.wordings:
        found |= _by_wording(wording.query, snapshot, paths)
    if need.guesses:
        found |= _by_guesses(need.guesses, need.guessed, snapshot, paths)
    found |= _by_past(need, snapshot, past, paths)
    for wording in need.wordings:
        if wording.query.locations:
            files = {chunk.path for chunk in snapshot.chunks(found).values()}
            for path, line in meant(wording.query.locations, files):
                found.update(snapshot.at(path, line))
    chunks = snapshot.chunks(found)
    uids = sorted(chunks, key=lambda uid: (chunks[uid].path, chunks[uid].start_line))
    return Pool(tuple(chunks[uid] for uid in uids), tuple(uids))


def meant(locations: Iterable[Location], paths: Collection[str]) -> list[tuple[str, int]]:
    """Match locations to the files in `paths` with the longest common tail; return paths and lines.

    A stack frame of other code does not match only because both have a utils.py: if both paths have a
    folder, the folders must match too.
    """
    found: dict[tuple[str, int], None] = {}
    for location in locations:
        shared = {path: path_roles.common_tail(path, location.path) for path in paths}
        longest = max(shared.values(), default=0)
        for path in sorted(path for path, count in shared.items() if count == longest > 0):
            if longest > 1 or "/" not in path or "/" not in location.path:
                found[path, location.line] = None
            if len(found) == MOST_LOCATIONS:
                return list(found)
    return list(found)


def _by_wording(query: Query, snapshot: Snapshot, paths: Sequence[str] | None) -> set[int]:
    found: set[int] = set()
    for field in FIELDS if query.stems else ():
        found |= snapshot.top(field, query.stems, DEPTHS[field], paths=paths)
    if query.identifiers:
        found.update(snapshot.defining(query.identifiers, DEFINING_CHUNKS, paths=paths))
    if query.is_symbol and (whole := whole_stem(query.identifiers[0])):
        found |= snapshot.top("body", [whole], WHOLE_CHUNKS, paths=paths)
    return found


def _by_guesses(
    guesses: Sequence[Guess], stems: Sequence[str], snapshot: Snapshot, paths: Sequence[str] | None
) -> set[int]:
    names = list(dict.fromkeys(name for guess in guesses for name in guess.identifiers))[:GUESSED_NAMES]
    found = set(snapshot.defining(names, DEFINING_CHUNKS, paths=paths))
    for field in FIELDS if stems else ():
        found |= snapshot.top(field, stems, GUESSED_CHUNKS, paths=paths)
    return found


def _by_past(
    need: Need, snapshot: Snapshot, past: Mapping[str, float], paths: Sequence[str] | None
) -> set[int]:
    """Take the best chunks of the files that commits suggest most."""
    allowed = past.keys() if paths is None else past.keys() & set(paths)
    best = sorted(allowed, key=lambda path: (-past[path], path))[:PAST_FILES]
    stems = need.stems
    found: set[int] = set()
    for path in best if stems else ():
        found |= snapshot.top("body", stems, PAST_CHUNKS, paths=[path])
    return found
