"""Which files of a root count, and why the others were left out.

In a git work tree git itself is asked, so every ignore rule is git's own; elsewhere `ignores` reads the
`.gitignore` files. What is listed is then judged twice: by name and type before it is read (`walk`), and by
content once it is (`reason_in_content`). Nothing outside the root is ever opened: `confinement` sees to it.
"""

import os
import stat
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from retrieval.errors import RootError
from retrieval.files import confinement, git, ignores, languages
from retrieval.files.exclusion import reason_in_name, reason_in_type
from retrieval.records import Exclusion, FileStat

CODE_FACTOR = 4
"""Code may be so many times larger than other files: people check in sources of 1.5 MB, and what is larger in
other formats is data. Parsing 4 MB takes 1 to 5 s and at most 490 MB in seven languages
(benchmarks/runs/2026-11-28-hostile/large.txt)."""

_DEPENDENCY_FOLDERS = frozenset({"node_modules", "bower_components", "jspm_packages", "site-packages"})
_VENDOR_MARKS = ("modules.txt", "autoload.php")  # what `go mod vendor` and composer leave in their vendor/
_WIDE = (*_VENDOR_MARKS, ignores.NAME, "/HEAD", "CVS/Entries")  # files that decide about others
NAMES_PATIENCE_S = 5.0  # git waits for ever where a `.gitignore` is a pipe; a question must not
MOST_TOUCHED = 500  # paths that are cheaper to look at one by one than with all others


@dataclass(frozen=True)
class Listing:
    """The files of a root that may be read, by path, and those left out by name or type.

    Attributes:
        files: What the file system says of each.
        excluded: The others, with reasons.
        vendored: Folders that a package manager filled, each with its final slash.
        history: Folders that version control keeps under a name of any kind, each with its final slash.
        folders: Folders that all these are below, and perhaps some that they were below once.
        is_git: Whether git listed them.
    """

    files: Mapping[str, FileStat]
    excluded: tuple[Exclusion, ...]
    vendored: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    folders: frozenset[str] = frozenset()
    is_git: bool = False

    @cached_property
    def reasons(self) -> Mapping[str, str]:
        """The reason of each excluded file."""
        return {item.path: item.reason for item in self.excluded}


def resolve_root(folder: Path) -> Path:
    """Return the real path of a root that can be served.

    Raises:
        RootError: It does not exist, is no folder, or may not be listed.
    """
    try:
        root = folder.expanduser().resolve(strict=True)
        if not root.is_dir():
            raise RootError(f"{folder} is a file", remedy="name the folder that holds the repository")
        if ignores.is_history("", set(os.listdir(root))):  # noqa: PTH208 - names alone
            raise RootError(
                f"{folder} is a bare git repository: history without files", remedy="serve a work tree of it"
            )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RootError(f"{folder} does not exist", remedy="name an existing folder") from error
    except PermissionError as error:
        raise RootError(f"{folder} may not be read by this user", remedy="check its permissions") from error
    except OSError as error:
        raise RootError(f"{folder} cannot be opened: {error.strerror or error}") from error
    except RuntimeError as error:  # so Python 3.11 and 3.12 say of a link that leads to itself
        raise RootError(
            f"{folder} is a link that leads to itself", remedy="name the folder that is meant"
        ) from error
    return root


def walk(root: Path, *, max_bytes: int, own: Sequence[str] = ()) -> Listing:
    """List the files under `root` in the order of their path's bytes.

    Args:
        root: A folder as `resolve_root` gives it.
        max_bytes: Files larger than this are left out.
        own: Files and folders of ours, relative to the root, which are passed over.
    """
    paths = _tracked_by_git(root)
    found = ignores.visit(root, skipped=own) if paths is None else _not_own(paths, own)
    listed = sorted(set(found), key=os.fsencode)
    last = Listing({}, (), _vendor_folders(listed), ignores.history_folders(root, listed))
    files, excluded = _sift(root, listed, last, max_bytes=max_bytes)
    return replace(
        last,
        files=files,
        excluded=tuple(excluded),
        folders=folders_of(listed),
        is_git=paths is not None,
    )


def is_vast(root: Path, *, own: Sequence[str] = ()) -> bool:
    """Tell whether a folder outside git holds more files than anybody means to index unasked."""
    return _tracked_by_git(root) is None and ignores.is_vast(root, skipped=own)


def _not_own(paths: Iterable[str], own: Sequence[str]) -> Iterable[str]:
    """Leave out what is ours."""
    ours = tuple(f"{path}/" for path in own)
    return (path for path in paths if path not in own and not path.startswith(ours)) if own else paths


def walk_again(
    root: Path, last: Listing, touched: Collection[str], *, max_bytes: int, own: Sequence[str] = ()
) -> Listing | None:
    """List the files under `root` when only some paths can have changed since the last listing.

    Args:
        root: The same root.
        last: What was listed then.
        touched: Paths of files or folders, relative to the root; they need not be there.
        max_bytes: Files larger than this are left out.
        own: Files and folders of ours, which are passed over.

    Returns:
        The new listing, out of order; None when those paths may change what is listed elsewhere.
    """
    touched = frozenset(_not_own(touched, own))
    if len(touched) > MOST_TOUCHED or any(_is_wide(root, last, path) for path in touched):
        return None
    known = [path for path in touched if path in last.files]
    new = [path for path in touched if path not in last.files and os.path.lexists(root / path)]
    listed = _tracked_by_git(root, new) if new and last.is_git else []
    if listed is None or (new and not last.is_git):
        return None
    files, excluded = _sift(root, [*listed, *known], last, max_bytes=max_bytes)
    listed_files = dict(last.files)  # the one copy of an edit: it takes a millisecond for 100,000 files
    for path in known:
        listed_files.pop(path, None)
    listed_files.update(files)
    left_out = tuple(item for item in last.excluded if item.path not in touched)
    folders = folders_of(listed)
    return replace(
        last,
        files=listed_files,
        excluded=(*left_out, *excluded),
        folders=last.folders if folders <= last.folders else last.folders | folders,
    )


