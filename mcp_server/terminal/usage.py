"""How wrong usage is answered: with what was wrong, and a command line that is right."""

import re
import shlex
from collections.abc import Sequence

import click

_EXAMPLE = "  goldrank "
_NAMES_IT = re.compile(r": goldrank \w")  # the error itself gives the command line that is right
NEAR = 0.7  # serch and searh are near search; where is not near serve, which difflib's 0.6 takes it for


def examples(*lines: str) -> str:
    r"""Write the examples that end a command's help, for click's `epilog`.

    >>> examples("goldrank search where are retries scheduled")
    '\x08\nExamples:\n  goldrank search where are retries scheduled'
    """
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


def examples_of(command: click.Command) -> list[str]:
    """List the examples of a command."""
    return [line.strip() for line in (command.epilog or "").split("\n") if line.startswith(_EXAMPLE)]


def no_such_command(args: Sequence[str], group: click.Context) -> click.UsageError:
    """Answer a word that is no command: with the nearest one, or as a question for `search`.

    Args:
        args: The word, and what follows it.
        group: The commands that there are.
    """
    said, near = f"No such command {args[0]!r}.", _nearest(args[0], group)
    if near:
        return click.UsageError(f"{said} Did you mean: {shlex.join(('goldrank', near, *args[1:]))}", group)
    question = args if len(args) > 1 or " " not in args[0] else args[0].split()
    line = " ".join(map(shlex.quote, question))
    return click.UsageError(f"{said} To search for it: goldrank search {line}", group)


def no_such_help(words: Sequence[str], group: click.Context, context: click.Context) -> click.UsageError:
    """Answer a word that is no command, of which the help was asked for.

    Args:
        words: The names of the commands; the last is wrong.
        group: The commands that there are.
        context: The help.
    """
    said, near = f"No such command {words[-1]!r}.", _nearest(words[-1], group)
    if near:
        right = shlex.join(("goldrank", "help", *words[:-1], near))
        return click.UsageError(f"{said} Did you mean: {right}", context)
    return click.UsageError(f"{said} All commands: goldrank help", context)


def _nearest(word: str, group: click.Context) -> str:
    """Return the command whose name is nearest to a word, or ""."""
    import difflib  # a millisecond that only an error needs

    known = group.command.list_commands(group) if isinstance(group.command, click.Group) else ()
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=NEAR)), "")


def answer(error: click.ClickException) -> None:
    """Say what was wrong with a command line, then how it is right."""
    new = _renamed(error)
    (new or error).show()
    command = error.ctx.command if isinstance(error, click.UsageError) and error.ctx else None
    if command is None or isinstance(error, click.exceptions.NoArgsIsHelpError):
        return
    if command.name == "search" and _is_of_question(error) and not new:
        click.echo(
            "A word of the question that begins with a dash: goldrank search -- what does -k do", err=True
        )
    elif not _NAMES_IT.search(error.message) and (known := examples_of(command)):
        click.echo(f"Example: {known[0]}", err=True)


def _is_of_question(error: click.ClickException) -> bool:
    """Return whether an option of a search may have been a word of its question."""
    is_word = isinstance(error, click.BadParameter) and "is not a valid" in error.message
    return isinstance(error, click.NoSuchOption) or is_word


def _renamed(error: click.ClickException) -> click.UsageError | None:
    """Return the error that tells the new name of an option that was renamed."""
    if not isinstance(error, click.NoSuchOption):
        return None
    from retrieval.settings import RENAMED  # loads what reads settings, which no other answer needs

    new = RENAMED.get(error.option_name.lstrip("-").replace("-", "_"))
    return (
        click.UsageError(f"{error.option_name} is now called --{new.replace('_', '-')}", error.ctx)
        if new
        else None
    )
