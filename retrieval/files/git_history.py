"""Whose history a root may read, where its HEAD stands, and how git lists the commits before it.

A `.git` file may name any git folder, and links below `.git` lead anywhere. Messages are read only if the git
folder names this work tree too and its parts are its own: else one repository could show another's past.
"""

import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from retrieval.files import git

NOT_OWN = "the .git folder belongs to another folder"

RENAME_LIMIT = 50
"""Renamed files with changes are sought among this many, renamed files without changes among all. Of 48,950
commits of sympy, 526 exact and 267 other renames are found, as many as with git's own limit of 1,000; finding
them adds 0.1 s to 1.0 s."""
Renames = Literal["similar", "exact"]
"""Which renames are found. An exact one is seen without reading the files, which a partial clone lacks."""
FORMAT = "%H%x00%P%x00%ct%x00%an%x00%ae%x00%B%x00"
_HEAD_BYTES = 4096
_PARTS = ("refs", "packed-refs", "objects", "shallow", "reftable")
# Each option overrides what a repository may configure: gpg is a program, and the rest changes the format.
_LOG = (
    "--no-replace-objects",
    "log",
    "-z",
    "--name-status",
    "--relative",
    f"--format={FORMAT}",
    "--encoding=UTF-8",
    "--no-show-signature",
    "--no-mailmap",
    "--no-notes",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-follow",
    "--diff-merges=off",
    "--ignore-submodules=all",
    f"-O{os.devnull}",
)


@dataclass(frozen=True, slots=True)
class Place:
    """The git folders that hold a root's history.

    Attributes:
        own: The git folder of this work tree.
        shared: The git folder that all work trees of the repository share.
        prefix: The root within the work tree, "" or "a/b/".
        is_partial: Whether git would fetch missing objects, which it may not do here.
        is_bare: Whether the root is a git folder of our own without a work tree.
    """

    own: Path
    shared: Path
    prefix: str
    is_partial: bool
    is_bare: bool = False


Marks = tuple[object, ...]
"""Changes when HEAD moves."""


def find(root: Path) -> Place | str:
    """Find the history of a root, or say in a few words why it has none."""
    told = git.ask(root, *git.ABSOLUTE, "--git-common-dir", "--git-dir", "--show-toplevel", "--show-prefix")
    names = os.fsdecode(told or b"").removesuffix("\n").split("\n")
    if len(names) != 4:  # noqa: PLR2004 - one per option; a path may contain a line break
        return git.refusal(root) or NOT_OWN
    shared, own, top = map(Path, names[:3])
    if not _is_at(root, top / names[3]) or not _is_own(root, shared, own, top):
        return NOT_OWN
    partial = git.ask(root, "config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$")
    return Place(own, shared, names[3], is_partial=bool(partial))


def marks(place: Place) -> Marks:
    """Read what changes when HEAD moves, without starting git."""
    head = _read(place.own / "HEAD", _HEAD_BYTES)
    ref = head.removeprefix("ref: ").strip() if head.startswith("ref: refs/") else ""
    files = [place.own / "HEAD", place.shared / "packed-refs", place.shared / "shallow"]
    for folder in (place.own, place.shared):
        files += [folder / "reftable/tables.list", folder / ref]
    return (head, *map(git.mark, files))


def head(root: Path) -> str:
    """Return the full hash of HEAD; "" before the first commit."""
    told = git.ask(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    return (told or b"").decode().strip()


def shallow(place: Place) -> frozenset[str]:
    """Return the commits whose parents a shallow clone lacks; empty for a whole clone."""
    return frozenset(_read(place.shared / "shallow").split())


def of_bare(git_folder: Path) -> Place:
    """Return the place of a git folder of our own, which has no work tree and fetches nothing."""
    return Place(git_folder, git_folder, "", is_partial=False, is_bare=True)


def log(
    root: Path,
    renames: Renames,
    commit: str,
    *,
    known: Sequence[str] = (),
    limit: int,
    is_bare: bool = False,
) -> Generator[bytes]:
    """List a commit and the last ones before it, newest first, without those before `known`.

    Yields blocks of output: each commit as `FORMAT`, then its files as `--name-status -z` lists them.

    Raises:
        OSError: Git cannot be run.
        subprocess.SubprocessError: Git failed, or took too long.
    """
    sought = ("-M100%",) if renames == "exact" else ("-M", f"-l{RENAME_LIMIT}")
    excluded = ("--ignore-missing", "--not", *known) if known else ()
    named = ("--git-dir=.",) if is_bare else ()  # git looks for no other
    return git.stream(root, *named, *_LOG, *sought, f"-n{limit}", commit, *excluded, "--")


def _is_own(root: Path, shared: Path, own: Path, top: Path) -> bool:
    """Return whether a git folder belongs to a work tree, and what leads to HEAD lies in that folder."""
    if not git.is_mutual(shared, own, top / ".git"):
        # A submodule's git folder is in its parent's, and names the work tree in its configuration.
        named = git.ask(root, "config", "--file", str(own / "config"), "--path", "core.worktree")
        if shared != own or named is None or not _is_at(own / os.fsdecode(named.removesuffix(b"\n")), top):
            return False
    told = git.ask(root, "rev-parse", "--symbolic-full-name", "HEAD")
    ref = os.fsdecode(told or b"").strip() or "HEAD"
    parts = [(own, "HEAD"), (own, ref), *((shared, name) for name in (*_PARTS, ref))]
    # Below a link, HEAD would be another repository's.
    return all(
        os.path.realpath(folder / name) == os.path.join(os.path.realpath(folder), name)  # noqa: PTH118 - text
        for folder, name in parts
    )


def _is_at(path: Path, place: Path) -> bool:
    try:
        return path.samefile(place)
    except OSError:
        return False


def _read(file: Path, limit: int = -1) -> str:
    try:
        with file.open("rb") as opened:
            return os.fsdecode(opened.read(limit))
    except OSError:
        return ""
