"""Which repository is built next: what was pushed, then what is not published, then what is due.

One replica keeps this in memory. When it is replaced, it asks again: a builder that finds a commit published
is done in a moment. Nothing that answers a question depends on it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp_server.fleet.builder import Built
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
RETRY_S = 60.0  # after a failed build
READS_AT_ONCE = 16  # of the place, when this begins

log = logging.getLogger(__name__)

State = Literal["published", "behind", "failed", "unknown"]


@dataclass(slots=True)
class Record:
    """What is known of one repository.

    Attributes:
        commit: The newest commit that is known to be published; "" for none.
        error: Why the last build failed, or "".
        due_at: When it is built next, of `time.monotonic()`; 0 for at once.
        is_pushed: Whether a push says that something is new.
        is_building: Whether a builder has it now.
        is_known: Whether the place or a builder has been asked.
    """

    commit: str = ""
    error: str = ""
    due_at: float = 0.0
    is_pushed: bool = False
    is_building: bool = False
    is_known: bool = False

    @property
    def state(self) -> State:
        """How far it is."""
        if self.error:
            return "failed"
        if not self.is_known:
            return "unknown"
        return "behind" if self.is_pushed or not self.commit else "published"


@dataclass(frozen=True, slots=True)
class Status:
    """How far the repositories are.

    Attributes:
        states: How many are in each state.
        building: The URLs that builders have now.
        failures: Why the last build of a repository failed, by URL.
    """

    states: Mapping[State, int]
    building: tuple[str, ...] = ()
    failures: Mapping[str, str] = field(default_factory=dict)

    @property
    def listed(self) -> int:
        """How many repositories are in the list."""
        return sum(self.states.values())


class Schedule:
    """The repositories and when each is built; pure but for the times that it is given."""

    def __init__(self, every_s: float) -> None:
        """Know no repository yet; `every_s` 0 leaves all but the first build to pushes."""
        self._every_s = every_s
        self._records: dict[str, Record] = {}
        self._sources: dict[str, Source] = {}

    def follow(self, sources: Iterable[Source]) -> list[Source]:
        """Take in the list; return the repositories that are new in it."""
        listed = {source.written: source for source in sources}
        fresh = [source for written, source in listed.items() if written not in self._sources]
        self._records = {written: self._records.get(written, Record()) for written in listed}
        self._sources = listed
        return fresh

    def found(self, source: Source, commit: str) -> None:
        """Note what the place has of a repository: a published one is checked after the others."""
        if record := self._records.get(source.written):
            record.commit, record.is_known = commit, True

    def pushed(self, places: Iterable[str]) -> None:
        """Build what was pushed before all else."""
        wanted = set(places)
        for written, source in self._sources.items():
            if source.place in wanted:
                self._records[written].is_pushed, self._records[written].due_at = True, 0.0

    def next(self, now: float) -> Source | None:
        """Return the repository that is to be built now, and note that it is; None if none is due."""
        due = [
            (not record.is_pushed, bool(record.commit), record.due_at, written)
            for written, record in self._records.items()
            if record.due_at <= now and not record.is_building
        ]
        if not due:
            return None
        written = min(due)[-1]
        self._records[written].is_building, self._records[written].is_pushed = True, False
        return self._sources[written]

    def done(self, source: Source, built: Built, now: float) -> None:
        """Note what became of a build."""
        record = self._records.get(source.written)
        if record is None:  # removed from the list meanwhile
            return
        record.is_building, record.is_known, record.error = False, True, built.error
        record.commit = built.commit if built.result == "published" else record.commit
        wait_s = RETRY_S if built.error else self._every_s or float("inf")
        record.due_at = 0.0 if record.is_pushed else now + wait_s

    def status(self) -> Status:
        """Say how far the repositories are."""
        states: dict[State, int] = dict.fromkeys(("published", "behind", "failed", "unknown"), 0)
        for record in self._records.values():
            states[record.state] += 1
        return Status(
            states,
            tuple(written for written, record in self._records.items() if record.is_building),
            {written: record.error for written, record in self._records.items() if record.error},
        )


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
            except GoldrankError as error:
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
    """Return the commit whose index was published last; "" for none.

    Raises:
        SharedIndexError: The place cannot be used.
    """
    shelf = Shelf(Place(place), source.place, fingerprint())
    manifest = shelf.find(shelf.latest_pointer)
    return manifest.commit if manifest else ""
