"""Whether an index is intact: every listed file exists and has the bytes that were written, no chunk twice.

tantivy opens some files late and never verifies their bytes, but ends each file with a checksum. Its format 7
is: content, a JSON object with zlib's `crc`, the object's length, and a magic number. The last two are 32-bit
little-endian numbers.
"""

import errno
import json
import os
import re
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from retrieval.index.reader import Index

_KINDS = ("idx", "pos", "term", "store", "fast", "fieldnorm")
_TAIL = struct.Struct("<II")
_MAGIC = 1337
_BLOCK_BYTES = 1 << 20
_OBSTACLES = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC}
_SYSTEM_ERROR = re.compile(r"Os \{ code: (\d+)")


def require(folder: Path) -> None:
    """Check that the files of an index exist; fast enough for every opening.

    Raises:
        ValueError: A file is missing.
    """
    if lacking := _missing(folder):
        raise ValueError(f"{', '.join(lacking)} missing")


def damaged(folder: Path) -> list[str]:
    """List the files that are missing or corrupt, else those whose chunks it has twice; reads all of it."""
    lacking = _missing(folder)
    if lacking:
        return lacking
    wrong = [name for name in needed(folder) if not _is_whole(folder / name)]
    still = set(needed(folder))  # a merge may have replaced some files meanwhile
    return [name for name in wrong if name in still] or Index(folder).snapshot().repeated()


def obstacle(error: BaseException) -> str:
    """Return what prevents reading an intact index, such as a file mode; "" for any other error.

    An index that is only unreadable must not be deleted as damaged.
    """
    if isinstance(error, OSError):
        number = error.errno
    else:  # tantivy includes the system's error in Rust's format
        told = _SYSTEM_ERROR.search(str(error)) if isinstance(error, ValueError) else None
        number = int(told[1]) if told else None
    return os.strerror(number) if number is not None and number in _OBSTACLES else ""


def is_damage(error: BaseException) -> bool:
    """Return whether an error may come from a damaged store.

    tantivy reports detected damage as ValueError. On other damage it panics, which is not an Exception.
    """
    is_panic = type(error).__name__ == "PanicException"
    return is_panic or isinstance(error, ValueError | OSError | sqlite3.DatabaseError)


def _missing(folder: Path) -> list[str]:
    try:
        return [name for name in needed(folder) if not (folder / name).exists() and name in needed(folder)]
    except (OSError, ValueError, KeyError, TypeError):
        return ["meta.json"]


def needed(folder: Path) -> Iterator[str]:
    """List the files of the newest committed state."""
    for segment in json.loads((folder / "meta.json").read_bytes())["segments"]:
        name = segment["segment_id"].replace("-", "")
        yield from (f"{name}.{kind}" for kind in _KINDS)
        if segment["deletes"]:
            yield f"{name}.{segment['deletes']['opstamp']}.del"


def _is_whole(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            size = opened.seek(-_TAIL.size, 2)
            length, magic = _TAIL.unpack(opened.read(_TAIL.size))
            left = opened.seek(size - length)
            wanted = json.loads(opened.read(length))["crc"]
            opened.seek(0)
            crc = 0
            while left:
                block = opened.read(min(left, _BLOCK_BYTES))
                crc, left = zlib.crc32(block, crc), left - len(block)
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return False
    return bool(magic == _MAGIC and crc == wanted)
