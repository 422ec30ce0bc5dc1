"""Which progress a client receives during a call: a few times a second, with counts that only rise.

Clients give up on a call that reports nothing. The protocol wants counts that rise, but one call waits, then
indexes, then reads candidates. So each activity continues the count of the one before.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self

import anyio
import anyio.from_thread
from mcp.server import ServerRequestContext

from retrieval.errors import CancelledError

PROGRESS_EVERY_S = 0.25
STILL_EVERY_S = 1.0  # how often a call that does not advance reports


class ProgressReporter:
    """Reports the progress of one call to its client.

    Leave it as a context when the call ends: the work of a cancelled call runs on for a moment on its thread,
    and the protocol forbids progress of a call that was answered.

    Attributes:
        repositories: What the call was answered from, once it was.
        places: How many places the answer has.
    """

    def __init__(self, context: ServerRequestContext[Any, Any]) -> None:
        self._context = context
        self._activity = ""
        self._before = 0  # the count when this activity began: a count must not fall
        self._reported = 0
        self._reported_at = 0.0
        self._is_over = False
        self.repositories: Sequence[str] = ()
        self.places = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True

    async def waiting(self, before: int) -> None:
        """Report that the call is queued: one more step each time, of an unknown total."""
        self._reported += 1
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # a gone client ends the call
            await self._context.session.report_progress(
                float(self._reported), None, f"waiting for its turn; calls before it: {before}"
            )

    def searched(self, done: int, total: int) -> None:
        """Report how many repositories were searched."""
        self._report("searched", done, total, "repositories")

    def indexed(self, done: int, total: int) -> None:
        """Report how many files were indexed; without a total, that they are listed."""
        if total:
            self._report("indexed", done, total, "files")
        else:
            self._report("looking through the files", 0, 0, "")

    def read(self, done: int, total: int) -> None:
        """Report how many candidates the model has read."""
        self._report("read", done, total, "candidates")

    def answered(self, repositories: Sequence[str], places: int) -> None:
        """Keep what the call is answered from."""
        self.repositories, self.places = repositories, places

    def _report(self, activity: str, done: int, total: int, unit: str) -> None:
        """Report from the thread of the work, if a report is due.

        Raises:
            CancelledError: The client is gone.
        """
        if activity != self._activity:
            self._activity, self._before, self._reported_at = activity, self._reported, 0.0  # due at once
        now = time.monotonic()
        is_still = self._before + done <= self._reported
        if now - self._reported_at < (STILL_EVERY_S if is_still else PROGRESS_EVERY_S):
            return
        if is_still:
            self._before = self._reported + 1 - done
        self._reported, self._reported_at = self._before + done, now
        try:
            anyio.from_thread.run(
                self._send,
                float(self._reported),
                float(self._before + total) if total else None,
                f"{activity} {done} of {total} {unit}" if total else activity,
            )
        except (RuntimeError, anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise CancelledError("the client is gone") from error

    async def _send(self, count: float, total: float | None, message: str) -> None:
        if not self._is_over:  # checked on the thread that ends the call, so neither can come between
            await self._context.session.report_progress(count, total, message)
