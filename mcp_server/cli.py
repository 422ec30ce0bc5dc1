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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from mcp_server.messages.visibility import clean
from mcp_server.terminal import colour, usage
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
        usage.answer(error)
        _exit(error.exit_code)
    except CheckError as error:
        _say(f"goldrank: {error}")
        _exit(CHECK_FAILED)
    except (BrokenPipeError, SystemExit):  # `goldrank search … | head`; click ends itself then
        _exit(0)
    except BaseException as error:  # noqa: BLE001 - a traceback is for us, not for the person who runs this
        _fail(error)
    _exit(code if isinstance(code, int) else 0)  # --help and --version return their code


def _fail(error: BaseException) -> NoReturn:
    """Say in one line what went wrong, and end."""
    if isinstance(error, click.exceptions.Abort | KeyboardInterrupt):
        _say(interrupted(sys.argv[1:]))
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


def interrupted(arguments: Sequence[str]) -> str:
    """Say what Ctrl-C leaves: for most long commands, finished work, with which the next run continues.

    >>> interrupted(["index", "."]), interrupted(["fleet", "list"])
    ('interrupted; finished work is kept, and the same command continues from there', 'interrupted')
    """
    kept = "; finished work is kept, and the same command continues from there"
    return f"interrupted{kept if CONTINUING.intersection(arguments[:1]) else ''}"


def _has_working_folder() -> bool:
    try:
        return bool(Path.cwd())
    except OSError:
        return False


def _say(text: str) -> None:
    program, colon, said = clean(text).partition("goldrank:")
    shown = f"{program}{click.style(colon, fg='red', bold=True)}{said}" if colon and not program else program
    with suppress(OSError):  # standard error may be as full as standard output
        click.echo(shown, err=True, color=colour.choice("auto", os.environ))


def _exit(code: int) -> NoReturn:
    """End now: a model thread in the middle of a batch must not hold the process."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A command in the list: its module below `mcp_server`, its name there, and what the list says of it."""

    module: str
    name: str
    summary: str


GROUPS: Mapping[str, Mapping[str, _Entry]] = {
    "Use": {
        "search": _Entry("commands.search", "search", "Find the code that answers a question."),
        "init": _Entry("commands.init", "init", "Add goldrank to your coding assistants."),
        "serve": _Entry("commands.serve", "serve", "Serve both tools over MCP; assistants run this."),
        "status": _Entry("commands.index", "status", "Show what is searched, and what is left out and why."),
    },
    "Learn": {
        "golden": _Entry("commands.golden", "golden", "Maintain questions with known answers."),
        "learn": _Entry("commands.learning.learn", "learn", "Learn this repository, then promote or refuse."),
        "eval": _Entry("commands.evaluate", "evaluate", "Measure the search on the known answers."),
        "models": _Entry(
            "commands.learning.version_list",
            "list_models",
            "List learned models and orders, and their history.",
        ),
        "promote": _Entry(
            "commands.learning.models",
            "promote",
            "Bring back a model or an order, or promote your own model.",
        ),
        "rollback": _Entry("commands.learning.models", "rollback", "Roll back to the previous model."),
        "mine": _Entry("commands.learning.train", "mine", "Mine training pairs, the first step of learn."),
        "train": _Entry("commands.learning.train", "train", "Fine-tune a model on mined pairs, the second."),
        "run": _Entry("commands.search", "run", "Answer a file of queries, for an evaluation."),
    },
    "Maintain": {
        "doctor": _Entry("commands.check_installation", "doctor", "Find what is wrong, and what fixes it."),
        "fleet": _Entry("commands.fleet", "fleet", "Keep the list of URLs that serve --fleet serves."),
        "index": _Entry("commands.index", "index", "Bring the index up to date ahead of time."),
        "clean": _Entry("commands.index", "clean", "Free disk space."),
        "completion": _Entry("terminal.about", "completion", "Print the completion script of a shell."),
        "help": _Entry("terminal.about", "show_help", "Print this, or the help of a command."),
        "version": _Entry("terminal.about", "version", "Print the version."),
    },
}
"""The commands, as the help lists them."""

COMMANDS: Mapping[str, _Entry] = {name: entry for group in GROUPS.values() for name, entry in group.items()}

CONTINUING = frozenset({"search", "status", "index", "golden", "learn", "eval", "mine", "train", "run"})
"""The commands that keep finished work when they are interrupted: all of them index, and some learn."""


class Commands(click.Group):
    """The commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - as click calls it
        """List the names for the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import one command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        found = getattr(importlib.import_module(f"mcp_server.{entry.module}"), entry.name)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands in groups, without importing them."""
        for title, entries in GROUPS.items():
            with formatter.section(title):
                width = max(map(len, COMMANDS))
                formatter.write_dl([(name.ljust(width), entry.summary) for name, entry in entries.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name without importing any."""
        named = [
            CompletionItem(name, help=entry.summary)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of its parser, which click raises bare, learns whose it is."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            name = ctx.invoked_subcommand
            command = self.get_command(ctx, name) if name else None
            if error.ctx is None and command is not None:
                error.ctx = click.Context(command, info_name=name, parent=ctx)
            raise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Answer a name that is wrong with what would be right."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise usage.no_such_command(args, ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=usage.examples(
        "goldrank search where are retries scheduled",
        "goldrank init",
        "goldrank help search",
    ),
)
@click.version_option(None, "-V", "--version", package_name="goldrank", prog_name="goldrank")
def goldrank() -> None:
    """Code search that assistants can trust: BM25, then a cross-encoder, served over MCP.

    A command works on the repository around the working folder unless you name another. Settings come from
    options, GOLDRANK_* variables and a file, in this order of precedence; `goldrank doctor` names the file.

    Exit codes: 0 done; 1 nothing found, or a check failed; 2 an error.
    """
