"""Machines that share indexes, and storage that fails as networks and disks do."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec
from fakes import MAX_BYTES
from fsspec.implementations.local import LocalFileSystem
from remotes import Remote

from retrieval.publishing.place import Place
from retrieval.publishing.shared_index import SharedIndex
from retrieval.publishing.shelf import Shelf
from retrieval.sync.repository import Repository
from retrieval.sync.sync import Refresh, fingerprint


class Machine:
    """One machine: a cache of its own, and the place that all machines share.

    Attributes:
        cache: Its cache.
        sharing: What it shares.
        repository: The repository that it serves.
    """

    def __init__(
        self, origin: Remote, cache: Path, place: Place, *, ref: str = "", wait_s: float = 60
    ) -> None:
        """Fetch and index nothing yet."""
        self.cache = cache
        self.sharing = SharedIndex(place, origin.source(ref), cache=cache, wait_s=wait_s, poll_s=0.02)
        self.repository = Repository(origin.source(ref), cache=cache, max_bytes=MAX_BYTES)
        self.repository.share(self.sharing)

    def index(self) -> Refresh:
        """Fetch, index and publish."""
        mirror = self.repository.mirror
        assert mirror is not None
        mirror.refresh()
        done = self.repository.refresh()
        self.repository.publish()
        return done

    @property
    def told(self) -> str:
        """What it says of where its index came from."""
        return self.repository.describe_sharing()


def shelf_of(origin: Remote, place: Place) -> Shelf:
    """Return the published indexes of a source."""
    return Shelf(place, origin.source().place, fingerprint())


def objects(folder: Path) -> dict[str, int]:
    """Return the size of each object below a place, by its digest."""
    found = (folder / "objects").glob("*/*")
    return {path.parent.name + path.name: path.stat().st_size for path in found}


Fails = Callable[[int, str, str], bool]
"""Decides whether a request fails, by its number, its operation and its path."""


class Failing(LocalFileSystem):  # type: ignore[misc]  # fsspec publishes no types
    """Files of this machine behind requests, some of which fail."""

    protocol = "failing"
    cachable = False
    requests = 0
    fails: Fails = staticmethod(lambda _number, _operation, _path: False)

    def __init__(self, **options: Any) -> None:
        """Write into folders that are made when needed, as object stores do."""
        super().__init__(**{**options, "auto_mkdir": True})

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        return str(LocalFileSystem._strip_protocol(str(path).removeprefix("failing://")))  # noqa: SLF001

    def _request(self, operation: str, path: Any) -> None:
        kind = type(self)
        kind.requests += 1
        if kind.fails(kind.requests, operation, str(path)):
            raise OSError(5, f"request {kind.requests} failed")

    def _open(self, path: Any, mode: str = "rb", **options: Any) -> Any:
        self._request("write" if "w" in mode or "x" in mode else "read", path)
        return super()._open(path, mode, **options)

    def info(self, path: Any, **options: Any) -> Any:
        """Count this as a request."""
        self._request("info", path)
        return super().info(path, **options)

    def rm_file(self, path: Any) -> None:
        """Count this as a request."""
        self._request("remove", path)
        super().rm_file(path)


@contextmanager
def failing(folder: Path, fails: Fails) -> Iterator[Place]:
    """Yield a place in a folder whose requests fail as `fails` decides."""
    fsspec.register_implementation("failing", Failing, clobber=True)
    Failing.requests, Failing.fails = 0, staticmethod(fails)
    folder.mkdir(parents=True, exist_ok=True)
    yield Place(f"failing://{folder}")
    Failing.fails = staticmethod(lambda _number, _operation, _path: False)


def dies_at(request: int) -> Fails:
    """Kill this process, as kill -9 does, at a request."""

    def decide(number: int, _operation: str, _path: str) -> bool:
        if number == request:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    return decide
