"""How a published index is taken up: downloaded beside the store, verified whole, then moved into place.

Nothing of it is read before its size and its SHA-256 are those of the manifest. What a killed process had
downloaded is verified again and kept.
"""

import json
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path

from retrieval.errors import DamagedIndexError, SharedIndexError
from retrieval.index import integrity
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.publishing import record_file
from retrieval.publishing.manifest import META, RECORDS, Manifest, PublishedFile
from retrieval.publishing.patience import each
from retrieval.publishing.shelf import Shelf
from retrieval.sync.store import Content, link_segment

_MANAGED = ".managed.json"
"""tantivy's list of the files that it may delete; without it, replaced segments would stay for ever."""


@dataclass(frozen=True, slots=True)
class Download:
    """A published index on this machine, verified.

    Attributes:
        content: The index.
        received_bytes: How much of it was downloaded.
        seconds: How long that took.
    """

    content: Content
    received_bytes: int
    seconds: float


@dataclass(slots=True)
class _Received:
    """How many bytes are here; the threads of one download add to it.

    Attributes:
        wanted: The bytes of all files.
        present: The bytes that are here and verified.
        downloaded: Those of them that were downloaded now.
    """

    wanted: int
    present: int = 0
    downloaded: int = 0
    progress: Progress = field(default=no_progress)

    def add(self, size: int, *, is_downloaded: bool) -> None:
        self.present += size
        self.downloaded += size * is_downloaded
        self.progress(100 * self.present // max(self.wanted, 1), 100)


def download(
    shelf: Shelf,
    manifest: Manifest,
    folder: Path,
    *,
    nearby: Sequence[Path] = (),
    progress: Progress = no_progress,
    is_cancelled: IsCancelled = lambda: False,
) -> Download:
    """Download a published index to a folder, and verify it.

    Args:
        shelf: Where it is published.
        manifest: What it consists of.
        folder: Where to; files of the manifest that are there already are kept, others deleted.
        nearby: Stores on this machine that may have the same segments.
        progress: Called with the percent that is here, of 100.
        is_cancelled: Checked a few times a second.

    Raises:
        DamagedIndexError: An object is missing, too short, too long, or has another digest; or the segments
            are not those that the index lists.
        SharedIndexError: The place cannot be used, or the disk has too little space.
        OSError: The folder cannot be written.
        CancelledError: `is_cancelled` returned True; what is here is kept.
    """
    start_s = time.monotonic()
    _prepare(folder, manifest)
    received = _Received(manifest.size_bytes, progress=progress)

    def fetch(file: PublishedFile) -> None:
        target = folder / file.name
        if _is(target, file) or _is_linked(target, file, nearby):
            received.add(file.size, is_downloaded=False)
            return
        size, digest = shelf.place.download(
            file.object, target, most_bytes=file.size, is_cancelled=is_cancelled
        )
        if (size, digest) != (file.size, file.sha256):
            target.unlink()
            raise DamagedIndexError(f"{file.object} in {shelf.place.url} is refused: {_fault(file, size)}")
        received.add(file.size, is_downloaded=True)

    each(fetch, manifest.files)
    content = _content(folder, manifest)
    return Download(content, received.downloaded, time.monotonic() - start_s)


def _prepare(folder: Path, manifest: Manifest) -> None:
    """Make the folder, without the rest of another download.

    Raises:
        SharedIndexError: The disk has too little space.
    """
    chunks = folder / "chunks"
    chunks.mkdir(parents=True, exist_ok=True)
    wanted = {file.name for file in manifest.files}
    for path in (*folder.iterdir(), *chunks.iterdir()):
        if path != chunks and path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    free = shutil.disk_usage(folder).free
    if manifest.size_bytes > free:
        raise SharedIndexError(
            f"the published index takes {manifest.size_bytes:,} bytes, and {free:,} are free in {folder}",
            remedy="goldrank clean frees some",
        )


def _is(path: Path, file: PublishedFile) -> bool:
    try:
        if path.stat().st_size != file.size:
            return False
        with path.open("rb") as opened:
            return file_digest(opened, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def _is_linked(target: Path, file: PublishedFile, nearby: Iterable[Path]) -> bool:
    """Take a segment from another store of this machine; return whether one had it."""
    for store in nearby:
        candidate = store / file.name
        if candidate.suffix != ".json" and _is(candidate, file):
            with suppress(OSError):  # it is being merged away
                target.unlink(missing_ok=True)
                link_segment(candidate, target)
                return True
    return False


def _fault(file: PublishedFile, size: int) -> str:
    if size == file.size:
        return "it has another digest"
    return f"it has {'more than ' if size > file.size else ''}{min(size, file.size):,} of {file.size:,} bytes"


def _content(folder: Path, manifest: Manifest) -> Content:
    """Read the records, and complete the segments.

    Raises:
        DamagedIndexError: The segments are not those that the index lists.
    """
    chunks = folder / "chunks"
    named = {Path(file.name).name for file in manifest.files if file.name not in {RECORDS, META}}
    try:
        needed = {*integrity.needed(chunks)}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedIndexError(f"the list of segments is refused: {error}") from error
    if needed != named:
        raise DamagedIndexError("the list of segments is refused: it names other files than the manifest")
    (chunks / _MANAGED).write_text(json.dumps([Path(META).name, *sorted(named)]), encoding="utf-8")
    return Content(chunks, record_file.read(folder / RECORDS))
