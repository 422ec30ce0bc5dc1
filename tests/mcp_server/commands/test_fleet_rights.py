"""An administrator looks at rights before a server does."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes import write

from mcp_server.cli import goldrank

RIGHTS = """
[people]
ann = ["all"]
bob = ["open"]
[groups]
all = ["**"]
open = ["https://h/open/*"]
spare = ["https://h/none/*"]
"""


@pytest.fixture(name="file")
def file_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a list of repositories and a rights file."""
    write(tmp_path, {"fleet.txt": "https://h/open/a\nhttps://h/closed/b\n", "rights.toml": RIGHTS})
    monkeypatch.setenv("GOLDRANK_FLEET", str(tmp_path / "fleet.txt"))
    return tmp_path / "rights.toml"


def run(file: Path, *arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(goldrank, ["fleet", "rights", str(file), *arguments], standalone_mode=False)


def test_each_repository_is_shown_with_who_sees_it(file: Path) -> None:
    """Before a server starts, somebody should read who will see what."""
    told = run(file)
    assert told.stdout.splitlines() == [
        "https://h/open/a\tann, bob (groups: all, open)",
        "https://h/closed/b\tann (groups: all)",
    ]
    assert "https://h/none/* of the group spare matches none of the 2 repositories" in told.stderr
    assert told.return_value == 1


def test_what_one_person_sees_is_listed(file: Path) -> None:
    """Somebody says that a repository is missing."""
    told = run(file, "bob")
    assert told.stdout.splitlines() == ["https://h/open/a"]
    assert "bob sees 1 of 2 repositories" in told.stderr
    assert run(file, "eve").return_value == 1
    assert run(file, "eve", "--group", "all").stdout.count("\n") == 2


def test_a_file_without_idle_lines_is_fine(file: Path) -> None:
    """A check in CI ends with 0."""
    file.write_text(RIGHTS.replace('spare = ["https://h/none/*"]\n', ""))
    assert run(file).return_value == 0
