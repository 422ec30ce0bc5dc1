"""How git is called: read-only, with a timeout, and never running a program that a repository configures."""

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from retrieval.errors import shorten

TIMEOUT_S = 120  # listing a million files on a cold disk takes most of a minute

State = Literal["clean", "dirty", "state unknown"]

NO_REPOSITORY = "not a git repository"

# The user's installation and configuration. Every other GIT_ variable belongs to another git command:
# inside a hook, GIT_DIR and GIT_INDEX_FILE name the repository that is being committed to.
_KEPT = frozenset(
    "GIT_EXEC_PATH GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CONFIG_NOSYSTEM GIT_CEILING_DIRECTORIES "
    "GIT_DISCOVERY_ACROSS_FILESYSTEM".split()
)
_SET = {
    "LC_ALL": "C",  # git's messages are parsed here
    "GIT_OPTIONAL_LOCKS": "0",  # else `status` writes the refreshed index and runs its hook
    "GIT_ALLOW_PROTOCOL": "none",  # a partial clone fetches missing objects with a configured program
    "GIT_NO_LAZY_FETCH": "1",  # the same, said since 2.45
}
# A file-system monitor is a program too.
_NEVER = ("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
ABSOLUTE = ("rev-parse", "--path-format=absolute")
_BLOCK_BYTES = 1 << 16  # what a pipe holds
_STATUS = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal")


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a work tree, as reported by one git process.

    Attributes:
        commit: Abbreviated hash of the checked-out commit; "" before the first commit.
        index_mark: Changes whenever git's index is written; None before the first index.
        refusal: Why git gives no answer about the folder, in a few words; "" when it does.
    """

    commit: str = ""
    index_mark: tuple[int, int] | None = None
    refusal: str = ""


def ask(root: Path, *arguments: str, timeout_s: float = TIMEOUT_S) -> bytes | None:
    """Run a git command in `root`; None when git is missing, refuses, fails or takes too long.

    >>> ask(Path("/"), "rev-parse", "--no-such-thing") is None
    True
    """
    try:
        return _run(root, *arguments, timeout_s=timeout_s)
    except (OSError, subprocess.SubprocessError):
        return None


def stream(root: Path, *arguments: str, timeout_s: float = TIMEOUT_S) -> Generator[bytes]:
    """Run a git command in `root` and yield blocks of its output as they come; closing the iterator ends git.

    Raises:
        OSError: Git cannot be run.
        subprocess.SubprocessError: Git failed, or had not finished after `timeout_s` seconds.
    """
    command = _command(root, arguments)
    deadline = time.monotonic() + timeout_s
    with (
        tempfile.TemporaryFile() as said,  # a pipe that nobody reads would stop git when it is full
        subprocess.Popen(  # noqa: S603 - no shell, fixed verbs
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, env=_environment()
        ) as process,
    ):
        timer = threading.Timer(timeout_s, process.kill)
        timer.daemon = True
        timer.start()
        try:
            while block := os.read(process.stdout.fileno(), _BLOCK_BYTES):  # type: ignore[union-attr]  # a pipe
                yield block
            if code := process.wait():
                if time.monotonic() >= deadline:
                    raise subprocess.TimeoutExpired(command, timeout_s)
                said.seek(0)
                raise subprocess.CalledProcessError(code, command, stderr=said.read(_BLOCK_BYTES))
        finally:
            timer.cancel()
            process.kill()


def started(root: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a git command in `root` that answers requests on its input; whoever starts it ends it.

    Raises:
        OSError: Git cannot be run.
    """
    return subprocess.Popen(  # noqa: S603 - no shell, fixed verbs
        _command(root, arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_environment(),
    )


def around(folder: Path) -> Path:
    """Return the top folder of the work tree that contains a folder.

    Returns the folder itself when it is in no work tree, when git ignores it and tracks nothing in it, and
    when the work tree is a home folder or a whole disk, which is never meant.
    """
    told = ask(folder, "rev-parse", "--show-toplevel")
    if told is None:
        return folder
    top = Path(os.fsdecode(told.removesuffix(b"\n")))
    if top in {Path.home(), Path(top.anchor)} or top == folder.resolve():
        return folder
    is_ignored = ask(folder, "check-ignore", "-q", ".") is not None and ask(folder, "ls-files", "-z") == b""
    return folder if is_ignored else top


def refusal(root: Path) -> str:
    """Say in a few words why git gives no answer about `root`, or "" when it does."""
    try:
        _run(root, "rev-parse", "--git-dir")
    except (OSError, subprocess.SubprocessError) as error:
        return refusal_in(error)
    return ""


def head(root: Path) -> Head:
    """Report the commit of `root` and a mark of git's index, or why git refuses, with one process."""
    try:
        told = _run(root, *ABSOLUTE, "--git-path", "index", "--short", "HEAD")
    except subprocess.CalledProcessError as error:
        if not error.stdout:
            return Head(refusal=refusal_in(error))
        told = error.stdout + b"\n"  # git named the index, and HEAD names no commit yet
    except (OSError, subprocess.SubprocessError) as error:
        return Head(refusal=refusal_in(error))
    index, _, commit = told.removesuffix(b"\n").rpartition(b"\n")
    return Head(commit.decode(), mark(Path(os.fsdecode(index))))


def refusal_in(error: OSError | subprocess.SubprocessError) -> str:
    """Say in a few words why git failed."""
    if isinstance(error, subprocess.CalledProcessError):
        said = os.fsdecode(error.stderr).strip().partition("\n")[0].removeprefix("fatal: ")
        if said.startswith(NO_REPOSITORY):
            return NO_REPOSITORY
        if "dubious ownership" in said or "unsafe repository" in said:  # since 2.35.3, and in 2.35.2
            return "git refused: owned by another user, see git's safe.directory"
        return f"git refused: {shorten(said)}"
    return "git cannot be run" if isinstance(error, OSError) else "git did not answer"


def state(root: Path) -> State:
    """Return whether the files that git tracks or could track below `root` are as committed.

    Filters (`filter.*.clean`, as git-lfs has) are programs that the repository chooses, so they are not run.
    The state is unknown when every difference could come from a filter.
    """
    filters = _filters(root)
    if filters is None:
        return "state unknown"
    off = ("clean=", "smudge=", "process=", "required=false")
    options = [word for name in filters for value in off for word in ("-c", f"filter.{name}.{value}")]
    # The configuration of a submodule could name further filters.
    changes = ask(root, *options, *_STATUS, "--ignore-submodules=dirty", "--", ".")
    if changes is None:
        return "state unknown"
    entries = [entry for entry in changes.split(b"\0") if entry]
    modified = [entry[3:] for entry in entries if entry.startswith(b" M ")]
    if (
        filters
        and modified
        and len(modified) == len(entries)
        and set(_filters_of(root, modified)) <= set(filters)
    ):
        return "state unknown"
    return "dirty" if entries else "clean"


def family(root: Path) -> str:
    """Identify a repository by the git folder that all its work trees share; "" without git.

    A work tree may claim any git folder. It belongs to the family only if that folder names it too.
    """
    told = ask(root, *ABSOLUTE, "--git-common-dir", "--git-dir", "--show-toplevel", "--show-prefix")
    names = os.fsdecode(told or b"").removesuffix("\n").split("\n")
    if len(names) != 4:  # noqa: PLR2004 - one per option; a path may contain a line break
        return ""
    shared, own, top, prefix = names
    return f"{shared}\n{prefix}" if is_mutual(Path(shared), Path(own), Path(top) / ".git") else ""


def is_mutual(shared: Path, own: Path, mark: Path) -> bool:
    """Return whether a git folder names the work tree whose `.git` is `mark`."""
    try:
        if shared == own:
            return mark.is_dir() and not mark.is_symlink() and mark.samefile(shared)
        back = (own / "gitdir").read_bytes().removesuffix(b"\n")
        return own.parent.samefile(shared / "worktrees") and mark.samefile(os.fsdecode(back))
    except OSError:
        return False


def deciders(root: Path) -> list[Path]:
    """List the files outside `root` that affect which files below it git lists; empty without git."""
    told = ask(
        root, "rev-parse", "--path-format=absolute", "--git-path", "index", "--git-path", "info/exclude"
    )
    top = ask(root, "rev-parse", "--show-toplevel")
    if told is None or top is None:
        return []
    configured = ask(root, "config", "--path", "core.excludesFile")
    found = [Path(os.fsdecode(line)) for line in told.splitlines()]
    found += [Path(os.fsdecode(configured.removesuffix(b"\n")))] if configured else [_default_excludes()]
    above = Path(os.fsdecode(top.removesuffix(b"\n")))
    return found + [folder / ".gitignore" for folder in root.parents if folder.is_relative_to(above)]


def mark(path: Path) -> tuple[int, int] | None:
    """Return a value that changes when a file is replaced or written; None when it does not exist."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _default_excludes() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git/ignore"


def _filters(root: Path) -> list[str] | None:
    """List the names of all configured filters, sorted; None when one cannot be turned off."""
    listed = ask(root, "config", "--list", "--name-only", "-z")
    if listed is None:
        return None
    keys = [os.fsdecode(key) for key in listed.split(b"\0") if key.startswith(b"filter.")]
    names = {key.removeprefix("filter.").rpartition(".")[0] for key in keys} - {""}
    # `-c` would end the name at its "=", so the filter would run.
    return None if any("=" in name for name in names) else sorted(names)


def _filters_of(root: Path, paths: Sequence[bytes]) -> Iterator[str]:
    """Yield the filter of each path; paths are relative to the top of the work tree."""
    top = ask(root, "rev-parse", "--show-toplevel")
    folder = root if top is None else Path(os.fsdecode(top.removesuffix(b"\n")))
    for start in range(0, len(paths), 100):  # hundreds of paths fit on every system's command line
        names = [os.fsdecode(path) for path in paths[start : start + 100]]
        answer = ask(folder, "check-attr", "-z", "filter", "--", *names) or b""
        yield from map(os.fsdecode, answer.split(b"\0")[2::3])  # path, attribute, value, path, …


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _KEPT}
    return {**kept, **_SET}


def _command(root: Path, arguments: Sequence[str]) -> list[str]:
    return ["git", *_NEVER, "-C", str(root), *arguments]


def _run(root: Path, *arguments: str, timeout_s: float = TIMEOUT_S) -> bytes:
    """Run git and return its output.

    Raises:
        OSError: Git cannot be run.
        subprocess.SubprocessError: Git failed or took too long.
    """
    done = subprocess.run(  # noqa: S603 - no shell, fixed verbs
        _command(root, arguments), capture_output=True, check=True, timeout=timeout_s, env=_environment()
    )
    return done.stdout
