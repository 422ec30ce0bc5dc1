"""Which clients `goldrank init` knows: how each is recognised, which file it reads, which entry it wants.

Where a client starts servers decides the entry: in the project's folder, `goldrank serve` needs no root; a
client that starts them elsewhere has a variable for that folder, or needs its path.
"""

import difflib
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType
from typing import Any, Literal

import platformdirs

from mcp_server.clients.json_edit import Extra
from retrieval.errors import ArgumentError, shorten
from retrieval.mirrors.source import read_source

SERVER = "goldrank"
_VARIABLE = "${workspaceFolder}"
_MODULE = ("-P", "-m", "goldrank_launcher")
_MODULES = (_MODULE, ("-P", "-m", "mcp_server"))
"""What starts this goldrank where it has no script; what releases wrote before a PYTHONPATH with an
`mcp_server` of its own was thought of, `goldrank init` replaces."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The folders and the command that entries refer to.

    Attributes:
        root: The project.
        home: The user's folder.
        config: The folder of the user's configurations: ~/.config, or what the system has instead.
        codex: The folder of Codex, which an environment variable may set.
        path: The folders of PATH.
        command: The command that starts this goldrank.
    """

    root: Path
    home: Path
    config: Path
    codex: Path
    path: str
    command: tuple[str, ...]

    def locate(self, template: str) -> Path:
        """Fill in a template: `{root}`, `{home}`, `{config}` and `{codex}` are the folders."""
        return Path(template.format(root=self.root, home=self.home, config=self.config, codex=self.codex))


@dataclass(frozen=True, slots=True)
class Client:
    """One client.

    Attributes:
        name: Its name on the command line.
        title: Its name for people.
        files: Templates of its configuration files; the first that exists is used, else the last.
        keys: Path of the entry in that file.
        marks: Templates of files and folders; one that exists shows that the client is in use.
        programs: Programs that show the same.
        starts: Where it starts servers: in the project, in the folder of a variable, or anywhere.
        more: What an entry holds besides the command.
        refuses: What makes the file invalid for this client, though others read it.
        is_one_list: Whether the command and its arguments are one list.
    """

    name: str
    title: str
    files: tuple[str, ...]
    keys: tuple[str, ...]
    marks: tuple[str, ...]
    programs: tuple[str, ...]
    starts: Literal["in the project", "by variable", "anywhere"] = "in the project"
    more: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    refuses: tuple[Extra, ...] = ()
    is_one_list: bool = False


