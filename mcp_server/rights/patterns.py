"""Which repositories a pattern of the rights file means: a URL or folder, `*` in a part, `**` for some parts.

A repository is one whatever the protocol of its URL: `git@host:team/docs.git` is `https://host/team/docs`. A
port that is not the protocol's own is another server. Only the host is compared without regard to case.
Where a text could mean more or less, it means less.
"""

import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from retrieval.errors import ArgumentError, shorten
from retrieval.mirrors.source import Root, Source, meant_url

IDENTITIES = 20_000  # repositories whose identity is kept: each call of a new caller looks at all of them

ALL = "**"
"""The pattern of every repository."""

_HOW = "write https://host/owner/*, git@host:owner/name, /srv/name, or ** for all"
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/]*)(?P<path>/.*)?")
_SCP = re.compile(r"[^@/:\s]+@(?P<authority>\[[^\]/]+\]|[^/:@\s]+):(?P<path>[^:].*)")
_DEFAULT_PORTS = {"https": "443", "http": "80", "ssh": "22", "git": "9418"}
_REF_AT = re.compile(r"(?<!/)@")
_HOST_PARTS = 3  # of `//host/owner/name` at a slash: two empty ones, and the host
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """What one text of the rights file means.

    Attributes:
        identity: That of the one repository that is meant, or "" if a wildcard means more.
        wildcard: What the identities of those that are meant match, or None.
    """

    identity: str
    wildcard: re.Pattern[str] | None = None

    def is_among(self, identities: Collection[str]) -> bool:
        """Return whether any of some identities is meant."""
        if self.wildcard is None:
            return self.identity in identities
        return any(map(self.wildcard.fullmatch, identities))


class Patterns:
    """The patterns of a group. Thousands of repositories cost no more than one, where each is named."""

    def __init__(self, each: Iterable[Pattern]) -> None:
        """Take the patterns in the order of the file."""
        self.each = tuple(each)
        self._named = frozenset(one.identity for one in self.each if one.wildcard is None)
        self._wildcards = tuple(one.wildcard for one in self.each if one.wildcard is not None)

    def mean(self, root: Root) -> bool:
        """Return whether any pattern means a repository."""
        name = identity(root)
        return name in self._named or any(wildcard.fullmatch(name) for wildcard in self._wildcards)


@lru_cache(IDENTITIES)
def identity(root: Root) -> str:
    """Return what patterns are compared with: `//host/owner/name`, `file:/srv/name`, or a folder.

    >>> from retrieval.mirrors.source import read_source
    >>> identity(read_source("git@Example.com:team/docs.git@v1"))
    '//example.com/team/docs'
    """
    if isinstance(root, Source):
        return _of_url(root.url) or root.url
    return os.path.abspath(root.expanduser())  # noqa: PTH100 - keeps links, as it is served


def pattern_of(text: str) -> Pattern:
    """Read a pattern.

    Raises:
        ArgumentError: It is no URL or folder, or uses the wildcards otherwise.
    """
    if text == ALL:
        return Pattern("", re.compile(r".*", re.DOTALL))
    if _UNPRINTABLE.search(text):
        raise ArgumentError(f"{shorten(repr(text))} holds a space or a control character", remedy=_HOW)
    folder = os.path.expanduser(text)  # noqa: PTH111 - a pattern is no path
    is_folder = Path(folder).is_absolute()
    found = folder.rstrip("/") if is_folder else _of_url(text)
    if not found:
        remedy = f"did you mean https://{text}?" if meant_url(text.replace("*", "x")) else _HOW
        raise ArgumentError(f"{shorten(text)!r} names no repository", remedy=remedy)
    if not is_folder:
        _check_url(text, found)
    parts = found.split("/")
    if any(ALL in part and part != ALL for part in parts):
        raise ArgumentError(
            f"{shorten(text)!r} has ** beside other characters", remedy="write ** as a part of its own"
        )
    if ".." in parts or "." in parts:
        raise ArgumentError(f"{shorten(text)!r} climbs out of its path", remedy=_HOW)
    if "*" not in found:
        return Pattern(found)
    host = _HOST_PARTS if found.startswith("//") else 0
    written = [_written(part, r"[^/:]*" if number < host else r"[^/]*") for number, part in enumerate(parts)]
    return Pattern("", re.compile("/".join(written), re.DOTALL))


def _check_url(text: str, found: str) -> None:
    """Refuse what is no part of a repository's URL.

    Raises:
        ArgumentError: There is a ref, a query or a fragment, or any host is meant with `**`.
    """
    if _REF_AT.search(found):
        raise ArgumentError(
            f"{shorten(text)!r} names a ref", remedy="leave it out: a right is for all of a repository"
        )
    if "?" in found or "#" in found:
        raise ArgumentError(f"{shorten(text)!r} has a query or a fragment", remedy=_HOW)
    if found.startswith("//**/"):
        raise ArgumentError(f"{shorten(text)!r} names no host", remedy="write * for any host")


def _written(part: str, some: str) -> str:
    return r".+" if part == ALL else some.join(map(re.escape, part.split("*")))


def _of_url(text: str) -> str:
    """Write a URL without its protocol, user, default port and `.git`; "" for any other text."""
    if found := _URL.fullmatch(text):
        scheme = found["scheme"].lower()
    elif found := _SCP.fullmatch(text):
        scheme = "ssh"
    else:
        return ""
    path = (found["path"] or "").strip("/").removesuffix(".git")
    if scheme == "file":
        return f"file:/{path}" if path else ""
    authority = found["authority"].rpartition("@")[2].lower()
    default = _DEFAULT_PORTS.get(scheme)
    host = authority.removesuffix(f":{default}") if default else ""
    return f"//{host}/{path}" if host and path else ""
