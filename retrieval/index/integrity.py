"""Whether the files of an index are whole: all that its list names are there, and hold what was written.

tantivy opens some files late and checks none of their bytes, but ends each with a checksum. In its format 7:
content, a JSON object with `crc` as of zlib, its length, a magic number, both of 32 bits and little endian.
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

_KINDS = ("idx", "pos", "term", "store", "fast", "fieldnorm")
_TAIL = struct.Struct("<II")
_MAGIC = 1337
_BLOCK_BYTES = 1 << 20
_OBSTACLES = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC}
_SYSTEM_ERROR = re.compile(r"Os \{ code: (\d+)")


def require(folder: Path) -> None:
    """Look for the files that an index needs; quick enough for every opening.

    Raises:
        ValueError: One is not there.
    """
    if lacking := _missing(folder):
        raise ValueError(f"{', '.join(lacking)} missing")


def damaged(folder: Path) -> list[str]:
    """Name the files that are missing or do not hold what was written, in order; it reads them all."""
    lacking = _missing(folder)
    if lacking:
        return lacking
    wrong = [name for name in _needed(folder) if not _is_whole(folder / name)]
    still = set(_needed(folder))  # a merge may have replaced some meanwhile
    return [name for name in wrong if name in still]


def obstacle(error: BaseException) -> str:
    """Say what keeps a whole index from being read, such as a file mode; "" where nothing shows that.

    What is only out of reach must not be thrown away as damaged.
    """
    if isinstance(error, OSError):
        number = error.errno
    else:  # tantivy tells what the system said in the words of Rust
        told = _SYSTEM_ERROR.search(str(error)) if isinstance(error, ValueError) else None
        number = int(told[1]) if told else None
    return os.strerror(number) if number is not None and number in _OBSTACLES else ""


def is_damage(error: BaseException) -> bool:
    """Tell whether an error is what a damaged store looks like.

    tantivy reports all it notices as ValueError, and on some damage it panics, which is no Exception.
    """
    is_panic = type(error).__name__ == "PanicException"
    return is_panic or isinstance(error, ValueError | OSError | sqlite3.DatabaseError)


def _missing(folder: Path) -> list[str]:
    try:
        return [name for name in _needed(folder) if not (folder / name).exists() and name in _needed(folder)]
    except (OSError, ValueError, KeyError, TypeError):
        return ["meta.json"]


def _needed(folder: Path) -> Iterator[str]:
    """List the files that the newest committed state is made of."""
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
