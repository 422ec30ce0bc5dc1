"""When a repository is built, and how: what was pushed, then what is not published, then what is due.

A builder asks for the commit, and fetches and indexes only if that is new.

Builders keep no state that another could need: one that dies leaves a lease that expires, a mirror that the
next fetch repairs, and an index that is published whole or not at all.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

from mcp_server.fleet.plan import Plan
from mcp_server.protocol.process import begin_process
from mcp_server.serving.repository_pool import open_repository
from retrieval.errors import GoldrankError
from retrieval.mirrors import remote
from retrieval.mirrors.source import Source
from retrieval.publishing.place import Place
from retrieval.publishing.shelf import Shelf
from retrieval.settings import Settings
from retrieval.sync.sync import fingerprint

Result = Literal["published", "failed"]
State = Literal["published", "behind", "failed", "unknown"]

RETRY_S = 60.0  # after a failed build

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Built:
    """What became of a build.

    Attributes:
        result: Whether the newest commit is published now.
        commit: The commit; "" if not even that is known.
        error: Why it failed, or "".
        seconds: How long it took.
        is_new: Whether this build published it.
    """

    result: Result
    commit: str
    error: str
    seconds: float
    is_new: bool = False


class Builder:
    """One replica that builds one repository at a time."""

    def __init__(self, plan: Plan) -> None:
        """Build nothing yet."""
        begin_process(plan.settings)
        self._settings = plan.settings
        self._thread = ThreadPoolExecutor(1, "build")

    async def build(self, source: Source) -> Built:
        """Publish the newest commit of a repository, unless it is published."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, built, source, self._settings)


def built(source: Source, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> Built:
    """Publish the newest commit of a repository, unless it is published."""
    begun = clock()
    commit = ""
    try:
        shelf = Shelf(Place(settings.shared_indexes), source.place, fingerprint())
        commit = remote.commit_of(source)
        is_new = not (shelf.find(shelf.commit_pointer(commit)) and shelf.has_profile())
        if is_new:
            commit = _publish(source, settings)
    except GoldrankError as error:
        log.warning("%s", error)
        return Built("failed", commit, str(error), clock() - begun)
    except Exception as error:
        log.exception("%s could not be built", source.written)
        return Built("failed", commit, f"it failed inside: {type(error).__name__}", clock() - begun)
    return Built("published", commit, "", clock() - begun, is_new)


def _publish(source: Source, settings: Settings) -> str:
    """Fetch, index and publish a repository; return the commit.

    Raises:
        GoldrankError: That failed.
    """
    repository = open_repository(source, settings)
    mirror = repository.mirror
    if mirror is None:
        raise AssertionError
    mirror.refresh()
    repository.refresh()
    repository.publish()
    shelf = Shelf(Place(settings.shared_indexes), source.place, fingerprint())
    commit = mirror.require_commit()
    if not (shelf.find(shelf.commit_pointer(commit)) and shelf.has_profile()):
        raise GoldrankError(
            f"commit {commit[:12]} of {source.written} is not published", remedy=repository.describe_sharing()
        )
    return commit


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
