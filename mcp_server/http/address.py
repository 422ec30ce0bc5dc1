"""Where the server listens, by which names it may be called, and when that is refused."""

import ipaddress
import os
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from retrieval.errors import ArgumentError

ENDPOINT = "/mcp"
DEFAULT_HOST = "127.0.0.1"

_WRITTEN = re.compile(r"(?:(?P<host>\[[^\]]*\]|[^:\[\]]*):)?(?P<port>\d{1,5})")
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_MOST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens.

    Attributes:
        host: A name or an IP address, without brackets.
        port: A port; 0 lets the system choose one.
    """

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:  # a name, which may be any machine's
            return False

    @property
    def netloc(self) -> str:
        """The address as a URL writes it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """Where clients connect, if no proxy stands before the server."""
        return f"http://{self.netloc}{ENDPOINT}"


@dataclass(frozen=True, slots=True)
class Names:
    """By which names the server may be called; any other may be a page that rebinds its own name to us.

    Attributes:
        hosts: What the Host header may say.
        origins: What the Origin header may say, where a client sends one.
    """

    hosts: tuple[str, ...]
    origins: tuple[str, ...]


def read_address(written: str) -> Address:
    """Read HOST:PORT, or a port of this machine.

    >>> read_address("8765")
    Address(host='127.0.0.1', port=8765)
    >>> read_address("[::1]:8765").netloc
    '[::1]:8765'

    Raises:
        ArgumentError: It is neither.
    """
    match = _WRITTEN.fullmatch(written.strip())
    if not match or int(match["port"]) > _MOST_PORT:
        raise ArgumentError(
            f"{written!r} is no address", remedy=f"write a port or HOST:PORT, like {DEFAULT_HOST}:8765"
        )
    return Address((match["host"] or DEFAULT_HOST).strip("[]"), int(match["port"]))


def read_public_url(written: str) -> str:
    """Check the URL by which clients reach the server through a proxy.

    Raises:
        ArgumentError: It is no URL of HTTP or HTTPS, or has parts that name no endpoint.
    """
    parts = urlsplit(written)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ArgumentError(
            f"{written!r} is no URL of the server", remedy="write it whole: https://code.example.com/mcp"
        )
    return written


def names_of(address: Address, public_url: str) -> Names:
    """List the names of a server that listens at an address and is known by a URL, or "" for none."""
    hosts = [f"{name}:{address.port}" for name in _LOOPBACK_NAMES] if address.is_loopback else []
    hosts.append(address.netloc)
    origins = [f"http://{host}" for host in hosts]
    if public_url:
        parts = urlsplit(public_url)
        hosts.append(parts.netloc)
        origins.append(f"{parts.scheme}://{parts.netloc}")
    return Names(tuple(dict.fromkeys(hosts)), tuple(dict.fromkeys(origins)))


def listen(address: Address) -> tuple[socket.socket, Address]:
    """Listen at an address; return the socket and where it is, with the port that the system chose.

    Raises:
        ArgumentError: The address is taken, forbidden, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        found = socket.create_server((address.host, address.port), family=family)
    except OSError as error:
        raise ArgumentError(
            f"{address.netloc} cannot be listened at: {_reason(error)}",
            remedy="choose another port, or 0 for any that is free",
        ) from error
    # Connections inherit it; without it the second packet of an answer waits 40 ms.
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found, Address(address.host, found.getsockname()[1])


def _reason(error: OSError) -> str:
    """Return the system's own words: `create_server` adds the address, which is said already."""
    number = error.errno or 0  # below zero where a name cannot be resolved
    return os.strerror(number) if number > 0 else str(error.strerror)
