"""What one searcher does with a call: it checks the rights, opens the repository, and answers from its index.

A reply about one repository is written here, by the code that a server of one machine runs. A question to
several takes two calls: their results, which the gateway merges, and then the lines of those that are shown.
"""

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal
from weakref import WeakSet

from ray import serve

from mcp_server.fleet.calls import Progressed, Refused
from mcp_server.fleet.plan import Plan
from mcp_server.fleet.reader import RemoteReader
from mcp_server.fleet.visible import Visible
from mcp_server.messages.arguments import RerankArguments
from mcp_server.messages.sections import sections_of
from mcp_server.protocol.process import begin_process
from mcp_server.rights.caller import Caller
from mcp_server.serving import multi_repo, tool_calls, url_list
from mcp_server.serving.model_choice import base_stage
from mcp_server.serving.multi_repo import Shown
from mcp_server.serving.tool_calls import SearchCall
from mcp_server.serving.workspace import Workspace
from retrieval.errors import GoldrankError
from retrieval.progress import IsCancelled, no_progress
from retrieval.search.searcher import Answer, Request, Result
from retrieval.sync.view import View

log = logging.getLogger(__name__)

SEARCHES_AT_ONCE = 8  # as in a server of one machine (`serving.answers`)
QUEUED = 64  # calls that one gateway keeps waiting for searchers; one more is told to try again
REPORT_EVERY_S = 0.2  # the gateway reports as seldom
KEPT_VIEWS = 64  # of calls whose lines may still be asked for


@dataclass(frozen=True, slots=True)
class About:
    """What a call to a searcher is about.

    Attributes:
        source: The repository, as `Source.written`.
        caller: Who asks.
        call: Identifies the question, so that its lines come from the files that were searched.
    """

    source: str
    caller: Caller
    call: str


@dataclass(frozen=True, slots=True)
class Unseen:
    """The answer about a repository that the caller may not see, or that is not in the list."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The text that ends a call about one repository, and what of it is recorded."""

    text: str
    repositories: tuple[str, ...]
    places: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer to a call that failed in a way that nobody anticipated; the searcher's log has the cause."""


Part = Progressed | Reply | Refused | Failed | Unseen
"""What a searcher sends while it answers a call about one repository; the last ends it."""


@dataclass(frozen=True, slots=True)
class Rerank:
    """A call of rag_rerank, ready to run; it is about the one repository that it is sent with."""

    arguments: RerankArguments
    notes: tuple[str, ...]