# Formats and working folders of the first four were observed (2026-11); of the others they are documented.
CLIENTS = (
    Client(
        "claude-code",
        "Claude Code",
        files=("{root}/.mcp.json",),
        keys=("mcpServers", SERVER),
        marks=("{root}/.mcp.json", "{root}/.claude", "{home}/.claude", "{home}/.claude.json"),
        programs=("claude",),
        refuses=("comment", "trailing comma"),
    ),
    Client(
        "codex",
        "Codex",
        files=("{codex}/config.toml",),
        keys=("mcp_servers", SERVER),
        marks=("{codex}", "{root}/.codex"),
        programs=("codex",),
    ),
    Client(
        "gemini",
        "Gemini CLI",
        files=("{root}/.gemini/settings.json",),
        keys=("mcpServers", SERVER),
        marks=("{root}/.gemini", "{home}/.gemini"),
        programs=("gemini",),
        refuses=("trailing comma",),
    ),
    Client(
        "opencode",
        "opencode",
        files=("{root}/opencode.jsonc", "{root}/opencode.json"),
        keys=("mcp", SERVER),
        marks=(
            "{root}/opencode.jsonc",
            "{root}/opencode.json",
            "{root}/.opencode",
            "{config}/opencode",
            "{home}/.config/opencode",
        ),
        programs=("opencode",),
        more={"type": "local", "enabled": True},
        is_one_list=True,
    ),
    Client(
        "cursor",
        "Cursor",
        files=("{root}/.cursor/mcp.json",),
        keys=("mcpServers", SERVER),
        marks=("{root}/.cursor", "{home}/.cursor"),
        programs=("cursor",),
        starts="by variable",
    ),
    Client(
        "vscode",
        "VS Code",
        files=("{root}/.vscode/mcp.json",),
        keys=("servers", SERVER),
        marks=("{root}/.vscode", "{home}/.vscode", "{config}/Code"),
        programs=("code",),
        starts="by variable",
        more={"type": "stdio"},
    ),
    Client(
        "windsurf",
        "Windsurf",
        files=("{home}/.codeium/windsurf/mcp_config.json",),
        keys=("mcpServers", SERVER),
        marks=("{root}/.windsurf", "{home}/.codeium/windsurf"),
        programs=("windsurf",),
        starts="anywhere",
    ),
    Client(
        "zed",
        "Zed",
        files=("{root}/.zed/settings.json",),
        keys=("context_servers", SERVER),
        marks=("{root}/.zed", "{config}/zed", "{config}/Zed", "{home}/.config/zed"),
        programs=("zed", "zeditor"),
        starts="anywhere",  # zed-industries/zed issue 60879: it may be the root of the disk
        more={"source": "custom"},
    ),
)
NAMES = tuple(client.name for client in CLIENTS)
NEAR = 0.7  # as for commands: clade is near claude, emacs is near none
_ALIASES = {"code": "vscode", "vs": "vscode", "claude-desktop": ""}
"""What a name could be taken for and is, or is not: Claude Desktop is another program than Claude Code."""


def named(word: str) -> str:
    """Find a client by name, title, program, or a unique beginning of its name.

    >>> named("claude"), named("VS Code"), named("gemini-cli"), named("curs")
    ('claude-code', 'vscode', 'gemini', 'cursor')

    Raises:
        ArgumentError: No client matches, or several do.
    """
    plain = _plain(word)
    if plain in _ALIASES:
        found = {_ALIASES[plain]} - {""}
    else:
        spelled = {
            name: client.name for client in CLIENTS for name in (client.name, client.title, *client.programs)
        }
        exact = {client for name, client in spelled.items() if _plain(name) == plain}
        found = exact or {
            client for name, client in spelled.items() if plain and _plain(name).startswith(plain)
        }
    if len(found) != 1:
        what = f"may mean {' or '.join(sorted(found))}" if found else "is no client that init knows"
        near = "" if found or plain in _ALIASES else _nearest(plain)
        remedy = f"did you mean {near}?" if near else f"write one of {', '.join(NAMES)}"
        raise ArgumentError(f"{shorten(repr(word))} {what}", remedy=remedy)
    return found.pop()


def _nearest(plain: str) -> str:
    """Return the client that a mistyped name is nearest to, or ""."""
    spelled = {
        _plain(name): client.name
        for client in CLIENTS
        for name in (client.name, client.title, *client.programs)
    }
    return next((spelled[name] for name in difflib.get_close_matches(plain, spelled, n=1, cutoff=NEAR)), "")


def _plain(word: str) -> str:
    return re.sub(r"[\s_-]+", "-", word.strip().lower())


def surroundings(root: Path, environment: Mapping[str, str]) -> Surroundings:
    """Find the folders of this user and system, and the command of this installation."""
    home = Path.home()
    return Surroundings(
        root=root.resolve(),
        home=home,
        config=Path(platformdirs.user_config_dir(roaming=True)),
        codex=Path(environment.get("CODEX_HOME") or home / ".codex"),
        path=environment.get("PATH", ""),
        command=_command(environment.get("PATH", "")),
    )


def is_in_use(client: Client, around: Surroundings) -> bool:
    """Return whether a client has left files in the project or the home, or can be started."""
    return any(exists(around.locate(mark)) for mark in client.marks) or any(
        shutil.which(program, path=around.path) for program in client.programs
    )


def file_of(client: Client, around: Surroundings) -> Path:
    """Choose the file to write."""
    files = [around.locate(template) for template in client.files]
    return next((file for file in files if exists(file)), files[-1])


