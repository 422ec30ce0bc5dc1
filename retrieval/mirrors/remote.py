"""How git fetches: with the user's credentials, over one protocol, with no prompt and no foreign program.

Git runs with the user's configuration, because credential helpers and proxies are there. It may use the
protocol of the URL only, which holds for redirects too, and it is ended when it makes no progress.
"""

import os
import re
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from retrieval.errors import CancelledError, MirrorError, shorten
from retrieval.files import git
from retrieval.mirrors.source import Protocol, Source
from retrieval.progress import IsCancelled, Progress, no_progress

STALL_S = 120.0
"""Git is ended after so many seconds without a word: servers report progress every second, and what is silent
longer, a check of all objects of a large repository, takes less."""
LONGEST_S = 4 * 3600.0  # a server that sends a byte a minute makes progress for ever
GOODBYE_S = 2.0  # for git to remove its temporary files
_SLOW = ("-c", "http.lowSpeedLimit=1", "-c", f"http.lowSpeedTime={STALL_S:.0f}")
_POLL_S = 0.2
_BLOCK_BYTES = 1 << 16
_SAID_BYTES = 20_000  # of git's messages; a server may send any number

_OPTIONS = (
    *("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false"),
    *("-c", "fetch.recurseSubmodules=false", "-c", "submodule.recurse=false"),
    *("-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false"),  # nothing is left running
    *("-c", "protocol.version=2", "-c", "transfer.bundleURI=false", "-c", "fetch.writeCommitGraph=false"),
    *_SLOW,
)
_PROMPTS = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",  # empty, so that neither core.askPass nor SSH_ASKPASS is run
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "LC_ALL": "C",
}
# What belongs to another git command, or would name other objects, programs or files to write.
_DROPPED = re.compile(
    r"GIT_(?:DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|PREFIX|COMMON_DIR"
    r"|QUARANTINE_PATH|EXTERNAL_DIFF|PROXY_COMMAND|PROTOCOL|SSH|SSH_COMMAND|TRACE.*|CURL_VERBOSE"
    r"|SHALLOW_FILE|GRAFT_FILE|REPLACE_REF_BASE|CONFIG|CONFIG_PARAMETERS)"
)
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PERCENT = re.compile(rb"(?:Receiving objects|Resolving deltas):\s+(\d+)% ")
_CREDENTIAL = re.compile(r"://[^/@\s']*@")
_QUERY = re.compile(r"(://[^\s?#']*)[?#][^\s']*")


def fetch(
    folder: Path,
    arguments: Sequence[str],
    *,
    protocol: Protocol,
    progress: Progress = no_progress,
    is_cancelled: IsCancelled = lambda: False,
    stall_s: float = STALL_S,
) -> None:
    """Run `git fetch` in a bare repository.

    Args:
        folder: The bare repository.
        arguments: What follows `git fetch`.
        protocol: The only protocol that git may use.
        progress: Called with the percent that is received, of 100.
        is_cancelled: Checked a few times a second.
        stall_s: How long git may be silent.

    Raises:
        CancelledError: `is_cancelled` returned True.
        MirrorError: Git failed, stalled, or cannot be run; the message holds no credentials.
    """
    # A redirect from http could leave this machine; one from https may only lead to https.
    redirects = ("-c", "http.followRedirects=false") if protocol == "http" else ()
    command = [
        "git",
        *_OPTIONS,
        *redirects,
        "-C",
        str(folder),
        "--git-dir=.",
        "fetch",
        "--progress",
        *arguments,
    ]
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell; the URL is checked and follows an end of options
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(protocol),
            start_new_session=True,  # git starts further programs, which end with it
        )
    except OSError as error:
        raise MirrorError(
            f"git cannot be run: {error.strerror}", remedy="install git, which fetches what is served by URL"
        ) from error
    said = b""
    try:
        assert process.stderr is not None  # noqa: S101 - a pipe, for the type checker
        for block in _blocks(process.stderr, is_cancelled, stall_s):
            said = (said + block)[-_SAID_BYTES:]
            if percents := _PERCENT.findall(block):
                progress(int(percents[-1]), 100)
        code = process.wait(timeout=stall_s)
    except subprocess.TimeoutExpired as error:
        raise MirrorError(f"git said nothing for {stall_s:g} s and was ended") from error
    finally:
        _end(process)
    if code:
        raise MirrorError(readable(said))


