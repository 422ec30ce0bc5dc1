"""Which files of a root are searched, and why the others are excluded.

In a git work tree, git lists the files, so its own ignore rules apply. Elsewhere `ignores` reads the
`.gitignore` files. `own_ignores` decides over both. Each listed file is then checked twice: by name and type
before it is read (`walk`), and by content afterwards (`reason_in_content`). `confinement` ensures that no
file outside the root is opened.
"""

import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from retrieval.errors import RootError
from retrieval.files import confinement, git, ignores, own_ignores
from retrieval.files.exclusion import DEPENDENCIES, NESTED, reason_in_name, reason_in_size, reason_in_type
from retrieval.files.own_ignores import OwnRules
from retrieval.records import Exclusion, FileStat

_DEPENDENCY_FOLDERS = frozenset({"node_modules", "bower_components", "jspm_packages", "site-packages"})
_VENDOR_MARKS = ("modules.txt", "autoload.php")  # `go mod vendor` and composer write these into vendor/
# Files that affect how others are listed.
_WIDE = (*_VENDOR_MARKS, ignores.NAME, own_ignores.NAME, "/HEAD", "CVS/Entries")
NAMES_PATIENCE_S = 5.0  # git blocks forever when `.gitignore` is a pipe; a search must not
MOST_NESTED = 5  # levels of repositories in repositories
MOST_TOUCHED = 500  # up to this many paths, checking each is cheaper than listing the root


@dataclass(frozen=True)
class Listing:
    """The readable files of a root, by path, and those excluded by name or type.

    Attributes:
        files: The file system's metadata for each readable file.
        excluded: The other files, with reasons.
        vendored: Folders that a package manager filled, each with a trailing slash.
        history: Version-control folders with an arbitrary name, each with a trailing slash.
        folders: All ancestor folders of the listed files, perhaps also of files that are gone.
        is_git: Whether git listed them.
        commit: The whole hash of the commit that holds them; "" for files on disk.
        rules: The `.goldrankignore` files.
        nested: Submodules and nested repositories whose files are listed, each with a trailing slash.
        follows_links: Whether some files are listed under the path of a link.
    """

    files: Mapping[str, FileStat]
    excluded: tuple[Exclusion, ...]
    vendored: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    folders: frozenset[str] = frozenset()
    is_git: bool = False
    commit: str = ""
    rules: OwnRules = field(default_factory=OwnRules.none)
    nested: tuple[str, ...] = ()
    follows_links: bool = False

    @cached_property
    def reasons(self) -> Mapping[str, str]:
        """The reason of each excluded file."""
        return {item.path: item.reason for item in self.excluded}


