"""How often one client may ask: a number of requests in any minute, and then the rest is told to wait."""

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

PER_MINUTE = 600
"""Ten a second: an assistant asks some twenty a minute, and a loop that has gone wrong, hundreds a second."""


class RateLimited:
    """An application that answers each client so many requests a minute."""

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        """Wrap an application; `per_minute` is at least 1."""
        self._app = app
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or 429 with the seconds to wait."""
        client = _client_of(scope)
        if self._limiter.hit(self._item, client):
            await self._app(scope, receive, send)
            return
        wait = self._limiter.get_window_stats(self._item, client).reset_time - time.time()
        told = {
            "error": "rate_limited",
            "error_description": f"more than {self._item.amount} requests a minute",
        }
        refused = JSONResponse(told, 429, {"Retry-After": str(max(1, math.ceil(wait)))})
        await refused(scope, receive, send)


def _client_of(scope: Scope) -> str:
    """Identify who asks: by the token's holder, or without tokens by address."""
    user = scope.get("user")
    if isinstance(user, AuthenticatedUser):
        return f"user {user.username}"
    return f"address {(scope.get('client') or ('unknown',))[0]}"
