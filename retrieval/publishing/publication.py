"""How an index is published: the objects first, then the manifest that names them, the pointers, the profile.

A publisher that is killed leaves objects that no manifest names, which `collection` removes later. Segments
never change, so those that an earlier commit shares are there already and are not uploaded again.
"""

import itertools
import operator
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from shutil import rmtree

import psutil

from retrieval.errors import SharedIndexError
from retrieval.index import integrity
from retrieval.index.reader import Index
from retrieval.progress import IsCancelled
from retrieval.publishing import record_file
from retrieval.publishing.collection import GRACE_S
from retrieval.publishing.manifest import META, RECORDS, Manifest, PublishedFile
from retrieval.publishing.patience import each
from retrieval.publishing.shelf import Shelf
from retrieval.records import FileStat
from retrieval.routing.profile import make_profile
from retrieval.sync.record_table import FileRecord
from retrieval.sync.store import Store, link_segment

LOCK_PATIENCE_S = 5.0
_OUTGOING = "outgoing-"
_UNREADABLE = "unreadable"  # how `indexer` begins the reason of a file that may be readable elsewhere


@dataclass(frozen=True, slots=True)
class Upload:
    """What publishing an index cost.

    Attributes:
        size_bytes: The size of the index.
        sent_bytes: How much of it was uploaded.
        seconds: How long that took.
    """

    size_bytes: int
    sent_bytes: int
    seconds: float


def publish(
    shelf: Shelf,
    store: Store,
    commit: str,
    files: Mapping[str, FileStat],
    *,
    is_trusted: bool = True,
    is_cancelled: IsCancelled = lambda: False,
) -> Upload | None:
    """Publish the index of a commit.

    Args:
        shelf: Where to.
        store: The index.
        commit: The commit.
        files: The files of the commit, as they are listed.
        is_trusted: Whether objects that are there already are used; False after one was found damaged.
        is_cancelled: Checked a few times a second.

    Returns:
        What it cost; None if the index is not of this commit, or no longer, and nothing was published.

    Raises:
        SharedIndexError: The place cannot be used.
        IndexLockedError: Another process is writing the index.
        CacheError: The store cannot be read.
        CancelledError: `is_cancelled` returned True; nothing is published.
    """
    start_s = time.monotonic()
    with _snapshot(shelf, store, files) as folder:
        if folder is None:
            return None
        found = tuple(_described(folder, path) for path in sorted(folder.rglob("*")) if path.is_file())
        manifest = Manifest(shelf.source, commit, shelf.fingerprint, found)
        known = _known(shelf) if is_trusted else None

        def upload(file: PublishedFile) -> int:
            shelf.place.upload(folder / file.name, file.object, is_cancelled=is_cancelled)
            return file.size

        are_there = each(lambda file: _is_there(shelf, file, known), found)
        sent = sum(each(upload, itertools.compress(found, map(operator.not_, are_there))))
        shelf.put(manifest)
        # Another machine may have collected an object between the look and the manifest.
        skipped = list(itertools.compress(found, are_there))
        sizes = each(lambda file: shelf.place.size(file.object), skipped)
        sent += sum(each(upload, (one for one, size in zip(skipped, sizes, strict=True) if size != one.size)))
        _put_profile(shelf, folder, commit)
    return Upload(manifest.size_bytes, sent, time.monotonic() - start_s)


def publish_profile(shelf: Shelf, store: Store, commit: str, files: Mapping[str, FileStat]) -> None:
    """Publish the profile alone, of an index that is published; earlier releases published none.

    Args:
        shelf: Where to.
        store: The index.
        commit: The commit.
        files: The files of the commit, as they are listed; nothing is published of an index of others.

    Raises:
        SharedIndexError: The place cannot be used.
        IndexLockedError: Another process is writing the index.
        CacheError: The store cannot be read.
    """
    with _snapshot(shelf, store, files) as folder:
        if folder is not None:
            _put_profile(shelf, folder, commit)


def _put_profile(shelf: Shelf, folder: Path, commit: str) -> None:
    chunks = Index(folder / "chunks").snapshot().stored()
    shelf.put_profile(make_profile(shelf.source, commit, chunks))


@contextmanager
def _snapshot(shelf: Shelf, store: Store, files: Mapping[str, FileStat]) -> Iterator[Path | None]:
    """Make a folder with the files of an index as it is now, while others may go on writing.

    Yields:
        The folder; None if these are not the files that are indexed.

    Raises:
        IndexLockedError, CacheError: The store cannot be read.
    """
    with store.writing(patience_s=LOCK_PATIENCE_S):
        _sweep(store.folder)
        records = {path: one for path, one in store.table.changes().records.items() if one is not None}
        is_whole = {path: one.stat for path, one in records.items()} == files
        folder = None
        if is_whole and store.is_made_by(shelf.fingerprint):
            folder = Path(tempfile.mkdtemp(prefix=f"{_OUTGOING}{os.getpid()}-", dir=store.folder))
            try:
                _copy(store.chunks, folder / "chunks")
            except BaseException:
                rmtree(folder, ignore_errors=True)
                raise
    if folder is None:
        yield None
        return
    try:
        (folder / RECORDS).write_bytes(record_file.to_bytes(_readable(records)))
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)


def _copy(chunks: Path, folder: Path) -> None:
    folder.mkdir()
    for name in (Path(META).name, *integrity.needed(chunks)):
        link_segment(chunks / name, folder / name)


def _readable(records: Mapping[str, FileRecord]) -> dict[str, FileRecord]:
    """Leave out files that this machine could not read: another one tries again."""
    return {path: one for path, one in records.items() if not one.reason.startswith(_UNREADABLE)}


def _sweep(folder: Path) -> None:
    """Remove the snapshots of processes that were killed."""
    for left in folder.glob(f"{_OUTGOING}*"):
        with suppress(ValueError):
            if not psutil.pid_exists(int(left.name.removeprefix(_OUTGOING).partition("-")[0])):
                rmtree(left, ignore_errors=True)


def _described(folder: Path, path: Path) -> PublishedFile:
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    return PublishedFile(path.relative_to(folder).as_posix(), path.stat().st_size, digest)


def _known(shelf: Shelf) -> frozenset[str]:
    """Return the objects of the index that was published last; they are not collected meanwhile."""
    try:
        latest = shelf.find(shelf.latest_pointer)
    except SharedIndexError:
        return frozenset()
    return frozenset(file.object for file in latest.files) if latest else frozenset()


def _is_there(shelf: Shelf, file: PublishedFile, known: frozenset[str] | None) -> bool:
    """Return whether an object needs no upload; one that may be collected soon does."""
    if known is None or shelf.place.size(file.object) != file.size:
        return False
    return file.object in known or time.time() - shelf.place.modified(file.object) < GRACE_S / 2
