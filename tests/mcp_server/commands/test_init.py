"""`goldrank init` writes into files that are not ours: a person's settings, a team's repository."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from client_files import BY_NAME, files, goldrank, held
from fakes import write

from mcp_server.clients import agents_md
from mcp_server.clients.registry import Surroundings
from retrieval.errors import ClientFileError


@pytest.mark.parametrize("text", [None, "", "# Rules\n", "# Rules", "# Rules\r\n\r\nNone.\r\n"])
def test_the_advice_comes_once_and_goes_to_the_byte(around: Surroundings, text: str | None) -> None:
    """AGENTS.md is read by every agent of the team."""
    file = around.root / "AGENTS.md"
    if text is not None:
        file.write_bytes(text.encode())
    assert agents_md.introduce(around.root, dry_run=False).deed == "added"
    once = file.read_bytes()
    assert agents_md.introduce(around.root, dry_run=False).deed == "present"
    assert file.read_bytes() == once
    assert once.startswith((text or "").encode())
    file.write_bytes(once.replace(b"literal", b"exact"))
    assert agents_md.introduce(around.root, dry_run=False).deed == "updated"
    assert file.read_bytes() == once
    assert agents_md.dismiss(around.root, dry_run=False).deed == "removed"
    assert (file.read_bytes().decode() if file.exists() else None) == text
    assert agents_md.dismiss(around.root, dry_run=False).deed == "absent"


def test_the_advice_is_short_and_names_both_tools() -> None:
    """Every word of it is read before every task."""
    assert len(agents_md.ADVICE.split()) < 150
    assert "rag_search" in agents_md.ADVICE
    assert "rag_rerank" in agents_md.ADVICE


def test_half_of_our_marks_is_told(around: Surroundings) -> None:
    """What lies behind a lone mark may be anybody's."""
    write(around.root, {"AGENTS.md": "a\n<!-- goldrank: begin -->\nb\n"})
    with pytest.raises(ClientFileError, match=r"AGENTS\.md, line 2: .* must each appear once"):
        agents_md.dismiss(around.root, dry_run=False)


