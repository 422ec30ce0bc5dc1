"""How a gateway answers: the repository that a call names, or those that may answer, merged into one ranking.

What a caller may not see is left out before anything else, so that names, errors, counts and scores are those
of a fleet without it.
"""

import asyncio
import itertools
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio.to_thread

from mcp_server.fleet.building import Status
from mcp_server.fleet.calls import NoAnswerError, Progressed, ask, listen
from mcp_server.fleet.plan import MOST_ASKED, Plan
from mcp_server.fleet.router import ByNames
from mcp_server.fleet.searcher import About, Failed, Reply, Rerank, Unseen
from mcp_server.fleet.visible import Visible
from mcp_server.messages import partial_answers
from mcp_server.messages.arguments import FeedbackArguments, RerankArguments, SearchArguments
from mcp_server.rights.caller import Caller
from mcp_server.serving import multi_repo, tool_calls
from mcp_server.serving.answers import Notes, Reports
from mcp_server.serving.multi_repo import RepoAnswer, Shown
from mcp_server.serving.served import Served, served_as_named
from mcp_server.serving.tool_calls import SearchCall
from mcp_server.serving.workspace import Readiness
from retrieval.errors import GoldrankError
from retrieval.search.searcher import Result

SILENT_S = 2.0  # after which a client is told that its call still waits
LINES_S = 2.0  # for the lines of what is shown, after the answers of all who answer in time
ROUTE_S = 2.0  # for the router, which takes some milliseconds
STATUS_EVERY_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Handles:
    """The deployments that a gateway asks."""

    searchers: Any
    routers: Any
    planner: Any


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question to several repositories, on its way.

    Attributes:
        served: What the caller sees.
        caller: Who asks.
        names: The repositories that are asked, each with how well the router expects it to answer.
        call: Identifies the question.
        until: Until when answers are waited for, of `time.monotonic()`.
    """

    served: Served
    caller: Caller
    names: Mapping[str, float]
    call: str
    until: float

    def about(self, name: str) -> About:
        return About(self.served.sources[name].written, self.caller, self.call)


class _UnseenError(Exception):
    """A searcher says that the caller may not see a repository, and has newer rights."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class FleetAnswers:
    """Answers calls from the searchers of a fleet."""

    def __init__(self, plan: Plan, handles: Handles) -> None:
        """Ask nobody yet."""
        self._plan = plan
        self._handles = handles
        self._visible = Visible(plan)
        self._numbers = itertools.count()
        self._me = uuid.uuid4().hex
        self._status = Status({})
        self._tasks: set[asyncio.Task[Any]] = set()

    def names(self, caller: Caller) -> list[str]:
        """List the names of the repositories that a caller may search."""
        return self._visible.served(caller).names

    def begin(self) -> None:
        """Do nothing: searchers open a repository when it is asked for."""

    def fetch(self, places: Iterable[str]) -> None:
        """Let the searchers that have them open fetch what was pushed, and a builder publish it."""
        wanted = list(places)
        self._spawn(self._handles.planner.pushed.remote(wanted), "the planner was not told of a push")
        told = self._handles.searchers.broadcast("fetch", wanted)
        self._spawn(told.results_async(timeout_s=ROUTE_S), "a searcher was not told of a push")

    def readiness(self) -> Readiness:
        """Say how many repositories are published."""
        states = self._status.states
        return Readiness(self._status.listed, states.get("published", 0), states.get("failed", 0))

    async def follow_status(self) -> None:
        """Ask how far the repositories are, for ever."""
        while True:
            try:
                self._status = await ask(
                    self._handles.planner.status.remote,
                    what="the planner",
                    until=time.monotonic() + STATUS_EVERY_S,
                )
            except GoldrankError as error:
                log.warning("%s", error)
            await asyncio.sleep(STATUS_EVERY_S)

    async def search(self, caller: Caller, arguments: SearchArguments, notes: Notes, reports: Reports) -> str:
        """Answer rag_search."""

        async def answer(served: Served) -> str:
            call = tool_calls.search_call(served, arguments, notes)
            if call.searches_all:
                return await self._search_several(served, caller, call, reports)
            return await self._reply(served, caller, served.name_of(call.repo), call, reports)

        return await self._as_seen(caller, answer)

    async def rerank(self, caller: Caller, arguments: RerankArguments, notes: Notes, reports: Reports) -> str:
        """Answer rag_rerank."""
        tool_calls.require_query(arguments.query)

        async def answer(served: Served) -> str:
            name = served.name_of(served.repo_of(arguments.repo, arguments.candidates))
            return await self._reply(served, caller, name, Rerank(arguments, notes), reports)

        return await self._as_seen(caller, answer)

    async def feedback(
        self, _caller: Caller, _arguments: FeedbackArguments, _notes: Notes, _reports: Reports
    ) -> str:
        """Refuse: a log on whichever machine answered would be read by nobody."""
        raise GoldrankError("a fleet keeps no feedback", remedy="use it on a server of one machine")

    async def _as_seen(self, caller: Caller, answer: Callable[[Served], Awaitable[str]]) -> str:
        """Answer from what a caller sees; where a searcher has newer rights, from what they leave.

        Raises:
            GoldrankError: The caller sees nothing, or as `answer` does.
        """
        served = self._visible.served(caller)
        while True:
            try:
                return await answer(served)
            except _UnseenError as unseen:
                seen = [root for name, root in served.roots.items() if name != unseen.name]
                served = served_as_named(seen, self._plan.settings.cache)

    async def _reply(
        self, served: Served, caller: Caller, name: str, call: SearchCall | Rerank, reports: Reports
    ) -> str:
        """Let a searcher write the reply about one repository.

        Raises:
            GoldrankError: It refused, or does not answer.
        """
        about = About(served.sources[name].written, caller, self._next_call())
        send = partial(self._to(about).options(stream=True).reply.remote, about, call)
        until = time.monotonic() + self._plan.named_s
        async for part in listen(send, what=name, until=until, every_s=SILENT_S):
            if part is None:
                await reports.waiting(0)
            elif isinstance(part, Progressed):
                # The report comes from a thread of the work in a server of one machine.
                await anyio.to_thread.run_sync(getattr(reports, part.activity), part.done, part.total)
            elif isinstance(part, Reply):
                reports.answered(part.repositories, part.places)
                return part.text
            elif isinstance(part, Unseen):
                raise _UnseenError(name)
            elif isinstance(part, Failed):
                break
            else:
                raise part.error
        raise RuntimeError(f"the searcher of {name} failed; its log has the cause")

    async def _search_several(
        self, served: Served, caller: Caller, call: SearchCall, reports: Reports
    ) -> str:
        until = time.monotonic() + self._plan.answer_s
        names, notes = await self._chosen(served, caller, call)
        asked = _Asked(served, caller, names, self._next_call(), until)
        found, missing, failures = await self._gather(asked, call, reports)
        if not found:
            raise _no_answer(missing, failures)
        shown, lost = await self._shown(asked, found, call)
        if lost:  # the others move up
            found = [one for one in found if one.name not in lost]
            missing = [*missing, *lost]
            shown, lost = await self._shown(asked, found, call)
            if lost or not found:
                raise _no_answer([*missing, *lost], failures)
        merged = multi_repo.merge(
            found,
            call.request.top_k,
            show=lambda name, _results: shown[name],
            offset=call.request.offset,
            failures=failures,
        )
        reports.answered([*map(served.written, merged.labels)], len(merged.answer.results))
        said = (*partial_answers.missing_notes(missing, len(names)), *notes, *merged.answer.notes)
        merged = replace(merged, answer=replace(merged.answer, notes=said))
        return tool_calls.merged_reply(
            call, merged, partial_answers.searched(len(names), len(served.roots)), len(names)
        )

    async def _chosen(
        self, served: Served, caller: Caller, call: SearchCall
    ) -> tuple[Mapping[str, float], tuple[str, ...]]:
        """Choose the repositories to ask, with their priors; say so if the router had no part in it."""
        if len(served.roots) <= MOST_ASKED:
            return dict.fromkeys(served.names, 1.0), ()
        request = call.request
        wordings = (request.query, *request.wordings)
        by_url = {source.written: name for name, source in served.sources.items()}
        try:
            chosen = await ask(
                lambda: self._handles.routers.route.remote(caller, wordings, request.expect, MOST_ASKED),
                what="the router",
                until=time.monotonic() + ROUTE_S,
            )
        except GoldrankError as error:
            by_place = {source.place: name for name, source in served.sources.items()}
            places = ByNames().route(request.need, by_place, MOST_ASKED)
            return {by_place[one.source]: 1.0 for one in places}, (
                f"{error.fact}: names alone chose the repositories",
            )
        priors = {by_url[written]: prior for written, prior in chosen.priors if written in by_url}
        return priors, partial_answers.unknown_note(chosen.unknown, len(served.roots))

    async def _gather(
        self, asked: _Asked, call: SearchCall, reports: Reports
    ) -> tuple[list[RepoAnswer], list[str], dict[str, GoldrankError]]:
        """Ask all at once; return the answers, who did not answer, and who refused."""
        request = multi_repo.asked_of_each(call.request)
        waiting = {
            asyncio.ensure_future(self._first_stage(asked, name, request)): name for name in asked.names
        }
        results: dict[str, Any] = {}
        try:
            while waiting:
                done, _ = await asyncio.wait(
                    waiting, timeout=multi_repo.STEP_S, return_when=asyncio.FIRST_COMPLETED
                )
                for one in done:
                    results[waiting.pop(one)] = one.exception() or one.result()
                await anyio.to_thread.run_sync(reports.searched, len(results), len(asked.names))
        finally:
            for one in waiting:
                one.cancel()
        found, missing, failures = list[RepoAnswer](), list[str](), dict[str, GoldrankError]()
        for name in asked.names:
            match results[name]:
                case NoAnswerError():
                    missing.append(name)
                case GoldrankError() as error:
                    failures[name] = error
                case BaseException() as error:
                    log.error("%s could not be asked", name, exc_info=error)
                    missing.append(name)
                case Unseen():
                    raise _UnseenError(name)
                case answer:
                    found.append(RepoAnswer(name, answer, asked.names[name]))
        return found, missing, failures

    async def _first_stage(self, asked: _Asked, name: str, request: Any) -> Any:
        about = asked.about(name)
        return await ask(lambda: self._to(about).search.remote(about, request), what=name, until=asked.until)

    async def _shown(
        self, asked: _Asked, found: Sequence[RepoAnswer], call: SearchCall
    ) -> tuple[dict[str, Shown], list[str]]:
        """Fetch the lines of the results that are shown; return them, and who did not send theirs."""
        request = call.request
        best = multi_repo.best_first(found, request.top_k, request.offset)
        mine = multi_repo.by_repository(best)
        told = await asyncio.gather(
            *(self._sections(asked, name, results) for name, results in mine.items()), return_exceptions=True
        )
        named = dict(zip(mine, told, strict=True))
        shown = {name: one for name, one in named.items() if isinstance(one, Shown)}
        return shown, [name for name in named if name not in shown]

    async def _sections(self, asked: _Asked, name: str, results: Sequence[Result]) -> Any:
        about = asked.about(name)
        return await ask(
            lambda: self._to(about).sections.remote(about, results),
            what=name,
            until=time.monotonic() + LINES_S,
        )

    def _to(self, about: About) -> Any:
        """Return the handle that prefers a searcher which has the repository open."""
        return self._handles.searchers.options(multiplexed_model_id=about.source)

    def _next_call(self) -> str:
        return f"{self._me}-{next(self._numbers)}"

    def _spawn(self, work: Any, failure: str) -> None:
        async def run() -> None:
            try:
                await work
            except Exception as error:  # noqa: BLE001 - the schedule finds what nobody was told of
                log.warning("%s: %s", failure, error)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _no_answer(missing: Sequence[str], failures: Mapping[str, GoldrankError]) -> GoldrankError:
    """Say why the first repository could not be searched, or that none answered."""
    if failures:
        return next(iter(failures.values()))
    return NoAnswerError(partial_answers.nobody(missing), remedy="try again in a moment")
