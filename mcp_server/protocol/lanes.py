"""How many calls are worked on at once, who waits for whom, and when a call is told to come again.

Work runs on threads beside the event loop, in lanes: a search never queues behind a ranking that waits for
the model, and neither takes the threads that read and write the wire. A lane holds so many calls and no more:
one that would wait too long is told so at once, as a client that hangs learns nothing. One that waits is told
every other second how many are before it, as clients give up a call of which they hear nothing.
"""

import math
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import anyio
import anyio.to_thread

from retrieval.errors import GoldrankError
from retrieval.progress import IsCancelled

Waiting = Callable[[int], Awaitable[None]]
"""Told now and then how many calls are before one that waits."""

TOLD_AFTER_S = 1.0  # a wait that is shorter needs no word
TOLD_EVERY_S = 2.0  # any time-out of a client is longer, and for so few calls it costs nothing


class BusyError(GoldrankError):
    """A lane is full."""


class Lane:
    """Calls of one kind: first come, first served, so many at once, and a bounded number in all."""

    def __init__(self, kind: str, *, at_once: int, most: int) -> None:
        """Make a lane that is empty.

        Args:
            kind: What its calls are called when it is full.
            at_once: How many are worked on at the same time.
            most: How many it holds, those that wait included.
        """
        self._kind = kind
        self._turns = anyio.CapacityLimiter(at_once)
        self._threads = anyio.CapacityLimiter(math.inf)  # who has a turn has a thread
        self._line: dict[object, None] = {}  # the calls that are not answered yet, in the order they came
        self._most = most
        self._held = 0
        self._lock = threading.Lock()  # holds for `_held`, which threads that were left alone give back

    async def run(self, work: Callable[[IsCancelled], str], waiting: Waiting) -> str:
        """Do blocking work in its turn; when the call is cancelled, the work is told and not waited for.

        Args:
            work: What is to be done.
            waiting: Told while the call waits; never once its work has begun.

        Raises:
            BusyError: The lane is full.
        """
        self._enter()
        cancelled, begun = threading.Event(), threading.Event()

        def job() -> str:
            with self._lock:
                if cancelled.is_set():  # between its turn and its first step; its place is given back
                    return ""
                begun.set()
            try:
                return work(cancelled.is_set)
            finally:
                with self._lock:
                    self._held -= 1

        try:
            with ExitStack() as held:
                await self._turn(held, waiting)
                return await anyio.to_thread.run_sync(job, abandon_on_cancel=True, limiter=self._threads)
        finally:
            with self._lock:
                cancelled.set()
                if not begun.is_set():
                    self._held -= 1

    async def _turn(self, held: ExitStack, waiting: Waiting) -> None:
        """Wait for the call's turn; `held` gives back its turn and its place in the line."""
        me = object()
        self._line[me] = None
        held.callback(self._line.pop, me)
        try:
            self._turns.acquire_nowait()
        except anyio.WouldBlock:
            # Only the waiting stands beside the telling: what the work raises is never in a group.
            async with anyio.create_task_group() as group:
                group.start_soon(self._tell, me, waiting)
                await self._turns.acquire()
                held.callback(self._turns.release)  # at once: to leave the group may be the call's end
                group.cancel_scope.cancel()
        else:
            held.callback(self._turns.release)

    async def _tell(self, me: object, waiting: Waiting) -> None:
        await anyio.sleep(TOLD_AFTER_S)
        while True:
            await waiting(list(self._line).index(me))
            await anyio.sleep(TOLD_EVERY_S)

    def _enter(self) -> None:
        with self._lock:
            if self._held >= self._most:
                raise BusyError(
                    f"busy: {self._held} {self._kind} are being answered", remedy="try again in a moment"
                )
            self._held += 1
