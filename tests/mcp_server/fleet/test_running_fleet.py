"""A fleet of real processes: it answers as one machine does, says what is missing, and comes back."""

import hashlib
import hmac
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import psutil
import pytest
from fakes import polled
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import TextContent
from mcp_client import MODES, Mode, call, connected
from remotes import Remote
from running_fleet import DEADLINE_S, INDEX_WAIT_S, PATIENCE_S, RunningFleet, ask, ask_until, running_fleet

from mcp_server.serving.model_choice import base_stage
from mcp_server.serving.workspace import Workspace
from retrieval.settings import Settings

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.slow("it starts a cluster of processes"),
    pytest.mark.xdist_group("fleet"),
]

SECRET = "f00d" * 16
BACKOFF = """def backoff(attempt):
    # Wait longer before each retry of a failed upload.
    return 2**attempt


class Uploader:
    def send(self, file):
        '''Send a file, and retry when the server is busy.'''
        return self.transport.put(file)
"""
COLOURS = "def colour(name):\n    '''Look a colour up before it is drawn.'''\n    return PALETTE[name]\n"
QUEUE = "def push(job):\n    # Wait in the queue until a worker can retry the upload.\n    jobs.append(job)\n"
FILES = {
    "uploads": {"src/backoff.py": BACKOFF, "README.md": "# Uploads\n\nFiles are sent, and retried.\n"},
    "drawing": {"colours.py": COLOURS},
    "queue": {"lib/queue.py": QUEUE},
}
QUESTION = "how long to wait before each retry of a failed upload"


@pytest.fixture(scope="module", name="fleet")
def fleet_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFleet]:
    """Start a fleet over three repositories that accepts pushes."""
    home = tmp_path_factory.mktemp("fleet")
    remotes = {name: Remote(home / name, files, name=name) for name, files in FILES.items()}
    secret = home / "secret"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")
    secret.chmod(0o600)
    with running_fleet(home, remotes, "--webhook-secret-file", str(secret)) as fleet:
        yield fleet


@pytest.fixture(name="alone")
def alone_fixture(fleet: RunningFleet, tmp_path: Path) -> Workspace:
    """Serve the same repositories from this process."""
    settings = Settings(cache=tmp_path / "cache", models=tmp_path / "models", index_wait_s=60)
    sources = [one.source() for one in fleet.remotes.values()]
    return Workspace(sources, settings, second=base_stage(settings))


def timeless(reply: str) -> str:
    """Leave out how long an answer took."""
    return re.sub(r"\b[\d,.]+ (?:ms|s)\b", "T", reply)


@pytest.mark.parametrize(
    "arguments",
    [
        {"query": QUESTION, "repo": "uploads"},
        {"query": "Uploader", "repo": "uploads"},
        {"query": QUESTION, "repo": "uploads/src", "expect": ["backoff"], "format": "paths"},
        {"query": QUESTION, "repo": "queue", "top_k": 1},
        {"query": QUESTION},
        {"query": ["colour of a line", "palette"], "offset": 1},
        {"query": QUESTION, "repo": "nowhere"},
        {"query": QUESTION, "repo": "uploads", "path": ["*.rs"]},
        {"query": " "},
    ],
)
async def test_a_search_is_answered_as_by_one_machine(
    fleet: RunningFleet, alone: Workspace, arguments: dict[str, Any]
) -> None:
    """Where the answer is computed must change nothing of it but its time."""
    _, told = await ask(fleet.base, "rag_search", **arguments)
    async with connected(alone) as client:
        result = await client.call_tool("rag_search", arguments)
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert timeless(told) == timeless(content.text)


async def test_a_ranking_is_answered_as_by_one_machine(fleet: RunningFleet, alone: Workspace) -> None:
    """The repository is found by its candidates, and the readers give each pair the same logit."""
    candidates = [
        "uploads/src/backoff.py:1-3",
        {"text": "def wait(): pass", "id": "mine"},
        "uploads/gone.py:4",
    ]
    _, told = await ask(fleet.base, "rag_rerank", query=QUESTION, candidates=candidates)
    async with connected(alone) as client:
        assert timeless(told) == timeless(
            await call(client, "rag_rerank", query=QUESTION, candidates=candidates)
        )


async def test_many_callers_at_once_get_what_one_gets(fleet: RunningFleet) -> None:
    """Readers take the pairs of several callers together."""
    questions = [f"{QUESTION} in case {number}" for number in range(6)]
    alone = [await ask(fleet.base, "rag_search", query=one, repo="uploads") for one in questions]
    together: dict[str, tuple[bool, str]] = {}

    async def note(question: str) -> None:
        together[question] = await ask(fleet.base, "rag_search", query=question, repo="uploads")

    async with anyio.create_task_group() as askers:
        for one in questions:
            askers.start_soon(note, one)
    assert [timeless(together[one][1]) for one in questions] == [timeless(text) for _, text in alone]


@pytest.mark.parametrize("mode", MODES)
async def test_progress_arrives_without_a_session(fleet: RunningFleet, mode: Mode) -> None:
    """A client gives up a silent call; in the older era it hears over the request's own stream."""
    seen: list[str | None] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
        seen.append(message)

    async with (
        httpx2.AsyncClient(timeout=60) as http,
        Client(streamable_http_client(f"{fleet.base}/mcp", http_client=http), mode=mode) as client,
    ):
        await client.call_tool("rag_search", {"query": QUESTION}, progress_callback=note)
    assert any(str(message).endswith("of 3 repositories") for message in seen)


