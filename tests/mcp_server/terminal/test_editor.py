"""A place opens in the user's editor, at its line."""

from pathlib import Path

import pytest

from mcp_server.terminal.editor import command
from retrieval.errors import ArgumentError

FILE = Path("/r/a b.py")


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ("vi", ["vi", "+40", "/r/a b.py"]),
        ("/usr/bin/nvim -R", ["/usr/bin/nvim", "-R", "+40", "/r/a b.py"]),
        ("emacsclient -t", ["emacsclient", "-t", "+40", "/r/a b.py"]),
        ("code --wait", ["code", "--wait", "-g", "/r/a b.py:40"]),
        ("hx", ["hx", "/r/a b.py:40"]),
        ("'/opt/My Editor/subl' -w", ["/opt/My Editor/subl", "-w", "/r/a b.py:40"]),
        ("my-own-editor", ["my-own-editor", "/r/a b.py"]),
    ],
)
def test_each_editor_is_told_the_line_in_its_own_way(chosen: str, words: list[str]) -> None:
    """One that is unknown gets the file alone: `+40` would be a file to it."""
    assert command(FILE, 40, {"EDITOR": chosen}) == words
    assert command(FILE, 40, {"VISUAL": chosen, "EDITOR": "other"}) == words


@pytest.mark.parametrize(("chosen", "said"), [("", "no editor is set"), ("vi 'x", "cannot be read")])
def test_a_missing_editor_is_said_with_what_to_set(chosen: str, said: str) -> None:
    """A guess would open vi for somebody who cannot leave it."""
    with pytest.raises(ArgumentError, match=said):
        command(FILE, 40, {"EDITOR": chosen})
