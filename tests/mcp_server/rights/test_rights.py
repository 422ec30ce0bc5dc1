"""Who sees what by a file that people edit while a server runs."""

import os
from pathlib import Path

import pytest
from fakes import write

from mcp_server.rights.caller import EVERYBODY, Caller
from mcp_server.rights.report import readers_of, without_effect
from mcp_server.rights.rights import Rights, read_rights
from retrieval.errors import ArgumentError
from retrieval.mirrors.source import Source, read_source

FILE = """
operators = ["prometheus"]

[people]
ann = ["payments", "everyone"]
bob = ["everyone"]
zoe = []

[groups]
payments = ["https://git.example.com/payments/*"]
everyone = ["https://git.example.com/open/**", "git@example.com:team/docs.git"]
audit = ["https://git.example.com/payments/ledger"]
"""


def source(url: str) -> Source:
    """Read a URL."""
    found = read_source(url)
    assert found
    return found


LEDGER = source("https://git.example.com/payments/ledger.git")
TOOLS = source("https://git.example.com/open/tools/cli")
DOCS = source("https://example.com/team/docs")
ALL = [LEDGER, TOOLS, DOCS]


@pytest.fixture(name="file")
def file_fixture(tmp_path: Path) -> Path:
    """Write a rights file."""
    return write(tmp_path, {"rights.toml": FILE}) / "rights.toml"


def seen(rights: Rights, name: str, *groups: str) -> list[Source]:
    """List what a caller sees."""
    return [one for one in ALL if rights.may_see(Caller(name, frozenset(groups)), one)]


def test_a_person_sees_what_their_groups_see(file: Path) -> None:
    """That is all that the file is for."""
    rights = Rights(file)
    assert seen(rights, "ann") == ALL
    assert seen(rights, "bob") == [TOOLS, DOCS]


@pytest.mark.parametrize("name", ["zoe", "eve", "", "Ann", "ann ", "people", "payments", "prometheus"])
def test_who_is_in_no_group_sees_nothing(file: Path, name: str) -> None:
    """A right is given, never assumed; the name of a group or of an operator is no person."""
    assert seen(Rights(file), name) == []


def test_a_token_may_name_groups_of_the_file_and_no_others(file: Path) -> None:
    """An authorization server knows who is in which team; what a team sees is written here."""
    rights = Rights(file)
    assert seen(rights, "carl", "audit") == [LEDGER]
    assert seen(rights, "carl", "admins", "**", "open") == []
    assert seen(rights, "bob", "audit") == ALL


def test_a_caller_without_a_name_sees_nothing_whatever_groups_it_names(file: Path) -> None:
    """Nobody was identified, so nobody named these groups."""
    assert seen(Rights(file), "", "payments", "everyone") == []
    assert not Rights(file).may_see(EVERYBODY, DOCS)


def test_operators_are_those_of_the_file(file: Path) -> None:
    """To see everything is not to run the server."""
    rights = Rights(file)
    assert rights.is_operator(Caller("prometheus"))
    assert not rights.is_operator(Caller("ann"))
    assert not rights.is_operator(EVERYBODY)


def test_a_change_counts_from_the_next_question_on(file: Path) -> None:
    """Who leaves a team must not wait for a restart to stop reading."""
    rights = Rights(file)
    before = rights.table
    assert rights.table is before
    file.write_text(FILE.replace('bob = ["everyone"]', "bob = []"))
    assert seen(rights, "bob") == []
    assert rights.table is not before


def test_while_the_file_is_gone_or_wrong_nobody_sees_anything(file: Path) -> None:
    """The last rights that were read may be the ones that somebody has just taken away."""
    rights = Rights(file)
    for text in ("[people", "x = 1", ""):
        file.write_text(text)
        assert seen(rights, "ann") == []
        assert not rights.is_operator(Caller("prometheus"))
    file.unlink()
    assert seen(rights, "ann") == []
    file.write_text(FILE)
    assert seen(rights, "ann") == ALL


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_file_that_others_can_change_is_refused(file: Path) -> None:
    """They could give themselves every right."""
    rights = Rights(file)
    file.chmod(0o666)
    with pytest.raises(ArgumentError, match="others than you can change"):
        read_rights(file)
    assert seen(rights, "ann") == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[people]\nann = 'payments'\n", "line 2 of .*: ann is no list of texts; write ann ="),
        ("[people]\nann = [1]\n", "line 2 of .*: ann is no list"),
        ("[people]\nann = ['payments']\n", "line 2 of .*: ann is in 'payments', which is no group; add it"),
        ("[groups]\na = ['github.com/a/b']\n", "line 2 of .*did you mean https://github.com/a/b"),
        ("[groups]\n\n\na = [\n 'https://h/a/b@v1']\n", "line 5 of .*names a ref; leave it out"),
        ("[groups]\na = 'https://h/a/b'\n", "line 2 of .*: a is no list of texts"),
        ("people = ['ann']\n", "line 1 of .*: people is no table"),
        ("[persons]\n", "line 1 of .*: 'persons' is unknown; write"),
        ("[people]\n'' = []\n", "has an empty name"),
        ("[people]\n' ' = []\n", "has an empty name"),
        ("operators = 'ann'\n", "line 1 of .*: operators is no list"),
        ("[people]\nann = []\nann = []\n", "is no TOML: Cannot overwrite a value .at line 3"),
        ("[people\n", "is no TOML"),
        ("a = " + "[" * 100_000, "is no TOML"),
    ],
)
def test_an_error_names_the_line_and_the_way_out(tmp_path: Path, text: str, says: str) -> None:
    """Whoever edits rights is in a hurry."""
    file = write(tmp_path, {"rights.toml": text}) / "rights.toml"
    with pytest.raises(ArgumentError, match=says) as refused:
        read_rights(file)
    assert refused.value.remedy


def test_an_administrator_sees_who_sees_what(file: Path) -> None:
    """Rights that nobody can look at are wrong before long."""
    table = read_rights(file)
    assert [(one.people, one.groups) for one in readers_of(table, ALL)] == [
        (("ann",), ("audit", "payments")),
        (("ann", "bob"), ("everyone",)),
        (("ann", "bob"), ("everyone",)),
    ]
    assert table.seen_by(Caller("bob", frozenset({"audit"})), ALL) == ALL


def test_lines_without_effect_are_said(file: Path) -> None:
    """A typo in a pattern hides a repository from a whole team."""
    assert without_effect(read_rights(file), [LEDGER, TOOLS]) == [
        "zoe is in no group, and sees nothing",
        "git@example.com:team/docs.git of the group everyone matches none of the 2 repositories",
        "nobody is in the group audit, unless an authorization server says so",
    ]
