"""What a request meets: its client's rights, its rate, the names it used, and then the protocol.

/mcp        the tools, in both eras of the protocol
/healthz    200 while the process answers at all
/readyz     200 once every repository is indexed or known to fail, before that 503
/metrics    counters, for Prometheus; where callers have different rights, for operators alone
/webhook    signed pushes, where there is a secret; each fetches the mirrors that it is about
/.well-known/oauth-protected-resource/…    who issues tokens, where somebody does
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mcp.server import Server
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from mcp_server.http.address import ENDPOINT, Names
from mcp_server.http.issued_tokens import IssuedTokens
from mcp_server.http.metrics import CONTENT_TYPE, Metrics
from mcp_server.http.rate_limit import RateLimited
from mcp_server.http.tokens import TokenFile
from mcp_server.http.webhook import Webhook, WebhookSecret
from mcp_server.protocol.callers import current_caller
from mcp_server.rights.audit import AuditLog
from mcp_server.rights.rights import Rights
from mcp_server.serving.answers import Answers

WEBHOOK = "/webhook"
MOST_SESSIONS = 1_000  # each keeps some 50 kB, and one that nobody uses ends after half an hour
MOST_BODY_BYTES = 1_000_000  # the largest call that the tools accept is some 500 kB of candidates


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask, and how often.

    Attributes:
        tokens: The tokens of a file, or None.
        issued: The tokens of an authorization server, or None. With neither, every client may ask.
        per_minute: How many requests a client may send in a minute; 0 for any number.
        webhook: The secret that pushes are signed with, or None for no webhook.
        rights: Who may see which repositories, or None where every caller sees all.
        audit: Where each call is recorded, or None.
    """

    tokens: TokenFile | None
    issued: IssuedTokens | None
    per_minute: int
    webhook: WebhookSecret | None = None
    rights: Rights | None = None
    audit: AuditLog | None = None

    @property
    def verifiers(self) -> list[TokenVerifier]:
        """What a token is shown to, in this order."""
        return [verifier for verifier in (self.tokens, self.issued) if verifier]


class _AnyOf:
    """Accepts what any of several verifiers accepts."""

    def __init__(self, verifiers: Sequence[TokenVerifier]) -> None:
        self._verifiers = verifiers

    async def verify_token(self, token: str) -> AccessToken | None:
        for verifier in self._verifiers:
            if found := await verifier.verify_token(token):
                return found
        return None


def build_app(
    server: Server[Any],
    answers: Answers,
    metrics: Metrics,
    *,
    names: Names,
    access: Access,
    is_stateless: bool = False,
) -> ASGIApp:
    """Make the application of a server.

    Args:
        server: The tools.
        answers: What answers the tools, for its state and for pushes.
        metrics: Where requests are counted.
        names: By which names a request may call the server.
        access: Who may ask.
        is_stateless: Whether each request stands alone, because the next may reach another process.
    """
    security = TransportSecuritySettings(allowed_hosts=list(names.hosts), allowed_origins=list(names.origins))
    manager = StreamableHTTPSessionManager(
        server,
        stateless=is_stateless,
        security_settings=security,
        max_request_body_size=MOST_BODY_BYTES,
        max_sessions=MOST_SESSIONS,
    )
    tools = _limited(StreamableHTTPASGIApp(manager), access)

    async def alive(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def ready(_request: Request) -> Response:
        now = answers.readiness()
        told = f"{now.indexed} of {now.served} repositories are indexed, {now.failed} failed\n"
        if access.rights:  # nobody who may not see a repository learns of it, not even how many there are
            told = "ready\n" if now.is_over else "not ready yet\n"
        return PlainTextResponse(told, 200 if now.is_over else 503)

    async def counters(_request: Request) -> Response:
        if access.rights and not access.rights.is_operator(current_caller()):
            return PlainTextResponse("Not Found", 404)
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    routes = [
        Route(ENDPOINT, tools, middleware=_guards(access)),
        Route("/metrics", counters, middleware=_guards(access)),
        Route("/healthz", alive),
        Route("/readyz", ready),
    ]
    if access.webhook:
        pushes = _limited(Webhook(access.webhook, answers.fetch), access)
        routes.append(Route(WEBHOOK, pushes, methods=["POST"]))
    if access.issued:
        resource, issuer = AnyHttpUrl(access.issued.resource), AnyHttpUrl(access.issued.issuer)
        routes += create_protected_resource_routes(resource, [issuer], resource_name="goldrank code search")
    app = Starlette(routes=routes, middleware=_middleware(access), lifespan=lambda _app: manager.run())
    return metrics.count_requests(app)


def _limited(app: ASGIApp, access: Access) -> ASGIApp:
    return RateLimited(app, access.per_minute) if access.per_minute else app


def _middleware(access: Access) -> list[Middleware]:
    if not access.verifiers:
        return []
    backend = BearerAuthBackend(_AnyOf(access.verifiers))
    return [Middleware(AuthenticationMiddleware, backend=backend), Middleware(AuthContextMiddleware)]


def _guards(access: Access) -> list[Middleware]:
    """Ask for a token where there are any, and say where one is issued."""
    if not access.verifiers:
        return []
    where = build_resource_metadata_url(AnyHttpUrl(access.issued.resource)) if access.issued else None
    return [Middleware(RequireAuthMiddleware, required_scopes=[], resource_metadata_url=where)]
