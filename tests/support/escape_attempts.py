"""Ways to make a server read what lies outside its roots: what is planted, and what is asked for.

Outside lies a treasure, `outside/treasure.py`; its content is one word that stands nowhere else.
"""

import hashlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from fakes import git, write

TREASURE = "zanzibarium"
INSIDE = {"src/a.py": "def inside(door):\n    return door\n", "README.md": "# The house\n\nA door.\n"}

Plant = Callable[[Path, Path], None]


def linked(at: str, to: Callable[[Path, Path], str]) -> Plant:
    """Plant a link below the root."""

    def plant(root: Path, outside: Path) -> None:
        (root / at).parent.mkdir(parents=True, exist_ok=True)
        (root / at).symlink_to(to(root, outside))

    return plant


def _chain(root: Path, outside: Path) -> None:
    (root / "one.py").symlink_to("two.py")
    (root / "two.py").symlink_to("three.py")
    (root / "three.py").symlink_to(outside / "treasure.py")


def _hard_link(root: Path, outside: Path) -> None:
    os.link(outside / "treasure.py", root / "gift.py")


def _hard_link_of_git(root: Path, outside: Path) -> None:
    git(root, "init", "-q")
    os.link(outside / "treasure.py", root / "gift.py")
    git(root, "add", ".")


def _pipe(root: Path, _outside: Path) -> None:
    os.mkfifo(root / "pipe.py")


def _socket(root: Path, _outside: Path) -> None:
    working = Path.cwd()
    os.chdir(root)  # the path of a socket has 108 bytes
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("socket.py")
    finally:
        os.chdir(working)


def _device(root: Path, _outside: Path) -> None:
    with suppress(OSError):  # only root may, and not everywhere
        os.mknod(root / "zero.py", 0o020666, os.makedev(1, 5))


def _ignore_pipe(root: Path, _outside: Path) -> None:
    os.mkfifo(root / ".gitignore")


def indexed(*paths: str) -> Plant:
    """Plant a git index that lists what git itself would never add; the folder's own is written by hand."""

    def plant(root: Path, outside: Path) -> None:
        git(root, "init", "-q")
        git(root, "config", "remote.origin.url", f"https://{TREASURE}@example.invalid/x.git")
        write(root / ".git", {"notes.py": f"# {TREASURE}\n"})
        listed = [path.format(outside=outside) for path in paths]
        (root / ".git/index").write_bytes(git_index([*listed, "src/a.py"]))

    return plant


def git_index(paths: Sequence[str]) -> bytes:
    """Write an index of version 2 as git does, of paths that git would refuse."""
    out = b"DIRC" + struct.pack(">II", 2, len(paths))
    for path in sorted(paths):
        name = path.encode()
        entry = struct.pack(">10I", 0, 0, 0, 0, 0, 0, 0o100644, 0, 0, 1) + b"\x11" * 20
        entry += struct.pack(">H", min(len(name), 0xFFF)) + name
        out += entry + b"\0" * (8 - len(entry) % 8)
    return out + hashlib.sha1(out).digest()  # noqa: S324 - git's format


def _foreign_git_folder(root: Path, outside: Path) -> None:
    git(outside, "init", "-q")
    git(outside, "add", ".")
    (root / ".git").write_text(f"gitdir: {outside}/.git\n", encoding="utf-8")


def configured(*lines: str) -> Plant:
    """Plant a repository whose own configuration reaches out; `{outside}` is filled in."""

    def plant(root: Path, outside: Path) -> None:
        git(root, "init", "-q")
        git(root, "add", ".")
        text = "\n".join(lines).replace("{outside}", str(outside)).replace("{root}", str(root))
        with (root / ".git/config").open("a", encoding="utf-8") as config:
            config.write(f"{text}\n")

    return plant


def _filtered(root: Path, outside: Path) -> None:
    write(root, {".gitattributes": "*.py filter=f diff=d\n"})
    configured(
        '[filter "f"]',
        "clean = touch {outside}/ran",
        "smudge = touch {outside}/ran",
        "required = true",
        '[diff "d"]',
        "textconv = touch {outside}/ran",
        "command = touch {outside}/ran",
    )(root, outside)
    write(root, {"src/a.py": "def inside(window):\n    return window\n"})


def _hooked(root: Path, outside: Path) -> None:
    configured()(root, outside)
    for name in ("post-index-change", "fsmonitor-watchman", "post-checkout", "reference-transaction"):
        hook = root / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {outside}/ran\n", encoding="utf-8")
        hook.chmod(0o755)


