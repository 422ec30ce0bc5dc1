"""What is counted of a server, in the text format of Prometheus; no query, path or code is."""

from collections.abc import Callable
from functools import partial

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_server.protocol.tools import Ended
from mcp_server.serving.mirror_refresh import Outcome as FetchOutcome
from mcp_server.serving.workspace import Readiness

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""From a search that the first stage answers to one that waits for its index."""
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The counters of one server."""

    def __init__(self, readiness: Callable[[], Readiness]) -> None:
        """Count nothing yet.

        Args:
            readiness: Says, whenever the metrics are read, how many repositories can be searched.
        """
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "goldrank_http_requests", "Requests by status.", ["status"], registry=self._registry
        )
        self._calls = Histogram(
            "goldrank_call_seconds",
            "Calls of tools: answered, refused (its text says why), failed or cancelled.",
            ["tool", "outcome"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._fetches = Counter(
            "goldrank_mirror_refreshes",
            "Fetches of mirrors: the commit changed, stayed the same, or the fetch failed.",
            ["outcome"],
            registry=self._registry,
        )
        states = Gauge("goldrank_repositories", "Repositories by state.", ["state"], registry=self._registry)
        for state in ("served", "indexed", "failed"):
            states.labels(state).set_function(partial(_count, readiness, state))
        ProcessCollector(registry=self._registry)

    def count_call(self, ended: Ended) -> None:
        """Count a call of a tool."""
        self._calls.labels(ended.tool, ended.outcome).observe(ended.seconds)

    def count_fetch(self, outcome: FetchOutcome) -> None:
        """Count a refresh of a mirror."""
        self._fetches.labels(outcome).inc()

    def count_requests(self, app: ASGIApp) -> ASGIApp:
        """Wrap an application so that its answers are counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._requests.labels(str(message["status"])).inc()
                await send(message)

            await app(scope, receive, sent)

        return counted

    def text(self) -> bytes:
        """Write all counters in the text format."""
        return generate_latest(self._registry)


def _count(readiness: Callable[[], Readiness], state: str) -> float:
    return float(getattr(readiness(), state))
