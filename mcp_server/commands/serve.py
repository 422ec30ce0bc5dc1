"""The command that clients start: serve repositories over standard input and output."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mcp_server.commands.options import FOLDER, with_common, with_model
from mcp_server.serving.workspace import default_root
from mcp_server.terminal.usage import examples
from retrieval.settings import load_settings


@click.command(epilog=examples("goldrank serve", "goldrank serve ~/src/api ~/src/web"))
@click.argument("roots", nargs=-1, type=FOLDER)
@click.option("--feedback", is_flag=True, help="Add rag_feedback, which logs useful results on this machine.")
@click.option("--log-file", help="Also log to this file; it and its older copies take at most 4 MB.")
@click.option(
    "--max-open-repositories",
    type=int,
    help="Repositories kept open; the least recently used is closed first. [default: 32]",
)
@click.option(
    "--idle-unload-s",
    type=float,
    help="Unload the model and the indexes after this idle time. [default: 300]",
)
@with_model
@with_common
def serve(roots: Sequence[Path], feedback: bool, **flags: Any) -> None:
    """Serve rag_search and rag_rerank over standard input and output.

    ROOTS are the repositories to serve; without any, CLAUDE_PROJECT_DIR, else the repository around the
    working folder. Nothing outside them is read. The server indexes them in the background; a question never
    waits long, and its answer says what is not indexed yet.
    """
    import importlib.metadata

    from mcp_server.protocol.process import serve as run_server

    settings = load_settings(flags, environment=os.environ)
    chosen = list(roots) or [default_root(os.environ, Path.cwd())]
    run_server(chosen, settings, version=importlib.metadata.version("goldrank"), feedback=feedback)
