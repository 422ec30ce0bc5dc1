"""What is recorded of each call: who asked which tool when, of which repositories; never a query or code.

One line of JSON a call. A thread of its own writes, so a disk that is full or hangs stops no answer; the log
of the server says that lines are missing.
"""

import io
import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import Queue

from retrieval.errors import ArgumentError

MOST_BYTES, OLDER = 50_000_000, 9  # some 200,000 calls a file, ten files
WAITING = 10_000  # lines that wait for the disk; more are dropped

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One call.

    Attributes:
        caller: The name of who sent it.
        tool: Which tool.
        outcome: How it ended.
        repositories: The URLs or folders of those that it was answered from.
        places: How many places the answer has.
        milliseconds: How long it took.
    """

    caller: str
    tool: str
    outcome: str
    repositories: Sequence[str]
    places: int
    milliseconds: int


class AuditLog:
    """The audit log of one server."""

    def __init__(self, file: Path, *, most_bytes: int = MOST_BYTES, older: int = OLDER) -> None:
        """Open the file, and write from now on.

        Args:
            file: Lines are added to it; only its owner may read it.
            most_bytes: A file of this size is renamed, and another begun.
            older: How many renamed ones are kept.

        Raises:
            ArgumentError: The file cannot be written.
        """
        try:
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
            writer = _Writer(file, maxBytes=most_bytes, backupCount=older, encoding="utf-8")
        except OSError as error:
            raise ArgumentError(
                f"the audit log {file} cannot be written: {error.strerror}",
                remedy="name a file in a folder that exists",
            ) from error
        self._queue = _Queue(Queue(WAITING))
        self._listener = QueueListener(self._queue.queue, writer)
        self._writer = writer
        self._listener.start()

    def write(self, entry: Entry) -> None:
        """Add a line, soon."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({"time": at, **asdict(entry)}, separators=(",", ":"))
        self._queue.handle(logging.LogRecord("audit", logging.INFO, "", 0, line, None, None))

    def close(self) -> None:
        """Write the lines that wait, and close the file."""
        self._listener.stop()
        with suppress(OSError):
            self._writer.close()


class _Queue(QueueHandler):
    """Takes lines, and drops those for which there is no room."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - as logging calls it
        log.warning("a line of the audit log is lost: the disk is too slow")


class _Writer(RotatingFileHandler):
    """Writes lines, and says which it could not write."""

    def _open(self) -> io.TextIOWrapper:
        return open(self.baseFilename, "a", encoding="utf-8", opener=_private)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - as logging calls it
        log.warning("a line of the audit log is lost: %s", sys.exc_info()[1])
        stream, self.stream = self.stream, None  # the next line opens it again
        with suppress(OSError):
            if stream:
                stream.close()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
