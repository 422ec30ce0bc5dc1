"""The process that serves: logging to standard error, signals, end of input, a hard exit."""

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import anyio
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage

from mcp_server import wire
from mcp_server.server import build_server
from mcp_server.stages import second_stage
from mcp_server.workspace import Workspace
from retrieval.settings import Settings

log = logging.getLogger(__name__)


def serve(roots: list[Path], settings: Settings, *, version: str, feedback: bool = False) -> NoReturn:
    """Serve the roots over standard input and output until the input ends or a signal comes.

    The process ends by `os._exit`: a model may be in the middle of a batch on its own thread, and every file
    that goldrank writes survives being cut off.
    """
    logging.basicConfig(
        stream=sys.stderr, level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # Set here, not by whoever starts us: clients pass little of the environment on.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: os._exit(128 + received))
    workspace = Workspace(roots, settings, second=second_stage(settings))
    code = 0
    try:
        anyio.run(_run, workspace, version, feedback)
    except BaseException:  # whatever it was, the log must say it before the hard exit
        log.exception("the server stopped")
        code = 1
    finally:
        logging.shutdown()
        os._exit(code)


async def _run(workspace: Workspace, version: str, feedback: bool) -> None:
    server = build_server(workspace, version=version, feedback=feedback)
    refusals, refused = anyio.create_memory_object_stream[SessionMessage]()
    lines: Any = wire.requests(wire.standard_input(), refusals)  # of a file it takes no more than its lines
    async with (
        stdio_server(stdin=lines) as (incoming, outgoing),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(wire.pass_on, refused, outgoing)
        await server.run(incoming, outgoing, server.create_initialization_options())
        tasks.cancel_scope.cancel()
