"""How one repository gets its published index: asked for its commit, fetched and indexed only if that is new.

Builders keep no state that another could need: one that dies leaves a lease that expires, a mirror that the
next fetch repairs, and an index that is published whole or not at all.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
        is_new = not shelf.find(shelf.commit_pointer(commit))
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
    if not shelf.find(shelf.commit_pointer(commit)):
        raise GoldrankError(
            f"commit {commit[:12]} of {source.written} is not published", remedy=repository.describe_sharing()
        )
    return commit
