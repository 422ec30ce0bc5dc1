"""Which workspace a connection uses: the one from the start, or the folders that the client says it works in.

Only clients of the older era have roots (deprecated as of 2026-07-28). They are asked where you named no root
yourself: a client may start the server anywhere.
"""

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import anyio
import mcp.types as t
from mcp import MCPError
from mcp.server import Server, ServerRequestContext

from mcp_server.serving.answers import LocalAnswers
from mcp_server.serving.workspace import is_project
from retrieval.errors import shorten

log = logging.getLogger(__name__)

ASK_S = 30.0  # a client may ask its user
WAIT_S = 2.0  # the most that a first answer waits for the roots

Context = ServerRequestContext[Any, Any]


class ClientRoots:
    """The roots of one connection, which the answers follow once `follow` was called."""

    def __init__(self, answers: LocalAnswers) -> None:
        """Leave the answers as they are until the client names roots."""
        self._answers = answers
        self._asked = 0  # how often; an answer that is older than another is dropped
        self._settled: anyio.Event | None = None

    def follow(self, server: Server[Any]) -> None:
        """Ask the client for its roots when it is initialized, and whenever they change."""
        for method in ("notifications/initialized", "notifications/roots/list_changed"):
            server.add_notification_handler(method, t.NotificationParams, self._ask)

    async def settled(self) -> None:
        """Wait until the client has answered, but never long."""
        if self._settled is not None:
            with anyio.move_on_after(WAIT_S):
                await self._settled.wait()

    async def _ask(self, context: Context, _params: t.NotificationParams) -> None:
        client = context.session.client_params
        if client is None or client.capabilities.roots is None:
            return
        self._asked += 1
        number, settled = self._asked, anyio.Event()
        self._settled = settled
        try:
            with anyio.fail_after(ASK_S):
                answer = await context.session.send_request(t.ListRootsRequest(), t.ListRootsResult)
            if number == self._asked:
                await anyio.to_thread.run_sync(self._move, [str(root.uri) for root in answer.roots])
        except (MCPError, TimeoutError, ValueError) as error:  # an answer of another form is a ValueError
            log.warning(
                "the client's roots are not known, %s: %s", ", ".join(self._answers.workspace.names), error
            )
        finally:
            settled.set()

    def _move(self, uris: Iterable[str]) -> None:
        """Serve the folders that exist; where there are none, keep what is served."""
        folders = [folder for uri in uris if (folder := folder_of(uri))]
        if not folders or folders == self._answers.workspace.roots:
            return
        log.info("the client works in %s", ", ".join(map(str, folders)))
        before = self._answers.workspace
        self._answers.workspace = before.moved_to(folders)
        self._answers.begin()
        before.close()


def folder_of(uri: str) -> Path | None:
    """Return the folder that a root names, with links resolved; None where it must not be served.

    >>> folder_of("https://example.com/repository"), folder_of("file:///")
    (None, None)
    """
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in {"", "localhost"} or "\0" in unquote(parts.path):
        log.info("the client's root %s is no folder of this machine", shorten(uri))
        return None
    folder = Path(os.path.realpath(unquote(parts.path)))
    if folder.is_dir() and is_project(folder):
        return folder
    log.info("the client's root %s is not served: it is no folder, a home or a whole disk", shorten(uri))
    return None
