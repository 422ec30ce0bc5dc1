"""An entry in each client's file, added and removed without touching anything else."""

import json
import os
import tempfile
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from client_files import BY_NAME, COMMENTED, SCRIPT, dismiss, files, held, introduce
from fakes import ordinary_user, write

from mcp_server.clients import agents_md, registry
from mcp_server.clients.registry import CLIENTS, NAMES, Surroundings
from retrieval.errors import ClientFileError


@pytest.mark.parametrize(
    ("name", "where", "entry"),
    [
        ("claude-code", "project/.mcp.json", {"command": SCRIPT, "args": ["serve"]}),
        ("codex", "home/.codex/config.toml", {"command": SCRIPT, "args": ["serve"]}),
        ("gemini", "project/.gemini/settings.json", {"command": SCRIPT, "args": ["serve"]}),
        (
            "opencode",
            "project/opencode.json",
            {"type": "local", "command": [SCRIPT, "serve"], "enabled": True},
        ),
        (
            "cursor",
            "project/.cursor/mcp.json",
            {"command": SCRIPT, "args": ["serve", "${workspaceFolder}"]},
        ),
        (
            "vscode",
            "project/.vscode/mcp.json",
            {"type": "stdio", "command": SCRIPT, "args": ["serve", "${workspaceFolder}"]},
        ),
        (
            "windsurf",
            "home/.codeium/windsurf/mcp_config.json",
            {"command": SCRIPT, "args": ["serve", "ROOT"]},
        ),
        (
            "zed",
            "project/.zed/settings.json",
            {"source": "custom", "command": SCRIPT, "args": ["serve", "ROOT"]},
        ),
    ],
)
def test_each_client_is_told_in_its_own_words(
    around: Surroundings, tmp_path: Path, name: str, where: str, entry: dict[str, Any]
) -> None:
    """A key that a client does not know is a server that it never starts."""
    before = files(tmp_path)
    outcome = introduce(name, around)
    assert (outcome.deed, outcome.file) == ("added", tmp_path / where)
    expected = json.loads(json.dumps(entry).replace("ROOT", str(around.root)))
    assert held(BY_NAME[name], outcome.file) == expected
    after = files(tmp_path)
    assert introduce(name, around).deed == "present"
    assert files(tmp_path) == after
    assert [outcome.deed for outcome in dismiss(name, around)] == ["removed"]
    assert files(tmp_path) == before
    assert [outcome.deed for outcome in dismiss(name, around)] == ["absent"]


@pytest.mark.parametrize("name", NAMES)
def test_a_client_is_noticed_by_each_of_its_marks(around: Surroundings, name: str) -> None:
    """Nobody should have to know what theirs is called here."""
    assert [client.name for client in CLIENTS if registry.is_in_use(client, around)] == []
    client = BY_NAME[name]
    for mark in client.marks:
        place = around.locate(mark)
        place.mkdir(parents=True)
        assert registry.is_in_use(client, around), mark
        place.rmdir()
    program = write(around.home, {f"bin/{client.programs[0]}": "#!/bin/sh\n"}) / "bin" / client.programs[0]
    program.chmod(0o755)
    assert registry.is_in_use(client, replace(around, path=str(program.parent)))


def test_comments_order_and_trailing_commas_stay(around: Surroundings) -> None:
    """VS Code's own editor writes such files."""
    file = write(around.root, {".vscode/mcp.json": COMMENTED}) / ".vscode/mcp.json"
    introduce("vscode", around)
    added = file.read_text(encoding="utf-8")
    assert "// what the team uses" in added
    assert added.index("// remote") < added.index('"goldrank"') < added.index('"inputs"')
    dismiss("vscode", around)
    assert file.read_text(encoding="utf-8") == COMMENTED


def test_codex_keeps_its_other_tables_and_comments(around: Surroundings) -> None:
    """Its file also holds approvals and trusted projects."""
    text = (
        '# mine\nmodel = "x"  # cheap\n\n[mcp_servers.a]\ncommand = "a"\n\n'
        '[projects."/p"]\ntrust_level = "trusted"'
    )
    file = write(around.home, {".codex/config.toml": text}) / ".codex/config.toml"
    introduce("codex", around)
    assert file.read_text(encoding="utf-8").startswith(text)
    assert set(tomllib.loads(file.read_text(encoding="utf-8"))["mcp_servers"]) == {"a", "goldrank"}
    dismiss("codex", around)
    assert file.read_text(encoding="utf-8") == text


