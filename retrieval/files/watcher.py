"""Which paths below a root may have changed since the last call, as reported by the operating system.

The system reports changes with a delay. So the watcher touches a file of its own in a folder reported by the
same queue: once that event arrives, all earlier ones have arrived too (as Watchman does with its cookies).
"""

import logging
import os
import threading
from collections.abc import Iterable
from itertools import count
from pathlib import Path

import psutil

from retrieval.files import git

log = logging.getLogger(__name__)
logging.getLogger("watchfiles").setLevel(logging.WARNING)  # else it logs every batch of changes

STEP_MS = 20  # how often the library polls; an answer takes two steps, and idling takes 0.3 % of a core
DEBOUNCE_MS = 50  # longest time that it collects changes
BEGUN_MS = 500  # how often it yields when nothing changed
COOKIE_PATIENCE_S = 1.0

# File systems that other machines, or the host of a container, write without notifying this system.
_REMOTE = ("nfs", "cifs", "smb", "9p", "fuse", "afs", "ceph", "vboxsf", "virtiofs", "prl_fs", "drvfs")


class Watcher:
    """Collects the changed paths below one root, on its own thread."""

    def __init__(self, root: Path, *, cookies: Path, patience_s: float = COOKIE_PATIENCE_S) -> None:
        """Start to watch; until watching is set up, `touched` returns None.

        Args:
            root: The folder to watch.
            cookies: A folder for the watcher's own files, used by this root only; it need not exist.
            patience_s: How long to wait for the cookie's event before the changes count as unknown.
        """
        self._patience_s = patience_s
        self._root = str(root)
        self._cookies = os.path.realpath(cookies)
        self._deciders = git.deciders(root)
        self._folder = _identity(root)
        self._numbers = count()
        self._news = threading.Condition()  # guards all fields below
        self._touched: set[str] | None = None  # None: unknown
        self._seen: set[str] = set()
        self._marks: list[tuple[int, int] | None] = []
        self._is_watching = self._is_dead = False
        self._stop = threading.Event()
        threading.Thread(target=self._run, name="watcher", daemon=True).start()

    def touched(self) -> frozenset[str] | None:
        """Return the paths touched since the last call, relative to the root.

        Returns:
            The paths, or None when they are unknown: on the first call, when the cookie's event did not
            arrive in time, and when a file that affects the listing of others changed.
        """
        if not self._is_watching or self.is_lost:
            return None
        marks = [git.mark(path) for path in self._deciders]
        is_known = self._is_up_to_date() and marks == self._marks
        with self._news:
            touched, self._touched = self._touched, set()
            self._marks = marks
            return frozenset(touched) if is_known and touched is not None else None

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()

    @property
    def is_dead(self) -> bool:
        """Whether the system cannot watch this root; the log says why."""
        return self._is_dead

    @property
    def is_lost(self) -> bool:
        """Whether the watched folder or repository was replaced; start a new watcher then."""
        return self._folder is None or _identity(Path(self._root)) != self._folder

    def _is_up_to_date(self) -> bool:
        """Wait until every change made before this call was reported; return whether that worked."""
        cookie = Path(self._cookies) / f"{os.getpid()}-{id(self)}-{next(self._numbers)}"
        try:
            cookie.touch(exist_ok=False)
            with self._news:
                self._news.wait_for(lambda: str(cookie) in self._seen or self._is_dead, self._patience_s)
                is_seen = str(cookie) in self._seen
                self._seen.clear()
            cookie.unlink()
        except OSError as error:
            log.info("cannot write the watcher's own file: %s", error)
            return False
        return is_seen

    def _run(self) -> None:
        from watchfiles import watch  # noqa: PLC0415 - brings anyio, and only a server watches

        try:
            Path(self._cookies).mkdir(parents=True, exist_ok=True)
            for changes in watch(
                self._root,
                self._cookies,
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                step=STEP_MS,
                stop_event=self._stop,
                rust_timeout=BEGUN_MS,
                yield_on_timeout=True,
                ignore_permission_denied=True,
            ):
                self._is_watching = True  # the first yield comes once all folders are watched
                self._gather(path for _, path in changes)
        except (OSError, RuntimeError) as error:  # too many folders, or a name that is not UTF-8
            log.info("%s cannot be watched and is scanned before each search: %s", self._root, error)
        with self._news:
            self._is_dead = True
            self._news.notify_all()

    def _gather(self, paths: Iterable[str]) -> None:
        with self._news:
            for path in paths:
                if path.startswith(self._cookies):
                    self._seen.add(path)
                elif self._touched is not None:
                    self._note(path)
            self._news.notify_all()

    def _note(self, path: str) -> None:
        relative = path[len(self._root) :].lstrip("/")
        *folders, name = relative.split("/")
        if name == ".git":  # a repository was created or removed, so git lists other files now
            self._folder = None
        if not relative or name == ".git":
            self._touched = None
        elif self._touched is not None and ".git" not in folders:
            self._touched.add(relative)


def can_be_watched(root: Path) -> bool:
    """Return whether the system is notified of every change below a root: not on a shared file system."""
    mounts = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    around = (str(folder) for folder in (root, *root.parents))
    kind = next((mounts[folder] for folder in around if folder in mounts), "")
    return not kind.startswith(_REMOTE)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
