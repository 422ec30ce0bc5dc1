"""How a user's text file is read, and replaced in one step or not at all."""

import os
import shutil
import uuid
from pathlib import Path

from retrieval.errors import ClientFileError

BOM = "\ufeff"


def read(file: Path, *, within: Path | None = None) -> str | None:
    """Read a file; None when it does not exist.

    Args:
        file: The file, or a link to it.
        within: The folder that links must stay in: a clone may contain a link to anywhere.

    Raises:
        ClientFileError: It is not a readable, regular UTF-8 file, or is outside `within`.
    """
    try:
        target = file.resolve()
        if within and not target.is_relative_to(within.resolve()):
            raise ClientFileError(f"{file} is a link to {target}, outside of {within}")
        if not target.exists():
            return None
        if not target.is_file():
            raise ClientFileError(f"{file} is no file")
        return target.read_bytes().decode("utf-8")
    except (
        OSError,
        RuntimeError,
        UnicodeDecodeError,
    ) as error:  # RuntimeError: links in a circle, before 3.13
        raise ClientFileError(f"{file} cannot be read: {error}") from error


def write(file: Path, text: str) -> None:
    """Replace or create a file: a reader sees all of the old text or all of the new one.

    The file keeps its mode, and a link to it stays a link.

    Raises:
        ClientFileError: It, or its folder, may not be written.
    """
    target = file.resolve()
    fresh = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            with target.open("r+b"):
                pass  # a file that is read-only in a folder that is not would be replaced
        with fresh.open("xb") as stream:
            stream.write(text.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            shutil.copymode(target, fresh)
        fresh.replace(target)
    except (OSError, UnicodeEncodeError) as error:
        fresh.unlink(missing_ok=True)
        raise ClientFileError(f"{file} cannot be written: {error}") from error


def delete(file: Path) -> None:
    """Delete a file; a link to it stays.

    Raises:
        ClientFileError: It may not be deleted.
    """
    try:
        file.resolve().unlink()
    except OSError as error:
        raise ClientFileError(f"{file} cannot be deleted: {error}") from error
