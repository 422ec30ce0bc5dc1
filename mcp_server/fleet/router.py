"""Which repositories a question that names none is asked of: by their profiles, among the visible ones."""

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mcp_server.fleet.plan import Plan
from mcp_server.fleet.visible import Visible
from mcp_server.protocol.process import begin_process
from mcp_server.rights.caller import Caller
from retrieval.errors import GoldrankError
from retrieval.publishing.place import Place
from retrieval.publishing.shelf import profile_marks, read_profiles
from retrieval.rank.need import Need, read_need
from retrieval.routing import router as routing
from retrieval.routing.profile import Profile
from retrieval.routing.router import Route
from retrieval.sync.sync import fingerprint

LOOK_EVERY_S = 30.0  # for profiles that were published; the issue asks for a minute

log = logging.getLogger(__name__)


class Routing(Protocol):
    """Chooses among repositories by where they are, `Source.place`."""

    def route(self, need: Need, visible: Iterable[str], most: int) -> Sequence[Route]:
        """Return the visible repositories that may answer best, best first."""

    def knows(self, place: str) -> bool:
        """Return whether there is a profile of a repository; without one, it is chosen last."""

    def update(self, places: Iterable[str]) -> None:
        """Take in what was published about some places, and forget all others.

        Raises:
            GoldrankError: Not all could be read; what was read counts, and what was known stays.
        """


@dataclass(frozen=True, slots=True)
class Routed:
    """What a router chose.

    Attributes:
        priors: The repositories, as `Source.written`, best first, with their scores as shares of the best; 1
            for all if none has a word.
        unknown: How many of those that the caller sees have no profile yet, and are chosen last.
    """

    priors: tuple[tuple[str, float], ...]
    unknown: int


class Router:
    """One replica that holds the profiles of all repositories."""

    def __init__(self, plan: Plan) -> None:
        """Begin to look for profiles."""
        begin_process(plan.settings)
        self._visible = Visible(plan)
        self._routing: Routing = ByProfiles(plan.settings.shared_indexes)
        self._looking = asyncio.get_running_loop().create_task(self._look())

    async def route(
        self, caller: Caller, wordings: Sequence[str], expect: Sequence[str], most: int
    ) -> Routed:
        """Choose the repositories that may answer best among those that a caller sees."""
        return await asyncio.to_thread(self._routed, caller, wordings, expect, most)

    def _routed(self, caller: Caller, wordings: Sequence[str], expect: Sequence[str], most: int) -> Routed:
        by_place: dict[str, list[str]] = {}
        for source in self._visible.served(caller).sources.values():
            by_place.setdefault(source.place, []).append(source.written)
        chosen = self._routing.route(read_need(tuple(wordings), tuple(expect)), by_place, most)
        best = chosen[0].score if chosen else 0.0
        priors = [
            (written, one.score / best if best > 0 else 1.0)
            for one in chosen
            for written in by_place[one.source]
        ]
        unknown = sum(len(written) for place, written in by_place.items() if not self._routing.knows(place))
        return Routed(tuple(priors[:most]), unknown)

    async def _look(self) -> None:
        while True:
            places = [source.place for source in self._visible.sources()]
            known = sum(map(self._routing.knows, places))
            try:
                await asyncio.to_thread(self._routing.update, places)
            except GoldrankError as error:
                log.warning("not all profiles could be read: %s", error)
                if sum(map(self._routing.knows, places)) > known:
                    continue
            except Exception:
                log.exception("the profiles could not be read")
            await asyncio.sleep(LOOK_EVERY_S)


class ByNames:
    """Chooses the repositories whose names share most words with the question; ties by name.

    It needs no profile, so it also chooses where no router answers.
    """

    def route(self, need: Need, visible: Iterable[str], most: int) -> Sequence[Route]:
        """Return those with most words of the question in their place; a name says nothing of an answer."""
        asked = {word for wording in need.wordings for word in _words(wording.query.text)}
        chosen = sorted(visible, key=lambda place: (-len(asked & _words(place)), place))[:most]
        return [Route(place, 0.0) for place in chosen]

    def knows(self, _place: str) -> bool:
        """Know every name."""
        return True

    def update(self, places: Iterable[str]) -> None:
        """Do nothing: a name is all that is known."""


class ByProfiles:
    """Chooses by the profiles that were published beside the indexes."""

    def __init__(self, place: str) -> None:
        """Know no profile yet."""
        self._place = Place(place)
        self._router = routing.Router()
        self._marks: dict[str, str] = {}

    def route(self, need: Need, visible: Iterable[str], most: int) -> Sequence[Route]:
        """Return those that the router scores best."""
        return self._router.route(need, visible, most)

    def knows(self, place: str) -> bool:
        """Return whether the profile has been read."""
        return place in self._marks

    def update(self, places: Iterable[str]) -> None:
        """Read the profiles that changed, as far as they can be read; the others wait for the next look."""
        marks = profile_marks(self._place, fingerprint(), places)
        found = list[Profile]()
        try:
            found.extend(read_profiles(self._place, fingerprint(), marks, self._marks))
        finally:  # of ten thousand reads, one fails; the next look goes on from there
            self._router.replace(found)
            self._router.remove([source for source in self._marks if source not in marks])
            read = {profile.source for profile in found}
            self._marks = {
                source: mark
                for source, mark in marks.items()
                if source in read or self._marks.get(source) == mark
            }


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))
