"""Which tokens of an authorization server are accepted: signed by it, for this server, and not expired.

Its keys are fetched when the first token comes, and again when a token names a key that is not known, at most
twice a minute. Sources: RFC 9068 (access tokens as JWT), RFC 8414 and OpenID Connect Discovery (where the
keys are).
"""

import logging
import threading
from typing import Any
from urllib.parse import urlsplit

import anyio.to_thread
import httpx2
import jwt
from mcp.server.auth.provider import AccessToken

from retrieval.errors import ArgumentError

TIMEOUT_S = 5.0
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Those with a public key; a token signed with a shared secret, or not at all, is refused."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")

log = logging.getLogger(__name__)


class IssuedTokens:
    """The access tokens that an authorization server issues for this server."""

    def __init__(self, issuer: str, resource: str) -> None:
        """Fetch nothing yet.

        Args:
            issuer: The URL of the authorization server.
            resource: The URL of this server, which a token must name as its audience.

        Raises:
            ArgumentError: The issuer is no URL of HTTPS.
        """
        parts = urlsplit(issuer)
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        ):
            raise ArgumentError(
                f"{issuer!r} is no authorization server", remedy="write its URL: https://login.example.com"
            )
        self.issuer = issuer
        self.resource = resource
        self._lock = threading.Lock()  # guards the one below
        self._keys: jwt.PyJWKClient | None = None

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return who a token is issued to, or None if it is not to be trusted."""
        return await anyio.to_thread.run_sync(self._verified, token)

    def _verified(self, token: str) -> AccessToken | None:
        try:
            key = self._found_keys().get_signing_key_from_jwt(token)
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=list(ALGORITHMS),
                audience=self.resource,
                issuer=self.issuer,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            log.warning("the keys of %s cannot be fetched: %s", self.issuer, error)
            return None
        except jwt.PyJWTError as error:
            log.info("a token is refused: %s", error)
            return None
        except (httpx2.HTTPError, ValueError) as error:  # what the issuer says of itself
            log.warning("%s cannot be asked for its keys: %s", self.issuer, error)
            return None
        return AccessToken(
            token=token,
            client_id=str(claims.get("client_id") or claims.get("azp") or claims["sub"]),
            scopes=str(claims.get("scope", "")).split(),
            expires_at=int(claims["exp"]),
            resource=self.resource,
            subject=str(claims["sub"]),
            claims=claims,
        )

    def _found_keys(self) -> jwt.PyJWKClient:
        with self._lock:
            if self._keys is None:
                self._keys = jwt.PyJWKClient(_keys_uri(self.issuer), timeout=TIMEOUT_S)
            return self._keys


def _keys_uri(issuer: str) -> str:
    """Ask an authorization server where its keys are."""
    parts = urlsplit(issuer)
    base, path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    failure: Exception = ValueError("it describes itself nowhere")
    for place in (
        f"{base}/.well-known/oauth-authorization-server{path}",
        f"{base}{path}/.well-known/openid-configuration",
    ):
        try:
            told = httpx2.get(place, timeout=TIMEOUT_S).raise_for_status().json()
        except (httpx2.HTTPError, ValueError) as error:
            failure = error
            continue
        uri = told.get("jwks_uri") if isinstance(told, dict) and "issuer" in told else None
        if uri and told["issuer"] == issuer and str(uri).startswith(("https://", base)):
            return str(uri)
        failure = ValueError(f"{place} describes another server, or names no keys")
    raise failure
