"""How a call that is over becomes a line of the audit log, beside what is counted of it."""

from mcp_server.protocol.tools import Ended, Observe
from mcp_server.rights.audit import AuditLog, Entry


def recorded(observe: Observe, audit: AuditLog | None) -> Observe:
    """Return what observes a call and then records it; without a log, what observes it."""
    if audit is None:
        return observe

    def both(ended: Ended) -> None:
        observe(ended)
        audit.write(
            Entry(
                ended.caller.name,
                ended.tool,
                ended.outcome,
                tuple(ended.repositories),
                ended.places,
                round(1e3 * ended.seconds),
            )
        )

    return both
