"""When the process that started this one is gone: a server must not outlive its client.

A client that dies closes the pipe, and the end of input ends the server. But where something else inherited
the pipe, a sibling or a shell, the input never ends. So the parent is watched as well. A launcher that leaves
on purpose looks the same, therefore the server ends only once nobody has said a word for a while.
"""

import os
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable

LOOK_EVERY_S = 2.0
SILENCE_S = 60.0
"""How long a server without its parent waits for a word; a client that lives and says nothing for so long
must start another."""


class Line:
    """Whether somebody still talks to this process."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._heard = time.monotonic()

    async def heard(self, lines: AsyncIterable[str]) -> AsyncIterator[str]:
        """Pass lines on and note when each came."""
        async for line in lines:
            self._heard = time.monotonic()
            yield line

    def is_dead(self, *, silence_s: float) -> bool:
        """Tell whether the parent is gone and nobody has said a word for so long."""
        # Whoever is left behind gets another parent: init, or the nearest process that takes orphans in.
        return os.getppid() != self._parent and time.monotonic() - self._heard > silence_s

    def watch(
        self, end: Callable[[], None], *, every_s: float = LOOK_EVERY_S, silence_s: float = SILENCE_S
    ) -> None:
        """Call `end` from a thread of its own, once the line is dead."""

        def look() -> None:
            while not self.is_dead(silence_s=silence_s):
                time.sleep(every_s)
            end()

        threading.Thread(target=look, name="parent", daemon=True).start()
