"""Which clients `goldrank init` knows: how each is recognised, where it reads of servers, in which words.

Where a client starts its servers decides what is written: in the folder of the project, `goldrank serve`
needs no root; a client that starts them elsewhere has a variable for that folder, or must be told of it.
"""

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

SERVER = "goldrank"
_VARIABLE = "${workspaceFolder}"
_MODULE = ("-P", "-m", "goldrank_launcher")
_MODULES = (_MODULE, ("-P", "-m", "mcp_server"))
"""What starts this goldrank where it has no script; what releases wrote before a PYTHONPATH with an
`mcp_server` of its own was thought of, `goldrank init` replaces."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where an installation, a project and a user are.

    Attributes:
        root: The project.
        home: The user's folder.
        config: The folder of the user's configurations: ~/.config, or what the system has instead.
        codex: The folder of Codex, which a variable may move.
        path: Where programs are looked for, as PATH says it.
        command: What starts this goldrank.
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
        name: What it is called on the command line.
        title: What people call it.
        files: Templates of its configuration; the first that exists is written, else the last.
        keys: Where an entry stands in that file.
        marks: Templates of files and folders of which one shows that it is in use.
        programs: The same of programs.
        starts: Where it starts servers: in the project, in a folder that a variable names, or anywhere.
        more: What an entry holds beside the command.
        refuses: What makes the whole file invalid for it, though others read it.
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
_ALIASES = {"code": "vscode", "vs": "vscode", "claude-desktop": ""}
"""What a name could be taken for and is, or is not: Claude Desktop is another program than Claude Code."""


def named(word: str) -> str:
    """Find the client that somebody means: by name, title, program, or the beginning of one name alone.

    >>> named("claude"), named("VS Code"), named("gemini-cli"), named("curs")
    ('claude-code', 'vscode', 'gemini', 'cursor')

    Raises:
        ArgumentError: None is called so, or several are.
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
        raise ArgumentError(f"{shorten(repr(word))} {what}", remedy=f"write one of {', '.join(NAMES)}")
    return found.pop()


def _plain(word: str) -> str:
    return re.sub(r"[\s_-]+", "-", word.strip().lower())


def surroundings(root: Path, environment: Mapping[str, str]) -> Surroundings:
    """Look where this user, this system and this installation have their things."""
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
    """Tell whether a client has left its mark in the project or the home, or can be started."""
    return any(exists(around.locate(mark)) for mark in client.marks) or any(
        shutil.which(program, path=around.path) for program in client.programs
    )


def file_of(client: Client, around: Surroundings) -> Path:
    """Choose the file to write."""
    files = [around.locate(template) for template in client.files]
    return next((file for file in files if exists(file)), files[-1])


def exists(path: Path) -> bool:
    """Tell whether something is there; what is in a folder that may not be read is not there for us."""
    try:
        return path.exists()
    except OSError:
        return False


def belongs_to_project(client: Client) -> bool:
    """Tell whether its file lies in the project, where a clone may have put anything."""
    return client.files[-1].startswith("{root}")


def entry(client: Client, around: Surroundings, held: Any = None) -> dict[str, Any]:
    """Write what the client should be told, in its own words.

    One entry of a client that has no file in the project serves all projects that it was made for: those of
    the entry `held` that still exist stay.
    """
    roots: list[str] = []
    if client.starts == "by variable":
        roots = [_VARIABLE]
    elif client.starts == "anywhere":
        others = [] if belongs_to_project(client) else roots_of(client, held)
        roots = [*(root for root in others if Path(root).is_dir()), str(around.root)]
    return _spelled(client, [*around.command, "serve", *dict.fromkeys(roots)])


def without_root(client: Client, around: Surroundings, held: Any) -> dict[str, Any] | None:
    """Take this project out of an entry that serves several; None when no other is left."""
    roots = [] if belongs_to_project(client) else roots_of(client, held)
    others = [root for root in roots if root != str(around.root)]
    if not others:
        return None
    words = _words(client, held) or []
    return _spelled(client, [*words[: len(words) - len(roots)], *others])


def is_ours(client: Client, held: Any) -> bool:
    """Tell an entry that `goldrank init` wrote, here or in another installation, from one made by hand."""
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
    """Find what starts this goldrank: its script, by the name that outlives an upgrade; else its Python."""
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
    """Read a path as any system would: a file may be carried from one to another."""
    return PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()


def _stem(path: str) -> str:
    return PureWindowsPath(path).name.removesuffix(".exe")  # it takes both kinds of slash
