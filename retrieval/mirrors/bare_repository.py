"""How the bare repository of a mirror is made, and which commit a branch, a tag or a hash names in it.

Git fetches into the repository itself, which knows its remote. Everything else reads through `reader`, a
second git folder with the same objects and no remote: there, a blob that the filter left out is missing, and
git does not try to fetch it.
"""

import os
from pathlib import Path

from retrieval.errors import MirrorError
from retrieval.files import git

REMOTE_HEAD = "refs/goldrank/HEAD"
"""Where the commit of the remote's HEAD is kept."""

_READER = "reader"
_HEX = frozenset("0123456789abcdef")
_WHOLE_CHARS = (40, 64)  # of an object's name: SHA-1, SHA-256
_LEAST_HEX = 7  # of a shortened one


def make(folder: Path, url: str) -> None:
    """Make an empty repository in an existing folder, which fetches from a URL and may lack blobs.

    Raises:
        MirrorError: Git cannot make it.
    """
    told = git.ask(folder, "init", "--quiet", "--bare", "--template=", ".")
    for name, value in (
        ("remote.origin.url", url),
        ("core.repositoryFormatVersion", "1"),
        ("remote.origin.promisor", "true"),
    ):
        told = told if told is None else ask(folder, "config", name, value)
    if told is None:
        raise MirrorError("git cannot make a repository in the cache", remedy="see `goldrank doctor`")
    inner = reader(folder)
    (inner / "objects/info").mkdir(parents=True)
    (inner / "refs").mkdir()
    (inner / "objects/info/alternates").write_text("../../objects\n", encoding="ascii")
    (inner / "config").write_text("[core]\n\tbare = true\n", encoding="ascii")
    (inner / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")


def reader(folder: Path) -> Path:
    """Return the git folder that reads the objects of a repository and never fetches."""
    return folder / _READER


def ask(folder: Path, *arguments: str) -> bytes | None:
    """Ask git about a bare repository; None when it fails. The folder is named, so git looks for no other."""
    return git.ask(folder, "--git-dir=.", *arguments)


def is_whole_hash(ref: str) -> bool:
    """Return whether a ref is the whole name of an object."""
    return len(ref) in _WHOLE_CHARS and _HEX.issuperset(ref)


def commit_of(folder: Path, ref: str) -> str:
    """Return the commit that a branch, a tag or a hash names; "" for the remote's HEAD. "" without one."""
    names = [f"refs/heads/{ref}", f"refs/tags/{ref}"] if ref else [REMOTE_HEAD]
    if ref.startswith("refs/"):
        names.append(ref)
    if len(ref) >= _LEAST_HEX and _HEX.issuperset(ref):
        names.append(ref)
    for name in names:
        told = ask(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if told:
            return told.decode().split()[-1]
    return ""


def names(folder: Path) -> list[str]:
    """List the branches, then the tags."""
    told = ask(folder, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads", "refs/tags")
    return [os.fsdecode(line) for line in (told or b"").splitlines()]
