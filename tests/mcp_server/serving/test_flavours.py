"""Paths as Windows and macOS write them, and what this system has in place of what they lack.

No such machine runs these tests: they hold the parts that take a flavour to that flavour's rules.
"""

import ntpath
import os
import posixpath
from pathlib import Path
from typing import Any

import pytest
from fakes import write

from mcp_server.clients.registry import CLIENTS, is_ours
from retrieval.files import confinement
from retrieval.paths.spans import relative

WINDOWS_ROOT = r"C:\Users\ada\house"


@pytest.mark.parametrize(
    ("flavour", "root", "path", "expected"),
    [
        (ntpath, WINDOWS_ROOT, r"src\engine.py", "src/engine.py"),
        (ntpath, WINDOWS_ROOT, r".\src\..\src\engine.py", "src/engine.py"),
        (ntpath, WINDOWS_ROOT, "src/engine.py", "src/engine.py"),
        (ntpath, WINDOWS_ROOT, WINDOWS_ROOT + r"\src\engine.py", "src/engine.py"),
        (ntpath, WINDOWS_ROOT, "C:/Users/ada/house/src/engine.py", "src/engine.py"),
        (ntpath, WINDOWS_ROOT, r"c:\users\ADA\house\src\engine.py", "src/engine.py"),
        (ntpath, WINDOWS_ROOT, r"C:\Users\ada\other\engine.py", "C:/Users/ada/other/engine.py"),
        (ntpath, WINDOWS_ROOT, r"D:\house\engine.py", "D:/house/engine.py"),
        (ntpath, WINDOWS_ROOT, r"\\server\share\engine.py", "//server/share/engine.py"),
        (ntpath, WINDOWS_ROOT, r"..\other\engine.py", "../other/engine.py"),
        (posixpath, "/Users/ada/house", "/Users/ada/house/src/engine.py", "src/engine.py"),
        (posixpath, "/Users/ada/house", r"src\engine.py", "src/engine.py"),
        (posixpath, "/Users/ada/house", "/Users/ada/other/engine.py", "/Users/ada/other/engine.py"),
        (posixpath, "/Users/ada/house", "src//./engine.py", "src/engine.py"),
    ],
)
def test_a_candidate_is_named_as_the_index_names_it(
    flavour: Any, root: str, path: str, expected: str
) -> None:
    """An assistant writes paths as its system does; the index has `/` everywhere."""
    assert relative(root, path, flavour=flavour) == expected


@pytest.mark.parametrize(
    "path",
    [
        r"..\id_rsa",
        r"src\..\..\id_rsa",
        r"C:\Windows\win.ini",
        "C:id_rsa",
        "engine.py:hidden",
        "engine.py::$DATA",
        r"\\server\share\x",
        ".GIT/config",
        ".git./config",
        ".git /config",
        "GIT~1/config",
        ".g\u200cit/config",
    ],
)
def test_what_escapes_on_windows_and_macos_is_refused_there(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drives, streams, shares, short names, and what HFS+ does not see."""
    monkeypatch.setattr(confinement, "_IS_WINDOWS", True)
    assert confinement.escape(path)


@pytest.fixture
def without_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Open files as systems do on which no folder can be held open."""
    monkeypatch.setattr(os, "supports_dir_fd", frozenset())


@pytest.mark.usefixtures("without_folders")
def test_a_file_is_read_where_no_folder_can_be_held_open(tmp_path: Path) -> None:
    """As on Windows; links out of the root are not followed there either."""
    root = write(tmp_path.resolve() / "house", {"src/engine.py": "x = 1\n"})
    write(tmp_path, {"secret.txt": "s"})
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    (root / "out").symlink_to(tmp_path)
    assert confinement.read(root, "src/engine.py") == b"x = 1\n"
    for path in ("link.txt", "out/secret.txt", "../secret.txt"):
        with pytest.raises(OSError, match=r"below the root|symbolic link"):
            confinement.read(root, path)


def test_macos_has_no_o_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the root is opened at once, and must not be reached through a link."""
    root = write(tmp_path.resolve() / "house", {"src/engine.py": "x = 1\n"})
    (tmp_path / "way").symlink_to(root)
    monkeypatch.delattr(os, "O_PATH", raising=False)
    assert confinement.read(root, "src/engine.py") == b"x = 1\n"
    with pytest.raises(OSError, match="no longer below the root"):
        confinement.read(tmp_path.resolve() / "way", "src/engine.py")


@pytest.mark.parametrize(
    "program",
    [r"C:\Users\ada\tools\Scripts\goldrank.exe", "C:/tools/goldrank.exe", "/opt/homebrew/bin/goldrank"],
)
def test_an_entry_that_init_wrote_is_known_on_every_system(program: str) -> None:
    """A shared file may have been written on another system; `--remove` must know it all the same."""
    (gemini,) = (client for client in CLIENTS if client.name == "gemini")
    assert is_ours(gemini, {"command": program, "args": ["serve"]})
    assert not is_ours(gemini, {"command": program.replace("goldrank", "other"), "args": ["serve"]})
