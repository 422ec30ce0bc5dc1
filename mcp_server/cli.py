"""The `goldrank` command: dispatches to commands; a failure becomes one line and an exit code.

A command's module is imported when that command runs: `goldrank --version` needs none of them, and most
commands need neither the protocol nor a model.
"""

import importlib
import io
import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import click

from mcp_server.messages.visibility import clean
from retrieval.errors import CheckError, GoldrankError, shorten

ERROR = 2
CHECK_FAILED = 1
CANCELLED = 130  # what a shell expects after Ctrl-C

log = logging.getLogger(__name__)


def main() -> NoReturn:
    """Run the command; a failure is one line on standard error."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as the launcher left it while modules loaded
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # a shell may close either: `>&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - to the very end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # PYTHONIOENCODING may say ascii, and a name be no Unicode
            stream.reconfigure(errors="backslashreplace")
    try:
        code = goldrank(prog_name="goldrank", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        _show(error)
        _exit(error.exit_code)
    except CheckError as error:
        click.echo(clean(f"goldrank: {error}"), err=True)
        _exit(CHECK_FAILED)
    except (BrokenPipeError, SystemExit):  # `goldrank search … | head`; click ends itself then
        _exit(0)
    except BaseException as error:  # noqa: BLE001 - a traceback is for us, not for the person who runs this
        _fail(error)
    _exit(code if isinstance(code, int) else 0)  # --help and --version return their code


def _fail(error: BaseException) -> NoReturn:
    """Say in one line what went wrong, and end."""
    if isinstance(error, click.exceptions.Abort | KeyboardInterrupt):
        _say("interrupted; what was committed stays")
        _exit(CANCELLED)
    if isinstance(error, GoldrankError):
        _say(f"goldrank: {error}")
    elif isinstance(error, FileNotFoundError) and not _has_working_folder():
        _say("goldrank: the working folder no longer exists; change to one that does, and try again")
    elif isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else "input or output failed: "
        _say(f"goldrank: {named}{error.strerror or error}")
    else:
        said = f"{type(error).__name__}: {error}"
        _say(f"goldrank: this is a bug: {shorten(said)}; --log-level DEBUG shows where, please report it")
    log.debug("where it happened", exc_info=error)
    _exit(ERROR)


def _show(error: click.ClickException) -> None:
    """Say what was wrong with the command line, and the new name of an option that was renamed."""
    if isinstance(error, click.NoSuchOption):
        from retrieval.settings import RENAMED

        new = RENAMED.get(error.option_name.lstrip("-").replace("-", "_"))
        if new:
            error = click.UsageError(
                f"{error.option_name} is now called --{new.replace('_', '-')}", error.ctx
            )
    error.show()


def _has_working_folder() -> bool:
    try:
        return bool(Path.cwd())
    except OSError:
        return False


def _say(text: str) -> None:
    with suppress(OSError):  # standard error may be as full as standard output
        click.echo(clean(text), err=True)


def _exit(code: int) -> NoReturn:
    """End now: a model thread in the middle of a batch must not hold the process."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


COMMANDS: Mapping[str, tuple[str, str]] = {
    "clean": ("index", "clean"),
    "doctor": ("check_installation", "doctor"),
    "eval": ("evaluate", "evaluate"),
    "golden": ("golden", "golden"),
    "index": ("index", "index"),
    "init": ("init", "init"),
    "learn": ("learn", "learn"),
    "mine": ("train", "mine"),
    "models": ("models", "list_models"),
    "promote": ("models", "promote"),
    "rollback": ("models", "rollback"),
    "run": ("search", "run"),
    "search": ("search", "search"),
    "serve": ("serve", "serve"),
    "status": ("index", "status"),
    "train": ("train", "train"),
}
"""The module below `commands` that holds each command, and its name there."""


class _Commands(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """List the names for the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(f"mcp_server.commands.{module}"), name)
        return found if isinstance(found, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Let click know all names before it suggests one for a name that is wrong."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            self.commands.update({name: click.Command(name) for name in COMMANDS})
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="goldrank", prog_name="goldrank")
def goldrank() -> None:
    """Code search that assistants can trust: BM25, then a cross-encoder, served over MCP.

    \b
    Try it:            goldrank search "where are retries scheduled" --repo .
    Give it to agents: goldrank init
    Let it learn:      goldrank golden suggest, goldrank golden add, goldrank learn
    Something wrong:   goldrank doctor

    Settings come from flags, GOLDRANK_* variables and a file, in this order of precedence; `goldrank doctor`
    names the file. Relative paths start at the working folder; the file takes absolute paths and ~/….

    Exit codes: 0 done; 1 nothing found, or a check failed; 2 an error.
    """  # noqa: D301 - click reads the backspace: what follows keeps its lines
