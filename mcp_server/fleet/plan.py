"""What a fleet consists of: how many replicas of each deployment, and which files they all read."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.settings import Settings

APP = "goldrank"
"""The Serve application, and the namespace of its actors."""

MOST_ASKED = 20
"""Repositories that a question without one is asked of: reading more costs more than it finds
(docs/decisions/0036-the-fleet.md)."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many replicas there are of each deployment.

    Attributes:
        searchers: They hold indexes and answer from them.
        readers: They run the cross-encoder.
        builders: They fetch, index and publish, one repository each at a time.
        routers: They choose repositories for a question that names none.
        gateways: They speak the protocol.
        open: How many repositories each searcher keeps open.
    """

    searchers: int
    readers: int
    builders: int
    routers: int
    gateways: int
    open: int


def sizes_for(cores: int, *, open_repositories: int) -> Sizes:
    """Choose sizes for a number of cores: half of them search, and the others share the rest.

    >>> sizes_for(2, open_repositories=32).searchers, sizes_for(16, open_repositories=32).readers
    (1, 4)
    """
    quarter = max(1, cores // 4)
    return Sizes(
        searchers=max(1, cores // 2),
        readers=quarter,
        builders=quarter,
        routers=1,
        gateways=quarter,
        open=open_repositories,
    )


@dataclass(frozen=True, slots=True)
class Entrance:
    """Who may come in, and by which names; every gateway reads the files itself.

    Attributes:
        hosts: What the Host header may say.
        origins: What the Origin header may say.
        token_file: Whose tokens are accepted, or None.
        issuer: The authorization server whose tokens are accepted, or "".
        public_url: By which URL clients know the fleet, or "".
        per_minute: How many requests one client may send a gateway in a minute; 0 for any number.
        webhook_secret_file: What pushes are signed with, or None for no webhook.
        audit_log: Where each gateway records calls, or None.
    """

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    token_file: Path | None = None
    issuer: str = ""
    public_url: str = ""
    per_minute: int = 0
    webhook_secret_file: Path | None = None
    audit_log: Path | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a replica needs to know; its files are at the same paths on every machine.

    Attributes:
        settings: How repositories are served; `fleet` is the list of them.
        sizes: How many replicas there are.
        rights: The file that says who may see what; None where everybody sees everything.
        entrance: Who may come in.
        version: The version that the server reports.
    """

    settings: Settings
    sizes: Sizes
    rights: Path | None = None
    entrance: Entrance = field(default_factory=Entrance)
    version: str = "0"

    @property
    def answer_s(self) -> float:
        """The most that a question without the model takes: what it waits for an index, and the search."""
        return self.settings.index_wait_s + SEARCH_S

    @property
    def named_s(self) -> float:
        """The most that a call about one repository takes: the model may read as well."""
        return self.answer_s + self.settings.rerank_deadline_s + SEARCH_S


SEARCH_S = 2.0
"""A search takes 15 to 50 ms of a core, and a replica has at most `SEARCHES_AT_ONCE` of them."""


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
