"""How what was read of a root's history is stored, and how it follows HEAD.

A new commit is read alone. So is a branch that was checked out, back to where it left what is known; a branch
that was read before costs no reading. Reading everything, a matter of seconds, is left to `read`, which no
question waits for.
"""

import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from retrieval.chunks import tokenizer
from retrieval.errors import CancelledError
from retrieval.files import git, git_history, secret_masking
from retrieval.files.git_history import Marks, Place, Renames
from retrieval.history import columns, lineage, message
from retrieval.history.columns import Columns
from retrieval.history.growth import Growth
from retrieval.history.lineage import Lineage
from retrieval.history.log import commits
from retrieval.history.past import EMPTY, Past
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.text import digest

log = logging.getLogger(__name__)

FORMAT = 1
"""Increment when rows change: every history is then read again."""
LIMIT = 50_000
"""Commits that are read, merges included. 50,000 of sympy take 3.3 s and 7.3 MB, and a query 0.6 ms
(benchmarks/runs/2026-11-28-lines/history.txt)."""
FEW = 2_000  # new commits that a question waits for: a tenth of a second
ENOUGH = 0.8  # of `LIMIT`: if fewer lie before an older commit than were read, its own past is read
ROOM = 1.5  # of `LIMIT`: with more rows, those of other branches are dropped
PATIENCE_S = 20.0  # for another process that reads the same history
MOMENT_S = 0.2  # the same, while a question waits
_POLL_S = 0.05
_TIPS = 200  # commits that git is told are known; more would not fit on every command line

NOT_READ = "not read yet"


@dataclass(frozen=True, slots=True)
class _State:
    """What is known of the history.

    Attributes:
        place: Where it is; None without one.
        marks: Of the HEAD that `past` belongs to.
        past: The commits before that HEAD.
        note: Why there are none, or which are missing; or "".
    """

    place: Place | None = None
    marks: Marks = ()
    past: Past = EMPTY
    note: str = NOT_READ


