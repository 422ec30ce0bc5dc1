"""How long work tells how far it is, and learns that nobody waits for it any more."""

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with what is done and what there is to do, in the unit that the callee names."""

IsCancelled = Callable[[], bool]
"""Asked between steps: whether the caller no longer wants the answer."""
