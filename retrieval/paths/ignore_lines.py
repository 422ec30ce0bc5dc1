"""Which lines of `.goldrankignore` have no effect, and why: a rule refuses them, or they match no file."""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from retrieval.files import confinement, exclusion, globs, own_ignores
from retrieval.files.globs import Glob
from retrieval.files.ignores import MANY

NO_MATCH = "it matches no file"
_OVERRULED = "another pattern leaves it out, or a folder above it"


@dataclass(frozen=True, slots=True)
class IdleLine:
    """A line without effect.

    Attributes:
        file: The `.goldrankignore`, relative to the root.
        number: The line, 1-based.
        text: The pattern.
        reason: Why it has no effect.
    """

    file: str
    number: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Disk:
    """The files and folders below a root, and what became of them.

    Attributes:
        files: All files, ignored ones too, without those in version control and dependencies.
        folders: All folders.
        is_whole: Whether these are all; a tree may have too many to list.
        searched: The files that are searched.
        reasons: Why listed files are not searched, by path.
    """

    files: Sequence[str]
    folders: Collection[str]
    is_whole: bool
    searched: Collection[str]
    reasons: Mapping[str, str]


def without_effect(root: Path, searched: Collection[str], reasons: Mapping[str, str]) -> list[IdleLine]:
    """List the lines without effect, by file, then by line.

    Args:
        root: The root.
        searched: The files that are searched.
        reasons: Why other listed files are not, by path.
    """
    names = sorted({own_ignores.NAME, *(path for path in searched if path.endswith(f"/{own_ignores.NAME}"))})
    texts = {name: data for name in names if (data := _read(root, name))}
    if not texts:
        return []
    disk = _disk(root, searched, reasons)
    return [idle for name, data in texts.items() for idle in _idle(name, data, disk)]


def _read(root: Path, name: str) -> bytes:
    try:
        return confinement.read(root, name)
    except OSError:
        return b""


def _idle(file: str, data: bytes, disk: _Disk) -> Iterator[IdleLine]:
    folder = file.removesuffix(own_ignores.NAME)
    for number, line in enumerate(globs.lines_of(data), 1):
        glob = globs.parse(line)
        if glob and (reason := glob.problem or _reason(folder, line, glob, disk)):
            yield IdleLine(file, number, line.decode("utf-8", "replace").strip(), reason)


def _reason(folder: str, line: bytes, glob: Glob, disk: _Disk) -> str:
    """Say why a valid line has no effect, or "" when it has one; `folder` ends with a slash or is ""."""
    matched = {path for path in disk.folders if _is_match(glob, folder, path)}
    if not glob.only_folders:
        matched.update(path for path in disk.files if _is_match(glob, folder, path))
    if not glob.is_negated:
        return "" if matched or not disk.is_whole else NO_MATCH
    if any(_is_below(path, matched) for path in disk.searched):
        return ""
    written = os.fsdecode(line).strip().removeprefix("!").strip("/")
    if refused := exclusion.never_let_in(written):
        return refused
    left = [path for path in disk.files if _is_below(path, matched)]
    if not left and not any(exclusion.never_let_in(path) for path in matched):
        return NO_MATCH if disk.is_whole else ""
    known = (disk.reasons.get(path) or exclusion.never_let_in(path) for path in (*left, *sorted(matched)))
    return next((reason for reason in known if reason and reason != own_ignores.LEFT_OUT), _OVERRULED)


def _is_match(glob: Glob, folder: str, path: str) -> bool:
    """Return whether a pattern of the ignore file in `folder` matches a path below that folder."""
    if not path.startswith(folder):
        return False
    inside = os.fsencode(path[len(folder) :])
    subject = inside if glob.is_anchored else inside.rpartition(b"/")[2]
    if glob.literal is not None:
        return subject == glob.literal
    if glob.suffix is not None:
        return subject.endswith(glob.suffix)
    return glob.regex is not None and glob.regex.match(subject) is not None


def _is_below(path: str, matched: Collection[str]) -> bool:
    """Return whether a path, or a folder above it, is among those matched."""
    while path:
        if path in matched:
            return True
        path = path.rpartition("/")[0]
    return False


def _disk(root: Path, searched: Collection[str], reasons: Mapping[str, str]) -> _Disk:
    files: list[str] = []
    folders: list[str] = []
    entries = list(islice(_entries(root), MANY + 1))
    for path, is_folder in entries:
        (folders if is_folder else files).append(path)
    return _Disk(files, folders, len(entries) <= MANY, searched, reasons)


def _entries(root: Path) -> Iterator[tuple[str, bool]]:
    """Yield every path below a root and whether it is a folder; links and dependencies are not entered."""
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            found = sorted(os.scandir(root / folder), key=lambda entry: os.fsencode(entry.name))
        except OSError:
            continue
        for entry in found:
            path = f"{folder}/{entry.name}" if folder else entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            yield path, is_folder
            if is_folder and entry.name not in own_ignores.NEVER_ENTERED:
                pending.append(path)