class _Open:
    """A repository that this searcher has open; Serve calls `__del__` when it closes the oldest."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        workspace.mirrors.begin()

    def __del__(self) -> None:
        self.workspace.mirrors.stop()
        self.workspace.close()


class Searcher:
    """One replica that holds indexes; Serve sends a question to one that has its repository open."""

    def __init__(self, plan: Plan, readers: Any) -> None:
        """Open no repository yet.

        Args:
            plan: The fleet.
            readers: The handle of the readers, or None where no model reads.
        """
        begin_process(plan.settings)
        self._visible = Visible(plan)
        self._loop = asyncio.get_running_loop()
        self._threads = ThreadPoolExecutor(2 * SEARCHES_AT_ONCE, "search")
        self._views: OrderedDict[tuple[str, str], View] = OrderedDict()
        self._opened_ones: WeakSet[_Open] = WeakSet()
        stage = base_stage(plan.settings)
        second = replace(stage, reader=RemoteReader(readers, self._loop)) if stage and readers else None
        # Of no repository: it only shares its models with the workspaces of all repositories.
        shared = Workspace([], plan.settings, second=second)

        @serve.multiplexed(max_num_models_per_replica=plan.sizes.open)  # type: ignore[untyped-decorator]  # Ray's
        async def opened(written: str) -> _Open:
            found = _Open(shared.moved_to([url_list.read_url(written)]))
            self._opened_ones.add(found)
            return found

        self._opened: Callable[[str], Awaitable[_Open]] = opened

    async def reply(self, about: About, call: SearchCall | Rerank) -> AsyncIterator[Part]:
        """Answer a call about one repository; the last part is no `Progressed`."""
        opened = await self._seen(about)
        if isinstance(opened, Unseen):
            yield opened
            return
        parts: asyncio.Queue[Part] = asyncio.Queue()

        def send(part: Part) -> None:
            self._loop.call_soon_threadsafe(parts.put_nowait, part)

        left = threading.Event()
        self._threads.submit(_answer, opened.workspace, call, send, left.is_set)
        try:
            while True:
                part = await parts.get()
                yield part
                if not isinstance(part, Progressed):
                    return
        finally:
            left.set()  # the work stops at its next step if nobody waits for it

    async def search(self, about: About, request: Request) -> Answer | Refused | Unseen:
        """Answer a question that is asked of several repositories, with the first stage alone."""
        opened = await self._seen(about)
        if isinstance(opened, Unseen):
            return opened
        left = threading.Event()
        work = partial(first_stage, opened.workspace, request, left.is_set)
        try:
            found = await self._loop.run_in_executor(self._threads, work)
        finally:
            left.set()
        if isinstance(found, Refused):
            return found
        view, answer = found
        self._views[about.source, about.call] = view
        while len(self._views) > KEPT_VIEWS:
            self._views.popitem(last=False)
        return answer

    async def sections(self, about: About, results: Sequence[Result]) -> Shown | Refused | Unseen:
        """Return the lines of those results of a question that are shown."""
        opened = await self._seen(about)
        if isinstance(opened, Unseen):
            return opened
        view = self._views.pop((about.source, about.call), None)
        work = partial(shown, opened.workspace, view, results)
        return await self._loop.run_in_executor(self._threads, work)

    async def fetch(self, places: Sequence[str]) -> None:
        """Fetch what was pushed to those of some places that are open here."""
        for opened in list(self._opened_ones):
            opened.workspace.mirrors.fetch(places)

    async def _seen(self, about: About) -> _Open | Unseen:
        """Open a repository if the caller may see it; nothing of it is touched otherwise."""
        source = self._visible.find(about.caller, about.source)
        return await self._opened(source.written) if source else Unseen()


class _Events:
    """Sends the progress of a call, not more often than it is reported."""

    def __init__(self, send: Callable[[Part], None]) -> None:
        self._send = send
        self._activity = ""
        self._sent_at = 0.0
        self.repositories: tuple[str, ...] = ()
        self.places = 0

    def answered(self, repositories: Sequence[str], places: int) -> None:
        self.repositories, self.places = tuple(repositories), places

    def searched(self, done: int, total: int) -> None:
        self._report("searched", done, total)

    def indexed(self, done: int, total: int) -> None:
        self._report("indexed", done, total)

    def read(self, done: int, total: int) -> None:
        self._report("read", done, total)

    def _report(self, activity: Literal["searched", "indexed", "read"], done: int, total: int) -> None:
        now = time.monotonic()
        if activity != self._activity or now - self._sent_at >= REPORT_EVERY_S:
            self._activity, self._sent_at = activity, now
            self._send(Progressed(activity, done, total))


def _answer(
    workspace: Workspace,
    call: SearchCall | Rerank,
    send: Callable[[Part], None],
    is_cancelled: IsCancelled,
) -> None:
    """Write the reply, on a thread, as a server of one machine would."""
    events = _Events(send)
    try:
        if isinstance(call, SearchCall):
            text = tool_calls.search(workspace, replace(call, repo=None), events, is_cancelled)
        else:
            arguments = call.arguments.model_copy(update={"repo": None})
            text = tool_calls.rerank(workspace, arguments, call.notes, events, is_cancelled)
    except GoldrankError as error:
        send(Refused(error))
    except Exception:
        log.exception("a call failed")
        send(Failed())
    else:
        send(Reply(text, events.repositories, events.places))


def first_stage(
    workspace: Workspace, request: Request, is_cancelled: IsCancelled
) -> tuple[View, Answer] | Refused:
    """Answer for the only repository of a workspace, on a thread; return what was seen of it as well."""
    try:
        view, refresh = workspace.refresh(None, progress=no_progress, is_cancelled=is_cancelled)
        answer = multi_repo.answer(workspace, view, request, refresh=refresh, is_cancelled=is_cancelled)
    except GoldrankError as error:
        return Refused(error)
    return view, answer


def shown(workspace: Workspace, view: View | None, results: Sequence[Result]) -> Shown | Refused:
    """Read the lines; another replica may have searched, or have forgotten what it saw."""
    try:
        if view is None:
            view, _ = workspace.refresh(None, progress=no_progress, is_cancelled=lambda: False)
        return Shown(tool_calls.label_of(view), sections_of(results, view))
    except GoldrankError as error:
        return Refused(error)
