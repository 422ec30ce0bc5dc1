"""What a request meets at a fleet: the same application as at a server of one machine, with other answers.

Requests of one client may reach any gateway, so no gateway keeps a session.
"""

import asyncio
from collections import Counter
from typing import Any

from ray import serve
from starlette.types import ASGIApp

from mcp_server.fleet.answers import FleetAnswers, Handles
from mcp_server.fleet.plan import Plan
from mcp_server.http.address import Names
from mcp_server.http.app import Access, build_app
from mcp_server.http.issued_tokens import IssuedTokens
from mcp_server.http.metrics import Metrics
from mcp_server.http.recorded import recorded
from mcp_server.http.tokens import TokenFile
from mcp_server.http.webhook import WebhookSecret
from mcp_server.protocol.process import begin_process
from mcp_server.protocol.tools import Ended, Outcome, serve_answers
from mcp_server.rights.audit import AuditLog
from mcp_server.rights.rights import Rights


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
        self._following = asyncio.get_running_loop().create_task(self._answers.follow_status())

    def __serve_build_asgi_app__(self) -> ASGIApp:
        """Make the application."""
        plan = self._plan
        access = access_of(plan)
        server = serve_answers(
            self._answers,
            version=plan.version,
            observe=recorded(self._observe, self._audit()),
            is_same_for_all=access.rights is None,
        )
        names = Names(plan.entrance.hosts, plan.entrance.origins)
        return build_app(server, self._answers, self._metrics, names=names, access=access, is_stateless=True)

    def counted(self) -> dict[str, int]:
        """Return how many calls ended in each way since this replica began."""
        return {str(outcome): count for outcome, count in self._counted.items()}

    def _observe(self, ended: Ended) -> None:
        self._counted[ended.outcome] += 1
        self._metrics.count_call(ended)

    def _audit(self) -> AuditLog | None:
        """Open the audit log; two gateways of one machine must not rename one file under each other."""
        file = self._plan.entrance.audit_log
        if file and self._plan.sizes.gateways > 1:
            number = serve.get_replica_context().rank.local_rank
            file = file.with_name(f"{file.stem}-{number}{file.suffix}")
        return AuditLog(file) if file else None


def access_of(plan: Plan) -> Access:
    """Open the files that say who may come in.

    Raises:
        ArgumentError: One cannot be read, or is wrong.
    """
    entrance = plan.entrance
    return Access(
        TokenFile(entrance.token_file) if entrance.token_file else None,
        IssuedTokens(entrance.issuer, entrance.public_url) if entrance.issuer else None,
        entrance.per_minute,
        WebhookSecret(entrance.webhook_secret_file) if entrance.webhook_secret_file else None,
        Rights(plan.rights) if plan.rights else None,
    )
