"""How the records of an index travel: compressed lines of JSON, the same bytes for the same records.

SQLite's own file would differ after every write, and opening one that others wrote runs its triggers.
"""

import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path

from retrieval.errors import DamagedIndexError
from retrieval.records import FileStat
from retrieval.sync.record_table import FileRecord

MOST_BYTES = 1_000_000_000  # uncompressed; 200 bytes a file


def to_bytes(records: Mapping[str, FileRecord]) -> bytes:
    """Write records in the order of their paths.

    Their files come from a commit: no times, and the name of a blob in place of an inode.
    """
    rows = (
        [path, one.stat.size, f"{one.stat.inode:x}", one.digest, one.reason, one.has_secrets, one.note]
        for path, one in sorted(records.items())
    )
    text = "".join(f"{json.dumps(row, separators=(',', ':'))}\n" for row in rows)
    return gzip.compress(text.encode("ascii"), mtime=0)


def read(file: Path) -> dict[str, FileRecord]:
    """Read records.

    Raises:
        DamagedIndexError: The file is damaged, or holds something else.
        OSError: It cannot be read.
    """
    try:
        with gzip.open(file) as packed:
            # A longer file ends in the middle of a line, and is refused.
            return dict(map(_record, packed.read(MOST_BYTES).splitlines()))
    except (ValueError, TypeError, EOFError, zlib.error, gzip.BadGzipFile, RecursionError) as error:
        raise DamagedIndexError(f"the published records are refused: {error}") from error


def _record(line: bytes) -> tuple[str, FileRecord]:
    path, size, inode, digest, reason, has_secrets, note = json.loads(line)
    if not all(isinstance(text, str) for text in (path, inode, digest, reason, note)):
        raise TypeError("a text is none")
    if type(size) is not int or not isinstance(has_secrets, bool):
        raise TypeError("a size or a flag is none")
    stat = FileStat(size, 0, 0, int(inode, 16))
    return path, FileRecord(stat, digest, reason, has_secrets=has_secrets, note=note)
