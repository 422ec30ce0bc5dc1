"""Which mirrors a cache holds, how large they are, and how one is removed."""

import shutil
import uuid
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from retrieval import ownership
from retrieval.errors import CacheError
from retrieval.mirrors.source import FOLDER


def folders(cache: Path) -> list[Path]:
    """List the mirrors of a cache, sorted."""
    found = (cache / FOLDER).glob("*/url")
    return sorted(url.parent for url in found if ownership.is_marked(url.parent))


def unfetched(cache: Path) -> list[Path]:
    """List the mirrors whose repository never came, because the server could not be reached."""
    return [folder for folder in folders(cache) if not (folder / "repo.git").is_dir()]


def url_of(folder: Path) -> str:
    """Return the URL that a mirror was fetched from; the folder's name where it cannot be read."""
    try:
        return (folder / "url").read_text(encoding="utf-8").strip() or folder.name
    except (OSError, UnicodeDecodeError):
        return folder.name


def size_bytes(folder: Path) -> int:
    """Return the size of a mirror on disk, in bytes."""
    return ownership.size_bytes(folder)


def remove(folder: Path) -> None:
    """Delete a mirror, unless a process is fetching it.

    Raises:
        CacheError: A process is fetching it, or goldrank did not create the folder.
    """
    if not ownership.is_marked(folder):
        raise CacheError(
            f"{folder} lacks goldrank's {ownership.MARK}", remedy="delete it yourself if it is yours"
        )
    try:
        with FileLock(folder / "lock", timeout=0):
            # The repository goes first, under a name that nobody reads and the next fetch collects.
            with suppress(FileNotFoundError):
                (folder / "repo.git").rename(folder / f"repo.git.{uuid.uuid4().hex}.new")
            shutil.rmtree(folder, ignore_errors=True)
    except Timeout as error:
        raise CacheError(
            f"another goldrank process fetches {folder.name}", remedy="try again later"
        ) from error
