"""Which files a folder outside git holds: those that its `.gitignore` files do not exclude.

Ignore files are read as git reads them, line by line and folder by folder; `own_ignores` decides over them.
Version-control folders are not searched.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from retrieval.files import confinement, globs, own_ignores
from retrieval.files.globs import Rules
from retrieval.files.own_ignores import OwnRules

NAME = ".gitignore"
MANY = 100_000
"""With this many files, a folder outside git is indexed only on request: it may be a home folder."""

_BARE = frozenset({"HEAD", "objects", "refs"})  # every git repository has these, whatever its name
_CVS = frozenset({"Entries", "Repository"})

SYSTEM = ("/proc/", "/sys/", "/dev/")
"""Folders that are not on disk but views of the kernel."""

Above = tuple[tuple[int, Rules], ...]
"""The ignore files that apply to a folder, outermost first, each with the length of its folder's path."""


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to visit.

    Attributes:
        path: Relative to the root.
        above: The `.gitignore` files that apply.
        own: The `.goldrankignore` files that apply.
        is_out: Whether it is ignored, so that only what is let in is yielded.
    """

    path: str
    above: Above
    own: OwnRules
    is_out: bool = False


def visit(root: Path, *, skipped: Sequence[str] = ()) -> Iterator[str]:
    """Yield the files below a root that no ignore file excludes, without following links.

    A folder that cannot be read, or that belongs to version control, is yielded itself, so that it can be
    reported.

    Args:
        root: A folder as `resolve_root` gives it.
        skipped: Folders and files to skip, relative to the root.
    """
    base, passed_over = str(root).rstrip("/"), frozenset(skipped)
    own = OwnRules(root, ())
    pending: list[_Folder] = [_Folder("", (), own)]  # no recursion: folders may nest a thousand deep
    while pending:
        here = pending.pop()
        folder = here.path
        try:
            entries = sorted(os.scandir(f"{base}/{folder}"), key=lambda entry: os.fsencode(entry.name))
        except OSError:
            yield folder
            continue
        names = {entry.name for entry in entries}
        if folder and is_history(folder, names):
            yield folder
            continue
        above, own = _with_files(root, here, names)
        below: list[_Folder] = []
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = _is_folder(entry)
            if entry.name == ".git" or path in passed_over or f"{base}/{path}/" in SYSTEM:
                continue
            said = own.folder_verdict(path) if is_folder else own.verdict(path)
            is_out = here.is_out or _is_ignored(path, above, is_folder=is_folder)
            is_out = is_out if said is None else said
            if is_folder and not confinement.escape(entry.name):
                if not is_out or (said is None and own.may_let_in(path)):
                    below.append(_Folder(path, above, own, is_out=is_out))
            elif not is_out:
                yield path
        pending += reversed(below)


def _with_files(root: Path, here: _Folder, names: set[str]) -> tuple[Above, OwnRules]:
    """Add the ignore files of a folder to those that apply to it."""
    above, own = here.above, here.own
    if NAME in names:
        above = (*above, (len(os.fsencode(here.path)), _rules(root, here.path)))
    return above, own.with_folder(root, here.path) if own_ignores.NAME in names else own


def is_history(folder: str, names: set[str]) -> bool:
    """Return whether the names in a folder are those of a bare git repository or a CVS folder."""
    return names >= _BARE or (folder.rpartition("/")[2] == "CVS" and names >= _CVS)


def history_folders(root: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Find the version-control folders above listed paths, each with a trailing slash."""
    return history_among(paths, lambda folder: _names(f"{root}/{folder}"))


def history_among(paths: Iterable[str], names_in: Callable[[str], set[str]]) -> tuple[str, ...]:
    """Find the same among the paths of a commit.

    Args:
        paths: The paths.
        names_in: Returns the names in a folder.
    """
    marked = {path.rpartition("/")[0] for path in paths if path.endswith(("/HEAD", "CVS/Entries"))}
    return tuple(sorted(f"{folder}/" for folder in marked if is_history(folder, names_in(folder))))


def is_vast(root: Path, *, skipped: Sequence[str] = ()) -> bool:
    """Return whether a folder holds too many files to index without asking."""
    return next(islice(visit(root, skipped=skipped), MANY, None), None) is not None


def problems(root: Path, files: Sequence[str]) -> list[tuple[str, int, str]]:
    """List the invalid lines of ignore files: the file, the 1-based line number, and the problem.

    Args:
        root: The root.
        files: Paths of ignore files, relative to the root.
    """
    found = []
    for file in files:
        try:
            data = confinement.read(root, file)
        except OSError as error:
            found.append((file, 1, f"cannot be read: {error}"))
            continue
        for number, line in enumerate(globs.lines_of(data), 1):
            glob = globs.parse(line)
            if glob and glob.problem:
                shown = line.decode("utf-8", "replace").strip()
                found.append((file, number, f"{shown!r}: {glob.problem}"))
    return found


def _names(folder: str) -> set[str]:
    try:
        return set(os.listdir(folder))  # noqa: PTH208 - names alone
    except OSError:
        return set()


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False  # `walker` reports why once it checks the path


def _rules(root: Path, folder: str) -> Rules:
    try:
        data = confinement.read(root, f"{folder}/{NAME}" if folder else NAME)
    except OSError:
        return Rules(())
    return Rules(glob for line in globs.lines_of(data) if (glob := globs.parse(line)))


def _is_ignored(path: str, above: Above, *, is_folder: bool) -> bool:
    encoded = os.fsencode(path)
    for size, rules in reversed(above):  # the deepest file with a matching pattern decides
        verdict = rules.verdict(encoded[size + 1 if size else 0 :], is_folder=is_folder)
        if verdict is not None:
            return verdict
    return False
