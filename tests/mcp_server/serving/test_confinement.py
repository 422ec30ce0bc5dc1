"""Nothing outside the served roots gets out, and no secret of what is inside: attacks on the real server."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import escape_attempts
import fake_secrets
import mcp.types as t
import pytest
from escape_attempts import INSIDE, PATTERNS, TREASURE, read_while_swapped
from example_repository import MakeWorkspace
from fakes import first_stage, git, write
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from mcp_server.protocol.tools import build_server
from mcp_server.serving.workspace import Workspace
from retrieval.errors import CancelledError
from retrieval.files import walker
from retrieval.settings import Settings
from retrieval.sync.repository import Repository

pytestmark = pytest.mark.anyio

TESTS = Path(__file__).parents[2] / "support"
QUERY = "where is the door"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Make what no reply may show."""
    return write(tmp_path / "outside", {"treasure.py": f"{TREASURE} = 'door'\n"})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a folder to serve."""
    return write(tmp_path / "root", INSIDE)


async def said(client: Client, tool: str, **arguments: Any) -> str:
    """Call a tool; return what it says, be it an answer or an error."""
    result = await client.call_tool(tool, arguments)
    (content,) = result.content
    assert isinstance(content, t.TextContent)
    return content.text


def body(reply: str, query: str) -> str:
    """Leave out the line that repeats the question: those are the caller's own words."""
    return "\n".join(line for line in reply.split("\n") if query not in line or "best first" not in line)


