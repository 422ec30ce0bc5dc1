"""Which client a word means."""

import pytest

from mcp_server.clients import registry
from mcp_server.clients.registry import CLIENTS
from retrieval.errors import ArgumentError


@pytest.mark.parametrize(
    ("word", "name"),
    [
        *((client.name, client.name) for client in CLIENTS),
        *((client.title, client.name) for client in CLIENTS),
        ("claude", "claude-code"),
        ("code", "vscode"),
        ("vs_code", "vscode"),
        ("gemini-cli", "gemini"),
        ("zeditor", "zed"),
        ("WIND", "windsurf"),
    ],
)
def test_a_client_is_known_by_what_people_call_it(word: str, name: str) -> None:
    """`goldrank init claude` is what everybody tries first."""
    assert registry.named(word) == name


@pytest.mark.parametrize("word", ["c", "co", "", "emacs", "claude-desktop"])
def test_a_name_that_means_several_clients_or_none_is_refused(word: str) -> None:
    """The wrong file is worse than a second try."""
    with pytest.raises(ArgumentError, match="write one of claude-code, codex"):
        registry.named(word)
