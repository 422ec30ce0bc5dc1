"""Which process may write a store: a lock, and a note with its progress for processes that wait."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from retrieval.errors import IndexLockedError

_POLL_S = 0.01  # updating one file takes about 30 ms, and a waiting process should not double that


@dataclass(frozen=True, slots=True)
class WriterInfo:
    """The process that is writing an index.

    Attributes:
        pid: The process id.
        done: Files indexed in this run.
        total: Files to index in this run.
    """

    pid: int
    done: int = 0
    total: int = 0

    @property
    def description(self) -> str:
        """The process and its progress, as part of a sentence."""
        progress = f", {self.done:,} of {self.total:,} files done" if self.total else ""
        return f"another goldrank process ({self.pid}{progress})"

    @property
    def is_other(self) -> bool:
        """Whether the writer is another process than this one."""
        return self.pid != os.getpid()


class WriteLock:
    """The lock of one store's folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._note = folder / "holder"
        self._lock = FileLock(folder / "lock")

    @contextmanager
    def held(self, *, patience_s: float) -> Iterator[None]:
        """Hold the lock.

        Raises:
            IndexLockedError: Another process held the lock for longer than `patience_s` seconds.
            OSError: The folder cannot be written.
        """
        try:
            # Only around the acquisition: a timeout in the body has another cause.
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
        """Write the progress for processes that wait; requires the lock."""
        with suppress(OSError):  # a full disk is reported by more important writes
            self._note.write_text(
                json.dumps({"pid": os.getpid(), "done": done, "total": total}), encoding="utf-8"
            )

    def writer(self) -> WriterInfo | None:
        """Return the process that is writing, with its progress, or None if it is not alive."""
        try:
            writer = WriterInfo(**json.loads(self._note.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        return writer if psutil.pid_exists(writer.pid) else None
