"""What a request meets at a fleet: the same application as at a server of one machine, with other answers.

Requests of one client may reach any gateway, so no gateway keeps a session.
"""

import asyncio
import logging
import time
from collections import Counter
from typing import Any

from ray import serve
from starlette.types import ASGIApp

from mcp_server.fleet.answers import FleetAnswers, Handles
from mcp_server.fleet.plan import Entrance, Plan
from mcp_server.http.address import Names
from mcp_server.http.app import Access, build_app
from mcp_server.http.issued_tokens import IssuedTokens
from mcp_server.http.metrics import Metrics
from mcp_server.http.tokens import TokenFile
from mcp_server.http.webhook import WebhookSecret
from mcp_server.protocol.process import begin_process
from mcp_server.protocol.tools import Outcome, serve_answers

log = logging.getLogger(__name__)


@serve.ingress()  # the application is made where the replica runs
class Gateway:
    """One replica that speaks the protocol."""

    def __init__(self, plan: Plan, searchers: Any, routers: Any, planner: Any) -> None:
        """Ask nobody yet.

        Args:
            plan: The fleet.
            searchers: The handle of the searchers.
            routers: The handle of the routers.
            planner: The handle of the planner.
        """
        begin_process(plan.settings)
        self._plan = plan
        self._answers = FleetAnswers(plan, Handles(searchers, routers, planner))
        self._metrics = Metrics(self._answers.readiness)
        self._counted: Counter[Outcome] = Counter()
        self._begun_at = time.time()
        self._following = asyncio.get_running_loop().create_task(self._answers.follow_status())

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Make the application."""
        plan = self._plan
        server = serve_answers(self._answers, version=plan.version, observe=self._observe)
        names = Names(plan.entrance.hosts, plan.entrance.origins)
        access = access_of(plan.entrance)
        return build_app(server, self._answers, self._metrics, names=names, access=access, is_stateless=True)

    def counted(self) -> dict[str, int]:
        """Return how many calls ended in each way since this replica began."""
        return {str(outcome): count for outcome, count in self._counted.items()}

    def _observe(self, tool: str, outcome: Outcome, seconds: float) -> None:
        self._counted[outcome] += 1
        self._metrics.count_call(tool, outcome, seconds)


def access_of(entrance: Entrance) -> Access:
    """Open the files that say who may come in.

    Raises:
        ArgumentError: One cannot be read, or is wrong.
    """
    return Access(
        TokenFile(entrance.token_file) if entrance.token_file else None,
        IssuedTokens(entrance.issuer, entrance.public_url) if entrance.issuer else None,
        entrance.per_minute,
        WebhookSecret(entrance.webhook_secret_file) if entrance.webhook_secret_file else None,
    )
