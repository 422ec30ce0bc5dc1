"""An authorization server on this machine."""

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

RESOURCE = "https://code.example.com/mcp"


class Issuer:
    """An authorization server that describes itself and its one key."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        public = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key())), "kid": "one"}
        self.pages: dict[str, Any] = {"/keys": {"keys": [public]}}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = pages.get(self.path)
                self.send_response(404 if page is None else 200)
                self.end_headers()
                self.wfile.write(json.dumps(page).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.describe(issuer=self.url)

    def describe(self, *, issuer: str, place: str = "/.well-known/oauth-authorization-server") -> None:
        """Say who it is and where its keys are, at one of the places where that is looked for."""
        self.pages[place] = {"issuer": issuer, "jwks_uri": f"{self.url}/keys"}

    def token(self, key: Any = None, *, algorithm: str = "RS256", **claims: Any) -> str:
        """Sign a token that is right but for what is given; a claim that is None is left out."""
        right = {"iss": self.url, "aud": RESOURCE, "sub": "ann", "exp": int(time.time()) + 60}
        said = {name: value for name, value in (right | claims).items() if value is not None}
        return jwt.encode(said, key or self.key, algorithm=algorithm, headers={"kid": "one"})
