"""Bare repositories that tests serve from URLs, and servers that answer in ways that real ones do."""

import base64
import http.server
import os
import shutil
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fakes import MAX_BYTES, git, write

from retrieval.mirrors.mirror import Mirror
from retrieval.mirrors.source import Source, read_source


class Remote:
    """A bare repository and a work tree that pushes to it.

    Attributes:
        folder: The bare repository.
        work: The work tree.
    """

    def __init__(self, place: Path, files: Mapping[str, str | bytes], *, name: str = "name") -> None:
        """Make both, with one commit."""
        self.folder, self.work = place / "owner" / f"{name}.git", place / "work"
        self.folder.mkdir(parents=True)
        self.work.mkdir()
        git(self.folder, "init", "-q", "--bare", "-b", "main")
        git(self.folder, "config", "uploadpack.allowFilter", "true")
        git(self.folder, "config", "uploadpack.allowAnySHA1InWant", "true")
        git(self.work, "init", "-q", "-b", "main")
        git(self.work, "remote", "add", "origin", str(self.folder))
        self.push(files)

    @property
    def url(self) -> str:
        """Its URL."""
        return f"file://{self.folder}"

    def source(self, ref: str = "") -> Source:
        """Return it as what is served."""
        found = read_source(f"{self.url}@{ref}" if ref else self.url)
        assert found is not None
        return found

    def mirror(self, cache: Path, ref: str = "") -> Mirror:
        """Return its mirror in a cache."""
        return Mirror(self.source(ref), cache=cache, max_file_bytes=MAX_BYTES)

    def push(self, files: Mapping[str, str | bytes], message: str = "change") -> str:
        """Write files, commit and push; return the commit."""
        write(self.work, files)
        git(self.work, "add", "-A", "-f")
        git(self.work, "commit", "-q", "--allow-empty", "-m", message)
        git(self.work, "push", "-q", "--force", "origin", "HEAD")
        return git(self.work, "rev-parse", "HEAD").strip()


class _Git(http.server.BaseHTTPRequestHandler):
    """Passes requests to git's own server program."""

    root: Path
    redirect = ""
    password = ""
    dies = False

    def do_GET(self) -> None:
        """Answer, unless this server is to fail."""
        if self.password and self.headers.get("Authorization") != _basic(self.password):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._head(401, {"WWW-Authenticate": 'Basic realm="x"', "Content-Length": "0"})
            return
        if self.redirect:
            self._head(302, {"Location": self.redirect + self.path})
            return
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            check=True,
            env={
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(length),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "GIT_CONFIG_GLOBAL": os.devnull,
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = int(headers.pop("Status", "200").split()[0])
        self._head(status, {**headers, "Content-Length": str(len(content))})
        if self.dies and b"PACK" in content:
            self.wfile.write(content[: len(content) // 2])
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - as the library calls it

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library calls it
        """Say nothing."""


def _basic(password: str) -> str:
    return f"Basic {base64.b64encode(password.encode()).decode()}"


@contextmanager
def serving(root: Path, *, redirect: str = "", password: str = "", dies: bool = False) -> Iterator[str]:
    """Serve the bare repositories below a folder over HTTP; yields the URL of the folder.

    Args:
        root: The folder.
        redirect: Sends every client to this URL instead.
        password: What clients must log in with, as `name:password`.
        dies: Whether connections break in the middle of a pack.
    """
    told = {"root": root, "redirect": redirect, "password": password, "dies": dies}
    handler = type("Handler", (_Git,), told)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent() -> Iterator[str]:
    """Serve a port that takes connections and never answers; yields its URL."""
    over = threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            over.wait(60)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            over.set()
            server.shutdown()
            thread.join()


def remove(remote: Remote) -> None:
    """Take the remote away, as a server that is gone."""
    shutil.move(remote.folder, remote.folder.with_name("gone"))


def restore(remote: Remote) -> None:
    """Bring it back."""
    shutil.move(remote.folder.with_name("gone"), remote.folder)
