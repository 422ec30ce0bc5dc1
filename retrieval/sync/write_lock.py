"""Which process may write a store, and how far it is: a lock, and a note beside it for those who wait."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from retrieval.errors import IndexLockedError

_POLL_S = 0.01  # updating one file takes some 30 ms; a process that waits for it should not wait twice that


@dataclass(frozen=True, slots=True)
class WriterInfo:
    """The process that writes an index.

    Attributes:
        pid: Its process id.
        done: Files it has indexed in this run.
        total: Files it has to index.
    """

    pid: int
    done: int = 0
    total: int = 0

    @property
    def description(self) -> str:
        """The process and how far it is, for a sentence."""
        progress = f", {self.done:,} of {self.total:,} files done" if self.total else ""
        return f"another goldrank process ({self.pid}{progress})"

    @property
    def is_other(self) -> bool:
        """Whether another process than this one writes."""
        return self.pid != os.getpid()


class WriteLock:
    """The lock of one store's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._note = folder / "holder"
        self._lock = FileLock(folder / "lock")

    @contextmanager
    def held(self, *, patience_s: float) -> Iterator[None]:
        """Hold the right to write.

        Raises:
            IndexLockedError: Another process kept it for longer than `patience_s` seconds.
            OSError: The folder cannot be written.
        """
        try:
            # Not around the body: what the body itself runs into is its own to name.
            acquired = self._lock.acquire(timeout=patience_s, poll_interval=_POLL_S)
        except Timeout as error:
            writer = self.writer()
            name = writer.description if writer else "another goldrank process"
            raise IndexLockedError(f"{name} is writing the index in {self._folder}") from error
        with acquired:
            self.report_progress(0, 0)
            try:
                yield
            finally:
                self._note.unlink(missing_ok=True)

    def report_progress(self, done: int, total: int) -> None:
        """Write how far the work is, for processes that wait; hold the lock to call it."""
        with suppress(OSError):  # a full disk shows where it matters more
            self._note.write_text(
                json.dumps({"pid": os.getpid(), "done": done, "total": total}), encoding="utf-8"
            )

    def writer(self) -> WriterInfo | None:
        """Return the process that writes and how far it is; None when no living process says so."""
        try:
            writer = WriterInfo(**json.loads(self._note.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        return writer if psutil.pid_exists(writer.pid) else None
