"""The command describes itself: version, help, completion."""

from pathlib import Path

import pytest
from terminal import piped


def said(*arguments: str, cwd: Path, **variables: str) -> str:
    """Run the command and return what it printed."""
    return piped(*arguments, cwd=cwd, variables=variables).stdout


def test_the_version_is_told_however_it_is_asked_for(example: Path) -> None:
    """Each program has its own habit, and people know one of them."""
    told = {said(word, cwd=example) for word in ("version", "--version", "-V")}
    assert len(told) == 1
    assert told.pop().startswith("goldrank, version ")


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (("help",), ("--help",)),
        (("help", "search"), ("search", "-h")),
        (("help", "golden", "add"), ("golden", "add", "--help")),
    ],
)
def test_help_is_a_command_and_an_option(
    example: Path, short: tuple[str, ...], long: tuple[str, ...]
) -> None:
    """`git help log` taught a generation."""
    told = said(*short, cwd=example)
    assert told.startswith("Usage: goldrank")
    assert told == said(*long, cwd=example)


def test_the_commands_are_listed_in_groups(example: Path) -> None:
    """Nineteen names in alphabetical order hide the three that matter."""
    told = said("help", cwd=example)
    order = [told.index(f"\n{title}:\n") for title in ("Use", "Learn", "Maintain")]
    assert order == sorted(order)
    assert order[0] < told.index("\n  search ") < order[1] < told.index("\n  learn ") < order[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(example: Path, shell: str) -> None:
    """The script calls back by the variable that the command reads."""
    assert f"_GOLDRANK_COMPLETE={shell}_complete" in said("completion", shell, cwd=example)


def test_the_commands_and_options_are_completed(example: Path) -> None:
    """What the scripts ask for when a person presses the tab key."""
    asked = {"_GOLDRANK_COMPLETE": "bash_complete", "COMP_CWORD": "1"}
    told = said(cwd=example, **asked, COMP_WORDS="goldrank se")
    assert told.split() == ["plain,search", "plain,serve"]
    told = said(cwd=example, **{**asked, "COMP_CWORD": "2"}, COMP_WORDS="goldrank search --off")
    assert told.split() == ["plain,--offset"]
