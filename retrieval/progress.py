"""How long work reports its progress and learns that its caller has left."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do, in the unit that the callee names."""

IsCancelled = Callable[[], bool]
"""Checked between steps: whether the caller no longer wants the answer."""


def no_progress(_done: int, _total: int) -> None:
    """Report to nobody."""
