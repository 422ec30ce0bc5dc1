"""A terminal that tests type into: the real command behind a pseudo-terminal."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROWS, COLUMNS = 40, 110
PATIENCE_S = 120  # of a busy machine; nothing waits as long when it works
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\]8;;[^\x1b]*\x1b\\")
# A person's terminal: what the one that runs the tests has set does not count.
_FOREIGN = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "KITTY_WINDOW_ID", "TERM_PROGRAM")


def environment_of(cwd: Path, **variables: str) -> dict[str, str]:
    """Write the variables of a command: a cache beside the repository, and no model to load."""
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    ours = {"GOLDRANK_CACHE": str(cwd.parent / "cache"), "GOLDRANK_MODEL": "", "TERM": "xterm-256color"}
    return {**kept, **ours, **variables}


def plain(shown: str) -> str:
    """Take colours and links out of what a terminal was sent."""
    return _ESCAPES.sub("", shown)


def piped(
    *arguments: str | Path,
    cwd: Path,
    code: int = 0,
    program: Sequence[str] = ("-m", "mcp_server"),
    typed: str = "",
    variables: Mapping[str, str] | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run the command, or another program of Python, in a pipe; it must end as expected."""
    done = subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        input=typed,
        env=environment_of(cwd, **(variables or {})),
    )
    assert done.returncode == code, done.stderr
    return done


class Terminal:
    """A running command and what it has printed."""

    def __init__(self, file: int, process: "subprocess.Popen[bytes]") -> None:
        """Take the terminal's own end and the process at the other."""
        self._file, self._process = file, process
        self.shown = ""

    def type(self, text: str) -> None:
        """Type a text; end it with a newline to enter it."""
        os.write(self._file, text.encode())

    def wait_for(self, text: str, *, times: int = 1) -> str:
        """Read until a text was shown so many times, and return all that was."""
        self._read(lambda: plain(self.shown).count(text) >= times)
        assert plain(self.shown).count(text) >= times, self.shown
        return self.shown

    def end(self) -> tuple[int, str]:
        """Read until the command ends; return its exit code and all that was shown."""
        self._read(lambda: False)
        return self._process.wait(PATIENCE_S), self.shown

    def _read(self, is_enough: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_enough() and time.monotonic() < deadline:
            if not select.select([self._file], [], [], 0.2)[0]:
                continue
            try:
                read = os.read(self._file, 65_536)
            except OSError:  # Linux: the other end is closed
                return
            if not read:
                return
            self.shown += read.decode("utf-8", "replace")


@contextmanager
def terminal(
    *arguments: str | Path,
    cwd: Path,
    variables: Mapping[str, str] | None = None,
    program: Sequence[str] = ("-m", "mcp_server"),
) -> Iterator[Terminal]:
    """Run the command, or another program of Python, at a terminal of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        env=environment_of(cwd, **(variables or {})),
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(ours, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(ours)


def at_terminal(*arguments: str | Path, cwd: Path, **variables: str) -> tuple[int, str]:
    """Run the command at a terminal to its end; return its exit code and what was shown."""
    with terminal(*arguments, cwd=cwd, variables=variables) as screen:
        return screen.end()
