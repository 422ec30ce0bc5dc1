"""Which URLs name a place of shared indexes: one storage, without a credential."""

import re

from retrieval.errors import ArgumentError

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_WITH_USERS = frozenset({"sftp", "ssh", "abfs", "az"})
"""Schemes whose URLs name a user or a container before the `@`."""

_OWN_CREDENTIALS = "leave it out: the storage's own package reads credentials from its files and variables"


def scheme_of(url: str) -> str:
    """Return the scheme of a URL, in lower case; `file` for a folder."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else "file"


def checked(url: str) -> str:
    """Return a place's URL if it holds no credential; the message of a refusal does not repeat it.

    >>> checked("/srv/indexes/")
    '/srv/indexes'

    Raises:
        ArgumentError: It holds a credential, or several URLs.
    """
    if "::" in url and "://" in url:
        raise ArgumentError("shared_indexes chains several URLs", remedy="name the storage itself")
    if not (found := _SCHEME.match(url)):
        return url.rstrip("/") or url
    authority = url[found.end() :].partition("/")[0]
    user, at, _ = authority.rpartition("@")
    if at and (":" in user or found[1].lower() not in _WITH_USERS):
        raise ArgumentError("the URL in shared_indexes holds a credential", remedy=_OWN_CREDENTIALS)
    if "?" in url or "#" in url:
        raise ArgumentError("the URL in shared_indexes has a query or a fragment", remedy=_OWN_CREDENTIALS)
    return url.rstrip("/")
