"""How git is asked about the past: with the same answer on every machine, running no configured program."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

Git = Callable[..., bytes]
"""Runs git with the given arguments and returns its output; raises `subprocess.CalledProcessError`."""

# A user's settings must not change what is mined, and a repository must not choose a program that runs.
_OPTIONS = (
    *("-c", "core.quotePath=false", "-c", "diff.noprefix=false"),
    *("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}"),
)


def git_in(folder: Path, *, trusted: Path | None = None) -> Git:
    """Return a function that runs git in a folder without the user's configuration.

    Args:
        folder: A work tree or a git directory.
        trusted: A repository that the user's own configuration trusts although another user owns it.
    """
    environment = {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ALLOW_PROTOCOL": "none",  # a partial clone fetches missing objects with a configured program
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
        "PATH": os.environ.get("PATH", os.defpath),
    }
    trust = ("-c", f"safe.directory={trusted}") if trusted else ()

    def run(*arguments: str) -> bytes:
        command = ["git", "-C", str(folder), *_OPTIONS, *trust, *arguments]
        return subprocess.run(command, capture_output=True, check=True, env=environment).stdout  # noqa: S603 - no shell, fixed verbs

    return run
