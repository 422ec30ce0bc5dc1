"""Colour and links reach a terminal and never a pipe, unless somebody wants it otherwise."""

import os
from pathlib import Path

import pytest
from fakes import write
from terminal import at_terminal, piped, plain

QUESTION = ("search", "how", "does", "the", "client", "retry")


def text_of(*arguments: str, cwd: Path, **variables: str) -> str:
    """Run a command into a pipe and return what it printed."""
    done = piped(*arguments, cwd=cwd, variables=variables)
    assert "\x1b" not in done.stderr
    assert "indexing" not in done.stderr
    return done.stdout


def test_a_terminal_shows_the_text_of_a_pipe_in_colour(example: Path) -> None:
    """Colour adds, it changes no word; only the milliseconds differ."""
    text = text_of(*QUESTION, cwd=example)
    code, shown = at_terminal(*QUESTION, cwd=example)
    assert code == 0
    assert "\x1b" not in text
    assert plain(shown).replace("\r\n", "\n").splitlines()[1:] == text.splitlines()[1:]
    assert "\x1b[1mretry\x1b[0m" in shown, "what was asked for is bold in code"
    assert "return \x1b" not in shown, "and nothing else is"


@pytest.mark.parametrize(
    ("options", "variables", "is_coloured"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"CLICOLOR_FORCE": "1"}, True),
        ((), {"FORCE_COLOR": "0"}, False),
        ((), {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_a_pipe_is_coloured_on_request(
    example: Path, options: tuple[str, ...], variables: dict[str, str], *, is_coloured: bool
) -> None:
    """`| less -R` wants it, and a log of a build sets the variables that all programs read."""
    shown = text_of(*QUESTION, *options, cwd=example, **variables)
    assert ("\x1b[" in shown) is is_coloured
    assert "\x1b]8" not in shown, "a link is for a terminal"


@pytest.mark.parametrize(
    ("options", "variables"),
    [(("--color", "never"), {}), ((), {"NO_COLOR": "1"}), ((), {"TERM": "dumb"}), ((), {"CLICOLOR": "0"})],
)
def test_a_terminal_stays_plain_on_request(
    example: Path, options: tuple[str, ...], variables: dict[str, str]
) -> None:
    """An editor's terminal that knows no colour shows the codes instead."""
    text_of("index", cwd=example)
    code, shown = at_terminal(*QUESTION, *options, cwd=example, **variables)
    assert code == 0
    assert "src/client.py:1-9" in shown
    assert "\x1b" not in shown


def test_a_place_opens_by_a_click(example: Path) -> None:
    """The link names the machine and the whole path; the line only where the terminal reads it."""
    write(example, {"a b#c.py": "def send_again(): pass\n"})
    _, shown = at_terminal("search", "send_again", cwd=example)
    assert "/example/a%20b%23c.py\x1b\\" in shown
    assert "\x1b]8;;file://" in shown
    _, shown = at_terminal("search", "rateLimit", cwd=example, TERM_PROGRAM="vscode")
    assert f"{example.resolve()}/src/limits.ts#1\x1b\\" in shown
    _, shown = at_terminal("search", "rateLimit", cwd=example, TERM="linux")
    assert "\x1b[36m" in shown
    assert "\x1b]8" not in shown


def test_a_name_that_is_no_unicode_is_a_link_too(example: Path) -> None:
    """Old archives hold such names; each byte is written as it is on disk."""
    Path(os.fsdecode(os.fsencode(example) + b"/caf\xe9.py")).write_text("def old_archive(): pass\n", "utf-8")
    code, shown = at_terminal("search", "old_archive", cwd=example)
    assert code == 0
    assert "/example/caf%E9.py" in shown


def test_what_a_file_contains_cannot_colour_the_terminal(example: Path) -> None:
    """An escape sequence in a repository could hide text or fake a link."""
    write(example, {"evil.py": "def evil_twin():\n    '\x1b[31m\x1b]8;;http://x\x1b\\'\n"})
    _, shown = at_terminal("search", "evil_twin", cwd=example)
    assert "evil.py" in shown
    assert "\x1b[31m" not in shown
    assert "\x1b]8;;http" not in shown


def test_a_verdict_has_its_colour(example: Path) -> None:
    """A failure among thirty lines is found at a glance."""
    code, shown = at_terminal("doctor", "--cache", "README.md/cache", cwd=example)
    assert code == 1
    assert "\x1b[31mfailure \x1b[0m cache folder" in shown
    assert "\x1b[32mok      \x1b[0m python" in shown
    assert "\x1b[31m\x1b[1mgoldrank:\x1b[0m 1 check failed" in shown
