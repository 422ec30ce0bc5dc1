"""How a file below a root is opened so that no file outside is read, even if folders change meanwhile.

A path is opened folder by folder, relative to an open folder, and no step follows a link, so the file that
was checked is the file that is read. Paths listed by git are no more trustworthy than the repository they
come from, so each is checked too.
"""

import os
import re
import stat
from pathlib import Path

HISTORY = "version control's own files"
LARGEST = 1_000_000_000
"""Most bytes that are read: the upper limit of `max_file_bytes`, because a file may grow after its check."""

# A part that is empty or climbs (`.`, `..`), and the zero byte, which no path can contain.
_ESCAPE = re.compile(r"\A(?=/)|(?:\A|/)\.{0,2}(?:/|\Z)|\0")
# Git's folder in every spelling that a file system accepts (Windows drops trailing dots and spaces, and has a
# short name), and the folders of Subversion, Mercurial, Jujutsu, Bazaar and Darcs.
_HISTORY = re.compile(
    r"(?:\A|/)(?:(?P<git>\.git|git~1(?![^/]))|\.svn|\.hg|\.jj|\.bzr|_darcs)[. ]*+(?:/|\Z)", re.IGNORECASE
)
_IGNORABLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")  # HFS+ ignores them
_IS_WINDOWS = os.name == "nt"

_CLOSED = getattr(os, "O_CLOEXEC", 0)
# O_PATH needs only permission to traverse a folder, as opening a path does; other flags need to list it.
_FOLDER = os.O_RDONLY | _CLOSED | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FOLDER |= getattr(os, "O_PATH", 0)
# Without these flags, a pipe without a writer would block, and a terminal would become the controlling one.
_FILE = os.O_RDONLY | _CLOSED | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_FILE |= getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


def escape(path: str) -> str:
    """Say why a listed path cannot be a readable file below the root, or "" when it can.

    >>> escape("../id_rsa"), escape("src/.git/config"), escape("src/a..b.py")
    ('not a path below the root', "git's own files", '')
    """
    seen = path if path.isascii() else _IGNORABLE.sub("", path)
    seen = seen.removesuffix("/")  # git lists a nested repository with a trailing slash
    if _ESCAPE.search(seen) or (_IS_WINDOWS and ("\\" in path or ":" in path)):
        return "not a path below the root"
    found = _HISTORY.search(seen)
    if not found:
        return ""
    return "git's own files" if found["git"] else HISTORY


def read(root: Path, path: str) -> bytes:
    """Read a regular file below a root.

    Args:
        root: A folder whose path contains no link.
        path: Relative to the root, with `/`.

    Raises:
        OSError: The file does not exist, is behind a link, has several names, or may not be read.
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
    """Say in a few words why a file of this type is refused, or ""."""
    if not stat.S_ISREG(found.st_mode):
        return "not a regular file"
    # The other names of a hard link are unknown. Only a file with a single name is certain to be in the root.
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
    """Open the folder of a file step by step from the top; no step may be a link."""
    if hasattr(os, "O_PATH"):
        steps = [*root.parts[1:], *folders]
        folder = os.open(root.anchor, _FOLDER)
    else:  # folders above the root need not be listable
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
    """Open a file on a system without `dir_fd`: check the path before and after."""
    target = str(root / path)
    if os.path.realpath(target) != target:
        raise FileNotFoundError(f"{path} is no longer below the root")
    descriptor = os.open(target, _FILE)
    if os.path.realpath(target) != target or not os.path.samestat(os.fstat(descriptor), os.lstat(target)):
        os.close(descriptor)
        raise FileNotFoundError(f"{path} is no longer below the root")
    return descriptor
