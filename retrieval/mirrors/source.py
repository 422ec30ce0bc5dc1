"""Which texts name a repository by its URL, with which protocols, and what such a repository is called.

A URL reaches git as an argument, so it is checked first: known protocols only, no options, no passwords.
Credentials come from git's own helpers. A URL that holds one is refused, and the message does not repeat it.
"""

import hashlib
import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from retrieval.errors import ArgumentError, shorten
from retrieval.files import ignores

FOLDER = "mirrors"
"""The folder of all mirrors, below the cache."""

Protocol = Literal["https", "http", "ssh", "git", "file"]

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/]*)(?P<path>/.*)?", re.DOTALL)
_SCP = re.compile(r"(?P<authority>[^@/:\s]+@(?:\[[^\]/]+\]|[^/:@\s]+)):(?P<path>[^:].*)", re.DOTALL)
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")  # `ext::sh -c …` runs a program
_AUTHORITY = re.compile(r"(?:(?P<user>[^@]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^:@\[\]]*)(?::(?P<port>\d*))?")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\]")
_USER = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+-]*")
_REF_AT = re.compile(r"(?<!/)@")
# What `git check-ref-format` refuses, and a dash in front.
_NO_REF = re.compile(
    r"\A[-/]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|(?:\A|/)\.|\.lock(?:/|\Z)|[/.]\Z|\A@\Z|\A\Z", re.DOTALL
)
_PORT = re.compile(r":\d*\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_LOCAL_ONLY = frozenset({"http", "git"})  # anybody on the way could change what they carry
_DEFAULT_PORTS = {"https": "443", "http": "80", "ssh": "22", "git": "9418"}
_TOKEN_CHARS = 20  # a user name this long is a token: GitHub's have 40 characters, GitLab's 26
_NO_SCHEME = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}(?::\d+)?(?:/[\w.~-]+){2,}/?(?:@\S+)?", re.IGNORECASE)
_ACCEPTED = (
    "write https://host/owner/name, ssh://git@host/owner/name, git@host:owner/name or file:///srv/name.git"
)
_HELPERS = "leave it out: git asks its own credential helpers (git config credential.helper)"


@dataclass(frozen=True, slots=True)
class Source:
    """A repository that is served from its URL.

    Attributes:
        url: What git fetches from; it holds no password.
        protocol: The only protocol that git may use.
        ref: A branch, tag or commit; "" for the remote's HEAD.
        name: What replies call it: `owner/name`, with `@ref` where one was given.
        key: Equal for URLs of one repository, whatever their spelling.
    """

    url: str
    protocol: Protocol
    ref: str
    name: str
    key: str

    @property
    def written(self) -> str:
        """The URL and the ref, as a user writes them."""
        return f"{self.url}@{self.ref}" if self.ref else self.url

    @property
    def place(self) -> str:
        """Where the repository is, whatever the protocol: `host/owner/name`."""
        return place_of(self.url)

    def mirror_folder(self, cache: Path) -> Path:
        """Return the folder of the mirror; all refs of one URL share it."""
        readable = _readable(self.name.partition("@")[0])
        return Path(os.path.realpath(cache.expanduser())) / FOLDER / f"{readable}-{_hash(self.key)}"

    def root(self, cache: Path) -> Path:
        """Return the folder that identifies this ref; no file of the repository is in it."""
        unique = f"-{_hash(self.ref)}" if self.ref else ""
        return self.mirror_folder(cache) / "at" / f"{_readable(self.name)}{unique}"


Root = Path | Source
"""What is served: a folder, or a repository by its URL."""


def read_root(text: str) -> Root:
    """Read a root as users write it: a folder, a URL of a git repository, or the path of a bare one.

    An existing folder wins over a URL that is spelled alike.

    Raises:
        ArgumentError: It is a URL that is not served, or that holds a credential.
    """
    folder = Path(text)
    if _is_folder(folder):
        return _bare(folder.expanduser(), "") if _is_bare(folder) else folder
    return read_source(text) or _bare_with_ref(text) or folder


def read_source(text: str) -> Source | None:
    """Read a URL with an optional `@ref`; None for a text that is no URL.

    >>> read_source("https://example.com/owner/name.git@v1").name
    'owner/name@v1'
    >>> read_source("src/api") is None
    True

    Raises:
        ArgumentError: The URL is not served, or holds a credential.
    """
    if _HELPER.match(text):
        raise ArgumentError(
            f"{shorten(text.partition('::')[0])}:: names a program, not a repository", remedy=_ACCEPTED
        )
    if found := _URL.fullmatch(text):
        scheme, path = found["scheme"].lower(), found["path"] or ""
    elif found := _SCP.fullmatch(text):
        scheme, path = "ssh", found["path"]
    else:
        return None
    path, at, ref = _split_ref(path)
    authority = _checked_authority(scheme, found["authority"])
    shown = text[: len(text) - len(at + ref)] if at else text
    if _UNPRINTABLE.search(shown) or not path.strip("/"):
        raise ArgumentError(f"{shorten(shown)!r} names no repository", remedy=_ACCEPTED)
    if "?" in path or "#" in path:
        raise ArgumentError("the URL has a query or a fragment, which no repository needs", remedy=_HELPERS)
    if path.lstrip("/~").startswith("-"):
        raise ArgumentError(f"{shorten(shown)} could be read as an option", remedy=_ACCEPTED)
    if at:
        require_ref(ref)
    return _source(scheme, authority, path, ref, url=shown.rstrip("/"))


