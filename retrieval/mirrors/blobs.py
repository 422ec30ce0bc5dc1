"""How blobs are read: by one long-lived `git cat-file` for each repository, which ends when it is idle."""

import logging
import re
import subprocess
import threading
import time
import weakref
from pathlib import Path

from retrieval.files import git

log = logging.getLogger(__name__)

IDLE_S = 60.0  # a process of 5 MB; starting one takes 3 ms
_NAME = re.compile(r"[0-9a-f]{40,64}")


class Blobs:
    """Reads blobs of one bare repository; any thread may call the methods."""

    def __init__(self, git_folder: Path, *, idle_s: float = IDLE_S) -> None:
        """Start no process yet."""
        self._folder = git_folder
        self._idle_s = idle_s
        self._lock = threading.Lock()  # guards all below; git answers one request at a time
        self._process: subprocess.Popen[bytes] | None = None
        self._end_process: weakref.finalize[[subprocess.Popen[bytes]], Blobs] | None = None
        self._used_at = 0.0

    def read(self, name: str) -> bytes:
        """Return the content of a blob.

        Args:
            name: The whole name of the object.

        Raises:
            OSError: The blob is not here, or git cannot be run.
        """
        if not _NAME.fullmatch(name):
            raise FileNotFoundError(f"{name!r} names no object")
        with self._lock:
            for is_last in (False, True):
                process = self._started()
                try:
                    return _answer(process, name)
                except (EOFError, OSError, ValueError) as error:
                    # It died, or reads a mirror that was replaced meanwhile: another may have the object.
                    self._end()
                    if is_last:
                        raise FileNotFoundError(f"git cannot read the object {name}: {error}") from error
        raise AssertionError  # the loop returns or raises

    def close(self) -> None:
        """End the process; the next `read` starts another."""
        with self._lock:
            self._end()

    @property
    def pid(self) -> int | None:
        """The number of the running process, or None."""
        with self._lock:
            return self._process.pid if self._process and self._process.poll() is None else None

    def _started(self) -> subprocess.Popen[bytes]:
        self._used_at = time.monotonic()
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = git.started(self._folder, "--git-dir=.", "cat-file", "--batch")
            # When nobody reads from here any more, the process ends with this object.
            self._end_process = weakref.finalize(self, _stop, self._process)
            _watch(weakref.ref(self), self._idle_s)
        return self._process

    def _end(self) -> None:
        if self._end_process:
            self._end_process()
        self._process = self._end_process = None

    def end_if_idle(self) -> float:
        """End the process if nobody uses it; return the seconds until that may be so, 0 without a process."""
        with self._lock:
            if self._process is None:
                return 0.0
            left = self._used_at + self._idle_s - time.monotonic()
            if left > 0:
                return left
            self._end()
            return 0.0


def _watch(blobs: "weakref.ref[Blobs]", wait_s: float) -> None:
    """End a process that nobody uses, on a timer that keeps no reader alive."""

    def look() -> None:
        found = blobs()
        if found is not None and (left := found.end_if_idle()):
            _watch(blobs, left)

    timer = threading.Timer(wait_s, look)
    timer.daemon = True
    timer.start()


def _answer(process: subprocess.Popen[bytes], name: str) -> bytes:
    """Ask for one blob.

    Raises:
        EOFError: The process ended.
        ValueError: It answered what was not asked.
        FileNotFoundError: The repository lacks the blob.
    """
    assert process.stdin is not None  # noqa: S101 - pipes, for the type checker
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(f"{name}\n".encode())
    process.stdin.flush()
    header = process.stdout.readline()
    if not header:
        raise EOFError
    answered, kind, *size = header.decode("ascii", "replace").split()
    if kind == "missing":
        raise FileNotFoundError(f"the mirror lacks the object {name}")
    if answered != name or len(size) != 1:
        raise ValueError(header)
    data = process.stdout.read(int(size[0]) + 1)
    if len(data) != int(size[0]) + 1:
        raise EOFError
    if kind != "blob":
        raise FileNotFoundError(f"{name} is a {kind}")
    return data[:-1]


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a process of this one: closing its input is enough, unless it hangs."""
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe:
                pipe.close()
        except OSError:
            log.debug("git %d closed its pipe first", process.pid)
    if process.poll() is None:
        process.kill()
        process.wait()