def _alternates(root: Path, outside: Path) -> None:
    git(outside, "init", "-q")
    git(outside, "add", ".")
    configured()(root, outside)
    write(root / ".git", {"objects/info/alternates": f"{outside}/.git/objects\n"})


def _submodule_that_is_a_link(root: Path, outside: Path) -> None:
    git(root, "init", "-q")
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    (root / "module").symlink_to(outside)


def _tracked_folder_that_became_a_link(root: Path, outside: Path) -> None:
    write(root, {"lib/treasure.py": "x = 1\n"})
    configured()(root, outside)
    (root / "lib/treasure.py").unlink()
    (root / "lib").rmdir()
    (root / "lib").symlink_to(outside)


def _nested_repository(root: Path, outside: Path) -> None:
    configured()(root, outside)
    write(root / "nested", {"a.py": "x = 1\n"})
    git(root / "nested", "init", "-q")
    (root / "nested/treasure.py").symlink_to(outside / "treasure.py")


def _worktree_file_that_is_a_link(root: Path, outside: Path) -> None:
    git(outside, "init", "-q")
    (root / ".git").symlink_to(outside / ".git")


PLANTED: Mapping[str, Plant] = {
    "a link to a file": linked("gift.py", lambda _, outside: str(outside / "treasure.py")),
    "a link that climbs": linked("src/gift.py", lambda _root, _outside: "../../outside/treasure.py"),
    "a link to a folder": linked("lib", lambda _, outside: str(outside)),
    "a link to a folder that climbs": linked("src/lib", lambda _root, _outside: "../../outside"),
    "a link to the root's parent": linked("up", lambda root, _: str(root.parent)),
    "a link to all of the disk": linked("all", lambda root, _: root.anchor),
    "a chain of links": _chain,
    "a link through /proc": linked("gift.py", lambda _, outside: f"/proc/self/root{outside}/treasure.py"),
    "a link to the working folder": linked("here", lambda _root, _outside: "/proc/self/cwd"),
    "a link to the environment": linked("environment.py", lambda _root, _outside: "/proc/self/environ"),
    "a link to standard input": linked("input.py", lambda _root, _outside: "/dev/stdin"),
    "a link to a device": linked("zero.py", lambda _root, _outside: "/dev/zero"),
    "a link to an open file": linked("open.py", lambda _root, _outside: "/proc/self/fd/0"),
    "a hard link": _hard_link,
    "a hard link that git tracks": _hard_link_of_git,
    "a pipe": _pipe,
    "a socket": _socket,
    "a device": _device,
    "ignore rules that are a link": linked(".gitignore", lambda _, outside: str(outside / "treasure.py")),
    "ignore rules without an end": linked(".gitignore", lambda _root, _outside: "/dev/zero"),
    "ignore rules that are a pipe": _ignore_pipe,
    "an index that climbs": indexed("../outside/treasure.py"),
    "an index that climbs from within": indexed("src/../../outside/treasure.py"),
    "an index of whole paths": indexed("{outside}/treasure.py"),
    "an index of whole paths with two slashes": indexed("/{outside}/treasure.py"),
    "an index of git's own files": indexed(".git/config", ".git/notes.py"),
    "an index of git's own files, spelled otherwise": indexed(
        ".GIT/config", ".git/./notes.py", "./.git/notes.py",
    ),
    "an index with empty parts": indexed("src//a.py", "//outside/treasure.py"),
    "a git folder of somebody else": _foreign_git_folder,
    "a git folder that is a link": _worktree_file_that_is_a_link,
    "a work tree elsewhere": configured("[core]", "worktree = {outside}"),
    "a work tree above": configured("[core]", "worktree = {root}/.."),
    "configuration of somebody else": configured("[include]", "path = {outside}/treasure.py"),
    "ignore rules of somebody else": configured("[core]", "excludesFile = {outside}/treasure.py"),
    "a monitor that is a program": configured("[core]", "fsmonitor = touch {outside}/ran"),
    "hooks of git": _hooked,
    "hooks in a folder elsewhere": configured("[core]", "hooksPath = {outside}"),
    "filters and diff drivers": _filtered,
    "a pager, an editor, an askpass": configured(
        "[core]", "pager = touch {outside}/ran", "editor = touch {outside}/ran",
        "askPass = touch {outside}/ran", "sshCommand = touch {outside}/ran",
        "alternateRefsCommand = touch {outside}/ran",
    ),
    "objects that a program fetches": configured(
        "[extensions]", "partialClone = x", '[remote "x"]', "url = ext::touch {outside}/ran",
        "promisor = true",
    ),
    "commands of another name": configured(
        "[alias]", "ls-files = !touch {outside}/ran", "status = !touch {outside}/ran",
    ),
    "objects of somebody else": _alternates,
    "a submodule that is a link": _submodule_that_is_a_link,
    "a tracked folder that became a link": _tracked_folder_that_became_a_link,
    "a nested repository": _nested_repository,
}  # fmt: skip


