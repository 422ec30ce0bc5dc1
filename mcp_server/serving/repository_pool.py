"""Which of the served roots are open: so many at once, and none that nobody has asked for long.

An open root holds its index, what is known of its files, a thread that follows the disk and what the system
watches for it. Of too many the least recently used one is closed: what it is doing it does to the end, and
whoever still reads its index may do so. Asked again, it is opened anew.
"""

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_server.serving.background_index import Keeper
from retrieval import memory
from retrieval.files import secret_masking
from retrieval.settings import Settings
from retrieval.sync.repository import Repository

log = logging.getLogger(__name__)

RESTS = 6
"""A root is closed after so many times the rest of a model. It frees less, 3 to 7 MB of a small tree, and
coming back it looks through the whole tree (benchmarks/runs/2026-11-24-server/memory.txt)."""
_OLDER = (".1", ".2", ".3")  # what a log file's predecessors are called
LOOKS = 4  # for what is to be closed, in one rest


def open_repository(root: Path, settings: Settings) -> Repository:
    """Open a repository as the settings say; its index is brought up to date by whoever asks for it."""
    return Repository(
        root,
        cache=settings.cache,
        max_bytes=settings.max_file_bytes,
        chunk_cache_bytes=settings.chunk_cache_bytes,
        own=(settings.models, *_logs(settings.log_file)),
    )


def _logs(file: str) -> list[Path]:
    """List a log file and the older ones beside it."""
    return [Path(f"{file}{ending}") for ending in ("", *_OLDER)] if file else []


@dataclass(slots=True)
class _Open:
    repository: Repository
    keeper: Keeper
    used: float


class RepositoryPool:
    """The roots of one process, each opened when it is first asked for."""

    def __init__(self, roots: Mapping[str, Path], settings: Settings) -> None:
        """Nothing is open.

        Args:
            roots: By name.
            settings: How many may be open, and how long unasked.
        """
        self._roots = roots
        self._settings = settings
        self._open: OrderedDict[str, _Open] = OrderedDict()  # the least recently used first
        self._links = {name for name, root in roots.items() if os.path.realpath(root) != str(root)}
        self._moved: dict[str, str] = {}  # what is to be told of roots that are links
        self._lock = threading.Lock()  # holds for it
        self._tidier: threading.Thread | None = None

    @property
    def names(self) -> list[str]:
        """The names of the roots that are open, the least recently used first."""
        with self._lock:
            return list(self._open)

    def lend(self, name: str) -> tuple[Repository, Keeper]:
        """Return a root's repository and who keeps its index; opened, and others closed, if need be.

        Raises:
            RootError: The root does not exist or may not be read.
        """
        with self._lock:
            self._follow(name)
            if name not in self._open:
                repository = open_repository(self._roots[name], self._settings)
                keeper = Keeper(repository, patience_s=self._settings.index_wait_s)
                self._open[name] = _Open(repository, keeper, 0.0)
            self._open.move_to_end(name)
            root = self._open[name]
            root.used = time.monotonic()
            while len(self._open) > self._settings.max_open_repositories:
                self._close(next(iter(self._open)))
            if self._tidier is None:
                self._tidier = threading.Thread(target=self._tidy, name="tidier", daemon=True)
                self._tidier.start()
            return root.repository, root.keeper

    def moved(self, name: str) -> str:
        """Say once that a root is a link that leads elsewhere since it was opened, or ""."""
        with self._lock:
            return self._moved.pop(name, "")

    def _follow(self, name: str) -> None:
        """Close a root that was served as a link and leads elsewhere by now.

        A folder that was swapped for a link is not followed: nobody asked for what is there.
        """
        now = Path(os.path.realpath(self._roots[name]))
        if name not in self._links:
            return
        was = self._open[name].repository.root if name in self._open else now
        if now != was:
            self._close(name)
            self._moved[name] = f"{name} leads to {now} now; it led to {was}, which is no longer searched."

    def _close(self, name: str) -> None:
        self._open.pop(name).keeper.stop()
        log.info("%s is closed until it is asked for", name)

    def _tidy(self) -> None:
        rest_s = RESTS * self._settings.idle_unload_s
        while True:
            time.sleep(rest_s / RESTS / LOOKS)
            with self._lock:
                now = time.monotonic()
                unasked = [name for name, root in self._open.items() if now - root.used > rest_s]
                for name in unasked:
                    self._close(name)
                is_empty = not self._open
            if unasked and is_empty:
                secret_masking.release()
                memory.give_back()
