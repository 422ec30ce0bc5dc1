"""What the command says of itself: its version, its help, and the words a shell completes."""

from collections.abc import Sequence

import click
from click.shell_completion import get_completion_class

from mcp_server.terminal.usage import examples, no_such_help

COMPLETION_VARIABLE = "_GOLDRANK_COMPLETE"  # click derives it from the program's name
_SHELLS = ("bash", "zsh", "fish")


@click.command(epilog=examples("goldrank version"))
@click.pass_context
def version(context: click.Context) -> None:
    """Print the version, as `goldrank --version` does."""
    import importlib.metadata

    click.echo(f"{context.find_root().info_name}, version {importlib.metadata.version('goldrank')}")


@click.command("help", epilog=examples("goldrank help search", "goldrank help golden add"))
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def show_help(context: click.Context, words: Sequence[str]) -> None:
    """Print the help of goldrank, or of one COMMAND."""
    around = context.find_root()
    for i, word in enumerate(words):
        group = around.command
        found = group.get_command(around, word) if isinstance(group, click.Group) else None
        if found is None:
            raise no_such_help(words[: i + 1], around, context)
        around = click.Context(found, info_name=word, parent=around)
    click.echo(around.get_help())


@click.command(epilog=examples(*(f"goldrank completion {shell}" for shell in _SHELLS)))
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete commands, options and paths.

    \b
    bash: save it as ~/.local/share/bash-completion/completions/goldrank
    zsh:  save it as _goldrank in a folder of $fpath
    fish: save it as ~/.config/fish/completions/goldrank.fish
    """  # noqa: D301 - click reads the backspace
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click completes nothing in {shell}")
    root = context.find_root()
    click.echo(found(root.command, {}, "goldrank", COMPLETION_VARIABLE).source())
