"""When the mirrors of served URLs are fetched: on a schedule, and when a webhook names one.

Any number of processes may serve a URL. Each looks when the mirror was last fetched, by whichever of them,
and the one that holds the mirror's lock fetches.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Literal

from retrieval.errors import GoldrankError
from retrieval.mirrors.mirror import Mirror
from retrieval.mirrors.source import Source
from retrieval.settings import Settings

log = logging.getLogger(__name__)

AT_ONCE = 4  # fetches; each waits for a server most of the time
LOOK_EVERY_S = 10.0  # for mirrors that are due; more often where they are refreshed more often
_LEAST_LOOK_S = 0.5

Outcome = Literal["changed", "same", "failed"]
"""What a fetch found: another commit, the same, or an error."""


class MirrorRefresher:
    """Fetches the mirrors of one process in the background."""

    def __init__(
        self, sources: Mapping[str, Source], settings: Settings, *, on_change: Callable[[str], None]
    ) -> None:
        """Fetch nothing yet.

        Args:
            sources: What is served from URLs, by name.
            settings: How often to fetch, and where mirrors are.
            on_change: Called with a name whose commit is another one now.
        """
        self.observe: Callable[[Outcome], None] = lambda _outcome: None
        self._mirrors = {
            name: Mirror(source, cache=settings.cache, max_file_bytes=settings.max_file_bytes)
            for name, source in sources.items()
        }
        self._every_s = settings.mirror_refresh_s
        self._on_change = on_change
        self._workers = ThreadPoolExecutor(AT_ONCE, "fetch")
        self._lock = threading.Lock()  # guards the one below
        self._queued: set[str] = set()
        self._is_over = threading.Event()

    def begin(self) -> None:
        """Fetch on schedule from now on, if there is anything to fetch and a schedule."""
        if self._mirrors and self._every_s:
            threading.Thread(target=self._look, name="mirrors", daemon=True).start()

    def fetch(self, places: Iterable[str]) -> None:
        """Fetch the mirrors of some repositories now; the others are ignored.

        Args:
            places: Where the repositories are, as `Source.place` writes it.
        """
        wanted = set(places)
        for name, mirror in self._mirrors.items():
            if mirror.source.place in wanted:
                self._queue(name, 0.0)

    def stop(self) -> None:
        """Begin no more fetches, and wait for those that have begun."""
        self._is_over.set()
        self._workers.shutdown(cancel_futures=True)

    def _look(self) -> None:
        tried_at = dict.fromkeys(self._mirrors, time.monotonic())
        wait_s = max(min(LOOK_EVERY_S, self._every_s / 4), _LEAST_LOOK_S)
        while True:
            for name, mirror in self._mirrors.items():
                try:
                    # The first try of all belongs to the indexer, whose questions wait for it.
                    is_due = mirror.exists or time.monotonic() - tried_at[name] >= self._every_s
                    if is_due and mirror.is_older_than(self._every_s):
                        tried_at[name] = time.monotonic()
                        self._queue(name, self._every_s)
                except OSError as error:  # the cache is on a disk that is not there at the moment
                    log.warning("the mirror of %s cannot be looked at: %s", name, error)
            if self._is_over.wait(wait_s):
                break

    def _queue(self, name: str, if_older_s: float) -> None:
        with self._lock:
            if name in self._queued:
                return  # it has not begun yet, and will find what this call is about
            self._queued.add(name)
        with suppress(RuntimeError):  # the process is ending
            self._workers.submit(self._fetch, name, if_older_s)

    def _fetch(self, name: str, if_older_s: float) -> None:
        with self._lock:
            self._queued.discard(name)
        try:
            is_changed = self._mirrors[name].refresh(if_older_s=if_older_s)
        except GoldrankError as error:
            log.warning("%s", error)
            self.observe("failed")
            return
        except Exception:
            log.exception("the mirror of %s could not be refreshed", name)
            self.observe("failed")
            return
        self.observe("changed" if is_changed else "same")
        if is_changed:
            self._on_change(name)
