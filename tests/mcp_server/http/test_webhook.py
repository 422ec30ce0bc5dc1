"""A webhook is open to the network: only a signed push may fetch, and no answer tells what is served."""

import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx2
import pytest
from fakes import write
from mcp import Client
from mcp.types import TextContent
from remotes import Remote, remove

from mcp_server.http.webhook import MOST_BODY_BYTES, WebhookSecret, places_in
from retrieval.errors import ArgumentError

SECRET = "f00d" * 16
PATIENCE_S = 60


@pytest.fixture(name="origin")
def origin_fixture(tmp_path: Path) -> Remote:
    """A repository that is served from its URL."""
    return Remote(tmp_path / "forge", {"a.py": "def first():\n    return 1\n"})


@pytest.fixture(name="secret")
def secret_fixture(tmp_path: Path) -> Path:
    """Write a secret that only its owner reads."""
    file = write(tmp_path, {"secret": f"{SECRET}\n"}) / "secret"
    file.chmod(0o600)
    return file


@pytest.fixture(name="serve")
def serve_fixture(origin: Remote, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Start a server over the URL; end it by its own id."""
    environment = {**os.environ, "GOLDRANK_CACHE": str(tmp_path / "cache"), "GOLDRANK_INDEX_WAIT_S": "60"}
    environment |= {"GOLDRANK_MIRROR_REFRESH_S": "0", "GOLDRANK_MODEL": "", "GOLDRANK_RERANK_WEIGHT": "0"}
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", "mcp_server", "serve", "--http", "127.0.0.1:0", *options, origin.url],
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
        )
        started.append(process)
        assert process.stderr
        line = process.stderr.readline()
        match = re.search(r"at (http://127\S+?)/mcp; Ctrl-C ends it", line)
        assert match, line + process.stderr.read()
        return match[1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    """Sign a body as GitHub and Gitea do."""
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def push_of(url: str) -> bytes:
    """Write a payload as GitHub does, with what matters here."""
    return json.dumps({"ref": "refs/heads/main", "repository": {"clone_url": url, "private": True}}).encode()


def posted(base: str, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
    """Send a push."""
    return httpx2.post(f"{base}/webhook", content=body, headers=dict(headers), timeout=PATIENCE_S)


async def searched(base: str, query: str) -> str:
    """Search as a client does."""
    async with Client(f"{base}/mcp") as client:
        result = await client.call_tool("rag_search", {"query": query})
    [block] = result.content
    assert isinstance(block, TextContent)
    return block.text


@pytest.mark.anyio
async def test_a_signed_push_is_found_by_the_next_questions(
    serve: Callable[..., str], origin: Remote, secret: Path
) -> None:
    """Between a merge and an answer that knows it should lie seconds, without asking the forge all day."""
    base = serve("--webhook-secret-file", str(secret))
    assert "1. a.py:1-2" in await searched(base, "first")
    origin.push({"b.py": "def entirely_new():\n    return 2\n"})
    assert "b.py" not in await searched(base, "entirely_new")
    body = push_of(origin.url)
    assert posted(base, body, signed(body)).status_code == 202
    deadline = time.monotonic() + PATIENCE_S
    while "1. b.py:1-2" not in await searched(base, "entirely_new"):
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
    remove(origin)
    posted(base, body, signed(body))
    wanted = ('outcome="changed"} 1.0', 'outcome="failed"} 1.0')
    while not all(
        f"goldrank_mirror_refreshes_total{{{told}" in httpx2.get(f"{base}/metrics").text for told in wanted
    ):
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
    assert "b.py" in await searched(base, "entirely_new")


def test_a_push_that_is_not_signed_is_refused_and_an_unknown_one_is_not_told_apart(
    serve: Callable[..., str], origin: Remote, secret: Path
) -> None:
    """Whoever can ask which repositories are served learns what a company works on."""
    base = serve("--webhook-secret-file", str(secret), "--rate-limit", "0")
    known, unknown = push_of(origin.url), push_of("https://github.com/o/other")
    answers = [posted(base, body, signed(body)) for body in (known, unknown, b"[]", b"no json", b"")]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, "accepted\n")}
    for headers in (
        {},
        signed(known, "guess" * 8),
        signed(unknown),
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256="},
        {"X-Hub-Signature": "sha1=" + "0" * 40},
        {"X-Gitlab-Token": "guess"},
        {"X-Gitlab-Token": ""},
        {**signed(unknown), "X-Gitlab-Token": SECRET},
    ):
        answer = posted(base, known, headers)
        assert (answer.status_code, SECRET in answer.text) == (401, False), headers
    assert posted(base, known, {"X-Gitlab-Token": SECRET}).status_code == 202
    large = b" " * (MOST_BODY_BYTES + 1)
    assert posted(base, large, signed(large)).status_code == 413
    assert httpx2.get(f"{base}/webhook").status_code == 405


def test_without_a_secret_there_is_no_webhook(serve: Callable[..., str], origin: Remote) -> None:
    """What nobody asked for must not be open."""
    body = push_of(origin.url)
    assert posted(serve(), body, signed(body)).status_code == 404


@pytest.mark.parametrize(
    "payload",
    [
        {"repository": {"clone_url": "https://host/o/n.git"}},
        {"repository": {"ssh_url": "git@host:o/n.git"}},
        {"repository": {"html_url": "https://HOST/o/n"}},
        {"repository": {"links": {"html": {"href": "https://host/o/n"}}}},
        {
            "project": {
                "git_http_url": "https://host:8443/o/n.git",
                "git_ssh_url": "ssh://git@host:2222/o/n.git",
            }
        },
        {"project": {"web_url": "https://host/o/n"}, "repository": {"git_ssh_url": "git@host:o/n.git"}},
    ],
)
def test_every_forge_names_the_repository_in_its_own_way(payload: object) -> None:
    """A webhook is set up once, by somebody who reads the documentation of one forge."""
    body = json.dumps(payload).encode()
    assert places_in(body, "application/json") == {"host/o/n"}
    form = urllib.parse.urlencode({"payload": body.decode()}).encode()
    assert places_in(form, "application/x-www-form-urlencoded") == {"host/o/n"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"repository": 3}',
        b'{"repository": {"clone_url": 3, "links": []}}',
        b"[" * 100_000,
    ],
)
def test_a_payload_of_another_form_names_nothing(body: bytes) -> None:
    """Whoever knows the secret may still send anything."""
    assert places_in(body, "application/json") == set()
    assert places_in(body, "application/x-www-form-urlencoded") == set()


def test_a_secret_that_others_read_or_that_is_short_is_refused(secret: Path) -> None:
    """A secret that everybody on the machine knows signs nothing; one that is replaced counts at once."""
    webhook, body = WebhookSecret(secret), b"x"
    secret.write_text("0123456789abcdef\n", encoding="ascii")
    assert webhook.accepts(
        {"X-Hub-Signature-256": signed(body, "0123456789abcdef")["X-Hub-Signature-256"]}, body
    )
    secret.chmod(0o644)
    assert not webhook.accepts(signed(body, "0123456789abcdef"), body)
    with pytest.raises(ArgumentError, match="others than you"):
        WebhookSecret(secret)
    secret.chmod(0o600)
    for text in ("short\n", "", "two lines of text\nand another one\n"):
        secret.write_text(text, encoding="ascii")
        with pytest.raises(ArgumentError, match="holds no secret"):
            WebhookSecret(secret)
    secret.unlink()
    with pytest.raises(ArgumentError, match="cannot be read"):
        WebhookSecret(secret)