def below(folder: Path) -> list[str]:
    """List what lies below a folder, links not followed."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("attack", escape_attempts.PLANTED)
async def test_what_is_planted_in_a_root_leads_nowhere(
    attack: str, root: Path, outside: Path, tmp_path: Path, workspace: MakeWorkspace
) -> None:
    """Whoever is asked to look at a repository did not write it."""
    escape_attempts.PLANTED[attack](root, outside)
    before = below(outside)
    async with Client(build_server(workspace(root), version="0")) as client:
        found = await said(client, "rag_search", query=f"{TREASURE} door", top_k=50)
        candidates = [*below(root)[:100], "src/a.py"]
        ranked = await said(client, "rag_rerank", query="door", candidates=candidates)
    assert TREASURE not in body(found, TREASURE)
    assert "treasure" not in found
    assert TREASURE not in ranked
    assert " src/a.py:1-2" in ranked, "what is inside is served all the same"
    assert TREASURE.encode() not in fake_secrets.bytes_below(tmp_path / "cache")
    assert below(outside) == before, "nothing of the repository was run"


async def test_no_name_of_a_candidate_leads_outside(
    root: Path, outside: Path, workspace: MakeWorkspace
) -> None:
    """Candidates are text that a model wrote after it had read who knows what."""
    candidates = [*escape_attempts.names(root, outside)]
    async with Client(build_server(workspace(root), version="0")) as client:
        for candidate in candidates:
            reply = await said(client, "rag_rerank", query="door", candidates=[candidate, "src/a.py"])
            ranking, _, problems = reply.partition("not ranked (1):")
            assert problems, candidate
            assert "treasure" not in ranking, candidate
            assert TREASURE not in reply, candidate
            assert "src/a.py:1-2" in ranking, candidate


async def test_no_filter_leads_outside(root: Path, outside: Path, workspace: MakeWorkspace) -> None:
    """A filter only ever takes away."""
    async with Client(build_server(workspace(root), version="0")) as client:
        for pattern in (*PATTERNS, f"{outside}/", f"{outside}/**"):
            reply = await said(client, "rag_search", query="door", path=[pattern])
            assert "treasure" not in reply, pattern


async def test_no_name_of_a_repository_leads_outside(
    root: Path, outside: Path, workspace: MakeWorkspace
) -> None:
    """Only the person who starts the server says what is served."""
    async with Client(build_server(workspace(root), version="0")) as client:
        for name in escape_attempts.repositories(root, outside):
            for tool, more in (("rag_search", {}), ("rag_rerank", {"candidates": ["treasure.py"]})):
                reply = await said(client, tool, query="door", repo=name, **more)
                assert TREASURE not in reply, name
                # A blank name is none: the one root that is served answers.
                assert "is not served" in reply or not name.strip(), name


async def test_feedback_takes_no_name_from_outside(root: Path, outside: Path, tmp_path: Path) -> None:
    """What it logs may teach a model later."""
    settings = Settings(cache=tmp_path / "cache", models=tmp_path / "models", model="", index_wait_s=60)
    server = build_server(Workspace([root], settings), version="0", feedback=True)
    async with Client(server) as client:
        for name in escape_attempts.names(root, outside):
            told = await said(client, "rag_feedback", query="door", useful=[name])
            assert "is not a span; write path:start-end" in told or "no such file in" in told, (name, told)
    assert not list((tmp_path / "models").rglob("feedback*"))


def _file_to_link(root: Path, outside: Path) -> None:
    (root / "src/a.py").unlink()
    (root / "src/a.py").symlink_to(outside / "treasure.py")


def _file_to_hard_link(root: Path, outside: Path) -> None:
    (root / "src/a.py").unlink()
    os.link(outside / "treasure.py", root / "src/a.py")


def _file_to_pipe(root: Path, _outside: Path) -> None:
    (root / "src/a.py").unlink()
    os.mkfifo(root / "src/a.py")


def _folder_to_link(root: Path, outside: Path) -> None:
    shutil.rmtree(root / "src")
    (outside / "treasure.py").rename(outside / "a.py")
    (root / "src").symlink_to(outside)


def _root_to_link(root: Path, outside: Path) -> None:
    shutil.rmtree(root)
    write(outside, {"src/a.py": f"{TREASURE} = 'door'\n"})
    root.symlink_to(outside)


SWAPS: dict[str, Callable[[Path, Path], None]] = {
    "a file for a link": _file_to_link,
    "a file for a hard link": _file_to_hard_link,
    "a file for a pipe": _file_to_pipe,
    "a folder for a link": _folder_to_link,
    "the root for a link": _root_to_link,
}


@pytest.mark.parametrize("swap", SWAPS)
def test_what_is_swapped_after_it_was_listed_is_not_read(
    swap: str, root: Path, outside: Path, tmp_path: Path
) -> None:
    """Between looking and reading lies time enough for a script that waits for it."""
    opened = Repository(root, cache=tmp_path / "cache", max_bytes=10**6)
    opened.refresh()
    (chunk,) = opened.view().snapshot.chunks_of("src/a.py")
    SWAPS[swap](root, outside)
    assert opened.view().lines("src/a.py") is None
    assert opened.view().lines_before_listing("src/a.py") is None
    (passage,) = opened.view().chunk_texts([chunk])
    assert passage.lines == ()
    assert not passage.is_current


@pytest.mark.parametrize("swap", SWAPS)
async def test_what_is_swapped_between_two_calls_is_not_read(
    swap: str, root: Path, outside: Path, tmp_path: Path, workspace: MakeWorkspace
) -> None:
    """The same through the server, which looks again."""
    async with Client(build_server(workspace(root), version="0")) as client:
        await said(client, "rag_search", query=QUERY)
        SWAPS[swap](root, outside)
        found = await said(client, "rag_search", query=f"{TREASURE} door")
        ranked = await said(client, "rag_rerank", query="door", candidates=["src/a.py", "README.md"])
    assert TREASURE not in body(found, TREASURE)
    assert TREASURE not in ranked
    assert TREASURE.encode() not in fake_secrets.bytes_below(tmp_path / "cache")


def test_a_folder_that_is_swapped_all_the_time_never_leads_outside(root: Path, outside: Path) -> None:
    """What is checked must be what is read, not what lay there a moment before."""
    inside = write(root, {"lib/treasure.py": "x = 1\n"})
    read = read_while_swapped(
        root / "lib", outside, lambda: walker.read(inside, "lib/treasure.py"), times=3_000
    )
    assert read <= {b"", b"x = 1\n"}
    assert b"x = 1\n" in read


def test_a_repository_that_claims_the_git_folder_of_another_gets_nothing_of_its_index(
    root: Path, outside: Path, tmp_path: Path
) -> None:
    """Work trees share what was indexed; whoever only says that it is one must not see another's names."""
    git(outside, "init", "-q")
    git(outside, "add", ".")
    Repository(outside, cache=tmp_path / "cache", max_bytes=10**6).refresh()
    (root / ".git").write_text(f"gitdir: {outside}/.git\n", encoding="utf-8")
    opened = Repository(root, cache=tmp_path / "cache", max_bytes=10**6)
    with pytest.raises(CancelledError):
        opened.refresh(is_cancelled=lambda: True)
    assert [candidate.chunk.path for candidate in first_stage(opened, TREASURE)] == []


