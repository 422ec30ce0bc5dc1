"""How many calls are worked on at once, who waits for whom, and when a call is told to come again.

Work runs on threads beside the event loop, in lanes: a search never queues behind a ranking that waits for
the model, and neither takes the threads that read and write the wire. A lane holds so many calls and no more:
one that would wait too long is told so at once, as a client that hangs learns nothing.
"""

import threading
from collections.abc import Callable

import anyio
import anyio.to_thread

from retrieval.errors import GoldrankError

IsCancelled = Callable[[], bool]
"""Whether the caller is gone; work asks before each step that takes long."""


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
        self._limiter = anyio.CapacityLimiter(at_once)
        self._most = most
        self._held = 0
        self._lock = threading.Lock()  # holds for `_held`, which threads that were left alone give back

    async def run(self, work: Callable[[IsCancelled], str]) -> str:
        """Do blocking work in its turn; when the call is cancelled, the work is told and not waited for.

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
            return await anyio.to_thread.run_sync(job, abandon_on_cancel=True, limiter=self._limiter)
        finally:
            with self._lock:
                cancelled.set()
                if not begun.is_set():
                    self._held -= 1

    def _enter(self) -> None:
        with self._lock:
            if self._held >= self._most:
                raise BusyError(f"busy: {self._held} {self._kind} are being answered; try again in a moment")
            self._held += 1
