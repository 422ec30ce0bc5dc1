"""Which of the served repositories are open: a bounded number, and none that nobody has used for long.

An open repository holds its index, what is known of its files, a thread that follows the disk, and what the
system watches for that thread. When too many are open, the least recently used is closed: it finishes what it
is doing, and searches that still read its index may go on. The next use opens it again.
"""

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_server.serving.background_index import BackgroundIndexer
from retrieval import memory
from retrieval.files import secret_masking
from retrieval.mirrors.source import Root, Source
from retrieval.publishing import place_url
from retrieval.settings import Settings
from retrieval.sync.repository import Repository

log = logging.getLogger(__name__)

CLOSE_AFTER = 6
"""A repository is closed after this many times the idle time that unloads a model. Closing it frees less,
3 to 7 MB for a small tree, and opening it lists the whole tree again
(benchmarks/runs/2026-11-24-server/memory.txt)."""
CHECKS = 4  # for idle repositories, within the idle time that unloads a model
_ROTATED = (".1", ".2", ".3")  # suffixes of a log file's predecessors


def open_repository(root: Root, settings: Settings, *, beside: Iterable[Root] = ()) -> Repository:
    """Open a repository as the settings say, without indexing it; `beside` are the other served roots."""
    folders = tuple(place for place in (root, *beside) if not isinstance(place, Source))
    shared = settings.shared_indexes
    opened = Repository(
        root,
        cache=settings.cache,
        max_bytes=settings.max_file_bytes,
        chunk_cache_bytes=settings.chunk_cache_bytes,
        own=(
            settings.models,
            *_logs(settings.log_file),
            *((Path(shared),) if shared.startswith("/") else ()),
        ),
        linked=folders if settings.follow_links else (),
    )
    if shared and isinstance(root, Source):  # a work tree may hold files that nobody pushed
        from retrieval.publishing.place import Place  # noqa: PLC0415 - few share, and every command opens
        from retrieval.publishing.shared_index import SharedIndex  # noqa: PLC0415 - likewise

        opened.share(SharedIndex(Place(shared), root, cache=settings.cache))
    return opened


def _logs(file: str) -> list[Path]:
    """List a log file and its predecessors."""
    return [Path(f"{file}{suffix}") for suffix in ("", *_ROTATED)] if file else []


@dataclass(slots=True)
class _Open:
    repository: Repository
    indexer: BackgroundIndexer
    used_at: float


class RepositoryPool:
    """The repositories of one process, each opened when it is first used."""

    def __init__(self, roots: Mapping[str, Root], settings: Settings) -> None:
        """Open nothing yet.

        Args:
            roots: The served roots, by name.
            settings: How many may be open, and for how long without use.

        Raises:
            ArgumentError: The place of shared indexes holds a credential.
        """
        if settings.shared_indexes:
            place_url.checked(settings.shared_indexes)
        self._roots = roots
        self._settings = settings
        self._links = {
            name: root
            for name, root in roots.items()
            if not isinstance(root, Source) and os.path.realpath(root) != str(root)
        }
        self._lock = threading.Lock()  # guards all below
        self._open: OrderedDict[str, _Open] = OrderedDict()  # the least recently used first
        self._move_notes: dict[str, str] = {}  # by name, of links that lead elsewhere since
        self._closer: threading.Thread | None = None

    @property
    def names(self) -> list[str]:
        """The names of the open repositories, the least recently used first."""
        with self._lock:
            return list(self._open)

    def indexers(self) -> dict[str, BackgroundIndexer]:
        """Return the indexers of the open repositories, by name; none counts as used."""
        with self._lock:
            return {name: entry.indexer for name, entry in self._open.items()}

    def acquire(self, name: str) -> tuple[Repository, BackgroundIndexer]:
        """Return a repository and its indexer; open it, and close others, if need be.

        Raises:
            RootError: The root does not exist or may not be read. A mirror need not exist yet.
        """
        with self._lock:
            self._follow_link(name)
            if name not in self._open:
                repository = open_repository(self._roots[name], self._settings, beside=self._roots.values())
                indexer = BackgroundIndexer(repository, wait_s=self._settings.index_wait_s)
                self._open[name] = _Open(repository, indexer, 0.0)
            self._open.move_to_end(name)
            entry = self._open[name]
            entry.used_at = time.monotonic()
            while len(self._open) > self._settings.max_open_repositories:
                self._close(next(iter(self._open)))
            if self._closer is None:
                self._closer = threading.Thread(target=self._close_idle, name="closer", daemon=True)
                self._closer.start()
            return entry.repository, entry.indexer

    def close(self) -> None:
        """Close every repository; one that is acquired again is opened again."""
        with self._lock:
            for name in list(self._open):
                self._close(name)

    def take_move_note(self, name: str) -> str:
        """Say, once, that a root is a link that leads elsewhere since it was opened; else ""."""
        with self._lock:
            return self._move_notes.pop(name, "")

    def _follow_link(self, name: str) -> None:
        """Close a root that was served as a link and leads elsewhere by now.

        A folder that was replaced by a link is not followed: nobody asked for what the link leads to.
        """
        if name not in self._links:
            return
        now = Path(os.path.realpath(self._links[name]))
        was = self._open[name].repository.root if name in self._open else now
        if now != was:
            self._close(name)
            self._move_notes[name] = (
                f"{name} leads to {now} now; it led to {was}, which is no longer searched."
            )

    def _close(self, name: str) -> None:
        self._open.pop(name).indexer.stop()
        log.info("%s is closed until it is asked for", name)

    def _close_idle(self) -> None:
        idle_s = CLOSE_AFTER * self._settings.idle_unload_s
        while True:
            time.sleep(idle_s / CLOSE_AFTER / CHECKS)
            with self._lock:
                now = time.monotonic()
                idle = [name for name, entry in self._open.items() if now - entry.used_at > idle_s]
                for name in idle:
                    self._close(name)
                is_empty = not self._open
            if idle and is_empty:
                secret_masking.release()
                memory.give_back()
