"""How one deployment asks another: until when, how often again, and what becomes of a failure."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import BackPressureError, RayServeException

from mcp_server.serving.lanes import BusyError
from retrieval.errors import GoldrankError

T = TypeVar("T")
log = logging.getLogger(__name__)

ATTEMPTS = 2  # a replica that died is replaced or left out by the second
LEAST_LEFT_S = 0.2  # with less time than this, a second attempt would be in vain


class NoAnswerError(GoldrankError):
    """A replica died, hangs, or failed in a way that nobody anticipated."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An anticipated failure, as a value: as an exception it would arrive with a traceback for a message."""

    error: GoldrankError


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far a call is: `searched`, `indexed` or `read`, with what is done and what there is to do."""

    activity: str
    done: int
    total: int


async def ask(send: Callable[[], Any], *, what: str, until: float) -> Any:
    """Send a call, and again if the replica died, and return what it answers.

    Args:
        send: Sends the call through a handle, and returns the response.
        what: What is asked, as the subject of a sentence.
        until: When to give up, of `time.monotonic()`.

    Raises:
        NoAnswerError: Nobody answers in time.
        BusyError: All replicas are busy.
        GoldrankError: What the replica refused with.
    """
    for attempt in range(1, ATTEMPTS + 1):
        response = send()
        try:
            async with asyncio.timeout(until - time.monotonic()):
                answer = await response
        except Exception as error:
            with suppress(Exception):
                response.cancel()
            if _is_worth_another(error, attempt, until):
                continue
            raise _judged(error, what) from error
        if isinstance(answer, Refused):
            raise answer.error
        return answer
    raise AssertionError


async def listen(send: Callable[[], Any], *, what: str, until: float, every_s: float) -> AsyncIterator[Any]:
    """Do the same for a call that answers in parts; yield each part, and None after `every_s` of silence.

    Raises:
        NoAnswerError: Nobody answers in time.
        BusyError: All replicas are busy.
    """
    for attempt in range(1, ATTEMPTS + 1):
        response = send()
        try:
            async for part in _parts(response, until, every_s):
                yield part
        except Exception as error:
            if _is_worth_another(error, attempt, until):
                continue
            raise _judged(error, what) from error
        else:
            return
        finally:
            with suppress(Exception):
                response.cancel()


async def _parts(response: Any, until: float, every_s: float) -> AsyncIterator[Any]:
    """Yield what arrives, and None whenever nothing has for a while.

    Raises:
        TimeoutError: It is too late.
    """
    parts, waiting = aiter(response), None
    try:
        while (left := until - time.monotonic()) > 0:
            waiting = waiting or asyncio.ensure_future(anext(parts, _END))
            done, _ = await asyncio.wait({waiting}, timeout=min(left, every_s))
            if not done:
                yield None
                continue
            part, waiting = waiting.result(), None
            if part is _END:
                return
            yield part
        raise TimeoutError
    finally:
        if waiting:
            waiting.cancel()


_END = object()


def _is_worth_another(error: BaseException, attempt: int, until: float) -> bool:
    return isinstance(error, RayActorError) and attempt < ATTEMPTS and until - time.monotonic() > LEAST_LEFT_S


def _judged(error: Exception, what: str) -> GoldrankError:
    """Say what a failed call means to the caller; the log has the rest."""
    if isinstance(error, BackPressureError):
        return BusyError(f"busy: {what} has too many calls", remedy="try again in a moment")
    if isinstance(error, TimeoutError):
        return NoAnswerError(f"{what} did not answer in time", remedy="try again in a moment")
    if isinstance(error, RayActorError | RayServeException):
        log.warning("%s did not answer: %s", what, type(error).__name__)
        return NoAnswerError(f"{what} did not answer", remedy="try again in a moment")
    if isinstance(error, RayError):
        log.error("%s failed: %s", what, error)
        return NoAnswerError(f"{what} failed inside; the log of the replica has the cause")
    log.error("%s could not be asked", what, exc_info=error)
    return NoAnswerError(f"{what} could not be asked; the log of the gateway has the cause")
