"""Which tokens of an authorization server are accepted, with one that really signs."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from issuer import RESOURCE, Issuer

from mcp_server.http.issued_tokens import IssuedTokens
from retrieval.errors import ArgumentError


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Run an authorization server on this machine."""
    running = Issuer()
    thread = threading.Thread(target=running.server.serve_forever)
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


@pytest.mark.anyio
async def test_a_token_for_this_server_is_accepted(issuer: Issuer) -> None:
    """Who it was issued to is who the rate is counted for and the session belongs to."""
    found = await IssuedTokens(issuer.url, RESOURCE).verify_token(
        issuer.token(client_id="assistant", scope="read write")
    )
    assert found
    assert (found.client_id, found.subject, found.scopes) == ("assistant", "ann", ["read", "write"])


@pytest.mark.anyio
@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"aud": "https://other.example.com/mcp"},
        {"aud": None},
        {"iss": "https://other.example.com"},
        {"sub": None},
        {"nbf": int(time.time()) + 600},
    ],
)
async def test_any_other_token_is_refused(issuer: Issuer, claims: dict[str, Any]) -> None:
    """A token for another service must not open this one, and no token is for ever."""
    assert await IssuedTokens(issuer.url, RESOURCE).verify_token(issuer.token(**claims)) is None


@pytest.mark.anyio
async def test_a_forged_token_is_refused(issuer: Issuer) -> None:
    """Signed by another key, with a shared secret, or by nobody."""
    verifier = IssuedTokens(issuer.url, RESOURCE)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    head, body, _ = issuer.token().split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","kid":"one"}').rstrip(b"=").decode()
    forged = [
        issuer.token(other),
        issuer.token("k" * 64, algorithm="HS256"),
        f"{unsigned}.{body}.",
        f"{head}.{body}.",
        "no token",
        "",
    ]
    assert [await verifier.verify_token(token) for token in forged] == [None] * len(forged)


@pytest.mark.anyio
async def test_the_keys_are_found_by_openid_too(issuer: Issuer) -> None:
    """Most authorization servers describe themselves there."""
    issuer.pages.clear()
    issuer.describe(issuer=issuer.url, place="/.well-known/openid-configuration")
    public = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(issuer.key.public_key())), "kid": "one"}
    issuer.pages["/keys"] = {"keys": [public]}
    assert await IssuedTokens(issuer.url, RESOURCE).verify_token(issuer.token())


@pytest.mark.anyio
async def test_a_server_that_describes_another_is_not_believed(issuer: Issuer) -> None:
    """Else whoever answers at that place would choose the keys."""
    issuer.describe(issuer="https://other.example.com")
    assert await IssuedTokens(issuer.url, RESOURCE).verify_token(issuer.token()) is None


@pytest.mark.anyio
async def test_while_the_issuer_is_away_nobody_new_is_let_in() -> None:
    """And its return needs no restart."""
    running = Issuer()
    verifier = IssuedTokens(running.url, RESOURCE)
    running.server.server_close()
    assert await verifier.verify_token(running.token()) is None


@pytest.mark.parametrize("written", ["login.example.com", "http://login.example.com", "file:///etc/passwd"])
def test_an_issuer_is_reached_by_https(written: str) -> None:
    """Keys that anybody on the way can change prove nothing."""
    with pytest.raises(ArgumentError):
        IssuedTokens(written, RESOURCE)
