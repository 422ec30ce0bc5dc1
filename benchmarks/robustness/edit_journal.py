"""What was on disk when: a journal of edits, and the judge of replies that were given meanwhile.

An edit is true from some moment between its begin and its end. So lines in a reply are right when some
version that may have been there between question and answer holds them, and a marker must be found when it
was written before the question and is there after the answer.
"""

import os
import random
import re
import shutil
import string
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

FOREVER = float("inf")
HIT = re.compile(r"^\d+\. (?P<path>\S+):(?P<start>\d+)-(?P<end>\d+)(?P<rest>.*)$")
LINE = re.compile(r"^ *(?P<number>\d+) \| (?P<text>.*)$")
CUT = re.compile(r" … \[[\d,]+ characters\]$")


@contextmanager
def copied(source: Path) -> Iterator[Path]:
    """Copy a folder to where it may be edited, as a git work tree; beside it there is room for a cache."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place).resolve() / "root"
        shutil.copytree(source, root)
        subprocess.run(["git", "-C", str(root), "init", "-q"], check=True)
        yield root


@dataclass
class Version:
    """What a file held.

    Attributes:
        since: When it may have been there first, monotonic seconds.
        surely: From when it was there for sure.
        lines: Its lines; none when there was no file.
        marker: The name that only this file defines then, or "".
        until: When it may have been there last.
        gone: Until when it was there for sure.
    """

    since: float
    surely: float
    lines: Sequence[str]
    marker: str = ""
    until: float = FOREVER
    gone: float = FOREVER


@dataclass
class Journal:
    """All versions of all files, by path, oldest first."""

    versions: dict[str, list[Version]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, path: str, text: str | None, begin: float, end: float, marker: str = "") -> None:
        """Note an edit that was made between two moments; `text` is None when the file went."""
        lines = text.split("\n") if text is not None else []
        with self.lock:
            known = self.versions.setdefault(path, [])
            if known:
                known[-1].until, known[-1].gone = end, begin
            known.append(Version(begin, end, lines, marker))

    def is_true(self, path: str, numbered: dict[int, str], asked: float, answered: float) -> bool:
        """Tell whether lines of a file, by number, were there at some moment of a question."""
        with self.lock:
            known = list(self.versions.get(path, []))
        return any(
            all(
                0 < n <= len(version.lines) and _same(version.lines[n - 1], text)
                for n, text in numbered.items()
            )
            for version in known
            if version.since <= answered and version.until >= asked
        )

    def where(self, marker: str, asked: float, answered: float) -> str:
        """Name the file that held a marker during all of a question, or ""."""
        with self.lock:
            for path, known in self.versions.items():
                if any(v.marker == marker and v.surely <= asked and v.gone >= answered for v in known):
                    return path
        return ""

    def markers(self) -> list[tuple[str, str]]:
        """List what is marked now: marker and path."""
        with self.lock:
            return [(known[-1].marker, path) for path, known in self.versions.items() if known[-1].marker]


def _same(line: str, shown: str) -> bool:
    return line == shown or (bool(CUT.search(shown)) and line.startswith(CUT.sub("", shown)))


def judge(reply: str, journal: Journal, marker: str, asked: float, answered: float) -> list[str]:
    """Return what is wrong with a reply to a question for a marker; a marker that must not be there is ""."""
    faults = []
    shown: dict[str, dict[int, str]] = {}
    path = ""
    for line in reply.split("\n"):
        if hit := HIT.match(line):
            path = hit["path"]
            shown.setdefault(hit.group(), {})
            current = hit.group()
        elif path and (found := LINE.match(line)):
            shown[current][int(found["number"])] = found["text"]
    for head, numbered in shown.items():
        match = HIT.match(head)
        if match and not journal.is_true(match["path"], numbered, asked, answered):
            faults.append(f"wrong lines: {head}")
    home = journal.where(marker, asked, answered)
    has = any(marker in text for numbered in shown.values() for text in numbered.values())
    if home and not has and "note: the index" not in reply and "writing the index" not in reply:
        faults.append(f"lost: {marker} of {home}")
    return faults


class Editor:
    """Edits the Python files of a tree at random, each edit in the journal."""

    def __init__(self, root: Path, journal: Journal, *, seed: int) -> None:
        self._root = root
        self._journal = journal
        self._random = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        now = time.monotonic()
        self._bodies: dict[str, str] = {}
        for file in sorted(root.rglob("*")):
            if file.is_file() and ".git" not in file.relative_to(root).parts:
                text = file.read_bytes().decode("utf-8", "replace")
                path = file.relative_to(root).as_posix()
                journal.note(path, text, now, now)
                if path.endswith(".py"):
                    self._bodies[path] = text

    @property
    def files(self) -> int:
        """How many files it edits."""
        return len(self._bodies)

    def step(self, *, most: int = sys.maxsize) -> None:
        """Make one edit; where there are more than `most` files to edit, none is added but one removed."""
        move = self._random.choices(
            ("change", "in place", "same size", "add", "delete", "rename"), (5, 2, 3, 2, 1, 1)
        )[0]
        path = self._random.choice(sorted(self._bodies))
        if move == "add" and len(self._bodies) > most:
            move = "delete"
        if move == "add":
            path = f"added/{self._name()}.py"
            self._bodies[path] = "import os\n"
        if move == "delete" and len(self._bodies) > 20:  # noqa: PLR2004 - something must be left to edit
            self._remove(path)
        elif move == "rename":
            body = self._bodies[path]
            self._remove(path)
            self._write(f"moved/{self._name()}.py", body)
        elif move == "same size":
            before = (self._root / path).stat()
            self._write(path, self._bodies[path])
            os.utime(self._root / path, ns=(before.st_atime_ns, before.st_mtime_ns))
        else:
            self._write(path, self._bodies[path], in_place=move == "in place")

    def _write(self, path: str, body: str, *, in_place: bool = False) -> None:
        marker = f"marker_{self._name()}"
        text = f"{body}\n\ndef {marker}():\n    return {self._random.randint(100, 999)}\n"
        file = self._root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        begin = time.monotonic()
        if in_place:
            file.write_text(text, encoding="utf-8", newline="")
        else:
            fresh = self._root.parent / "fresh"
            fresh.write_text(text, encoding="utf-8", newline="")
            fresh.replace(file)
        self._bodies[path] = body
        self._journal.note(path, text, begin, time.monotonic(), marker)

    def _remove(self, path: str) -> None:
        begin = time.monotonic()
        (self._root / path).unlink()
        del self._bodies[path]
        self._journal.note(path, None, begin, time.monotonic())

    def _name(self) -> str:
        return "".join(self._random.choices(string.ascii_lowercase, k=12))
