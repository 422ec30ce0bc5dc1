"""A line that does nothing looks like one that works; the status says which lines those are."""

from pathlib import Path

import pytest
from fakes import git, repository, write

FILES: dict[str, str | bytes] = {
    ".gitignore": "build/\n*.log\n.env\nnode_modules/\nbig.txt\n",
    "a.py": "a = 1\n",
    "tracked.bin": b"\x7fELF\0\1\2\0\0\xff" * 20,
    "night.log": "x\n",
    ".env": "TOKEN=1\n",
    "build/b.py": "b = 1\n",
    "build/blob": b"\x7fELF\0\1\2\0\0\xff" * 20,
    "node_modules/lib/e.py": "e = 1\n",
    "big.txt": "x" * 1_000_001,
    "fixtures/f.py": "f = 1\n",
}


def idle(tmp_path: Path, rules: str, *, is_git: bool = True, at: str = "") -> list[tuple[str, int, str]]:
    """Index a tree with an ignore file, and list its lines without effect."""
    root = write(tmp_path / "r", {**FILES, f"{at}.goldrankignore": rules})
    if is_git:
        git(root, "init", "-q")
    lines = repository(root, tmp_path / "cache").view().idle_lines()
    return [(line.file, line.number, line.reason) for line in lines]


@pytest.mark.parametrize("is_git", [True, False], ids=["git", "no git"])
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("!.env", "may hold secrets"),
        ("!.git/**", "git's own files"),
        ("!node_modules/lib/", "dependencies, not this repository's code"),
        ("!../outside.py", "not a path below the root"),
        ("!build/blob", "binary"),
        ("!big.txt", "larger than 1,000,000 bytes (max_file_bytes)"),
        ("!gone/**", "it matches no file"),
        ("nothing/here", "it matches no file"),
        ("*.snap", "it matches no file"),
        ("[oops", "the bracket [ is never closed"),
    ],
)
def test_a_line_without_effect_is_named_with_the_rule_that_refuses_it(
    tmp_path: Path, line: str, reason: str, *, is_git: bool
) -> None:
    """You wrote the line to search these files, and would wait for them."""
    assert idle(tmp_path, f"# why\n{line}\n", is_git=is_git) == [(".goldrankignore", 2, reason)]


@pytest.mark.parametrize("is_git", [True, False], ids=["git", "no git"])
def test_a_line_that_works_is_not_named(tmp_path: Path, *, is_git: bool) -> None:
    """A warning about lines that work would hide those that do not."""
    rules = "# a comment\n\nfixtures/\n*.bin\n!build/**\n!*.log\n"
    assert idle(tmp_path, rules, is_git=is_git) == []


@pytest.mark.parametrize("is_git", [True, False], ids=["git", "no git"])
def test_a_file_below_a_folder_that_is_left_out_stays_out(tmp_path: Path, *, is_git: bool) -> None:
    """As in git, nothing below a folder that is left out comes back."""
    found = idle(tmp_path, "fixtures/\n!fixtures/f.py\n", is_git=is_git)
    assert found == [(".goldrankignore", 2, "another pattern leaves it out, or a folder above it")]


def test_a_line_counts_from_the_folder_of_its_file(tmp_path: Path) -> None:
    """A deeper file has rules for its own folder."""
    assert idle(tmp_path, "f.py\na.py\n", at="fixtures/") == [
        ("fixtures/.goldrankignore", 2, "it matches no file")
    ]