@pytest.mark.parametrize("kind", ["links", "hard links"])
def test_a_file_that_has_other_names_says_why_it_is_left_out(kind: str, root: Path) -> None:
    """A tree of hard links, as some backups are, must not look empty without a word."""
    if kind == "links":
        (root / "b.py").symlink_to("src/a.py")
    else:
        os.link(root / "src/a.py", root / "b.py")
    reasons = walker.walk(root.resolve(), max_bytes=10**6).reasons
    assert reasons["b.py"].startswith("a link, which is not followed" if kind == "links" else "a hard link")


async def test_a_secret_is_in_no_reply(tmp_path: Path, workspace: MakeWorkspace) -> None:
    """However it is asked for: by its name, its file, its line or itself."""
    secrets = fake_secrets.secrets(23)
    files = {f"src/{kind}.txt": f"to {kind}\n{line}\nend\n" for kind, (_, line) in secrets.items()}
    leaks = []
    async with Client(build_server(workspace(write(tmp_path / "kept", files)), version="0")) as client:
        for kind, (secret, line) in secrets.items():
            path = f"src/{kind}.txt"
            first = secret.split("\n")[0]
            replies = [
                await said(client, "rag_search", query=f"to {kind}", path=[path]),
                body(await said(client, "rag_search", query=first), first),
                body(await said(client, "rag_search", query=line.split("\n")[0][:60], path=[path]), "\0"),
                await said(client, "rag_rerank", query=kind, candidates=[path, f"{path}:2", f"{path}:1-3"]),
            ]
            assert "[masked: " in replies[0], kind
            replies[2] = replies[2].partition("best first")[2]
            leaks += [kind for reply in replies for part in secret.split("\n") if part in reply]
    assert leaks == []
    kept = fake_secrets.bytes_below(tmp_path / "cache")
    assert [kind for kind, (secret, _) in secrets.items() if secret.encode() in kept] == []


async def test_before_there_is_an_index_no_secret_is_shown_either(tmp_path: Path) -> None:
    """The first question of all is answered from files that nobody has judged yet."""
    secret, line = fake_secrets.secrets(5)["github-pat"]
    root = write(tmp_path / "root", {"src/deploy_token.py": f"def deploy_token():\n    {line}\n"})
    settings = Settings(cache=tmp_path / "cache", model="", index_wait_s=0.0)
    async with Client(build_server(Workspace([root], settings), version="0")) as client:
        reply = await said(client, "rag_search", query="deploy token")
    assert secret not in reply
    assert "[masked: github-pat]" in reply


async def test_the_log_holds_neither_code_nor_secrets_and_nothing_asks_the_network(tmp_path: Path) -> None:
    """A log is sent with every bug report; at its loudest it says what was done, not what was read."""
    secrets = fake_secrets.secrets(6)
    secret = secrets["stripe"][0]
    files = {f"src/{kind}.py": f"# quibble {kind}\n{line}\n" for kind, (_, line) in secrets.items()}
    pay = f"def pay_invoice(cart):\n    token = {secret!r}\n    return wobble\n"
    root = write(tmp_path / "root", files | {"src/pay.py": pay})
    git(root, "init", "-q")
    patience = "60"  # a busy machine may take long for what is done in a moment
    settings = {
        "GOLDRANK_LOG_LEVEL": "DEBUG",
        "GOLDRANK_MODEL": "",
        "GOLDRANK_INDEX_WAIT_S": patience,
    }
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "offline", "mcp_server", "serve", str(root), "--cache", str(tmp_path / "cache")],
        env={**os.environ, **settings, "PYTHONPATH": str(TESTS)},
    )
    log = tmp_path / "log.txt"
    with log.open("w", encoding="utf-8") as errors:
        async with Client(stdio_client(command, errlog=errors)) as client:
            found = await said(client, "rag_search", query="who pays the invoice of quibble")
            ranked = await said(client, "rag_rerank", query="quibble", candidates=["src/pay.py", secret])
            wrong = await said(client, "rag_search", query="quibble", path=[secret], top=secret)
            await said(client, "rag_search", query="quibble", top_k=50, format="full", max_chars=40_000)
            await said(client, "rag_rerank", query=secret, candidates=sorted(files))
    text = log.read_text(encoding="utf-8")
    assert "[masked: " in found
    assert "src/pay.py:1-3" in ranked
    assert "top is not an argument" in wrong
    parts = [part for secret, _ in secrets.values() for part in secret.split("\n") if part.strip()]
    for word in (*parts, "pay_invoice", "wobble", "quibble", "NETWORK"):
        assert word not in text, word
