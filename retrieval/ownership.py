"""Which folders belong to goldrank: those with its mark. It never deletes any other folder.

A cache folder may be shared (`GOLDRANK_CACHE=~/.cache`), and so may the folder in which a model is trained.
So goldrank marks every folder that it may later empty, before writing anything else into it.
"""

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from retrieval.errors import CacheError

MARK = "CACHEDIR.TAG"
"""Name and first line follow bford.info/cachedir, so that backup programs skip the folder."""

_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55\n"
_OWNER = b"# goldrank created this folder and may delete it with everything in it.\n"
_TEXT = _SIGNATURE + _OWNER + b"# About such files: https://bford.info/cachedir/\n"


def is_marked(folder: Path) -> bool:
    """Return whether goldrank created a folder; another program's CACHEDIR.TAG does not count."""
    try:
        with (folder / MARK).open("rb") as file:
            return file.read(len(_TEXT)).startswith(_SIGNATURE + _OWNER)
    except OSError:
        return False


def claim(folder: Path, *, is_ours: Callable[[Path], bool] = lambda _folder: False) -> None:
    """Mark an existing folder as goldrank's; a folder with content is marked only if `is_ours` accepts it.

    Args:
        folder: The folder.
        is_ours: Recognises a folder of an earlier release, which wrote no mark.

    Raises:
        CacheError: The folder contains files of someone else.
        OSError: The folder cannot be read or written.
    """
    if is_marked(folder):
        return
    held = [path for path in folder.iterdir() if not path.name.startswith(MARK)]
    if held and not is_ours(folder):
        raise CacheError(
            f"{folder} contains files that goldrank did not write, such as {min(held).name}",
            remedy="move them away, or choose another folder",
        )
    # Renamed into place, so that another process claiming the same folder never sees half a mark.
    fresh = folder / f"{MARK}.{uuid.uuid4().hex}"
    fresh.write_bytes(_TEXT)
    os.replace(fresh, folder / MARK)  # noqa: PTH105 - atomic


def size_bytes(folder: Path) -> int:
    """Return the size of a folder on disk, in bytes."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # another process has deleted it meanwhile
            total += path.lstat().st_size if path.is_file() else 0
    return total


def remove(folder: Path) -> None:
    """Delete a marked folder, unless a process holds its lock.

    Raises:
        CacheError: A process works in it, it cannot be deleted, or goldrank did not create it.
    """
    if not is_marked(folder):
        raise CacheError(f"{folder} lacks goldrank's {MARK}", remedy="delete it yourself if it is yours")
    try:
        with FileLock(folder / "lock", timeout=0):
            shutil.rmtree(folder)
    except Timeout as error:
        raise CacheError(f"another goldrank process works in {folder}", remedy="try again later") from error
    except OSError as error:
        raise CacheError(f"{folder} cannot be deleted: {error.strerror or error}") from error


def folder_name(root: Path) -> str:
    """Return the name of a root's folder in the cache: readable, and unique by a hash of its path."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "_", root.name)[:40] or "root"
    unique = hashlib.blake2b(str(root).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return f"{readable}-{unique}"


def is_named_after(folder: Path, root: bytes) -> bool:
    """Return whether a folder has the name that `folder_name` gives to a root."""
    return bool(root) and folder.name == folder_name(Path(os.fsdecode(root)))
