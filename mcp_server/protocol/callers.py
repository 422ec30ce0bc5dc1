"""Who sends the call that is being answered, as the token of its request says."""

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken

from mcp_server.rights.caller import EVERYBODY, Caller

GROUPS = "groups"  # the claim that authorization servers write the groups of a person to


def current_caller() -> Caller:
    """Return who sends the current call; `EVERYBODY` over a pipe, and over HTTP without tokens."""
    token = get_access_token()
    return caller_of(token) if token else EVERYBODY


def caller_of(token: AccessToken) -> Caller:
    """Return who holds a token."""
    told = (token.claims or {}).get(GROUPS)
    groups = frozenset(group for group in told if isinstance(group, str)) if isinstance(told, list) else ()
    return Caller(token.subject or token.client_id, frozenset(groups))