def _is_wide(root: Path, last: Listing, path: str) -> bool:
    """Tell whether a touched path may change what is listed elsewhere: a folder, or a file of rules."""
    # A folder that is gone, or a file or link where one was, tells of none of the files that were below it.
    return path.endswith(_WIDE) or path in last.folders or os.path.isdir(root / path)  # noqa: PTH112 - no error


def folders_of(paths: Iterable[str]) -> frozenset[str]:
    """List every folder that a path is below."""
    found: set[str] = set()
    for path in paths:
        above = path.rpartition("/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return frozenset(found)


def judged(root: Path, paths: Sequence[str], *, max_bytes: int) -> Listing:
    """Tell which of some listed files may be read; vendored folders are not known here."""
    files, excluded = _sift(root, paths, Listing({}, ()), max_bytes=max_bytes)
    return Listing(files, tuple(excluded))


def names(root: Path, *, patience_s: float = 0.3, own: Sequence[str] = ()) -> list[str]:
    """List the files under `root` without looking at one; without git, as many as are found in time."""
    listed = _tracked_by_git(root, timeout_s=NAMES_PATIENCE_S)
    if listed is not None:
        return list(_not_own(listed, own))
    deadline = time.monotonic() + patience_s
    return list(takewhile(lambda _path: time.monotonic() < deadline, ignores.visit(root, skipped=own)))


def read(root: Path, path: str) -> bytes:
    """Read a listed file.

    Raises:
        OSError: It vanished, became a link, or may not be read.
    """
    return confinement.read(root, path)


def stat_of(result: os.stat_result) -> FileStat:
    """Keep what tells a changed file from an unchanged one."""
    return FileStat(result.st_size, result.st_mtime_ns, result.st_ctime_ns, result.st_ino)


def _sift(
    root: Path, listed: Iterable[str], last: Listing, *, max_bytes: int
) -> tuple[dict[str, FileStat], list[Exclusion]]:
    """Tell the files that may be read from those that are left out; what is not there is in neither."""
    base = str(root)
    real_folders = {"": _is_real(root, "")}
    files: dict[str, FileStat] = {}
    excluded: list[Exclusion] = []
    for path in listed:
        verdict = confinement.escape(path) or _judge(base, path, real_folders, max_bytes=max_bytes)
        if path.startswith(last.history):
            verdict = confinement.HISTORY
        if path.startswith(last.vendored) or not _DEPENDENCY_FOLDERS.isdisjoint(path.split("/")[:-1]):
            verdict = "dependencies, not this repository's code"
        if isinstance(verdict, FileStat):
            files[path] = verdict
        elif verdict:
            excluded.append(Exclusion(path, verdict))
    return files, excluded


def _judge(base: str, path: str, real_folders: dict[str, bool], *, max_bytes: int) -> FileStat | str:
    """Return what `path` is on disk, why it is left out, or "" when it is not there at all."""
    if not _is_below_real(base, path.rpartition("/")[0], real_folders):
        return "below a link"
    try:
        result = os.lstat(f"{base}/{path}")
    except (FileNotFoundError, NotADirectoryError):
        return ""  # git still tracks it, the work tree has it no more, or a file where its folder was
    except OSError as error:
        return f"unreadable: {error.strerror}"
    reason = "" if stat.S_ISREG(result.st_mode) else reason_in_type(base, path, result.st_mode)
    reason = reason or reason_in_name(path) or confinement.refusal(result)
    most = max_bytes * (CODE_FACTOR if languages.has_grammar(path) else 1)
    if not reason and result.st_size > most:
        reason = f"larger than {most:,} bytes"
    return reason or stat_of(result)


def _is_below_real(base: str, folder: str, known: dict[str, bool]) -> bool:
    """Tell whether no part of `folder` is a link; each folder is looked at once."""
    unknown = []
    while folder not in known:
        unknown.append(folder)
        folder = folder.rpartition("/")[0]
    is_real = known[folder]
    for below in reversed(unknown):
        with suppress(OSError):  # it is not there, and so is nothing below it
            is_real = is_real and not stat.S_ISLNK(os.lstat(f"{base}/{below}").st_mode)
        known[below] = is_real
    return is_real


def _is_real(root: Path, folder: str) -> bool:
    """Tell whether no part of `folder` is a link."""
    expected = str(root / folder)
    return os.path.realpath(expected) == expected


def _tracked_by_git(
    root: Path, paths: Sequence[str] = (), *, timeout_s: float = git.TIMEOUT_S
) -> list[str] | None:
    """Ask git which files it tracks or could track, of all or of some; None where no git answers for them."""
    chosen = ("--", *paths) if paths else ()
    literal = ("--literal-pathspecs",) if paths else ()  # a file may be called `*`
    asked = (*literal, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *chosen)
    listed = git.ask(root, *asked, timeout_s=timeout_s)
    # Someone who names a folder that git ignores wants it searched all the same.
    is_ignored = not paths and listed == b"" and git.ask(root, "check-ignore", "-q", ".") is not None
    if listed is None or is_ignored:
        return None
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]


def _vendor_folders(paths: Iterable[str]) -> tuple[str, ...]:
    """Find the `vendor/` folders that a package manager filled."""
    found = (path.rpartition("/")[0] for path in paths if path.endswith(_VENDOR_MARKS))
    return tuple(sorted(folder + "/" for folder in found if folder.rpartition("/")[2] == "vendor"))
