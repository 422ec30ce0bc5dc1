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
from collections.abc import Iterable
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
    """The repositories of one process, each opened when it is first used.

    A repository is known by its root: by which name a call knows it depends on what the caller may see.
    """

    def __init__(self, roots: Iterable[Root], settings: Settings) -> None:
        """Open nothing yet.

        Args:
            roots: The served roots.
            settings: How many may be open, and for how long without use.

        Raises:
            ArgumentError: The place of shared indexes holds a credential.
        """
        if settings.shared_indexes:
            place_url.checked(settings.shared_indexes)
        self._roots = list(roots)
        self._settings = settings
        self._links = {
            root for root in self._roots if isinstance(root, Path) and os.path.realpath(root) != str(root)
        }
        self._lock = threading.Lock()  # guards all below
        self._open: OrderedDict[Root, _Open] = OrderedDict()  # the least recently used first
        self._moves: dict[Root, str] = {}  # of links that lead elsewhere since, how they do
        self._closer: threading.Thread | None = None

    @property
    def roots(self) -> list[Root]:
        """The roots of the open repositories, the least recently used first."""
        with self._lock:
            return list(self._open)

    def indexers(self) -> dict[Root, BackgroundIndexer]:
        """Return the indexers of the open repositories; none counts as used."""
        with self._lock:
            return {root: entry.indexer for root, entry in self._open.items()}

    def acquire(self, root: Root) -> tuple[Repository, BackgroundIndexer]:
        """Return a repository and its indexer; open it, and close others, if need be.

        Raises:
            RootError: The root does not exist or may not be read. A mirror need not exist yet.
        """
        with self._lock:
            self._follow_link(root)
            if root not in self._open:
                repository = open_repository(root, self._settings, beside=self._roots)
                indexer = BackgroundIndexer(repository, wait_s=self._settings.index_wait_s)
                self._open[root] = _Open(repository, indexer, 0.0)
            self._open.move_to_end(root)
            entry = self._open[root]
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
            for root in list(self._open):
                self._close(root)

    def take_move_note(self, root: Root, name: str) -> str:
        """Say, once, that a root is a link that leads elsewhere since it was opened; else ""."""
        with self._lock:
            moved = self._moves.pop(root, "")
        return f"{name} {moved}" if moved else ""

    def _follow_link(self, root: Root) -> None:
        """Close a root that was served as a link and leads elsewhere by now.

        A folder that was replaced by a link is not followed: nobody asked for what the link leads to.
        """
        if root not in self._links or isinstance(root, Source):
            return
        now = Path(os.path.realpath(root))
        was = self._open[root].repository.root if root in self._open else now
        if now != was:
            self._close(root)
            self._moves[root] = f"leads to {now} now; it led to {was}, which is no longer searched."

    def _close(self, root: Root) -> None:
        self._open.pop(root).indexer.stop()
        log.info("%s is closed until it is asked for", root.name)

    def _close_idle(self) -> None:
        idle_s = CLOSE_AFTER * self._settings.idle_unload_s
        while True:
            time.sleep(idle_s / CLOSE_AFTER / CHECKS)
            with self._lock:
                now = time.monotonic()
                idle = [root for root, entry in self._open.items() if now - entry.used_at > idle_s]
                for root in idle:
                    self._close(root)
                is_empty = not self._open
            if idle and is_empty:
                secret_masking.release()
                memory.give_back()
