"""A queue of thumbnails to make: pictures arrive in bursts, and a worker must never die of a bad one."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import functools
import heapq
import logging
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, overload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
SIZES: dict[str, tuple[int, int]] = {"tile": (64, 64), "card": (320, 200), "größe_xl": (2048, 1365), "print": (4961, 7016)}


class Priority(enum.IntEnum):
    """Lower is sooner."""

    VISIBLE = 0
    NEARBY = 1
    ARCHIVE = 2


class Painter(Protocol):
    def __call__(self, source: Path, size: tuple[int, int]) -> Awaitable[bytes]: ...


class PictureError(Exception):
    """A picture that no second try will mend."""

    def __init__(self, source: Path, why: str) -> None:
        super().__init__(f"{source}: {why}")
        self.source = source


@dataclass(order=True)
class Job:
    """One picture in one size; jobs compare as they are to be done."""

    priority: Priority
    due: float
    source: Path = field(compare=False)
    size: str = field(compare=False, default="tile")
    attempts: int = field(compare=False, default=0)

    @property
    def pixels(self) -> int:
        width, height = SIZES[self.size]
        return width * height


def retrying(attempts: int) -> Callable[[Painter], Painter]:
    """Try a painter again when the disk, not the picture, is at fault."""

    def decorate(paint: Painter) -> Painter:
        @functools.wraps(paint)
        async def wrapper(source: Path, size: tuple[int, int]) -> bytes:
            for attempt in range(1, attempts + 1):
                try:
                    return await paint(source, size)
                except OSError:
                    if attempt == attempts:
                        raise
                    await asyncio.sleep(random.uniform(0, 2**attempt))
            raise AssertionError("unreachable")

        return wrapper

    return decorate


class ThumbnailQueue:
    """Jobs by priority, then by age.

    >>> queue = ThumbnailQueue(paint=None)
    >>> len(queue)
    0
    """

    _jobs: list[Job]

    def __init__(self, paint: Painter, *, workers: int = 2) -> None:
        self._paint = retrying(MAX_ATTEMPTS)(paint)
        self._jobs, self._workers = [], workers
        self.zähler: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._jobs)

    @overload
    def push(self, source: Path) -> Job: ...
    @overload
    def push(self, source: Path, *, size: str, priority: Priority) -> Job: ...
    def push(self, source: Path, *, size: str = "tile", priority: Priority = Priority.NEARBY) -> Job:
        if size not in SIZES:
            raise ValueError(f"unknown size {size!r}; known are {', '.join(SIZES)}")
        job = Job(priority, asyncio.get_running_loop().time(), source, size)
        heapq.heappush(self._jobs, job)
        return job

    async def results(self) -> AsyncIterator[tuple[Job, bytes]]:
        """Yield thumbnails as they are made, until nothing is left."""
        gate = asyncio.Semaphore(self._workers)
        while self._jobs:
            job = heapq.heappop(self._jobs)
            async with gate:
                with contextlib.suppress(PictureError):
                    yield job, await self._make(job)

    async def _make(self, job: Job) -> bytes:
        try:
            data = await self._paint(job.source, SIZES[job.size])
        except (ValueError, OSError) as error:
            self.zähler["failed"] += 1
            log.warning("gave up %s: %s", job.source, error)
            raise PictureError(job.source, str(error)) from error
        self.zähler["made"] += 1  # only what was written counts
        return data
