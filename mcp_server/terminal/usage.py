"""How wrong usage is answered: with what was wrong, and a command line that is right."""

import re
import shlex
from collections.abc import Collection, Sequence

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


def no_such_command(
    args: Sequence[str], commands: Collection[str], context: click.Context
) -> click.UsageError:
    """Answer a word that is no command: with the nearest one, or as a question for `search`."""
    import difflib  # a millisecond that only an error needs

    word, near = args[0], difflib.get_close_matches(args[0], commands, n=1, cutoff=NEAR)
    said = f"No such command {word!r}."
    if near:
        return click.UsageError(
            f"{said} Did you mean: {shlex.join(('goldrank', near[0], *args[1:]))}", context
        )
    question = args if len(args) > 1 or " " not in word else word.split()
    return click.UsageError(
        f"{said} To search for it: goldrank search {' '.join(map(shlex.quote, question))}", context
    )


def answer(error: click.ClickException) -> None:
    """Say what was wrong with a command line, then how it is right."""
    new = _renamed(error)
    (new or error).show()
    command = error.ctx.command if isinstance(error, click.UsageError) and error.ctx else None
    if command is None or isinstance(error, click.exceptions.NoArgsIsHelpError):
        return
    if command.name == "search" and isinstance(error, click.NoSuchOption | click.BadParameter) and not new:
        click.echo(
            "A word of the question that begins with a dash: goldrank search -- what does -k do", err=True
        )
    elif not _NAMES_IT.search(error.message) and (known := examples_of(command)):
        click.echo(f"Example: {known[0]}", err=True)


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