def exists(path: Path) -> bool:
    """Return whether a path exists; one in an unreadable folder counts as absent."""
    try:
        return path.exists()
    except OSError:
        return False


def belongs_to_project(client: Client) -> bool:
    """Return whether a client's file is in the project, where a clone may have put anything."""
    return client.files[-1].startswith("{root}")


def entry(client: Client, around: Surroundings, held: Any = None) -> dict[str, Any]:
    """Write the client's entry.

    A client without a file in the project has one entry for all its projects: those in the entry `held` that
    still exist stay.
    """
    roots: list[str] = []
    if client.starts == "by variable":
        roots = [_VARIABLE]
    elif client.starts == "anywhere":
        others = [] if belongs_to_project(client) else roots_of(client, held)
        roots = [*filter(_is_there, others), str(around.root)]
    return _spelled(client, [*around.command, "serve", *dict.fromkeys(roots)])


def _is_there(root: str) -> bool:
    """Return whether a root that an entry serves still exists; a URL is not asked."""
    try:
        return Path(root).is_dir() or read_source(root) is not None
    except ArgumentError:
        return False


def without_root(client: Client, around: Surroundings, held: Any) -> dict[str, Any] | None:
    """Remove this project from an entry that serves several; None if no other remains."""
    roots = [] if belongs_to_project(client) else roots_of(client, held)
    others = [root for root in roots if root != str(around.root)]
    if not others:
        return None
    words = _words(client, held) or []
    return _spelled(client, [*words[: len(words) - len(roots)], *others])


def is_ours(client: Client, held: Any) -> bool:
    """Return whether `goldrank init` wrote an entry, here or in another installation."""
    words = _words(client, held)
    if words is None or "serve" not in words or held != _spelled(client, words):
        return False
    at = words.index("serve")
    program, options, roots = words[0], tuple(words[1:at]), words[at + 1 :]
    is_script = not options and _stem(program) == SERVER
    allowed = {
        "in the project": not roots,
        "by variable": roots == [_VARIABLE],
        "anywhere": bool(roots) and all(_is_absolute(root) for root in roots),
    }
    return _is_absolute(program) and (is_script or options in _MODULES) and allowed[client.starts]


def program(client: Client, held: Any) -> str:
    """Name the program that an entry starts; "" when it names none."""
    return next(iter(_words(client, held) or ()), "")


def _command(path: str) -> tuple[str, ...]:
    """Find the command that starts this goldrank: its script, by a name that survives upgrades, or Python."""
    script = Path(sys.executable).with_name(f"{SERVER}.exe" if os.name == "nt" else SERVER)
    if not script.is_file():
        return (sys.executable, *_MODULE)
    found = shutil.which(SERVER, path=path)
    if found and Path(found).is_absolute() and Path(found).resolve() == script.resolve():
        return (found,)  # what pipx and uv keep in place when they replace the environment
    return (str(script),)


def _spelled(client: Client, words: Sequence[str]) -> dict[str, Any]:
    if client.is_one_list:
        return {"command": list(words), **client.more}
    return {**client.more, "command": words[0], "args": list(words[1:])}


def _words(client: Client, held: Any) -> list[str] | None:
    """Read the command line of an entry; None when it has none."""
    if not isinstance(held, dict):
        return None
    command, arguments = held.get("command"), held.get("args", [])
    words = command if client.is_one_list else [command, *arguments] if isinstance(arguments, list) else None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    return words


def roots_of(client: Client, held: Any) -> list[str]:
    """List the roots that an entry of ours names."""
    words = _words(client, held) if is_ours(client, held) else None
    return words[words.index("serve") + 1 :] if words else []


def _is_absolute(path: str) -> bool:
    """Return whether a path is absolute on any system: a file may move between systems."""
    return PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()


def _stem(path: str) -> str:
    return PureWindowsPath(path).name.removesuffix(".exe")  # it takes both kinds of slash
