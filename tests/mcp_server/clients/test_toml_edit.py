"""Codex keeps its projects, approvals and models in one file; ours is one table of it."""

import tomllib

import pytest

from mcp_server.clients import toml_edit
from retrieval.errors import ClientFileError

KEYS = ("mcp_servers", "goldrank")
ENTRY = {"command": "/bin/goldrank", "args": ["serve"]}

FILES = [
    "",
    "\n",
    'model = "x"',
    'model = "x"  # why\n',
    "a = 1\n# the end\n",
    "[t]\nx = 1\n\n\n",
    '[mcp_servers.a]\ncommand = "a"\n# about a\n\n[other]  # odd\nx = [\n  1, # one\n]\n',
    'a = 1\r\n\r\n[mcp_servers.a]\r\ncommand = "a"\r\n',
    '[[many]]\nx = """\n[mcp_servers.other]\n"""\n',
]


@pytest.mark.parametrize("text", FILES)
def test_what_was_added_is_taken_out_to_the_byte(text: str) -> None:
    """Comments and order of somebody's settings are theirs."""
    added = toml_edit.add(text, KEYS, ENTRY)
    expected = tomllib.loads(text)
    expected.setdefault("mcp_servers", {})["goldrank"] = ENTRY
    assert tomllib.loads(added) == expected
    assert added.startswith(text)
    assert toml_edit.remove(added, KEYS) == text


def test_a_file_that_was_made_for_the_table_goes_with_it() -> None:
    """An empty file that nobody wrote is litter."""
    assert toml_edit.remove(toml_edit.add(None, KEYS, ENTRY), KEYS) is None


def test_a_comment_below_belongs_to_what_follows() -> None:
    """A TOML library that keeps comments would still delete this one: why text is edited here."""
    text = 'a = 1\n\n[ mcp_servers . "goldrank" ] # ours\ncommand = "c"\nargs = []\n\n# about b\n[b]\nx = 1\n'
    assert toml_edit.remove(text, KEYS) == "a = 1\n\n# about b\n[b]\nx = 1\n"
    assert toml_edit.line_of(text, KEYS) == 3


def test_a_table_that_is_written_anew_stays_where_it_is() -> None:
    """An upgrade that moves the program must not reorder the file."""
    added = toml_edit.add("a = 1\n", KEYS, ENTRY) + "\n[b]\nx = 1\n"
    moved = toml_edit.add(added, KEYS, {**ENTRY, "command": "/opt/goldrank"})
    assert moved == added.replace("/bin/", "/opt/")


def test_paths_of_any_system_survive() -> None:
    """A backslash begins an escape in TOML, and a quote ends a string."""
    entry = {"command": 'C:\\Program Files\\"x"\\goldrank.exe\x7f', "args": ["serve", "/ä b/'c'"]}
    assert tomllib.loads(toml_edit.add(None, KEYS, entry)) == {"mcp_servers": {"goldrank": entry}}


def test_what_is_no_toml_is_told_with_its_line() -> None:
    """The person must find the place that Codex cannot read either."""
    with pytest.raises(ClientFileError, match="line 2: "):
        toml_edit.parse("a = 1\nb = \n")
    with pytest.raises(ClientFileError, match="line 3: "):
        toml_edit.parse('a = 1\nb = """\n')