async def test_a_searcher_that_dies_is_replaced_and_no_reply_is_wrong(fleet: RunningFleet) -> None:
    """A machine fails while somebody waits; a reply is whole, or says what is missing."""
    whole = timeless((await ask(fleet.base, "rag_search", query=QUESTION))[1])
    best = whole.splitlines()[3]
    replies: list[tuple[bool, str]] = []

    async def keep_asking() -> None:
        replies.extend([await ask(fleet.base, "rag_search", query=QUESTION) for _ in range(20)])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keep_asking)
        await anyio.sleep(0.2)
        fleet.kill("searchers")
    for is_error, text in replies:
        assert best in timeless(text) if not is_error else "answer" in text, text
        assert is_error or "did not answer" in text or "3 repositories: " in text
    assert best in timeless(await ask_until(fleet.base, best, query=QUESTION))


async def test_a_searcher_that_hangs_is_named_within_the_deadline(fleet: RunningFleet) -> None:
    """A call that waits for ever is worse than one that fails."""
    await ask_until(fleet.base, "3 repositories: ", query=QUESTION)
    with fleet.stopped("searchers"), anyio.fail_after(2 * (INDEX_WAIT_S + DEADLINE_S + 5)):
        is_error, text = await ask(fleet.base, "rag_search", query=QUESTION)
        assert is_error
        assert text.startswith("none of 3 repositories answered: uploads, drawing, queue")
    assert "3 repositories: " in await ask_until(fleet.base, "3 repositories: ", query=QUESTION)


async def test_without_a_reader_the_first_stage_answers_and_says_so(fleet: RunningFleet) -> None:
    """The model only sharpens an order that exists without it."""
    await ask_until(fleet.base, "on 2 candidates", query=QUESTION, repo="uploads")
    with fleet.stopped("readers"):
        is_error, text = await ask(fleet.base, "rag_search", query=f"{QUESTION}?", repo="uploads")
    assert not is_error
    assert "still loading or busy" in text
    assert "src/backoff.py:" in text


async def test_without_the_place_what_is_open_is_searched(fleet: RunningFleet) -> None:
    """A file server that is away must not take the searchers with it."""
    place, away = fleet.home / "place", fleet.home / "away"
    await ask_until(fleet.base, "3 repositories: ", query=QUESTION)
    place.rename(away)
    try:
        is_error, text = await ask(fleet.base, "rag_search", query=QUESTION)
    finally:
        away.rename(place)
    assert not is_error
    assert "src/backoff.py:" in text


async def test_a_push_is_fetched_and_its_lines_are_found(fleet: RunningFleet) -> None:
    """People ask about what they have just written."""
    remote = fleet.remotes["drawing"]
    remote.push({"shapes.py": "def hexagon_outline(radius):\n    return six_corners(radius)\n"})
    body = json.dumps({"repository": {"clone_url": remote.url}}).encode()
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}
    assert httpx2.post(f"{fleet.base}/webhook", content=body, headers=headers).status_code == 202
    told = await ask_until(fleet.base, "shapes.py:1-2", query="hexagon_outline", repo="drawing")
    assert "shapes.py:1-2" in told


async def test_the_list_counts_without_a_restart(fleet: RunningFleet) -> None:
    """A company adds repositories every day."""
    text = fleet.listed.read_text(encoding="utf-8")
    added = Remote(fleet.home / "added", {"a.py": "def quaternion_product(a, b): ...\n"}, name="added")
    fleet.listed.write_text(f"{text}{added.url}\n", encoding="utf-8")
    try:
        assert "4 repositories" in await ask_until(fleet.base, "4 repositories", query="quaternion_product")
        found = await ask_until(fleet.base, "a.py:1-1", query="quaternion_product", repo="added")
        assert "a.py:1-1" in found
    finally:
        fleet.listed.write_text(text, encoding="utf-8")
    assert "repo 'added' is not served" in await ask_until(
        fleet.base, "is not served", query="x", repo="added"
    )


def test_the_state_of_a_fleet_is_told_in_plain_words(fleet: RunningFleet) -> None:
    """Whoever is called at night reads this first."""
    command = [sys.executable, "-m", "mcp_server", "fleet", "status", "--cache", str(fleet.home / "cache")]

    def told(*options: str) -> str:
        return subprocess.run([*command, *options], capture_output=True, text=True, check=False).stdout

    assert polled(lambda: "repositories: 3 (3 published)" in told(), patience_s=PATIENCE_S)
    said = told()
    assert said.startswith("machines: 1\n")
    assert "searchers: 1 running" in said
    assert re.search(r"calls: [\d,]+ answered", said)
    assert json.loads(told("--json"))["states"]["published"] == 3


def test_a_second_command_and_a_missing_place_are_told_what_to_do(
    fleet: RunningFleet, tmp_path: Path
) -> None:
    """An error that names no way out is a dead end."""
    port = fleet.base.rpartition(":")[2]
    command = [sys.executable, "-m", "mcp_server", "fleet", "up", "--cache", str(tmp_path), "--http", port]
    taken = subprocess.run(
        [*command, "--shared-indexes", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert taken.returncode == 2
    assert f"127.0.0.1:{port} cannot be listened at" in taken.stderr


def test_a_fleet_that_ends_leaves_no_process(tmp_path: Path) -> None:
    """What is left holds memory and ports, and nobody knows whose it is."""
    remotes = {"uploads": Remote(tmp_path / "uploads", FILES["uploads"], name="uploads")}
    with running_fleet(tmp_path, remotes, GOLDRANK_MODEL="", GOLDRANK_RERANK_WEIGHT="0") as fleet:
        family = psutil.Process(fleet.process.pid).children(recursive=True)
        assert family
    assert fleet.process.returncode == 130
    assert polled(lambda: not any(one.is_running() for one in family), patience_s=20)
