"""How a server process over HTTP starts and ends: its socket, its signals, a bounded goodbye."""

import logging
import os
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import click
import uvicorn

from mcp_server.http.address import Address, listen, names_of
from mcp_server.http.app import Access, build_app
from mcp_server.http.metrics import Metrics
from mcp_server.http.recorded import recorded
from mcp_server.messages import replies
from mcp_server.protocol.process import begin_process
from mcp_server.protocol.tools import serve_answers
from mcp_server.rights.audit import AuditLog
from mcp_server.serving.answers import LocalAnswers
from mcp_server.serving.model_choice import base_stage
from mcp_server.serving.workspace import Workspace
from retrieval.mirrors.source import Root
from retrieval.settings import Settings

GOODBYE_S = 5  # for calls that are being answered when the process is told to end
MOST_CONNECTIONS = 1_000  # beyond them 503; one that sends its request a byte a minute is one of them


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server is reached.

    Attributes:
        address: Where it listens.
        public_url: By which URL clients know it, or "" where that is the address.
    """

    address: Address
    public_url: str


def serve(
    roots: Sequence[Root],
    settings: Settings,
    place: Place,
    access: Access,
    *,
    version: str,
    feedback: bool = False,
) -> NoReturn:
    """Serve the roots over HTTP until a signal comes; then finish what is being answered, and end.

    Raises:
        ArgumentError: The address cannot be listened at.
    """
    begin_process(settings)
    opened, address = listen(place.address)
    workspace = Workspace(roots, settings, second=base_stage(settings))
    answers = LocalAnswers(workspace, rights=access.rights)
    metrics = Metrics(answers.readiness)
    workspace.mirrors.observe = metrics.count_fetch
    server = serve_answers(
        answers,
        version=version,
        feedback=feedback,
        observe=recorded(metrics.count_call, access.audit),
        is_same_for_all=access.rights is None,
    )
    names = names_of(address, place.public_url)
    app = build_app(server, answers, metrics, names=names, access=access)
    answers.begin()
    served = replies.clean(", ".join(workspace.names))
    known = f"{place.public_url}, listening at " if place.public_url else ""
    click.echo(f"goldrank serves {served} at {known}{address.url}; Ctrl-C ends it", err=True)
    _run(app, opened, access.audit)


def _run(app: object, opened: socket.socket, audit: AuditLog | None) -> NoReturn:
    code = 0
    # uvicorn ends in its own time at the first signal, and then sends it again: that ends the process.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _received, _frame: os._exit(0))
    config = uvicorn.Config(
        app,  # type: ignore[arg-type]  # it takes any ASGI application
        log_config=None,
        access_log=False,
        server_header=False,
        ws="none",
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GOODBYE_S,
    )
    try:
        uvicorn.Server(config).run(sockets=[opened])
    except BaseException:
        logging.getLogger(__name__).exception("the server stopped")
        code = 1
    finally:
        if audit:
            audit.close()
        logging.shutdown()
        os._exit(code)
