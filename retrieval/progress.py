"""How long operations report progress and learn that they are cancelled."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with the amount done and the total, in a unit that the callee documents."""

IsCancelled = Callable[[], bool]
"""Called between steps; returns whether the caller no longer wants the answer."""


def no_progress(_done: int, _total: int) -> None:
    """Ignore progress."""
