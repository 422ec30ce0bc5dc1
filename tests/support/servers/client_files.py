"""The files of clients around a project, and goldrank init run on them."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from mcp_server.clients import config_entry
from mcp_server.clients.registry import CLIENTS, Client, Surroundings

BY_NAME = {client.name: client for client in CLIENTS}
SCRIPT = "/opt/goldrank/bin/goldrank"
COMMENTED = """\
{
  // what the team uses
  "servers": {
    "github": { "type": "http", "url": "https://example.invalid/mcp" }, // remote
  },
  "inputs": [],
}
"""


def introduce(name: str, around: Surroundings) -> config_entry.Outcome:
    """Tell one client."""
    return config_entry.introduce(BY_NAME[name], around, dry_run=False)


def dismiss(name: str, around: Surroundings) -> list[config_entry.Outcome]:
    """Tell one client no longer."""
    return config_entry.dismiss(BY_NAME[name], around, dry_run=False)


def held(client: Client, file: Path) -> Any:
    """Read the entry as the client would, which takes comments or not."""
    text = file.read_text(encoding="utf-8")
    whole: Any = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    for key in client.keys:
        whole = whole[key]
    return whole


def files(folder: Path) -> dict[str, bytes]:
    """Read everything below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def goldrank(*arguments: str, home: Path, cwd: Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command as somebody at home in `home`, with no client on PATH."""
    environment = {"HOME": str(home), "PATH": str(home / "bin"), "XDG_CONFIG_HOME": str(home / ".config")}
    # This machine keeps the compiled rules: else each test would compile them, and find them as files.
    environment["KF_RULE_CACHE_DIR"] = str(Path.home() / ".cache" / "kingfisher" / "rule-cache")
    command = [sys.executable, "-m", "mcp_server", "init", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)
    assert done.returncode == code, done.stderr
    return done