def effective_url(url: str) -> str:
    """Return the URL after the user's `url.*.insteadOf`, without asking anybody."""
    told = git.ask(Path("/"), "ls-remote", "--get-url", "--", url)
    return os.fsdecode(told or b"").strip() or url


def commit_of(source: Source) -> str:
    """Ask the server which commit a source's ref names, without fetching anything.

    Raises:
        MirrorError: The server does not answer, or has no such branch or tag.
    """
    # A whole hash is on no list of names: it is what it says.
    if _HASH.fullmatch(source.ref):
        return source.ref
    names = [f"refs/heads/{source.ref}", f"refs/tags/{source.ref}^{{}}", f"refs/tags/{source.ref}"]
    wanted = [*names, source.ref] if source.ref else ["HEAD"]
    command = ["git", *_OPTIONS, "ls-remote", "--", source.url, *wanted]
    try:
        told = subprocess.run(  # noqa: S603 - no shell; the URL is checked and follows an end of options
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(source.protocol),
            timeout=STALL_S,
            check=False,
        )
    except OSError as error:
        raise MirrorError(
            f"git cannot be run: {error.strerror}", remedy="install git, which fetches what is served by URL"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise MirrorError(f"git said nothing for {STALL_S:g} s and was ended") from error
    if told.returncode:
        raise MirrorError(f"{source.url} cannot be asked: {readable(told.stderr)}")
    found: dict[str, str] = {}
    for line in told.stdout.decode("utf-8", "replace").splitlines():
        commit, _, name = line.partition("\t")
        found[name] = commit
    for name in wanted:
        if name in found:
            return found[name]
    raise MirrorError(
        f"{source.url} has no {wanted[-1]}", remedy="push it, or name another branch: URL@BRANCH"
    )


def readable(said: bytes) -> str:
    """Return what git said last that explains a failure, on one line, without credentials."""
    text = said.decode("utf-8", "replace").replace("\r", "\n")
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    causes = [
        line for line in lines if line.startswith(("fatal: ", "error: ", "remote: ", "ERROR: ", "ssh: "))
    ]
    told = [
        line.removeprefix("fatal: ").removeprefix("error: ").rstrip(".") for line in (causes or lines)[-2:]
    ]
    return shorten(redacted("; ".join(dict.fromkeys(told)) or "git failed without a word"), 300)


def redacted(text: str) -> str:
    """Remove what may be a credential from every URL in a text.

    >>> redacted("cannot access 'https://ann:s3cret@host/x?token=1'")
    "cannot access 'https://host/x'"
    """
    return _QUERY.sub(r"\1", _CREDENTIAL.sub("://", text))


def _blocks(pipe: IO[bytes], is_cancelled: IsCancelled, stall_s: float) -> Iterator[bytes]:
    start = heard = time.monotonic()
    with selectors.DefaultSelector() as ready:
        ready.register(pipe, selectors.EVENT_READ)
        while True:
            if is_cancelled():
                raise CancelledError("the caller no longer waits for the repository")
            now = time.monotonic()
            if now - heard > stall_s or now - start > LONGEST_S:
                raise MirrorError(f"git made no progress for {now - heard:.0f} s and was ended")
            if ready.select(_POLL_S):
                block = os.read(pipe.fileno(), _BLOCK_BYTES)
                if not block:
                    return
                heard = time.monotonic()
                yield block


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and what it started, if they still run."""
    for number, wait_s in ((signal.SIGTERM, GOODBYE_S), (signal.SIGKILL, None)):
        if process.poll() is not None:  # its number may be another process's by now
            break
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, number)
            process.wait(wait_s)
    if process.stderr:
        process.stderr.close()


def _environment(protocol: Protocol) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not _DROPPED.fullmatch(name)}
    environment = {**kept, **_PROMPTS, "GIT_ALLOW_PROTOCOL": protocol}
    if protocol == "ssh":
        environment["GIT_SSH_COMMAND"] = _ssh()
    return environment


def _ssh() -> str:
    """Return the user's ssh command with the option that makes it fail rather than ask."""
    chosen = os.environ.get("GIT_SSH_COMMAND", "")
    if not chosen:
        configured = git.ask(Path("/"), "config", "core.sshCommand")
        chosen = os.fsdecode(configured or b"").strip()
    if not chosen:
        chosen = shlex.quote(os.environ.get("GIT_SSH") or "ssh")
    return f"{chosen} -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=20"
