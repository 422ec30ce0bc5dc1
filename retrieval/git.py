"""How git is asked: read-only, never waiting long, never running what a repository's configuration names."""

import subprocess
from pathlib import Path

TIMEOUT_S = 120  # listing a million files on a cold disk takes most of a minute


def ask(root: Path, *arguments: str) -> bytes | None:
    """Run a git command in `root`; None when git is absent, refuses, fails or takes too long.

    >>> ask(Path("/"), "rev-parse", "--no-such-thing") is None
    True
    """
    # A work tree's own configuration may name a file-system monitor, which is a program: never run it.
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=TIMEOUT_S)  # noqa: S603 - no shell, fixed verbs
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
