"""Which of the listed repositories a caller may see, by the copy of the files that each replica reads."""

import threading
from collections import OrderedDict

from mcp_server.fleet.plan import Plan
from mcp_server.rights.caller import Caller
from mcp_server.rights.rights import Rights
from mcp_server.serving.served import Served, served_as_named
from mcp_server.serving.url_list import UrlList
from retrieval.mirrors.source import Source

KEPT = 256  # callers whose names are remembered; naming 10,000 repositories takes a moment


class Visible:
    """The listed repositories, and who may see them."""

    def __init__(self, plan: Plan) -> None:
        """Read the list and the rights.

        Raises:
            ArgumentError: A file cannot be read or is wrong.
        """
        self._cache = plan.settings.cache
        self._list = UrlList(plan.settings.fleet)
        self._rights = Rights(plan.rights) if plan.rights else None
        self._lock = threading.Lock()  # guards the two below
        self._indexed: tuple[tuple[Source, ...], dict[str, Source]] = ((), {})
        self._known: OrderedDict[Caller, tuple[object, Served]] = OrderedDict()

    def sources(self) -> tuple[Source, ...]:
        """Return all listed repositories."""
        return self._list.sources()

    def served(self, caller: Caller) -> Served:
        """Return the repositories that a caller may see; their names depend on no other."""
        table = self._rights.table if self._rights else None
        mark = (self._list.mark, table)
        with self._lock:
            known = self._known.get(caller)
            if known and known[0] == mark:
                return known[1]
        seen = self.sources() if table is None else table.seen_by(caller, self.sources())
        served = served_as_named(seen, self._cache)
        with self._lock:
            self._known[caller] = (mark, served)
            self._known.move_to_end(caller)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return served

    def find(self, caller: Caller, written: str) -> Source | None:
        """Return a listed repository by its URL and ref; None if the caller may not see it."""
        sources = self.sources()
        with self._lock:
            if self._indexed[0] is not sources:
                self._indexed = (sources, {source.written: source for source in sources})
            found = self._indexed[1].get(written)
        return found if found and self._may_see(caller, found) else None

    def _may_see(self, caller: Caller, source: Source) -> bool:
        return self._rights is None or self._rights.may_see(caller, source)
