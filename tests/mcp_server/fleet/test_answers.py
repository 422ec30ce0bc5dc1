"""How a gateway makes one answer of many: whom it asks, what it says is missing, what stays hidden."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ray.exceptions import RayActorError
from remotes import Remote

from mcp_server.fleet.answers import FleetAnswers, Handles
from mcp_server.fleet.plan import MOST_ASKED, Plan, sizes_for
from mcp_server.fleet.router import Routed
from mcp_server.fleet.searcher import About, Unseen, first_stage, shown
from mcp_server.messages.arguments import SearchArguments
from mcp_server.rights.caller import EVERYBODY, Caller
from mcp_server.serving.workspace import Workspace
from retrieval.errors import GoldrankError
from retrieval.mirrors.source import read_source
from retrieval.settings import Settings

pytestmark = pytest.mark.anyio

BACKOFF = (
    "def backoff(attempt):\n    # Wait longer before each retry of a failed upload.\n    return 2**attempt\n"
)
QUESTION = "how long to wait before each retry of a failed upload"
NAMES = ("uploads", "drawing", "queue")


class Response:
    """The answer to a call through a handle, which can be cancelled."""

    def __init__(self, work: Awaitable[Any]) -> None:
        """Begin."""
        self._task = asyncio.ensure_future(work)

    def __await__(self) -> Any:
        return self._task.__await__()

    def cancel(self) -> None:
        """Give the call up."""
        self._task.cancel()


class Method:
    """A method of a deployment."""

    def __init__(self, run: Callable[..., Awaitable[Any]]) -> None:
        """Run this when it is called."""
        self._run = run

    def remote(self, *arguments: Any) -> Response:
        """Send the call."""
        return Response(self._run(*arguments))


@dataclass
class Searchers:
    """Searchers that answer from this process, and fail as a test says.

    Attributes:
        workspaces: What they have, by URL.
        fails: What becomes of a call about a URL instead of an answer, one for each attempt.
        asked: The URLs that were asked, in order.
    """

    workspaces: dict[str, Workspace]
    fails: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def options(self, **_: Any) -> "Searchers":
        """Send the next call in another way."""
        return self

    @property
    def search(self) -> Method:
        """Answer a question, or fail."""

        async def run(about: About, request: Any) -> Any:
            self.asked.append(about.source)
            if failures := self.fails.get(about.source):
                failure = failures.pop(0) if len(failures) > 1 else failures[0]
                if failure == "hangs":
                    await asyncio.Event().wait()
                if isinstance(failure, Exception):
                    raise failure
                if failure is not None:
                    return failure
            workspace = self.workspaces[about.source]
            found = await asyncio.to_thread(first_stage, workspace, request, lambda: False)
            return found[1] if isinstance(found, tuple) else found

        return Method(run)

    @property
    def sections(self) -> Method:
        """Return the lines of results, or fail."""

        async def run(about: About, results: Any) -> Any:
            if self.fails.get(f"{about.source} sections"):
                raise RayActorError
            return await asyncio.to_thread(shown, self.workspaces[about.source], None, results)

        return Method(run)


@dataclass
class Routers:
    """Routers that choose what a test says, or fail."""

    chosen: Sequence[str] | None
    unknown: int = 0

    @property
    def route(self) -> Method:
        """Choose, or fail."""

        async def run(*_: Any) -> Any:
            if self.chosen is None:
                raise RayActorError
            return Routed(tuple((written, 1.0) for written in self.chosen), self.unknown)

        return Method(run)


class Heard:
    """Hears the progress of a call."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.repositories: Sequence[str] = ()

    async def waiting(self, before: int) -> None:
        """Hear nothing."""

    def searched(self, done: int, total: int) -> None:
        """Hear nothing."""

    def indexed(self, done: int, total: int) -> None:
        """Hear nothing."""

    def read(self, done: int, total: int) -> None:
        """Hear nothing."""

    def answered(self, repositories: Sequence[str], places: int) -> None:  # noqa: ARG002 - as calls report
        """Note who answered."""
        self.repositories = repositories


@dataclass
class World:
    """A gateway, and those whom it asks."""

    settings: Settings
    urls: dict[str, str]
    searchers: Searchers
    rights: Path | None = None
    routers: Routers = field(default_factory=lambda: Routers(None))

    async def ask(self, caller: Caller = EVERYBODY, **arguments: Any) -> str:
        """Ask a fresh gateway."""
        plan = Plan(self.settings, sizes_for(2, open_repositories=4), self.rights)
        answers = FleetAnswers(plan, Handles(self.searchers, self.routers, None))
        checked = SearchArguments.model_validate({"query": [QUESTION], **arguments})
        return re.sub(r"[\d,.]+ ms", "T", await answers.search(caller, checked, (), Heard()))


@pytest.fixture(name="world")
def world_fixture(tmp_path: Path) -> World:
    """List three repositories; a call waits a second."""
    urls, workspaces = {}, {}
    settings = Settings(cache=tmp_path / "cache", model="", index_wait_s=60, fleet=tmp_path / "fleet.txt")
    for name in NAMES:
        remote = Remote(tmp_path / name, {f"{name}.py": BACKOFF.replace("backoff", name)}, name=name)
        urls[name] = remote.url
        workspaces[remote.url] = Workspace([remote.source()], settings)
    settings.fleet.write_text("\n".join(urls.values()), encoding="utf-8")
    short = Settings(cache=settings.cache, model="", index_wait_s=0, fleet=settings.fleet)
    for workspace in workspaces.values():  # so that a call below takes a moment
        workspace.refresh(None, progress=lambda _done, _total: None, is_cancelled=lambda: False)
    return World(short, urls, Searchers(workspaces))


