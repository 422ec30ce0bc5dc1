"""Whose tokens are accepted: those of a file that is read again whenever it changes."""

import hashlib
import logging
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path

from mcp.server.auth.provider import AccessToken

from retrieval.errors import ArgumentError, GoldrankError

LEAST_CHARS = 24  # of a token: 128 bits in base64, which nobody guesses

_HOW = "write a line for each person: a name, a space, and what `openssl rand -hex 32` prints"

log = logging.getLogger(__name__)


class TokenFile:
    """The tokens of a file, each with the name of who holds it; a line that is removed is refused at once."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ArgumentError: It cannot be read, others can read it, or a line is no name and token.
        """
        self._path = path
        self._lock = threading.Lock()  # guards the two below
        self._mark = _mark_of(path)
        self._names = _read(path)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return who holds a token, or None; the protocol's library asks this of every request."""
        name = self._current().get(_digest(token))
        return AccessToken(token=token, client_id=name, scopes=[]) if name else None

    def _current(self) -> Mapping[bytes, str]:
        """Return the tokens as the file has them now; while it cannot be read, nobody is let in."""
        with self._lock:
            try:
                mark = _mark_of(self._path)
                if mark != self._mark:
                    self._names = _read(self._path)
                    self._mark = mark
            except GoldrankError as error:
                log.warning("no token is accepted: %s", error)
                self._names, self._mark = {}, None
            return self._names


def _read(path: Path) -> Mapping[bytes, str]:
    """Read names by the digests of their tokens: comparing digests takes the same time for any token."""
    try:
        mode = path.stat().st_mode
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"the token file {path} cannot be read: {error}", remedy=_HOW) from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ArgumentError(
            f"others than you can read or change the token file {path}", remedy=f"chmod 600 {path}"
        )
    found: dict[bytes, str] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or len(words[1]) < LEAST_CHARS:  # noqa: PLR2004 - a name and a token
            raise ArgumentError(
                f"line {number} of {path} is not a name and a token of {LEAST_CHARS} characters or more",
                remedy=_HOW,
            )
        digest = _digest(words[1])
        if found.get(digest, words[0]) != words[0]:
            raise ArgumentError(
                f"line {number} of {path} gives {words[0]} the token of {found[digest]}", remedy=_HOW
            )
        found[digest] = words[0]
    if not found:
        raise ArgumentError(f"{path} has no token", remedy=_HOW)
    return found


def _mark_of(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
