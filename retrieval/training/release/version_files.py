"""How the files of a store of versions are written, so that a kill or a power failure leaves it whole."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from retrieval import version_log
from retrieval.errors import ModelError
from retrieval.version_log import CURRENT, HISTORY, VERSIONS, Event

PATIENCE_S = 10.0  # a promotion copies some 90 MB


@contextmanager
def writing(folder: Path, root: Path, *, clear: Callable[[], None]) -> Iterator[None]:
    """Hold the write lock of a store, remove the leftovers of killed writers, and record the root.

    Args:
        folder: The store.
        root: The root that it belongs to.
        clear: Removes what a killed writer left.

    Raises:
        ModelError: The store cannot be written, or another process writes it.
    """
    try:
        (folder / VERSIONS).mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock").acquire(timeout=PATIENCE_S):
            clear()
            replace(folder / "root", os.fsencode(root))
            yield
    except Timeout as error:
        raise ModelError(
            f"another goldrank process is promoting in {folder}", remedy="try again when it is done"
        ) from error
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be written: {error.strerror or error}",
            remedy="name another folder: --models DIR or GOLDRANK_MODELS=DIR",
        ) from error


def point(folder: Path, name: str | None) -> None:
    """Let a version serve; None lets serve what goldrank ships."""
    pointer = folder / CURRENT
    if name is None:
        pointer.unlink(missing_ok=True)
        sync(folder)
    else:
        replace(pointer, f"{name}\n".encode())


def replace(file: Path, content: bytes) -> None:
    """Replace a file's content atomically, even across a power failure."""
    scratch = file.with_name(f".{file.name}.new")
    scratch.write_bytes(content)
    sync(scratch)
    scratch.replace(file)
    sync(file.parent)


def append(folder: Path, event: Event) -> None:
    """Append an event to the history."""
    append_line(folder / HISTORY, version_log.line_of(event))


def append_line(file: Path, line: bytes) -> None:
    """Append a line to a file, on a line of its own even if the last one is torn."""
    torn = file.exists() and not file.read_bytes().endswith(b"\n")
    with file.open("ab") as out:
        out.write(b"\n" * torn + line)
    sync(file)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
