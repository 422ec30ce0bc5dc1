"""A wrong command line is answered with one that is right."""

import shlex
from contextlib import chdir
from pathlib import Path

import click
import pytest
from fakes import write
from terminal import piped

from mcp_server.cli import COMMANDS, goldrank
from mcp_server.terminal.usage import examples_of


def failed(*arguments: str, cwd: Path) -> str:
    """Run a command line that is wrong and return what it answers."""
    done = piped(*arguments, cwd=cwd, code=2)
    assert done.stdout == ""
    return done.stderr


@pytest.mark.parametrize(
    ("line", "right"),
    [
        (("serch", "where are retries"), "Did you mean: goldrank search 'where are retries'"),
        (("where are retries",), "To search for it: goldrank search where are retries"),
        (("where", "are", "retries"), "To search for it: goldrank search where are retries"),
        (("why?", "now"), "To search for it: goldrank search 'why?' now"),
        (("golden", "lnt"), "Did you mean 'lint'"),
        (("help", "serch"), "Did you mean: goldrank help search"),
        (("help", "golden", "lnt"), "Did you mean: goldrank help golden lint"),
        (("help", "nothing"), "All commands: goldrank help"),
        (("search", "x", "--offset", "-3"), "Example: goldrank search where are retries scheduled"),
        (("search",), "Example: goldrank search where are retries scheduled"),
        (("search", "-k"), "Example: goldrank search where are retries scheduled"),
        (("search", "what", "does", "-x", "do"), "goldrank search -- what does -k do"),
        (("search", "-k", "many", "things"), "goldrank search -- what does -k do"),
        (("train",), "Example: goldrank train pairs.jsonl"),
        (("golden", "add"), "Example: goldrank golden add"),
        (("completion", "csh"), "Example: goldrank completion bash"),
    ],
)
def test_a_wrong_line_is_answered_with_a_right_one(example: Path, line: tuple[str, ...], right: str) -> None:
    """Nobody should have to read a manual to repair a typing error."""
    assert right in failed(*line, cwd=example)


def test_one_right_line_is_enough(example: Path) -> None:
    """Two suggestions for one mistake make a reader choose again."""
    assert "Example:" not in failed("serch", cwd=example)


def commands() -> dict[str, click.Command]:
    """List every command, those of groups too."""
    found = {}
    context = click.Context(goldrank, info_name="goldrank")
    for name in COMMANDS:
        command = goldrank.get_command(context, name)
        assert command is not None
        found[f"goldrank {name}"] = command
        if isinstance(command, click.Group):
            found |= {f"goldrank {name} {sub}": inner for sub, inner in command.commands.items()}
    return found


COMMANDS_BY_NAME = commands()


@pytest.mark.parametrize(("name", "command"), COMMANDS_BY_NAME.items(), ids=COMMANDS_BY_NAME)
def test_the_help_of_every_command_ends_with_examples_that_parse(
    tmp_path: Path, name: str, command: click.Command
) -> None:
    """An example that fails teaches distrust."""
    write(tmp_path, {"queries.jsonl": ""})
    shown = examples_of(command)
    assert 1 <= len(shown) <= 3
    for line in shown:
        words = shlex.split(line.partition(" | ")[0])
        if isinstance(command, click.Group):
            continue  # its examples are those of its commands
        assert " ".join(words).startswith(name)
        with chdir(tmp_path), command.make_context(name, words[len(name.split()) :]):
            pass  # leaving the context closes the files that it opened
