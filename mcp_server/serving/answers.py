"""What a server asks for an answer to each call: repositories of this process, or a fleet of processes."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from mcp_server.messages.arguments import FeedbackArguments, RerankArguments, SearchArguments
from mcp_server.rights.caller import Caller
from mcp_server.rights.rights import Rights, RightsTable
from mcp_server.serving import tool_calls
from mcp_server.serving.lanes import Lane
from mcp_server.serving.workspace import Readiness, Workspace

# A search takes a core for some 15 ms, and may wait seconds for the index; with more searches at once, all of
# them would only finish later. The model reads four rankings within its deadline on two slow cores, and the
# last of so many waits some ten seconds (benchmarks/runs/2026-11-24-server/parallel.txt).
SEARCHES_AT_ONCE, SEARCHES = 8, 64
READINGS_AT_ONCE, READINGS = 4, 32

MOST_SEEN = 256  # sets of groups whose workspace is kept; naming a thousand repositories takes milliseconds

Notes = tuple[str, ...]


class Reports(tool_calls.CallProgress, Protocol):
    """Hears how far a call is, and how many calls are before it."""

    async def waiting(self, before: int) -> None:
        """Report that the call is queued behind `before` others."""


class Answers(Protocol):
    """Answers the calls of a server; what a caller may not see changes nothing of what they receive."""

    def names(self, caller: Caller) -> list[str]:
        """List the names of the repositories that a caller may search."""

    def begin(self) -> None:
        """Prepare for questions, in the background."""

    def fetch(self, places: Iterable[str]) -> None:
        """Fetch what was pushed to some repositories, in the background; ignore those that are not served.

        Args:
            places: Where they are, as `Source.place` writes it.
        """

    def readiness(self) -> Readiness:
        """Say how many repositories can be searched."""

    async def search(self, caller: Caller, arguments: SearchArguments, notes: Notes, reports: Reports) -> str:
        """Answer rag_search.

        Raises:
            GoldrankError: The call cannot be answered; the text says why and what to do.
        """

    async def rerank(self, caller: Caller, arguments: RerankArguments, notes: Notes, reports: Reports) -> str:
        """Answer rag_rerank.

        Raises:
            GoldrankError: As `search` does.
        """

    async def feedback(
        self, caller: Caller, arguments: FeedbackArguments, notes: Notes, reports: Reports
    ) -> str:
        """Answer rag_feedback.

        Raises:
            GoldrankError: As `search` does.
        """


@dataclass(frozen=True, slots=True)
class _Seen:
    """What some groups may see, as long as the rights and what is served stay the same."""

    table: RightsTable
    of: Workspace
    workspace: Workspace


class LocalAnswers:
    """Answers from the repositories of this process.

    Attributes:
        workspace: What is served now; a call that has begun keeps the one that it began with.
    """

    def __init__(self, workspace: Workspace, *, rights: Rights | None = None) -> None:
        """Serve a workspace: to every caller all of it, or what the rights let each of them see."""
        self.workspace = workspace
        self._rights = rights
        self._seen: dict[frozenset[str], _Seen] = {}  # by groups
        self._searches = Lane("searches", at_once=SEARCHES_AT_ONCE, most=SEARCHES)
        self._readings = Lane("rankings", at_once=READINGS_AT_ONCE, most=READINGS)

    def seen_by(self, caller: Caller) -> Workspace:
        """Return the workspace of what a caller may see now."""
        if self._rights is None:
            return self.workspace
        table, workspace = self._rights.table, self.workspace
        groups = table.groups_of(caller)
        known = self._seen.get(groups)
        if known is None or known.table is not table or known.of is not workspace:
            if len(self._seen) >= MOST_SEEN:
                self._seen.clear()
            known = _Seen(table, workspace, workspace.seen_by(partial(table.may_see, groups)))
            self._seen[groups] = known
        return known.workspace

    def names(self, caller: Caller) -> list[str]:
        """List the names of the repositories that a caller may see."""
        return self.seen_by(caller).names

    def begin(self) -> None:
        """Bring the indexes up to date, and load the model."""
        self.workspace.begin()

    def fetch(self, places: Iterable[str]) -> None:
        """Fetch the mirrors of some places."""
        self.workspace.mirrors.fetch(places)

    def readiness(self) -> Readiness:
        """Say how many repositories are indexed."""
        return self.workspace.readiness()

    async def search(self, caller: Caller, arguments: SearchArguments, notes: Notes, reports: Reports) -> str:
        """Answer rag_search on a thread; a call that may wait for the model has a lane of its own."""
        workspace = self.seen_by(caller)
        call = tool_calls.search_call(workspace.served, arguments, notes)
        reads_model = not call.searches_all and workspace.may_read(call.repo, call.request)
        lane = self._readings if reads_model else self._searches
        return await lane.run(partial(tool_calls.search, workspace, call, reports), reports.waiting)

    async def rerank(self, caller: Caller, arguments: RerankArguments, notes: Notes, reports: Reports) -> str:
        """Answer rag_rerank on a thread."""
        tool_calls.require_query(arguments.query)
        work = partial(tool_calls.rerank, self.seen_by(caller), arguments, notes, reports)
        return await self._readings.run(work, reports.waiting)

    async def feedback(
        self, caller: Caller, arguments: FeedbackArguments, notes: Notes, reports: Reports
    ) -> str:
        """Answer rag_feedback on a thread."""
        tool_calls.require_query([arguments.query])
        work = partial(tool_calls.feedback, self.seen_by(caller), arguments, notes, reports)
        return await self._searches.run(work, reports.waiting)
