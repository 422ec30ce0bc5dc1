"""The list of URLs is edited by people and by commands, and a server reads it whole or not at all."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes import write
from remotes import Remote

from mcp_server.cli import goldrank
from retrieval.errors import ArgumentError

FIRST, SECOND = "https://github.com/elixir-ecto/ecto@v3.12", "git@example.com:owner/name.git"


@pytest.fixture(name="registry")
def registry_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Name a list of the test's own."""
    file = tmp_path / "config" / "fleet.txt"
    monkeypatch.setenv("GOLDRANK_FLEET", str(file))
    monkeypatch.setenv("GOLDRANK_CACHE", str(tmp_path / "cache"))
    return file


def run(*arguments: str | Path) -> str:
    """Run a command in this process; it must not fail."""
    result = CliRunner().invoke(goldrank, ["fleet", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_what_a_person_wrote_in_the_list_stays(registry: Path) -> None:
    """A list of a hundred repositories has headings, and a reason beside some of them."""
    text = f"# ours\n\n{SECOND}   \n# theirs, pinned until June\n{FIRST}"
    write(registry.parent, {registry.name: text})
    assert "1 URL added, 1 in the list before" in run("add", "https://host/o/n", SECOND.removesuffix(".git"))
    assert registry.read_text() == f"{text}\nhttps://host/o/n\n"
    assert "1 URL removed" in run("remove", FIRST)
    assert registry.read_text() == f"# ours\n\n{SECOND}   \n# theirs, pinned until June\nhttps://host/o/n\n"
    command = [sys.executable, "-m", "mcp_server", "fleet", "remove", FIRST]
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (1, f"{FIRST} is not in the list\n")


def test_an_empty_list_says_how_to_add_and_a_url_without_protocol_is_understood(registry: Path) -> None:
    """Silence reads as a failure; and people paste what the browser shows, which is no URL."""
    assert f"{registry} lists no URL; add one: goldrank fleet add URL" in run("list")
    with pytest.raises(ArgumentError, match=r"did you mean https://github\.com/pallets/click\?"):
        run("add", "github.com/pallets/click")


def test_a_file_of_urls_is_added_or_refused_whole(registry: Path, tmp_path: Path) -> None:
    """An organisation is listed by its forge's own tool; a typo in line 80 must not leave half of it."""
    urls = write(tmp_path, {"urls": f"{FIRST}\n# comment\n\n{SECOND}\n{FIRST}\n"}) / "urls"
    assert "2 URLs added" in run("add", "--from", urls)
    before = registry.read_text()
    assert before.startswith("# Repositories that")
    write(tmp_path, {"urls": "https://host/o/new\nhttps://ann:s3cret@host/o/n\n"})
    with pytest.raises(ArgumentError, match=r"line 2 of .*: the URL holds a password") as refused:
        run("add", "--from", urls)
    assert "s3cret" not in str(refused.value)
    assert registry.read_text() == before
    with pytest.raises(ArgumentError, match="is no URL of a repository"):
        run("add", tmp_path)


def test_two_commands_that_add_at_once_lose_nothing(registry: Path) -> None:
    """A script that adds a hundred repositories may do so in parallel."""
    command = [sys.executable, "-m", "mcp_server", "fleet", "add"]
    threads = [
        threading.Thread(target=subprocess.run, args=([*command, f"https://host/o/n{n}"],)) for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(re.findall(r"n\d$", registry.read_text(), re.MULTILINE)) == ["n0", "n1", "n2", "n3"]


def test_the_list_is_served_and_shown_with_its_mirrors(registry: Path, tmp_path: Path) -> None:
    """One server for all repositories of a team starts from one file."""
    origin = Remote(tmp_path / "forge", {"a.py": "def first():\n    return 1\n"})
    run("add", origin.url, f"{origin.url}@main")
    assert run("list") == f"{origin.url}\tnot fetched yet\n{origin.url}@main\tnot fetched yet\n"
    origin.mirror(tmp_path / "cache").refresh()
    assert run("list").count("\tcommit ") == 2
    command = [sys.executable, "-m", "mcp_server", "serve", "--fleet", "--http", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stderr
        line = process.stderr.readline()
        process.kill()
    assert "goldrank serves name, name@main at http://127.0.0.1:" in line
    registry.unlink()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "lists no URL; add one: goldrank fleet add URL" in ended.stderr