def test_the_file_with_comments_is_preferred_where_opencode_has_one(around: Surroundings) -> None:
    """A second file beside it would be read too, but nobody would look there."""
    file = write(around.root, {"opencode.jsonc": "// ours\n{}\n"}) / "opencode.jsonc"
    assert introduce("opencode", around).file == file
    assert not (around.root / "opencode.json").exists()


@pytest.mark.parametrize(
    ("name", "where", "text", "said"),
    [
        (
            "vscode",
            "project/.vscode/mcp.json",
            '{\n  "servers": {\n    "a" 1\n',
            "mcp.json, line 3: Expecting ':'",
        ),
        ("codex", "home/.codex/config.toml", "a = 1\nb = \n", "config.toml, line 2: Invalid value"),
        ("codex", "home/.codex/config.toml", "mcp_servers = {}\n", "cannot be changed safely"),
        (
            "gemini",
            "project/.gemini/settings.json",
            '{"mcpServers": []}',
            "mcpServers: an object should stand",
        ),
        ("gemini", "project/.gemini/settings.json", "{ // a\n 1,}", "line 2: "),
        (
            "gemini",
            "project/.gemini/settings.json",
            '{ // a\n "a": 1,\n}',
            "line 2: a trailing comma, which Gemini",
        ),
        ("claude-code", "project/.mcp.json", "{ // a\n}", "line 1: a comment, which Claude Code refuses"),
        ("gemini", "project/.gemini/settings.json", "[]", "line 1: an object should stand here"),
        (
            "gemini",
            "project/.gemini/settings.json",
            '{"mcpServers": {}, "mcpServers": {}}\xff',
            "cannot be read",
        ),
    ],
)
def test_a_file_that_cannot_be_changed_safely_is_left_with_what_to_paste(
    around: Surroundings, tmp_path: Path, name: str, where: str, text: str, said: str
) -> None:
    """The worst that a setup may do is to break what worked."""
    write(tmp_path, {where: text.encode("latin-1")})
    before = files(tmp_path)
    with pytest.raises(ClientFileError, match="put this in yourself") as raised:
        introduce(name, around)
    assert said in str(raised.value)
    assert str(tmp_path / where) in str(raised.value)
    assert SCRIPT in str(raised.value)
    assert files(tmp_path) == before


def test_a_byte_order_mark_and_windows_line_endings_stay(around: Surroundings) -> None:
    """Windows editors write both."""
    data = b'\xef\xbb\xbf{\r\n  "a": 1\r\n}\r\n'
    file = write(around.root, {".mcp.json": data}) / ".mcp.json"
    introduce("claude-code", around)
    assert file.read_bytes().startswith(b"\xef\xbb\xbf{")
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n") > 3
    dismiss("claude-code", around)
    assert file.read_bytes() == data


def test_a_link_stays_a_link_and_a_mode_stays(around: Surroundings, tmp_path: Path) -> None:
    """Many keep their settings in a repository of their own, and link to them."""
    real = write(tmp_path / "dotfiles", {"codex.toml": "a = 1\n"}) / "codex.toml"
    real.chmod(0o600)
    (around.home / ".codex").mkdir()
    link = around.home / ".codex/config.toml"
    link.symlink_to(real)
    introduce("codex", around)
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    assert "goldrank" in real.read_text(encoding="utf-8")
    assert list(real.parent.iterdir()) == [real]
    dismiss("codex", around)
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == "a = 1\n"


def test_a_link_in_a_clone_leads_nowhere_else(around: Surroundings, tmp_path: Path) -> None:
    """A clone may hold a link to a file of its reader's home."""
    secret = write(tmp_path, {"home/.other.json": "{}"}) / "home/.other.json"
    (around.root / ".mcp.json").symlink_to(secret)
    (around.root / "AGENTS.md").symlink_to(secret)
    with pytest.raises(ClientFileError, match="outside of"):
        introduce("claude-code", around)
    with pytest.raises(ClientFileError, match="outside of"):
        agents_md.introduce(around.root, dry_run=False)
    assert secret.read_text(encoding="utf-8") == "{}"