async def test_the_answer_is_whole_when_all_answer(world: World) -> None:
    """Nothing is said to be missing."""
    told = await world.ask()
    assert told.startswith("3 repositories: ")
    assert "did not answer" not in told


@pytest.mark.parametrize("failure", [["hangs"], [RayActorError(), RayActorError()]])
async def test_who_does_not_answer_is_named_and_the_others_answer(world: World, failure: list[Any]) -> None:
    """An assistant that is told nothing believes that the answer is whole."""
    world.searchers.fails[world.urls["drawing"]] = failure
    told = await world.ask()
    assert "note: 1 of 3 repositories did not answer: drawing" in told
    assert "uploads/uploads.py:1-3" in told
    assert "drawing/" not in told


async def test_a_searcher_that_died_is_asked_once_more(world: World) -> None:
    """Ray starts another one in its place; more attempts would spend the time of the others."""
    url = world.urls["drawing"]
    world.searchers.fails[url] = [RayActorError(), None]
    assert "did not answer" not in await world.ask()
    assert world.searchers.asked.count(url) == 2


async def test_a_searcher_that_dies_before_its_lines_are_read_is_missing(world: World) -> None:
    """The results of the others move up."""
    world.searchers.fails[f"{world.urls['uploads']} sections"] = [True]
    told = await world.ask()
    assert "note: 1 of 3 repositories did not answer: uploads" in told
    assert "uploads/" not in told
    assert "drawing/drawing.py:1-3" in told


async def test_when_nobody_answers_the_error_names_all(world: World) -> None:
    """An empty answer would read as "there is no such code"."""
    world.searchers.fails = {url: ["hangs"] for url in world.urls.values()}
    with pytest.raises(GoldrankError) as found:
        await world.ask()
    assert str(found.value) == (
        "none of 3 repositories answered: uploads, drawing, queue; try again in a moment"
    )


async def test_a_filter_that_matches_in_no_repository_is_explained(world: World) -> None:
    """The reason of a searcher is worth more than "no answer"."""
    with pytest.raises(GoldrankError, match="no indexed file matches"):
        await world.ask(path=["*.rs"])


@pytest.fixture(name="many")
def many_fixture(world: World) -> World:
    """List more repositories than are asked; all but three have never been published."""
    more = "".join(f"\nhttps://git.example.com/open/r{number:02}" for number in range(MOST_ASKED + 5))
    world.settings.fleet.write_text(world.settings.fleet.read_text(encoding="utf-8") + more, encoding="utf-8")
    return world


async def test_the_header_says_how_many_of_all_were_searched(many: World) -> None:
    """An assistant may know better which repository it means."""
    many.routers = Routers([many.urls["queue"], many.urls["uploads"]])
    told = await many.ask()
    assert told.startswith(
        "searched 2 of 28 repositories, those that the question's words point to; name one with repo: "
    )
    assert many.searchers.asked == [many.urls["queue"], many.urls["uploads"]]


async def test_what_no_router_knows_yet_is_said(many: World) -> None:
    """For minutes after the first start, the right repository may be among those that are chosen last."""
    many.routers = Routers([many.urls["queue"]], unknown=25)
    told = await many.ask()
    assert (
        "note: 25 of 28 repositories are not published yet, and were chosen last; name one with repo" in told
    )


async def test_without_a_router_names_choose_and_the_reply_says_so(many: World) -> None:
    """Some of the right repositories are better than none, if it is said."""
    many.searchers.fails = {
        source.written: ["hangs"]
        for number in range(MOST_ASKED + 5)
        if (source := read_source(f"https://git.example.com/open/r{number:02}"))
    }
    told = await many.ask(query=["uploads drawing queue"])
    assert "searched 20 of 28 repositories" in told
    assert "note: the router did not answer: names alone chose the repositories" in told
    assert "note: 17 of 20 repositories did not answer: " in told
    assert "uploads/uploads.py" in told


RIGHTS = (
    '[people]\nann = ["some"]\nbob = []\n[groups]\nsome = ["file://{0}/uploads/**", "file://{0}/queue/**"]\n'
)


async def test_a_hidden_repository_changes_nothing_that_is_told(world: World, tmp_path: Path) -> None:
    """A count, a name or a note would tell that it exists."""
    seen = [world.urls[name] for name in ("uploads", "queue")]
    all_of_them = world.settings.fleet.read_text(encoding="utf-8")
    world.settings.fleet.write_text("\n".join(seen), encoding="utf-8")
    alone = await world.ask()
    world.settings.fleet.write_text(all_of_them, encoding="utf-8")
    world.rights = tmp_path / "rights.toml"
    world.rights.write_text(RIGHTS.format(tmp_path), encoding="utf-8")
    world.searchers.asked.clear()
    ann = Caller("ann")
    assert await world.ask(ann) == alone
    assert world.urls["drawing"] not in world.searchers.asked
    for named in ("drawing", world.urls["drawing"], "nowhere"):
        with pytest.raises(GoldrankError) as found:
            await world.ask(ann, repo=named)
        assert str(found.value) == f"repo {named!r} is not served; served are: uploads, queue"
    with pytest.raises(GoldrankError, match="you may see no repository"):
        await world.ask(Caller("bob"))


async def test_newer_rights_of_a_searcher_win(world: World) -> None:
    """A right that is taken away counts at once, wherever the file is read first."""
    hidden = world.urls["drawing"]
    world.searchers.fails[hidden] = [Unseen()]
    told = await world.ask()
    assert told.startswith("2 repositories: ")
    assert "drawing" not in told