def names(root: Path, outside: Path) -> Iterator[str]:
    """Name the treasure in every way that a caller could."""
    whole = f"{outside}/treasure.py"
    yield from (
        "../outside/treasure.py",
        "../outside/treasure.py:1",
        "../outside/treasure.py:1-1",
        "./../outside/treasure.py",
        "src/../../outside/treasure.py",
        "src/a.py/../../../outside/treasure.py",
        "..//outside//treasure.py",
        "..\\outside\\treasure.py",
        "src\\..\\..\\outside\\treasure.py",
        "%2e%2e/outside/treasure.py",
        "%2e%2e%2foutside%2ftreasure.py",
        "%252e%252e%252foutside/treasure.py",
        "..%c0%afoutside%c0%aftreasure.py",
        "..;/outside/treasure.py",
        "\uff0e\uff0e/outside/treasure.py",
        "\u2024\u2024/outside/treasure.py",
        "..\u2215outside\u2215treasure.py",
        ".\u200b./outside/treasure.py",
        "../Outside/TREASURE.py",
        "../outside/treasure.py\0.py",
        "src/a.py\0/../../../outside/treasure.py",
        "../outside/treasure.py\n",
        " ../outside/treasure.py",
        "../outside/*.py",
        "../outside/",
    )
    yield from _absolute_names(root, whole)


def _absolute_names(root: Path, whole: str) -> Iterator[str]:
    """Name the treasure, whose whole path is given, by absolute, foreign and special paths."""
    yield from (
        whole,
        f"{whole}:1-1",
        f"/{whole}",
        f"//localhost{whole}",
        f"file://{whole}",
        f"file:{whole}",
        f"{root}/../outside/treasure.py",
        f"{root}{whole}",
        f"/proc/self/root{whole}",
        "/proc/self/cwd/../outside/treasure.py",
        "/proc/self/environ",
        "/dev/stdin",
        "/dev/fd/0",
        "~/../outside/treasure.py",
        "$HOME/treasure.py",
        "${PWD}/../outside/treasure.py",
        "$(cat ../outside/treasure.py)",
        "`cat ../outside/treasure.py`",
        "C:\\outside\\treasure.py",
        "\\\\?\\C:\\outside\\treasure.py",
        "\\\\localhost\\outside\\treasure.py",
        "src/a.py::$DATA",
        "CON",
        ".git/config",
        ".GIT/config",
        ".git/../../outside/treasure.py",
        "git~1/config",
        "HEAD:../outside/treasure.py",
        f"{'../' * 40}{whole.lstrip('/')}",
        f"{'a/' * 3000}treasure.py",
        f"{'x' * 5000}.py",
    )


def repositories(root: Path, outside: Path) -> Iterator[str]:
    """Name a repository that is not served in every way that a caller could."""
    yield from (
        str(outside), f"{outside}/", "../outside", "outside", f"{root}/../outside", f"{root.name}/../outside",
        f"file://{outside}", "/", "..", "~", "/proc/self/cwd", f"/proc/self/root{outside}", f"{root}\0", "",
    )  # fmt: skip


PATTERNS = (
    "../outside/*",
    "/../outside/**",
    "../**",
    "**/../../**",
    "/",
    "/etc/*",
    "../",
    "!../outside/",
    "..",
)


def read_while_swapped(ours: Path, outside: Path, read: Callable[[], bytes], *, times: int) -> set[bytes]:
    """Read again and again while a folder is swapped for a link to outside and back.

    Returns:
        What was read; b"" stands for an error.
    """
    stop, link, kept = threading.Event(), ours.with_name("evil"), ours.with_name("kept")

    def swap() -> None:
        link.symlink_to(outside)
        while not stop.is_set():
            ours.rename(kept)
            link.rename(ours)
            ours.rename(link)
            kept.rename(ours)

    swapping = threading.Thread(target=swap)
    swapping.start()
    found = set()
    try:
        for _ in range(times):
            try:
                found.add(read())
            except OSError:
                found.add(b"")
    finally:
        stop.set()
        swapping.join()
    return found
