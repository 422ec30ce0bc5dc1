"""Which pushes are believed, and which repositories they are about.

GitHub and Gitea sign the body (`X-Hub-Signature-256`, HMAC-SHA256); GitLab sends the secret
(`X-Gitlab-Token`).
A push only says that something may be new: what is new comes from the repository's own URL. The answer is the
same for every repository, so that nobody learns which are served.
"""

import hashlib
import hmac
import json
import logging
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from retrieval.errors import ArgumentError, GoldrankError
from retrieval.mirrors.source import place_of

MOST_BODY_BYTES = 5_000_000  # a push of 1,000 commits has some 2 MB; GitHub cuts off at 2,048 commits
LEAST_CHARS = 16  # of a secret
SIGNATURE = "X-Hub-Signature-256"
TOKEN = "X-Gitlab-Token"  # noqa: S105 - the name of a header

_HOW = "write one line: what `openssl rand -hex 32` prints"
_REPOSITORY_KEYS = ("repository", "project")
_URL_KEYS = (
    "clone_url", "ssh_url", "html_url", "git_url", "svn_url",  # GitHub, Gitea
    "git_http_url", "git_ssh_url", "http_url", "web_url", "homepage", "url",  # GitLab
)  # fmt: skip

log = logging.getLogger(__name__)


class WebhookSecret:
    """The secret of a file that is read again with every push, so that it can be replaced."""

    def __init__(self, path: Path) -> None:
        """Read the file once.

        Raises:
            ArgumentError: It cannot be read, others can read it, or it holds no secret.
        """
        self._path = path
        _read(path)

    def accepts(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Return whether a push comes from somebody who knows the secret."""
        try:
            secret = _read(self._path)
        except GoldrankError as error:
            log.warning("no push is accepted: %s", error)
            return False
        signature, token = headers.get(SIGNATURE), headers.get(TOKEN)
        if signature is not None:
            expected = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
            return hmac.compare_digest(signature.strip().encode(), expected.encode())
        return token is not None and hmac.compare_digest(token.encode(), secret)


class Webhook:
    """The application that takes pushes."""

    def __init__(self, secret: WebhookSecret, fetch: Callable[[Iterable[str]], None]) -> None:
        """Take nothing yet.

        Args:
            secret: What a push must be signed with.
            fetch: Fetches the mirrors of some places, and ignores the others.
        """
        self._secret = secret
        self._fetch = fetch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one push."""
        response = await _answer(Request(scope, receive), self._secret, self._fetch)
        await response(scope, receive, send)


async def _answer(
    request: Request, secret: WebhookSecret, fetch: Callable[[Iterable[str]], None]
) -> Response:
    if not {SIGNATURE.lower(), TOKEN.lower()}.intersection(request.headers.keys()):
        return _refused()
    body = await _body_of(request)
    if body is None:
        return PlainTextResponse(f"a push may have {MOST_BODY_BYTES:,} bytes\n", 413)
    if not secret.accepts(request.headers, body):
        return _refused()
    fetch(places_in(body, request.headers.get("content-type", "")))
    return PlainTextResponse("accepted\n", 202)


def _refused() -> Response:
    return PlainTextResponse(f"sign the push: {SIGNATURE} or {TOKEN}\n", 401)


async def _body_of(request: Request) -> bytes | None:
    """Return the body; None when it is too long."""
    body = bytearray()
    try:
        async for block in request.stream():
            body += block
            if len(body) > MOST_BODY_BYTES:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


def places_in(body: bytes, content_type: str) -> set[str]:
    """Return the places of the repositories that a payload names, as `Source.place` writes them.

    Args:
        body: JSON, or a form with JSON as `payload`.
        content_type: Which of them.
    """
    try:
        if content_type.startswith("application/x-www-form-urlencoded"):
            body = "".join(parse_qs(body.decode("utf-8")).get("payload", [])).encode("utf-8")
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return set()
    return {place for url in _urls_in(payload) if (place := place_of(url))}


def _urls_in(payload: Any) -> Iterator[str]:
    if not isinstance(payload, dict):
        return
    for key in _REPOSITORY_KEYS:
        found = payload.get(key)
        if not isinstance(found, dict):
            continue
        links = found.get("links")
        page = links.get("html") if isinstance(links, dict) else None  # Bitbucket
        urls = [
            *(found.get(name) for name in _URL_KEYS),
            page.get("href") if isinstance(page, dict) else None,
        ]
        yield from (url for url in urls if isinstance(url, str))


def _read(path: Path) -> bytes:
    """Read the secret.

    Raises:
        ArgumentError: It cannot be read, others can read it, or it is too short.
    """
    try:
        mode, secret = path.stat().st_mode, path.read_bytes().strip()
    except OSError as error:
        raise ArgumentError(
            f"the webhook secret {path} cannot be read: {error.strerror}", remedy=_HOW
        ) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ArgumentError(
            f"others than you can read or change the webhook secret {path}", remedy=f"chmod 600 {path}"
        )
    if len(secret) < LEAST_CHARS or len(secret.splitlines()) != 1:
        raise ArgumentError(f"{path} holds no secret of {LEAST_CHARS} characters or more", remedy=_HOW)
    return secret
