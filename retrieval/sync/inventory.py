"""Which indexes a cache folder holds, of this format and of others, and what learnings left in it."""

import re
from pathlib import Path

from retrieval import ownership
from retrieval.sync.store import FORMAT, Store

LEARNING = "learning"
"""The folder below the cache in which goldrank learns; each root has a folder there, named like its index."""
RESTORED = "restored"
"""The folder below the cache for models that were restored from exported ones, to be trained further."""

_FORMAT = re.compile(r"v\d+")
_NAME = re.compile(r"[A-Za-z0-9._-]+-[0-9a-f]{16}")


def stores(cache: Path) -> list[Store]:
    """List the stores of this format, sorted by folder."""
    return [store for store in _all(cache) if store.folder.parent.name == FORMAT]


def relatives(cache: Path, family: str) -> list[Store]:
    """List the stores of this format whose roots share a git folder, sorted by folder; none for "".

    One small file of each other store is read and nothing else: a builder of a fleet has ten thousand.
    """
    if not family:
        return []
    marks = (mark for mark in (cache / FORMAT).glob("*/family") if _read(mark) == family)
    return [store for mark in sorted(marks) if (store := Store(mark.parent)).is_ours()]


def foreign(cache: Path) -> list[Store]:
    """List the stores of other formats, sorted by folder."""
    return [store for store in _all(cache) if store.folder.parent.name != FORMAT]


def unclaimed(cache: Path) -> list[Path]:
    """List the folders named like stores that are not recognised as goldrank's."""
    return [folder for folder in _named(cache) if not Store(folder).is_ours()]


def work(cache: Path) -> list[Path]:
    """List the folders in which goldrank learned: questions of the past, tuned and restored models."""
    found = sorted(
        folder for folder in (cache / LEARNING).glob("v*/*")
        if _FORMAT.fullmatch(folder.parent.name) and _NAME.fullmatch(folder.name)
    )  # fmt: skip
    return [folder for folder in (*found, cache / RESTORED) if ownership.is_marked(folder)]


def _all(cache: Path) -> list[Store]:
    return [store for store in map(Store, _named(cache)) if store.is_ours()]


def _named(cache: Path) -> list[Path]:
    """List the folders named like stores; another program may have a `v1/NAME/root` too."""
    found = cache.glob("v*/*/root")
    return sorted(
        mark.parent for mark in found
        if _FORMAT.fullmatch(mark.parent.parent.name) and _NAME.fullmatch(mark.parent.name)
    )  # fmt: skip


def _read(mark: Path) -> str:
    try:
        return mark.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:  # removed meanwhile
        return ""