def test_what_is_no_file_is_not_waited_for(around: Surroundings) -> None:
    """Reading a pipe would never end."""
    os.mkfifo(around.root / ".mcp.json")
    with pytest.raises(ClientFileError, match="is no file"):
        introduce("claude-code", around)


def test_a_read_only_file_is_left_alone(around: Surroundings) -> None:
    """Whoever made it so did not want it replaced, though its folder would allow it."""
    with tempfile.TemporaryDirectory() as shared:  # pytest's own folders belong to one user
        Path(shared).chmod(0o777)
        with ordinary_user():
            file = write(Path(shared), {".mcp.json": "{}"}) / ".mcp.json"
            file.chmod(0o444)
            with pytest.raises(ClientFileError, match=r"cannot be written: .*Permission denied"):
                introduce("claude-code", replace(around, root=Path(shared)))
            assert file.read_text(encoding="utf-8") == "{}"
            assert list(Path(shared).iterdir()) == [file]


def test_a_folder_that_may_not_be_read_is_told(around: Surroundings) -> None:
    """A home that is shared, or a folder that root made, is no reason for a traceback."""
    with tempfile.TemporaryDirectory() as shared:
        Path(shared).chmod(0o777)
        with ordinary_user():
            shut = Path(shared) / ".codex"
            shut.mkdir(mode=0)
            elsewhere = replace(around, home=Path(shared), codex=shut, root=Path(shared))
            assert [client.name for client in CLIENTS if registry.is_in_use(client, elsewhere)] == ["codex"]
            with pytest.raises(ClientFileError, match="Permission denied"):
                introduce("codex", elsewhere)


def test_what_somebody_wrote_by_hand_stays(around: Surroundings) -> None:
    """It may hold flags, variables, or another name of the program, each for a reason."""
    for entry in (
        {"command": "goldrank", "args": ["serve"]},
        {"command": SCRIPT, "args": ["serve", "--feedback"]},
        {"command": SCRIPT, "args": ["serve"], "env": {"GOLDRANK_MODEL": ""}},
        {"command": "/usr/bin/docker", "args": ["serve"]},
        {"url": "https://example.invalid"},
    ):
        text = json.dumps({"mcpServers": {"goldrank": entry}}, indent=1)
        file = write(around.root, {".mcp.json": text}) / ".mcp.json"
        outcome = introduce("claude-code", around)
        assert (outcome.deed, outcome.note[:6]) == ("kept", "line 3")
        assert [outcome.deed for outcome in dismiss("claude-code", around)] == ["kept"]
        assert file.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "old",
    [
        ["/home/me/.local/bin/goldrank", "serve"],
        ["C:\\Users\\me\\goldrank.exe", "serve"],
        ["/usr/bin/python3", "-P", "-m", "goldrank_launcher", "serve"],
        ["/usr/bin/python3", "-P", "-m", "mcp_server", "serve"],
    ],
)
def test_what_another_installation_wrote_is_brought_up_to_date(around: Surroundings, old: list[str]) -> None:
    """After an upgrade the program is somewhere else."""
    introduce("claude-code", replace(around, command=tuple(old[:-1])))
    assert introduce("claude-code", around).deed == "updated"
    assert held(BY_NAME["claude-code"], around.root / ".mcp.json")["command"] == SCRIPT


def test_one_entry_of_windsurf_serves_every_project_that_was_set_up(
    around: Surroundings, tmp_path: Path
) -> None:
    """It has one file for all projects, and does not say in which one it starts a server."""
    other, gone = replace(around, root=tmp_path / "other"), replace(around, root=tmp_path / "gone")
    for folder in (other.root, gone.root):
        folder.mkdir()
    for place in (gone, around, other):
        introduce("windsurf", place)
    gone.root.rmdir()
    assert introduce("windsurf", around).deed == "updated"
    entry = held(BY_NAME["windsurf"], around.home / ".codeium/windsurf/mcp_config.json")
    assert sorted(entry["args"]) == sorted(["serve", str(around.root), str(other.root)])
    assert [outcome.deed for outcome in dismiss("windsurf", around)] == ["removed"]
    assert [outcome.deed for outcome in dismiss("windsurf", around)] == ["kept"]
    entry = held(BY_NAME["windsurf"], around.home / ".codeium/windsurf/mcp_config.json")
    assert entry["args"] == ["serve", str(other.root)]
    dismiss("windsurf", other)
    assert files(around.home) == {}
