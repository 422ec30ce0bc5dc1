"""When the index of a source is taken up from a shared place, when it is built and published, and who waits.

A store that this machine can update is never replaced: indexing what a push changed costs less than a
download. Whatever fails at the place, this machine builds the index, and `describe` says what failed.
"""

import json
import logging
import shutil
import sqlite3
import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from retrieval.errors import CancelledError, DamagedIndexError, GoldrankError, SharedIndexError
from retrieval.files.walker import Listing
from retrieval.mirrors.source import Source
from retrieval.progress import IsCancelled
from retrieval.publishing import collection, intake, publication
from retrieval.publishing.lease import TERM_S, Lease
from retrieval.publishing.manifest import Manifest
from retrieval.publishing.place import Place
from retrieval.publishing.shelf import Shelf
from retrieval.sync import inventory
from retrieval.sync.store import Store
from retrieval.sync.sync import Target, fingerprint

log = logging.getLogger(__name__)

WAIT_S = 120.0  # for another machine's build; an index of 10,000 files takes about as long
RETRY_S = 300.0  # after a failed try to publish
MOVED_S = 5.0  # after the index has moved on to another commit, which is published next
POLL_S = 1.0
COLLECT_EVERY_S = 86_400.0
_COLLECTED = "collected"
_INCOMING = "incoming"
_SHOWN_CHARS = 12  # of a commit


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the index in a store came from; the store keeps it.

    Attributes:
        place: The place that it is shared in.
        taken_up: The commit of the published index that it began as; "" if it was built here.
        taken_bytes: The size of that index.
        taken_s: How long taking it up took.
        published: The commit that this machine published last, or found published; "" before.
        published_bytes: The size of what this machine published last; 0 when another machine had.
        sent_bytes: How much of that was uploaded.
        published_s: How long publishing it took.
    """

    place: str = ""
    taken_up: str = ""
    taken_bytes: int = 0
    taken_s: float = 0.0
    published: str = ""
    published_bytes: int = 0
    sent_bytes: int = 0
    published_s: float = 0.0


class SharedIndex:
    """Shares the index of one source; one thread takes up, any one thread publishes."""

    def __init__(
        self, place: Place, source: Source, *, cache: Path, wait_s: float = WAIT_S, poll_s: float = POLL_S
    ) -> None:
        """Reach for nothing yet.

        Args:
            place: Where indexes are shared.
            source: The source.
            cache: Folder of all indexes of this machine, which may have the same segments.
            wait_s: How long to wait while another machine builds the same index.
            poll_s: How often to look whether it has.
        """
        self._shelf = Shelf(place, source.place, fingerprint())
        self._cache = cache
        self._wait_s = wait_s
        self._poll_s = poll_s
        self._doing = ""
        self._problem = ""
        self._refused: set[str] = set()  # commits whose published index cannot be used
        self._settled = ""  # the commit that needs no more publishing
        self._retry_at = 0.0
        self._last_lease: Lease | None = None
        self._lease_of = ""  # the commit of that lease
        self._publishing = threading.Lock()

    @property
    def doing(self) -> str:
        """What is being downloaded or waited for, as part of a sentence; or ""."""
        return self._doing

    def take_up(self, target: Target, listing: Listing, *, is_cancelled: IsCancelled) -> bool:
        """Fill a store from the published index of the listed commit, or of the latest one.

        If there is none, this process takes the lease to build it, or waits for the machine that has it.

        Raises:
            CancelledError: `is_cancelled` returned True.
        """
        try:
            manifest = self._awaited(listing.commit, is_cancelled)
            if manifest:
                self._adopt(target, manifest, is_cancelled)
        except CancelledError:
            raise
        except (GoldrankError, OSError, sqlite3.Error) as error:
            if isinstance(error, DamagedIndexError):
                self._refused.add(listing.commit)
            self._note(str(error))
            return False
        finally:
            self._doing = ""
        return manifest is not None

    def _awaited(self, commit: str, is_cancelled: IsCancelled) -> Manifest | None:
        """Find a published index; if another machine is building it, wait for that.

        Returns:
            The manifest, or None if this machine is to build the index.
        """
        deadline, lease = time.monotonic() + self._wait_s, self._lease(commit)
        while not (manifest := self._found(commit)):
            if lease.take():
                # Its last owner may have published between the look and the release of the lease.
                return self._found(commit)
            self._doing = "another machine builds the index and publishes it"
            if time.monotonic() > deadline:
                self._note(f"another machine has been building the index for {self._wait_s:g} seconds")
                return None
            if is_cancelled():
                raise CancelledError("the caller no longer waits for another machine's index")
            time.sleep(self._poll_s)
        return manifest

    def is_due(self, listing: Listing) -> bool:
        """Return whether the listed commit may have to be published, and its last try is not just over."""
        return listing.commit != self._settled and time.monotonic() >= self._retry_at

    def publish(self, store: Store, listing: Listing, *, is_cancelled: IsCancelled) -> None:
        """Publish the index of the listed commit, unless somebody has, or is about to.

        Raises:
            CancelledError: `is_cancelled` returned True.
        """
        with self._publishing:
            commit = listing.commit
            if not self.is_due(listing):
                return
            lease = self._lease(commit)
            try:
                if not self._is_published(commit):
                    if not lease.take():
                        self._retry_at = time.monotonic() + TERM_S
                        return
                    if not self._upload(store, listing, is_cancelled):
                        self._retry_at = time.monotonic() + MOVED_S
                        return
                elif not self._shelf.has_profile():
                    publication.publish_profile(self._shelf, store, commit, listing.files)
                self._settle(store, commit)
            except CancelledError:
                raise
            except (GoldrankError, OSError, sqlite3.Error) as error:
                self._retry_at = time.monotonic() + RETRY_S
                self._note(str(error))
            finally:
                lease.release()

    def describe(self, store: Store) -> str:
        """Say where the index in a store came from, whether it is published, and what failed."""
        origin, told = _read_origin(store), []
        if origin.taken_up:
            taken = f"{_size(origin.taken_bytes)} in {origin.taken_s:.1f} s from {origin.place}"
            told.append(f"took up the index of commit {origin.taken_up[:_SHOWN_CHARS]}, {taken}")
        else:
            told.append("built on this machine")
        if origin.published_bytes:
            sent = f"{_size(origin.sent_bytes)} of {_size(origin.published_bytes)} sent"
            told.append(
                f"published commit {origin.published[:_SHOWN_CHARS]} in {origin.place}, {sent} "
                f"in {origin.published_s:.1f} s"
            )
        elif origin.published and origin.published != origin.taken_up:
            told.append(f"commit {origin.published[:_SHOWN_CHARS]} is published in {origin.place}")
        told.append(self._problem)
        return "; ".join(filter(None, told))

    def _found(self, commit: str) -> Manifest | None:
        """Find the published index of a commit, else the latest one."""
        shelf = self._shelf
        try:
            if found := shelf.find(shelf.commit_pointer(commit)):
                return found
        except DamagedIndexError as error:
            self._refused.add(commit)
            self._note(str(error))
        return shelf.find(shelf.latest_pointer)

    def _adopt(self, target: Target, manifest: Manifest, is_cancelled: IsCancelled) -> None:
        def tell(percent: int, _total: int) -> None:
            self._doing = f"the index that another machine published is being downloaded, {percent} % is here"

        tell(0, 100)
        store = target.store
        others = [one.folder for one in inventory.relatives(self._cache, target.family)]
        incoming = store.folder / _INCOMING
        got = intake.download(
            self._shelf, manifest, incoming, nearby=others, progress=tell, is_cancelled=is_cancelled
        )
        origin = Origin(self._shelf.place.url, manifest.commit, manifest.size_bytes, got.seconds)
        store.adopt(
            got.content,
            target.root,
            self._shelf.fingerprint,
            family=target.family,
            origin=json.dumps(asdict(origin)),
        )
        shutil.rmtree(incoming, ignore_errors=True)
        self._problem = ""

    def _is_published(self, commit: str) -> bool:
        if commit in self._refused:
            return False
        try:
            return self._shelf.find(self._shelf.commit_pointer(commit)) is not None
        except DamagedIndexError as error:
            self._note(str(error))
            self._refused.add(commit)
            return False

    def _upload(self, store: Store, listing: Listing, is_cancelled: IsCancelled) -> bool:
        """Publish the index; return False if it is of another commit by now."""
        commit = listing.commit
        done = publication.publish(
            self._shelf,
            store,
            commit,
            listing.files,
            is_trusted=commit not in self._refused,
            is_cancelled=is_cancelled,
        )
        if done is None:
            return False
        self._refused.discard(commit)
        self._problem = ""
        origin = replace(
            _read_origin(store),
            place=self._shelf.place.url,
            published=commit,
            published_bytes=done.size_bytes,
            sent_bytes=done.sent_bytes,
            published_s=done.seconds,
        )
        store.write_origin(json.dumps(asdict(origin)))
        self._collect()
        return True

    def _settle(self, store: Store, commit: str) -> None:
        self._settled = commit
        origin = _read_origin(store)
        if origin.published != commit:
            told = replace(origin, place=self._shelf.place.url, published=commit, published_bytes=0)
            store.write_origin(json.dumps(asdict(told)))

    def _collect(self) -> None:
        """Collect what is old, once a day for all machines; the next one tries again if this fails."""
        place = self._shelf.place
        try:
            if time.time() - place.modified(_COLLECTED) < COLLECT_EVERY_S:
                return
            place.write(_COLLECTED, b"")
            log.info("collected in %s: %s", place.url, collection.collect(place))
        except SharedIndexError as error:
            log.warning("%s", error)

    def _lease(self, commit: str) -> Lease:
        if self._lease_of != commit or self._last_lease is None:
            if self._last_lease:
                self._last_lease.release()  # the branch has moved on
            self._last_lease = Lease(self._shelf.place, self._shelf.lease_name(commit))
            self._lease_of = commit
        return self._last_lease

    def _note(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("%s", problem)
        self._problem = problem


def _read_origin(store: Store) -> Origin:
    try:
        return Origin(**json.loads(store.read_origin()))
    except (ValueError, TypeError):
        return Origin()


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