def resolve_root(folder: Path) -> Path:
    """Return the real path of a root, after checking that it can be served.

    Raises:
        RootError: The folder does not exist, is not a folder, or cannot be listed.
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
    except RuntimeError as error:  # Python 3.11 and 3.12 raise this for a link that leads to itself
        raise RootError(
            f"{folder} is a link that leads to itself", remedy="name the folder that you mean"
        ) from error
    return root


def walk(root: Path, *, max_bytes: int, own: Sequence[str] = ()) -> Listing:
    """List the files under `root`, sorted by the bytes of their paths.

    Args:
        root: A folder as `resolve_root` gives it.
        max_bytes: Exclude files larger than this.
        own: Files and folders that belong to goldrank, relative to the root, to skip.
    """
    paths = _tracked_by_git(root)
    if paths is None:
        found: Iterable[str] = list(ignores.visit(root, skipped=own))
        rules = own_ignores.rules_of(root, found)
    else:
        found, rules = own_ignores.with_let_in(root, paths)
        found = _not_own(found, own)
    listed = sorted(set(found), key=os.fsencode)
    last = Listing({}, (), vendor_folders(listed), ignores.history_folders(root, listed), rules=rules)
    files, excluded = _sift(root, listed, last, max_bytes=max_bytes)
    last = replace(
        last,
        files=files,
        excluded=tuple(excluded),
        folders=folders_of(listed),
        is_git=paths is not None,
    )
    return _with_nested(root, last, max_bytes=max_bytes, own=own)


def _with_nested(root: Path, last: Listing, *, max_bytes: int, own: Sequence[str]) -> Listing:
    """Add the files of the submodules and nested repositories of a listing, and of those inside them."""
    for _ in range(MOST_NESTED):
        nested = [item.path.rstrip("/") for item in last.excluded if item.reason == NESTED]
        if not nested:
            break
        listed: list[str] = []
        for folder in nested:
            listed += [f"{folder}/{path}" for path in listed_below(root / folder)]
        listed = sorted(set(_not_own(listed, own)), key=os.fsencode)
        own_files = [path for path in (*last.files, *listed) if path.endswith(own_ignores.NAME)]
        last = replace(
            last,
            vendored=(*last.vendored, *vendor_folders(listed)),
            history=(*last.history, *ignores.history_folders(root, listed)),
            folders=last.folders | folders_of(listed),
            nested=(*last.nested, *(f"{folder}/" for folder in nested)),
            rules=own_ignores.rules_of(root, own_files),
        )
        files, excluded = _sift(root, listed, last, max_bytes=max_bytes)
        others = (item for item in last.excluded if item.reason != NESTED)
        ordered = sorted({**last.files, **files}.items(), key=lambda entry: os.fsencode(entry[0]))
        last = replace(last, files=dict(ordered), excluded=(*others, *excluded))
    return last


def listed_below(folder: Path) -> list[str]:
    """List the files below a folder inside a root, by the rules of its own git where there is one."""
    return _tracked_by_git(folder) or list(ignores.visit(folder))


def is_vast(root: Path, *, own: Sequence[str] = ()) -> bool:
    """Return whether a folder outside git holds too many files to index without asking."""
    return _tracked_by_git(root) is None and ignores.is_vast(root, skipped=own)


def _not_own(paths: Iterable[str], own: Sequence[str]) -> Iterable[str]:
    """Drop the paths that belong to goldrank."""
    ours = tuple(f"{path}/" for path in own)
    return (path for path in paths if path not in own and not path.startswith(ours)) if own else paths


def walk_again(
    root: Path, last: Listing, touched: Collection[str], *, max_bytes: int, own: Sequence[str] = ()
) -> Listing | None:
    """Update the last listing of `root` when only some paths can have changed.

    Args:
        root: The same root.
        last: The last listing.
        touched: Paths of files or folders, relative to the root; they need not exist.
        max_bytes: Exclude files larger than this.
        own: Files and folders that belong to goldrank, to skip.

    Returns:
        The new listing, unsorted; None when a touched path may change the listing of other paths.
    """
    touched = frozenset(_not_own(touched, own))
    if len(touched) > MOST_TOUCHED or any(_is_wide(root, last, path) for path in touched):
        return None
    known = [path for path in touched if path in last.files]
    new = [path for path in touched if path not in last.files and os.path.lexists(root / path)]
    if any(path.startswith(last.nested) for path in new):
        return None  # another repository decides
    listed = _tracked_by_git(root, new) if new and last.is_git else []
    if listed is None or (new and not last.is_git):
        return None
    listed = sorted({*listed, *(path for path in new if last.rules.verdict(path) is False)})
    files, excluded = _sift(root, [*listed, *known], last, max_bytes=max_bytes)
    listed_files = dict(last.files)  # the only copy per edit, 1 ms for 100,000 files
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
    """Return whether a touched path may change the listing of others: a folder, or a file with rules."""
    # When a folder is removed or replaced, no event names the files that were below it.
    return path.endswith(_WIDE) or path in last.folders or os.path.isdir(root / path)  # noqa: PTH112 - no error


def folders_of(paths: Iterable[str]) -> frozenset[str]:
    """List every ancestor folder of the paths."""
    found: set[str] = set()
    for path in paths:
        above = path.rpartition("/")[0]
        while above and above not in found:
            found.add(above)
            above = above.rpartition("/")[0]
    return frozenset(found)


def judged(root: Path, paths: Sequence[str], *, max_bytes: int) -> Listing:
    """Check which of some listed files may be read; vendored folders are not detected here."""
    rules = OwnRules(root, folders_of(paths) | {""})
    files, excluded = _sift(root, paths, Listing({}, (), rules=rules), max_bytes=max_bytes)
    return Listing(files, tuple(excluded))


def names(root: Path, *, patience_s: float = 0.3, own: Sequence[str] = ()) -> list[str]:
    """List the files under `root` without checking any; without git, those found within `patience_s`."""
    listed = _tracked_by_git(root, timeout_s=NAMES_PATIENCE_S)
    if listed is not None:
        listed, rules = own_ignores.with_let_in(root, listed)
        return [path for path in _not_own(listed, own) if rules.verdict(path) is not True]
    deadline = time.monotonic() + patience_s
    return list(takewhile(lambda _path: time.monotonic() < deadline, ignores.visit(root, skipped=own)))


def read(root: Path, path: str) -> bytes:
    """Read a listed file.

    Raises:
        OSError: The file vanished, became a link, or may not be read.
    """
    return confinement.read(root, path)


def stat_of(result: os.stat_result) -> FileStat:
    """Extract the metadata that distinguishes a changed file from an unchanged one."""
    return FileStat(result.st_size, result.st_mtime_ns, result.st_ctime_ns, result.st_ino)


def _sift(
    root: Path, listed: Iterable[str], last: Listing, *, max_bytes: int
) -> tuple[dict[str, FileStat], list[Exclusion]]:
    """Separate readable files from excluded ones; a path that does not exist is in neither."""
    base = str(root)
    real_folders = {"": _is_real(root, "")}
    return sift(listed, last, judge=lambda path: _judge(base, path, real_folders, max_bytes=max_bytes))


def sift(
    listed: Iterable[str], last: Listing, *, judge: Callable[[str], FileStat | str]
) -> tuple[dict[str, FileStat], list[Exclusion]]:
    """Separate readable files from excluded ones by the rules that hold for files on disk and in a commit.

    Args:
        listed: The paths, in the order of the result.
        last: A listing with the rules and the folders that decide over paths.
        judge: Returns a file's metadata, the reason to exclude it, or "" when it does not exist.
    """
    files: dict[str, FileStat] = {}
    excluded: list[Exclusion] = []
    for path in listed:
        verdict = confinement.escape(path) or judge(path)
        if last.rules.verdict(path) is True:
            verdict = verdict and own_ignores.LEFT_OUT  # a path that does not exist is no exclusion
        if path.startswith(last.history):
            verdict = confinement.HISTORY
        if path.startswith(last.vendored) or not _DEPENDENCY_FOLDERS.isdisjoint(path.split("/")[:-1]):
            verdict = DEPENDENCIES
        if isinstance(verdict, FileStat):
            files[path] = verdict
        elif verdict:
            excluded.append(Exclusion(path, verdict))
    return files, excluded


def _judge(base: str, path: str, real_folders: dict[str, bool], *, max_bytes: int) -> FileStat | str:
    """Return the metadata of `path`, the reason to exclude it, or "" when it does not exist."""
    if not _is_below_real(base, path.rpartition("/")[0], real_folders):
        return "below a link"
    try:
        result = os.lstat(f"{base}/{path}")
    except (FileNotFoundError, NotADirectoryError):
        return ""  # git still tracks it, but it was deleted, or a file replaced its folder
    except OSError as error:
        return f"unreadable: {error.strerror}"
    reason = "" if stat.S_ISREG(result.st_mode) else reason_in_type(base, path, result.st_mode)
    reason = reason or reason_in_name(path) or confinement.refusal(result)
    reason = reason or reason_in_size(path, result.st_size, max_bytes=max_bytes)
    return reason or stat_of(result)


def _is_below_real(base: str, folder: str, known: dict[str, bool]) -> bool:
    """Return whether no part of `folder` is a link; each folder is checked once."""
    unknown = []
    while folder not in known:
        unknown.append(folder)
        folder = folder.rpartition("/")[0]
    is_real = known[folder]
    for below in reversed(unknown):
        with suppress(OSError):  # the folder does not exist, so nothing below it does
            is_real = is_real and not stat.S_ISLNK(os.lstat(f"{base}/{below}").st_mode)
        known[below] = is_real
    return is_real


def _is_real(root: Path, folder: str) -> bool:
    """Return whether no part of `folder` is a link."""
    expected = str(root / folder)
    return os.path.realpath(expected) == expected


def _tracked_by_git(
    root: Path, paths: Sequence[str] = (), *, timeout_s: float = git.TIMEOUT_S
) -> list[str] | None:
    """List the files, all or among `paths`, that git tracks or could track; None without a git answer."""
    chosen = ("--", *paths) if paths else ()
    literal = ("--literal-pathspecs",) if paths else ()  # a file may be called `*`
    asked = (*literal, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *chosen)
    listed = git.ask(root, *asked, timeout_s=timeout_s)
    # A user who names a folder that git ignores still wants to search it.
    is_ignored = not paths and listed == b"" and git.ask(root, "check-ignore", "-q", ".") is not None
    if listed is None or is_ignored:
        return None
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]


def vendor_folders(paths: Iterable[str]) -> tuple[str, ...]:
    """Find the `vendor/` folders that were filled by a package manager."""
    found = (path.rpartition("/")[0] for path in paths if path.endswith(_VENDOR_MARKS))
    return tuple(sorted(folder + "/" for folder in found if folder.rpartition("/")[2] == "vendor"))
