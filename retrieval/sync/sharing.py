"""How the index of a source is shared with other machines, as the rooms below `publishing` see it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from retrieval.files.walker import Listing
from retrieval.progress import IsCancelled
from retrieval.sync.store import Store


@dataclass(frozen=True, slots=True)
class Target:
    """The store that is to be filled, and what it will belong to.

    Attributes:
        store: The store; this process holds its lock.
        root: The root that it belongs to.
        family: What the root shares with others, as `Tree.family` says.
    """

    store: Store
    root: Path
    family: str


class Sharing(Protocol):
    """Shares the index of one source; `publishing.shared_index.SharedIndex` does.

    A place that cannot be used is never an error here: the index is built on this machine instead.
    """

    @property
    def doing(self) -> str:
        """What is being downloaded or waited for, as part of a sentence; or ""."""

    def take_up(self, target: Target, listing: Listing, *, is_cancelled: IsCancelled) -> bool:
        """Fill a store from a published index, if there is one; the next refresh indexes what differs.

        Raises:
            CancelledError: `is_cancelled` returned True.
        """

    def is_due(self, listing: Listing) -> bool:
        """Return whether `publish` may have something to do for a listed commit; costs nothing."""

    def publish(self, store: Store, listing: Listing, *, is_cancelled: IsCancelled) -> None:
        """Publish the index of the listed commit, unless somebody has.

        Raises:
            CancelledError: `is_cancelled` returned True.
        """

    def describe(self, store: Store) -> str:
        """Say where the index in a store came from, and whether it is published."""