def test_the_command_finds_tells_prints_and_forgets(around: Surroundings, tmp_path: Path) -> None:
    """The whole story, as a person runs it."""
    where: dict[str, Any] = {"home": around.home, "cwd": around.root}
    assert "no client is in use here; name one" in goldrank(code=2, **where).stderr
    assert (
        "goldrank init --print all prints the entry of every" in goldrank("--print", code=2, **where).stderr
    )
    assert (
        "'emacs' is no client that init knows; write one of claude-code, "
        in goldrank("emacs", code=2, **where).stderr
    )
    assert "did you mean claude-code?" in goldrank("clade", code=2, **where).stderr
    url = goldrank("--repo", "file:///srv/x.git", code=2, **where).stderr
    assert "file:///srv/x.git has no files on this disk" in url
    write(tmp_path, {"home/.claude.json": "{}", "project/.vscode/settings.json": "{}"})
    before = files(tmp_path)
    assert goldrank("--print", "all", **where).stdout.count("would add") == len(BY_NAME)
    shown = goldrank("--print", "--agents", **where).stdout
    assert f"would add Claude Code: {around.root / '.mcp.json'}" in shown
    assert '"servers"' in shown
    assert "<!-- goldrank: begin -->" in shown
    assert files(tmp_path) == before
    assert "goldrank init --agents also adds" in goldrank(**where).stdout
    assert set(files(tmp_path)) - set(before) == {"project/.mcp.json", "project/.vscode/mcp.json"}
    entry = held(BY_NAME["claude-code"], around.root / ".mcp.json")
    version = subprocess.run([entry["command"], "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("goldrank, version ")
    goldrank("--agents", "codex", **where)
    assert f"removed  AGENTS.md: {around.root / 'AGENTS.md'}" in goldrank("--remove", **where).stdout
    assert files(tmp_path) == before


def test_a_removal_lists_what_it_changed_and_the_rest_in_one_line(around: Surroundings) -> None:
    """You look for what was changed, not for seven files that never were."""
    where: dict[str, Any] = {"home": around.home, "cwd": around.root}
    nothing = "no client has goldrank in its configuration here; nothing was changed\n"
    assert goldrank("--remove", **where).stdout == nothing
    goldrank("codex", "claude-code", **where)
    write(around.root, {".cursor/mcp.json": '{"mcpServers": {"goldrank": {"command": "mine"}}}'})
    removed, codex, kept, rest = goldrank("--remove", **where).stdout.splitlines()
    assert removed.startswith("removed  Claude Code: ")
    assert codex.startswith("removed  Codex: ")
    assert kept.startswith("kept     Cursor: ")
    assert rest == "absent   in all others: Gemini CLI, opencode, VS Code, Windsurf, Zed, AGENTS.md, skill"
    assert "absent   Zed: " in goldrank("--remove", "zed", **where).stdout


def test_one_broken_file_does_not_keep_the_others_from_being_told(
    around: Surroundings, tmp_path: Path
) -> None:
    """Eight clients, one mistake."""
    write(tmp_path, {"project/.mcp.json": "{", "home/.codex/config.toml": "a = 1\n"})
    done = goldrank(
        "claude-code", "codex", "--repo", str(around.root), home=around.home, cwd=tmp_path, code=2
    )
    assert f"failed   Claude Code: {around.root / '.mcp.json'}, line 1: " in done.stderr
    assert "1 file was left unchanged; see above" in done.stderr
    assert "added    Codex" in done.stdout
    assert "Traceback" not in done.stderr
    assert "restart the assistant" in done.stdout


def test_next_steps_follow_only_where_a_client_was_told(around: Surroundings, tmp_path: Path) -> None:
    """Nothing was added, so there is nothing to approve: you would look for a question that never comes."""
    where: dict[str, Any] = {"home": around.home, "cwd": around.root}
    write(tmp_path, {"project/.mcp.json": "{"})
    done = goldrank("claude-code", code=2, **where)
    assert "1 file was left unchanged" in done.stderr
    assert not done.stdout
    write(tmp_path, {"project/.mcp.json": "{}"})
    assert "restart the assistant" in goldrank("claude-code", **where).stdout
    assert goldrank("claude-code", **where).stdout.splitlines() == [
        f"present  Claude Code: {around.root / '.mcp.json'}"
    ]


def test_a_home_folder_is_no_project(around: Surroundings) -> None:
    """Run in the wrong place, it must not litter a home with project files."""
    done = goldrank("claude-code", home=around.home, cwd=around.home, code=2)
    assert "is not in a project; name one: goldrank init --repo DIR" in done.stderr
    done = goldrank("--repo", "nowhere", home=around.home, cwd=around.home, code=2)
    assert "nowhere is not a folder" in done.stderr


def test_the_skill_comes_where_clients_look_and_goes_without_a_trace(
    around: Surroundings, tmp_path: Path
) -> None:
    """It is a file of ours in somebody's repository: found by its reader, and gone when it is not wanted."""
    where: dict[str, Any] = {"home": around.home, "cwd": around.root}
    write(tmp_path, {"project/.claude/skills/deploy/SKILL.md": "theirs"})
    before = files(tmp_path)
    goldrank("--skill", "claude", "codex", "opencode", "cursor", **where)
    added = {name for name in set(files(tmp_path)) - set(before) if name.endswith("SKILL.md")}
    assert added == {
        "project/.claude/skills/goldrank/SKILL.md",
        "project/.agents/skills/goldrank/SKILL.md",
    }
    text = (around.root / ".agents/skills/goldrank/SKILL.md").read_text(encoding="utf-8")
    assert text.startswith("---\nname: goldrank\ndescription: ")
    assert "present  skill" in goldrank("--skill", "claude", **where).stdout
    assert "the skill stays; goldrank init --remove --skill" in goldrank("--remove", "claude", **where).stdout
    goldrank("--remove", **where)
    assert files(tmp_path) == before
    assert not (around.root / ".agents").exists()


def test_a_skill_of_that_name_that_is_not_ours_is_left_alone(around: Surroundings, tmp_path: Path) -> None:
    """A team may have written its own."""
    write(tmp_path, {"project/.claude/skills/goldrank/SKILL.md": "theirs"})
    where: dict[str, Any] = {"home": around.home, "cwd": around.root}
    assert "is not one that goldrank wrote" in goldrank("--skill", "claude", code=2, **where).stderr
    goldrank("--remove", **where)
    assert (around.root / ".claude/skills/goldrank/SKILL.md").read_text(encoding="utf-8") == "theirs"
