"""Which builder gets which repository, and what is known of each.

One replica keeps this in memory. When it is replaced, it asks again: a builder that finds a commit published
is done in a moment. Nothing that answers a question depends on it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from mcp_server.fleet.building import Built, Schedule, Status
from mcp_server.fleet.calls import ask
from mcp_server.fleet.plan import Plan
from mcp_server.fleet.visible import Visible
from mcp_server.protocol.process import begin_process
from retrieval.errors import GoldrankError
from retrieval.mirrors.source import Source
from retrieval.publishing.place import Place
from retrieval.publishing.shelf import Shelf
from retrieval.sync.sync import fingerprint

LOOK_EVERY_S = 2.0  # for what is due, and for changes of the list
LONGEST_BUILD_S = 3_600.0  # as long as a lease is renewed
READS_AT_ONCE = 16  # of the place, when this begins

log = logging.getLogger(__name__)


class Planner:
    """The one replica that sends repositories to builders."""

    def __init__(self, plan: Plan, builders: Any) -> None:
        """Begin to plan."""
        begin_process(plan.settings)
        self._plan = plan
        self._visible = Visible(plan)
        self._builders = builders
        self._schedule = Schedule(plan.settings.mirror_refresh_s)
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        for work in (self._follow, *[self._work] * plan.sizes.builders):
            self._begin(work)

    async def pushed(self, places: list[str]) -> None:
        """Build what was pushed as soon as a builder is free."""
        self._schedule.pushed(places)
        self._changed.set()

    async def status(self) -> Status:
        """Say how far the repositories are."""
        return self._schedule.status()

    def check_health(self) -> None:
        """Tell Serve to replace this replica if any of its work has ended, which only a fault does.

        Raises:
            RuntimeError: It has.
        """
        if any(task.done() for task in self._tasks):
            raise RuntimeError("the planner no longer plans")

    def _begin(self, work: Callable[[], Any]) -> None:
        task = asyncio.get_running_loop().create_task(work())
        self._tasks.add(task)

    async def _follow(self) -> None:
        """Follow the list, and ask the place once about each repository in it."""
        while True:
            fresh = self._schedule.follow(self._visible.sources())
            limit = asyncio.Semaphore(READS_AT_ONCE)
            await asyncio.gather(*(self._ask_place(source, limit) for source in fresh))
            self._changed.set()
            await asyncio.sleep(LOOK_EVERY_S)

    async def _ask_place(self, source: Source, limit: asyncio.Semaphore) -> None:
        async with limit:
            try:
                commit = await asyncio.to_thread(published, self._plan.settings.shared_indexes, source)
            except GoldrankError as error:  # it is asked again when a builder has its turn
                log.warning("%s", error)
                return
            self._schedule.found(source, commit)

    async def _work(self) -> None:
        """Keep one builder busy."""
        while True:
            source = self._schedule.next(time.monotonic())
            if source is None:
                self._changed.clear()
                try:
                    async with asyncio.timeout(LOOK_EVERY_S):
                        await self._changed.wait()
                except TimeoutError:
                    pass
                continue
            self._schedule.done(source, await self._built(source), time.monotonic())

    async def _built(self, source: Source) -> Built:
        begun = time.monotonic()
        try:
            built: Built = await ask(
                lambda: self._builders.build.remote(source),
                what=f"the builder of {source.written}",
                until=begun + LONGEST_BUILD_S,
            )
        except GoldrankError as error:
            return Built("failed", "", str(error), time.monotonic() - begun)
        return built


def published(place: str, source: Source) -> str:
    """Return the commit whose index was published last, with a profile; "" for none.

    Raises:
        SharedIndexError: The place cannot be used.
    """
    shelf = Shelf(Place(place), source.place, fingerprint())
    manifest = shelf.find(shelf.latest_pointer)
    return manifest.commit if manifest and shelf.has_profile() else ""
