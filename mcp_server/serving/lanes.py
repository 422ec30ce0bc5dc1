"""How many calls run at once, which wait for which, and when a call is told to come again.

Work runs on threads beside the event loop, in lanes: a search never queues behind a ranking that waits for
the model, and neither takes the threads that read and write the wire. A lane admits a bounded number of
calls; one more is rejected at once, because a client that hangs learns nothing. A call that waits reports
every other second how many calls are before it, because clients give up a call of which they hear nothing.
"""

import math
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import anyio
import anyio.to_thread

from retrieval.errors import GoldrankError
from retrieval.progress import IsCancelled

ReportWaiting = Callable[[int], Awaitable[None]]
"""Called now and then with the number of calls before one that waits."""

REPORT_AFTER_S = 1.0  # a shorter wait needs no report
REPORT_EVERY_S = 2.0  # shorter than any client's time-out, and for so few calls it costs nothing


class BusyError(GoldrankError):
    """A lane is full."""


class Lane:
    """Calls of one kind: first come, first served, a few at once, and a bounded number in all."""

    def __init__(self, kind: str, *, at_once: int, most: int) -> None:
        """Make an empty lane.

        Args:
            kind: What its calls are called when it is full.
            at_once: How many run at the same time.
            most: How many it admits, those that wait included.
        """
        self._kind = kind
        self._slots = anyio.CapacityLimiter(at_once)
        self._threads = anyio.CapacityLimiter(math.inf)  # a call with a slot gets a thread
        self._queue: dict[object, None] = {}  # the calls that are not answered yet, in the order they came
        self._most = most
        self._admitted = 0
        self._lock = threading.Lock()  # guards `_admitted`, which abandoned threads give back

    async def run(self, work: Callable[[IsCancelled], str], waiting: ReportWaiting) -> str:
        """Run blocking work in its turn; when the call is cancelled, tell the work and do not wait for it.

        Args:
            work: What to do, on a thread.
            waiting: Called while the call waits, never once its work has begun.

        Raises:
            BusyError: The lane is full.
        """
        self._admit()
        cancelled, begun = threading.Event(), threading.Event()

        def job() -> str:
            with self._lock:
                if cancelled.is_set():  # between its turn and its first step; its place is given back below
                    return ""
                begun.set()
            try:
                return work(cancelled.is_set)
            finally:
                with self._lock:
                    self._admitted -= 1

        try:
            with ExitStack() as held:
                await self._wait_for_turn(held, waiting)
                return await anyio.to_thread.run_sync(job, abandon_on_cancel=True, limiter=self._threads)
        finally:
            with self._lock:
                cancelled.set()
                if not begun.is_set():
                    self._admitted -= 1

    async def _wait_for_turn(self, held: ExitStack, waiting: ReportWaiting) -> None:
        """Take a slot; `held` gives back the slot and the place in the queue."""
        me = object()
        self._queue[me] = None
        held.callback(self._queue.pop, me)
        try:
            self._slots.acquire_nowait()
        except anyio.WouldBlock:
            # Only the wait runs beside the reports: what the work raises is never in a group.
            async with anyio.create_task_group() as group:
                group.start_soon(self._report, me, waiting)
                await self._slots.acquire()
                held.callback(self._slots.release)  # at once: the call may be cancelled on leaving the group
                group.cancel_scope.cancel()
        else:
            held.callback(self._slots.release)

    async def _report(self, me: object, waiting: ReportWaiting) -> None:
        await anyio.sleep(REPORT_AFTER_S)
        while True:
            await waiting(list(self._queue).index(me))
            await anyio.sleep(REPORT_EVERY_S)

    def _admit(self) -> None:
        with self._lock:
            if self._admitted >= self._most:
                raise BusyError(
                    f"busy: {self._admitted} {self._kind} are being answered", remedy="try again in a moment"
                )
            self._admitted += 1
