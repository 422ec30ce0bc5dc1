"""How a file below a root is opened so that nothing outside is read, whatever lies there or moves meanwhile.

A path is walked folder by folder from an open folder, and no step follows a link: what is checked is what is
read. Git's list of paths is as trustworthy as the repository it comes from, so each path is judged too.
"""

import os
import re
import stat
from pathlib import Path

HISTORY = "version control's own files"
LARGEST = 1_000_000_000
"""Bytes that are read at most, which is what `max_file_bytes` allows at most: a file may have grown."""

# A part that climbs or is empty, and what no path holds.
_ESCAPE = re.compile(r"\A(?=/)|(?:\A|/)\.{0,2}(?:/|\Z)|\0")
# Git's own folder as any file system spells it (Windows drops final dots and blanks and has a short name for
# it), and those of Subversion, Mercurial, Jujutsu, Bazaar and Darcs.
_HISTORY = re.compile(
    r"(?:\A|/)(?:(?P<git>\.git|git~1(?![^/]))|\.svn|\.hg|\.jj|\.bzr|_darcs)[. ]*+(?:/|\Z)", re.IGNORECASE
)
_IGNORABLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")  # HFS+ does not see them
_IS_WINDOWS = os.name == "nt"

_CLOSED = getattr(os, "O_CLOEXEC", 0)
# O_PATH asks for the right to pass through a folder only, as opening a path does; the others want to list it.
_FOLDER = os.O_RDONLY | _CLOSED | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FOLDER |= getattr(os, "O_PATH", 0)
# A pipe without a writer would be waited for, a terminal would become this process's own.
_FILE = os.O_RDONLY | _CLOSED | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_FILE |= getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


def escape(path: str) -> str:
    """Say why a path from a list is none of a file below a root that may be read, or "" when it may be one.

    >>> escape("../id_rsa"), escape("src/.git/config"), escape("src/a..b.py")
    ('no path below the root', "git's own files", '')
    """
    seen = path if path.isascii() else _IGNORABLE.sub("", path)
    seen = seen.removesuffix("/")  # git writes a nested repository with a final slash
    if _ESCAPE.search(seen) or (_IS_WINDOWS and ("\\" in path or ":" in path)):
        return "no path below the root"
    found = _HISTORY.search(seen)
    if not found:
        return ""
    return "git's own files" if found["git"] else HISTORY


def read(root: Path, path: str) -> bytes:
    """Read a regular file below a root.

    Args:
        root: A folder without a link in its path.
        path: Relative to it, with `/`.

    Raises:
        OSError: It is not there, is reached through a link, has other names, or may not be read.
    """
    reason = escape(path)
    if reason:
        raise FileNotFoundError(f"{path!r}: {reason}")
    with os.fdopen(_open(root, path), "rb") as file:
        reason = refusal(os.fstat(file.fileno()))
        if reason:
            raise FileNotFoundError(f"{path} is {reason}")
        return file.read(LARGEST)


def refusal(found: os.stat_result) -> str:
    """Say in few words what is wrong with a file as the file system describes it, or ""."""
    if not stat.S_ISREG(found.st_mode):
        return "no regular file"
    # No path tells where its other names lie: a file with one name is in the root and nowhere else.
    return "a hard link, which may be a file of another folder" if found.st_nlink > 1 else ""


def _open(root: Path, path: str) -> int:
    *folders, name = path.split("/")
    if os.open not in os.supports_dir_fd:
        return _open_checked(root, path)
    try:
        folder = _open_folders(root, folders)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"{path} is no longer below the root") from error
    try:
        return os.open(name, _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _open_folders(root: Path, folders: list[str]) -> int:
    """Open the folder that a file lies in, step by step from the top; no step may be a link."""
    if hasattr(os, "O_PATH"):
        steps = [*root.parts[1:], *folders]
        folder = os.open(root.anchor, _FOLDER)
    else:  # a folder above the root need not be listable
        if os.path.realpath(root) != str(root):
            raise FileNotFoundError(f"{root} is reached through a link")
        steps, folder = folders, os.open(root, _FOLDER)
    for step in steps:
        above = folder
        try:
            folder = os.open(step, _FOLDER, dir_fd=above)
        finally:
            os.close(above)
    return folder


def _open_checked(root: Path, path: str) -> int:
    """Open a file where no folder can be held open: look before and after."""
    target = str(root / path)
    if os.path.realpath(target) != target:
        raise FileNotFoundError(f"{path} is no longer below the root")
    descriptor = os.open(target, _FILE)
    if os.path.realpath(target) != target or not os.path.samestat(os.fstat(descriptor), os.lstat(target)):
        os.close(descriptor)
        raise FileNotFoundError(f"{path} is no longer below the root")
    return descriptor
