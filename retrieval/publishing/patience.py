"""How long shared storage may be silent before an operation counts as failed.

Libraries of object stores retry for minutes, and a network disk that is gone blocks for ever. So each
operation runs on a thread of its own, which is abandoned when it makes no progress.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from retrieval.errors import CancelledError, SharedIndexError
from retrieval.progress import IsCancelled

SILENT_S = 20.0  # an object store answers in 0.1 s; its library's first retries take some 5 s
_POLL_S = 0.1

AT_ONCE = 8  # transfers; each waits for the storage most of the time

T = TypeVar("T")
Item = TypeVar("Item")
Beat = Callable[[], None]
"""Called whenever an operation has made progress."""


def bounded(
    action: Callable[[Beat], T],
    *,
    silent_s: float = SILENT_S,
    is_cancelled: IsCancelled = lambda: False,
) -> T:
    """Run an operation, and give up when it is silent for too long; its own errors pass through.

    Raises:
        SharedIndexError: It made no progress for `silent_s` seconds; its thread is left behind.
        CancelledError: `is_cancelled` returned True; its thread is left behind.
    """
    last = time.monotonic()
    is_over = threading.Event()
    results: list[T] = []
    errors: list[BaseException] = []

    def beat() -> None:
        nonlocal last
        last = time.monotonic()

    def run() -> None:
        try:
            results.append(action(beat))
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            errors.append(error)
        is_over.set()

    threading.Thread(target=run, name="shared index", daemon=True).start()
    while not is_over.wait(_POLL_S):
        if is_cancelled():
            raise CancelledError("the caller no longer waits for the shared index")
        if time.monotonic() - last > silent_s:
            raise SharedIndexError(f"no answer for {silent_s:g} seconds")
    if errors:
        raise errors[0]
    return results[0]


def each(action: Callable[[Item], T], items: Iterable[Item]) -> list[T]:
    """Apply an operation to items, several at once, and return the results in order; the first error ends it.

    The threads are daemons: the end of the process waits for no transfer, as it would for an executor's.
    """
    left = list(enumerate(items))[::-1]
    results: dict[int, T] = {}
    errors: list[BaseException] = []

    def work() -> None:
        while not errors:
            try:
                number, item = left.pop()
            except IndexError:
                return
            try:
                results[number] = action(item)
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
                errors.append(error)

    threads = [threading.Thread(target=work, name="transfer", daemon=True) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return [results[number] for number in sorted(results)]
