"""Which files a commit holds, judged by the rules that hold for files on disk.

The listing is that of a clean checkout of the commit, except for what only a disk has: times, permissions,
conversions of line ends. A file's `inode` is the name of its blob, so a file counts as changed when, and only
when, its blob is another one.
"""

import os
import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.files import exclusion, git, ignores, own_ignores, walker
from retrieval.files.exclusion import reason_in_name, reason_in_size
from retrieval.files.own_ignores import OwnRules
from retrieval.files.walker import Listing
from retrieval.records import FileStat

ReadBlob = Callable[[str], bytes]
"""Returns the content of a blob by its name, or raises an OSError."""

_FILES = frozenset({b"100644", b"100755", b"100664"})  # the last as git wrote it in 2005
_LINK = b"120000"
_SUBMODULE = b"160000"
_MOST_LINKS = 40  # that a path may lead through, as Linux has it
_LONGEST_TARGET = 4096  # bytes of a link's target; a longer path is none


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of a commit's tree.

    Attributes:
        mode: What it is, as git writes it.
        name: The name of its object.
        size: Of a blob, in bytes; None for one that was not fetched.
    """

    mode: bytes
    name: str
    size: int | None


def list_commit(git_folder: Path, commit: str, *, read_blob: ReadBlob, max_bytes: int) -> Listing:
    """List the files of a commit, sorted by the bytes of their paths.

    Args:
        git_folder: A git folder with the commit, which fetches nothing.
        commit: The whole hash of the commit.
        read_blob: Reads the links and the files with rules.
        max_bytes: Exclude files larger than this.

    Raises:
        OSError, subprocess.SubprocessError: Git cannot list the commit.
    """
    entries = {os.fsdecode(path): entry for path, entry in _entries(git_folder, commit)}
    listed = sorted(entries, key=os.fsencode)

    def read(path: str) -> bytes:
        entry = entries.get(path)
        if entry is None or entry.mode not in _FILES:
            raise FileNotFoundError(path)
        return read_blob(entry.name)

    named = {path.rpartition("/")[0] for path in listed if path.rpartition("/")[2] == own_ignores.NAME}
    last = Listing(
        {},
        (),
        walker.vendor_folders(listed),
        ignores.history_among(listed, _names_of(listed)),
        walker.folders_of(listed),
        is_git=True,
        commit=commit,
        rules=OwnRules(Path(), sorted(named | {""}), read=read),
    )
    judge = _Judge(entries, _Links(entries, read_blob), max_bytes)
    files, excluded = walker.sift(listed, last, judge=judge.verdict)
    return replace(last, files=files, excluded=tuple(excluded))


def blob_name(stat: FileStat, *, chars: int) -> str:
    """Return the name of the blob that a listed file has.

    Args:
        stat: The file's metadata in a listing of a commit.
        chars: The length of an object's name: that of the commit's hash.
    """
    return f"{stat.inode:0{chars}x}"


@dataclass(frozen=True, slots=True)
class _Judge:
    """Decides which entries are read."""

    entries: Mapping[str, _Entry]
    links: "_Links"
    max_bytes: int

    def verdict(self, path: str) -> FileStat | str:
        """Return the metadata of an entry, or the reason to exclude it."""
        entry = self.entries[path]
        reason = self._reason_in_mode(path, entry.mode) or reason_in_name(path)
        if not reason and entry.size is None:
            limit = exclusion.CODE_FACTOR * self.max_bytes
            reason = f"not fetched: larger than {limit:,} bytes ({exclusion.CODE_FACTOR} * max_file_bytes)"
        size = entry.size or 0
        reason = reason or reason_in_size(path, size, max_bytes=self.max_bytes)
        return reason or FileStat(size, 0, 0, int(entry.name, 16))

    def _reason_in_mode(self, path: str, mode: bytes) -> str:
        if mode == _LINK:
            return exclusion.A_LINK if self.links.stays_inside(path) else exclusion.OUTSIDE
        if mode == _SUBMODULE:
            return exclusion.NESTED
        return "" if mode in _FILES else "not a regular file"


@dataclass(frozen=True, slots=True)
class _Links:
    """Follows the links of a commit without a disk."""

    entries: Mapping[str, _Entry]
    read_blob: ReadBlob

    def stays_inside(self, path: str) -> bool:
        """Return whether a link leads to a place below the root, which need not exist."""
        here, left = posixpath.dirname(path), self._target(path)
        for _ in range(_MOST_LINKS):
            if left is None or left.startswith("/"):
                return False
            parts = left.split("/")
            left = ""
            for position, part in enumerate(parts):
                if part in {"", "."}:
                    continue
                if part == "..":
                    if not here:
                        return False
                    here = posixpath.dirname(here)
                    continue
                step = posixpath.join(here, part)
                entry = self.entries.get(step)
                if entry is not None and entry.mode == _LINK:
                    target = self._target(step)
                    left = None if target is None else "/".join((target, *parts[position + 1 :]))
                    break
                here = step
            else:
                return True
        return True  # in a circle, it leads nowhere else

    def _target(self, path: str) -> str | None:
        entry = self.entries[path]
        if entry.size is None or entry.size > _LONGEST_TARGET:
            return None
        with suppress(OSError):
            return os.fsdecode(self.read_blob(entry.name))
        return None


def _names_of(paths: Iterable[str]) -> Callable[[str], set[str]]:
    """Return what gives the names in a folder; the paths are split only if somebody asks."""
    known: dict[str, set[str]] = defaultdict(set)

    def names_in(folder: str) -> set[str]:
        if not known:
            for path in paths:
                left = path
                while left:
                    above, _, name = left.rpartition("/")
                    if name in known[above]:
                        break
                    known[above].add(name)
                    left = above
        return known.get(folder, set())

    return names_in


def _entries(git_folder: Path, commit: str) -> Iterator[tuple[bytes, _Entry]]:
    """Yield the path and the entry of all that a commit holds, folders left out."""
    rest = b""
    for block in git.stream(git_folder, "--git-dir=.", "ls-tree", "-r", "-l", "-z", "--full-tree", commit):
        *lines, rest = (rest + block).split(b"\0")
        for line in lines:
            told, _, path = line.partition(b"\t")
            mode, _kind, name, size = told.split()
            yield path, _Entry(mode, name.decode("ascii"), int(size) if size.isdigit() else None)