def place_of(url: str) -> str:
    """Return where a repository is, the same for all its URLs; "" for a text that is no URL.

    >>> place_of("https://Example.com:8443/owner/name.git") == place_of("git@example.com:owner/name")
    True
    """
    found = _URL.fullmatch(url) or _SCP.fullmatch(url)
    if not found:
        return ""
    host = _PORT.sub("", found["authority"].rpartition("@")[2].lower())
    return f"{host}/{(found['path'] or '').strip('/').removesuffix('.git')}"


def meant_url(text: str) -> str:
    """Return the URL that a text may mean which names a host but no protocol; "" for any other text.

    >>> meant_url("github.com/pallets/click"), meant_url("src/api")
    ('https://github.com/pallets/click', '')
    """
    return f"https://{text}" if _NO_SCHEME.fullmatch(text) else ""


def require_ref(ref: str) -> None:
    """Check that a text can be a branch, a tag or a commit.

    Raises:
        ArgumentError: Git would read it as an option, as a range, or not at all.
    """
    if _NO_REF.search(ref):
        raise ArgumentError(
            f"{shorten(ref)!r} cannot be a branch, a tag or a commit",
            remedy="write URL@REF, like …/name@v1.2",
        )


@dataclass(frozen=True, slots=True)
class _Authority:
    user: str
    host: str
    port: str


def _checked_authority(scheme: str, text: str) -> _Authority:
    """Check who is asked and as whom; the text itself never appears in a message.

    Raises:
        ArgumentError: The protocol is not served, there is a password, or the host is none.
    """
    if scheme not in _DEFAULT_PORTS and scheme != "file":
        raise ArgumentError(f"{shorten(scheme)}:// is not served", remedy=_ACCEPTED)
    user, at, _ = text.rpartition("@")
    if at and ":" in user:
        raise ArgumentError("the URL holds a password", remedy=_HELPERS)
    if at and scheme != "ssh" and len(user) >= _TOKEN_CHARS:
        raise ArgumentError("the URL holds what looks like a token", remedy=_HELPERS)
    found = _AUTHORITY.fullmatch(text)
    if scheme == "file":
        if text.lower() not in {"", "localhost"}:
            raise ArgumentError("a file:// URL names no host", remedy="write file:///srv/name.git")
        return _Authority("", "", "")
    if not found or not _HOST.fullmatch(found["host"]) or (at and not _USER.fullmatch(user)):
        raise ArgumentError("the URL names no host that git can ask", remedy=_ACCEPTED)
    host = found["host"].lower()
    if scheme in _LOCAL_ONLY and not _is_loopback(host):
        raise ArgumentError(
            f"{scheme}:// is served from this machine only, and {shorten(host)} is another",
            remedy="use https:// or ssh://",
        )
    return _Authority(user, host, found["port"] or "")


def _source(scheme: str, authority: _Authority, path: str, ref: str, *, url: str) -> Source:
    parts = [part for part in path.removesuffix("/").removesuffix(".git").split("/") if part not in {"", "~"}]
    if ".." in parts or "." in parts:
        raise ArgumentError(f"{shorten(url)} climbs out of its path", remedy=_ACCEPTED)
    name = "/".join(parts[-1:] if scheme == "file" else parts[-2:])
    port = "" if authority.port == _DEFAULT_PORTS.get(scheme) else authority.port
    key = "\n".join((scheme, authority.user, authority.host, port, *parts))
    protocol: Protocol = scheme  # type: ignore[assignment]  # checked against the same names
    return Source(url, protocol, ref, f"{name}@{ref}" if ref else name, key)


def _split_ref(path: str) -> tuple[str, str, str]:
    """Split at the first `@` that does not begin a part: `/@scope/name@lib@1.2` is the tag `lib@1.2`."""
    found = _REF_AT.search(path)
    return (path[: found.start()], "@", path[found.end() :]) if found else (path, "", "")


def _bare(folder: Path, ref: str) -> Source:
    path = os.path.abspath(folder)  # noqa: PTH100 - keeps links, as git shows them
    if ref:
        require_ref(ref)
    return _source("file", _Authority("", "", ""), path, ref, url=f"file://{path}")


def _bare_with_ref(text: str) -> Source | None:
    """Read `/srv/name.git@v1`, where the part before the `@` is a bare repository."""
    for found in _REF_AT.finditer(text):
        folder = Path(text[: found.start()])
        if _is_folder(folder) and _is_bare(folder):
            return _bare(folder.expanduser(), text[found.end() :])
    return None


def _is_bare(folder: Path) -> bool:
    try:
        return ignores.is_history("", set(os.listdir(folder.expanduser())))  # noqa: PTH208 - names alone
    except (OSError, RuntimeError):
        return False


def _is_folder(folder: Path) -> bool:
    try:
        return folder.expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):  # no such home, or a zero byte
        return False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _readable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:40] or "root"


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
