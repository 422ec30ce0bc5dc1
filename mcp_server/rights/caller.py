"""Who sends a call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a call, as the transport identified them.

    Attributes:
        name: The name beside the token, or the subject of a token that an authorization server issued; "" if
            the transport identifies nobody.
        groups: The groups that the token itself names.
    """

    name: str = ""
    groups: frozenset[str] = frozenset()


EVERYBODY = Caller()
"""The caller over a pipe, or over HTTP without tokens: whoever can reach the server."""
