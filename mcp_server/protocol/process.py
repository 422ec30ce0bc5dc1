"""How the server process starts and ends: signals, the end of input, the end of the client, a hard exit."""

import logging
import os
import signal
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

import anyio
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage

from mcp_server.protocol import logs, stdin
from mcp_server.protocol.batches import Batches, Output
from mcp_server.protocol.parent_watch import ParentWatch
from mcp_server.protocol.tools import build_server
from mcp_server.serving.model_choice import base_stage
from mcp_server.serving.workspace import Workspace
from retrieval import memory
from retrieval.mirrors.source import Root
from retrieval.settings import Settings

log = logging.getLogger(__name__)


def serve(
    roots: Sequence[Root],
    settings: Settings,
    *,
    version: str,
    feedback: bool = False,
    follow_roots: bool = False,
) -> NoReturn:
    """Serve the roots over standard input and output until input ends, the client dies or a signal comes.

    With `follow_roots`, the roots that the client names take their place.

    The process ends with `os._exit`: a model may be in the middle of a batch on its own thread, and every
    file that goldrank writes survives an interrupted write.
    """
    begin_process(settings)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: os._exit(128 + received))
    watch = ParentWatch()
    watch.start(lambda: _leave("the client is gone, though its pipe is open"))
    workspace = Workspace(roots, settings, second=base_stage(settings))
    code = 0
    try:
        anyio.run(partial(_run, workspace, watch, version, feedback=feedback, follow_roots=follow_roots))
    except* BrokenPipeError:  # it was killed while it was being answered
        log.info("the client is gone")
    except* BaseException:  # whatever it was, the log must say it before the hard exit
        log.exception("the server stopped")
        code = 1
    finally:
        logging.shutdown()
        os._exit(code)


def begin_process(settings: Settings) -> None:
    """Set up what every server process has: a log, little memory kept, no network for models."""
    logs.begin(settings)
    memory.keep_little()
    # Set here, because clients pass on little of the environment.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _leave(why: str) -> None:
    log.info(why)
    logging.shutdown()
    os._exit(0)


async def _run(
    workspace: Workspace, watch: ParentWatch, version: str, *, feedback: bool, follow_roots: bool
) -> None:
    server = build_server(workspace, version=version, feedback=feedback, follow_roots=follow_roots)
    refusals, refused = anyio.create_memory_object_stream[SessionMessage]()
    batches = Batches()
    # Of either file the library takes no more than what these have.
    lines: Any = watch.listen(stdin.requests(stdin.standard_input(), refusals, batches))
    output: Any = Output(stdin.standard_output(), batches)
    async with (
        stdio_server(stdin=lines, stdout=output) as (incoming, outgoing),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(stdin.pass_on, refused, outgoing)
        await server.run(incoming, outgoing, server.create_initialization_options())
        tasks.cancel_scope.cancel()
