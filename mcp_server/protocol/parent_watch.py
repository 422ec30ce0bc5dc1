"""When the client of this server is gone: a server must not outlive its client.

A client that dies closes the pipe, and the end of input ends the server. But if another process inherited the
pipe, a sibling or a shell, the input never ends. So the server watches its parent as well. A launcher that
exits on purpose looks the same, so the server ends only once its parent is gone and the input has been silent
for a while.
"""

import os
import threading
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable

POLL_S = 2.0
SILENCE_S = 60.0
"""How long a server without its parent waits for a line. A client that is alive and silent for longer must
start another server."""


class ParentWatch:
    """Whether a client still talks to this process."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._last_line_at = time.monotonic()

    async def listen(self, lines: AsyncIterable[str]) -> AsyncIterator[str]:
        """Yield the lines and note when each came."""
        async for line in lines:
            self._last_line_at = time.monotonic()
            yield line

    def is_client_gone(self, *, silence_s: float) -> bool:
        """Return whether the parent is gone and no line came for `silence_s`."""
        # An orphan gets another parent: init, or the nearest process that adopts orphans.
        return os.getppid() != self._parent and time.monotonic() - self._last_line_at > silence_s

    def start(
        self, end: Callable[[], None], *, every_s: float = POLL_S, silence_s: float = SILENCE_S
    ) -> None:
        """Start a thread that calls `end` once the client is gone."""

        def poll() -> None:
            while not self.is_client_gone(silence_s=silence_s):
                time.sleep(every_s)
            end()

        threading.Thread(target=poll, name="parent", daemon=True).start()