class Archive:
    """The history of one root, and the file in which it is stored; any thread may call the methods.

    Attributes:
        is_due: Whether `read` has work to do.
    """

    def __init__(self, root: Path, folder: Path, *, pinned: Callable[[], str] | None = None) -> None:
        """Read nothing yet.

        Args:
            root: The root; with `pinned`, a git folder of our own without a work tree.
            folder: Where to store the history; its parent must exist when it is written.
            pinned: Returns the hash of the commit that stands for HEAD, "" while there is none.
        """
        self._pinned = pinned
        self.is_due = False
        self._root = root
        self._folder = folder
        self._file = folder / "commits"
        self._busy = threading.Lock()  # held by the one thread that reads or stores
        self._loaded: tuple[object, Columns | None] = (None, None)
        self._state = _State()

    def follow(self) -> None:
        """Follow HEAD if that is a matter of moments; else `is_due` says that `read` is needed."""
        if self._is_current() or not self._busy.acquire(blocking=False):
            return
        try:
            self.is_due = not self._catch_up(most=FEW, patience_s=MOMENT_S)
        finally:
            self._busy.release()

    def read(self, *, progress: Progress = no_progress, is_cancelled: IsCancelled = lambda: False) -> None:
        """Follow HEAD, whatever must be read.

        Args:
            progress: Called with commits read and the most that are read.
            is_cancelled: Checked between commits.

        Raises:
            CancelledError: `is_cancelled` returned True; nothing is kept.
        """
        with self._busy:
            if self.is_due or not self._is_current():
                self.is_due = not self._catch_up(
                    most=LIMIT, patience_s=PATIENCE_S, progress=progress, is_cancelled=is_cancelled
                )

    def past(self) -> Past:
        """Return the commits before HEAD; an empty past if HEAD has moved since they were read."""
        state = self._state
        return state.past if self._is_current() else EMPTY

    def describe(self) -> str:
        """Say how many commits are used, which are missing, or why there are none."""
        state = self._state
        if not state.past:
            return f"none: {state.note}" if state.note else "none"
        count = len(state.past)
        told = f"{count:,} {'commit' if count == 1 else 'commits'} before HEAD"
        return f"{told}; {state.note}" if state.note else told

    def discard(self) -> None:
        """Delete what is stored; the next `read` reads everything."""
        with self._busy:
            self._file.unlink(missing_ok=True)
            self._loaded, self._state, self.is_due = (None, None), _State(), False

    def _is_current(self) -> bool:
        """Return whether HEAD is where it was when the state was made."""
        state = self._state
        return state.place is not None and self._marks(state.place) == state.marks

    def _marks(self, place: Place) -> Marks:
        return (self._pinned(),) if self._pinned else git_history.marks(place)

    def _catch_up(
        self,
        *,
        most: int,
        patience_s: float,
        progress: Progress = no_progress,
        is_cancelled: IsCancelled = lambda: False,
    ) -> bool:
        """Make the state that of HEAD; return False if more than `most` commits would have to be read."""
        place = git_history.of_bare(self._root) if self._pinned else git_history.find(self._root)
        if isinstance(place, str):
            self._state = _State(note=place)
            return True
        marks = self._marks(place)  # before HEAD is read: if it moves now, the next call sees it
        head = str(marks[0]) if self._pinned else git_history.head(self._root)
        shallow = git_history.shallow(place)
        if not head:
            self._state = _State(place, marks, note="no commit yet")
            return True
        fingerprint = _fingerprint(place, head, shallow)
        reading = _Reading(self._root, place, head, shallow, most, progress, is_cancelled)
        try:
            found = self._stored(fingerprint, head) or self._store(reading, fingerprint, patience_s)
        except (subprocess.SubprocessError, OSError) as error:
            log.warning("the history of %s cannot be read: %s", self._root, error)
            self._state = _State(place, marks, note=_reason(error))
            return True
        if found is None:
            self._state = _State(place, marks)
            return False
        self._state = _State(place, marks, Past(found), _missing(found, shallow))
        return True

    def _stored(self, fingerprint: str, head: str) -> Columns | None:
        """Return what is stored if it is that of `head`."""
        found = self._load(fingerprint)
        return found if found is not None and found.head.tobytes().hex() == head else None

    def _load(self, fingerprint: str) -> Columns | None:
        """Read the file; None when it is missing, damaged, or made with another fingerprint."""
        key = (git.mark(self._file), fingerprint)
        if self._loaded[0] != key:
            try:
                data = self._file.read_bytes()
            except OSError:
                data = b""
            self._loaded = (key, columns.from_bytes(data, fingerprint))
            if data and self._loaded[1] is None:
                log.info("%s is damaged or of another release, and will be replaced", self._file)
        return self._loaded[1]

    def _store(self, reading: "_Reading", fingerprint: str, patience_s: float) -> Columns | None:
        """Read what is missing and write the file, unless another process does; None if that is too much."""
        with self._locked(patience_s, reading.is_cancelled) as is_mine:
            if not is_mine:
                return None
            if found := self._stored(fingerprint, reading.head):
                return found
            found = reading.extended(self._load(fingerprint))
            if found is not None:
                self._write(columns.to_bytes(found, fingerprint))
            return found

    def _write(self, data: bytes) -> None:
        """Replace the file in one step; requires the lock."""
        fresh = self._folder / f"commits.{os.getpid()}"
        try:
            for left in self._folder.glob("commits.*"):  # by a process that was killed
                left.unlink(missing_ok=True)
            fresh.write_bytes(data)
            fresh.replace(self._file)
        except OSError as error:  # what was read serves this process
            log.warning("the history of %s cannot be stored: %s", self._root, error)
            with suppress(OSError):
                fresh.unlink(missing_ok=True)

    @contextmanager
    def _locked(self, patience_s: float, is_cancelled: IsCancelled) -> Iterator[bool]:
        """Hold the lock; yields whether it could be had in time."""
        self._folder.mkdir(exist_ok=True)
        lock, deadline = FileLock(self._folder / "lock"), time.monotonic() + patience_s
        while True:
            try:
                lock.acquire(timeout=min(_POLL_S, patience_s))
            except Timeout:
                if is_cancelled():
                    raise CancelledError("the caller no longer waits for the history") from None
                if time.monotonic() > deadline:
                    break
            else:
                try:
                    yield True
                finally:
                    lock.release()
                return
        yield False


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is to be read, and how much at most."""

    root: Path
    place: Place
    head: str
    shallow: frozenset[str]
    most: int
    progress: Progress
    is_cancelled: IsCancelled

    def extended(self, base: Columns | None) -> Columns | None:
        """Add the commits before HEAD that `base` lacks; None if they are more than `most`."""
        if base is not None and (found := self._added(base)) and not _is_short(found):
            return found.columns
        found = self._added(columns.empty()) if self.most >= LIMIT else None
        return found.columns if found else None

    def _added(self, base: Columns) -> Lineage | None:
        try:
            return self._grown(base, "exact" if self.place.is_partial else "similar")
        except subprocess.CalledProcessError:
            if self.place.is_partial:
                raise
            return self._grown(base, "exact")  # some file of the past is missing or damaged

    def _grown(self, base: Columns, renames: Renames) -> Lineage | None:
        growth, name = Growth(base, shallow=self.shallow), bytes.fromhex(self.head)
        if growth.row_of(name) < 0:
            known = growth.tips()[:_TIPS]
            count = 0
            log_of_head = git_history.log(
                self.root, renames, self.head, known=known, limit=self.most, is_bare=self.place.is_bare
            )
            with closing(log_of_head) as blocks:  # ends git, whatever happens here
                for count, commit in enumerate(commits(blocks), 1):
                    if self.is_cancelled():
                        raise CancelledError("the caller no longer waits for the history")
                    growth.add(commit)
                    self.progress(count, LIMIT)
            if count >= self.most < LIMIT:
                return None
        return lineage.before(growth.columns(), growth.row_of(name), limit=LIMIT)


def _is_short(found: Lineage) -> bool:
    """Return whether too little was read of what lies before HEAD, or too much of what does not."""
    return (found.is_cut and found.count < ENOUGH * LIMIT) or len(found.columns) > ROOM * LIMIT


def _fingerprint(place: Place, head: str, shallow: frozenset[str]) -> str:
    """Identify what rows are made from: the repository, how far this clone goes, and what counts."""
    made_by = (FORMAT, message.VERSION, tokenizer.fingerprint(), secret_masking.fingerprint())
    where = (str(place.shared), place.prefix, str(len(head)), *sorted(shallow))
    return " | ".join((*map(str, made_by), digest("\0".join(where).encode("utf-8", "surrogateescape"))))


def _missing(found: Columns, shallow: frozenset[str]) -> str:
    if shallow:
        return "this clone is shallow, `git fetch --unshallow` brings the rest"
    return f"the last {LIMIT:,}, merges included" if int(found.used.sum()) >= LIMIT else ""


def _reason(error: OSError | subprocess.SubprocessError) -> str:
    return (
        git.refusal_in(error)
        if isinstance(error, subprocess.SubprocessError)
        else f"cannot be stored: {error}"
    )
