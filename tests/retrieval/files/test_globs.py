"""Patterns come from callers and from repositories, so no pattern may cost more than its length."""

import random
import time

import pytest

from retrieval.files import globs
from retrieval.files.globs import Rules

HOSTILE = [
    "*a" * 2_000 + "b",
    "**/a/" * 800 + "b",
    "**/*a*a*a*" * 300 + "b",
    "[a-z]*" * 600 + "0",
    "**/*a" * 700 + "/b",
    "?*" * 1_000 + "b",
    "[" * 4_000,
    "[[:" * 1_300,
    "*" * 4_000 + "b",
]
LONG = ["a" * 255, "a/" * 2_000 + "c", ("a" * 250 + "/") * 16 + "c"]
STEPS_S = 5.0  # for all of them; a machine under load takes 0.3 s, and one that backtracks never ends


def verdict(*lines: str, path: str, is_folder: bool = False) -> bool | None:
    """Tell what lines of an ignore file say of a path."""
    found = (globs.parse(line.encode()) for line in lines)
    return Rules(glob for glob in found if glob).verdict(path.encode(), is_folder=is_folder)


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: f"{body[:8]}…")
def test_a_pattern_that_would_backtrack_is_answered_at_once(body: str) -> None:
    """A regular expression that backtracks holds the interpreter: no ping, no cancelling, no end."""
    start = time.process_time()
    glob = globs.compiled(body.encode())
    for path in LONG:
        assert not (glob.regex and glob.regex.match(path.encode()))
    assert time.process_time() - start < STEPS_S


@pytest.mark.parametrize(
    ("line", "matched", "spared"),
    [
        ("*.py", "a/b.py", "a/b.pyc"),
        ("a*b*c", "axbxbxc", "axbxcx"),
        ("/a/**/z", "a/b/c/z", "b/a/z"),
        ("a/**", "a/b/c", "a"),
        ("**/a*/b", "x/y/ab/b", "x/ab/c/b"),
        ("foo**/bar", "foox/y/bar", "fo/bar"),
        ("a[]-]b", "a]b", "a[b"),
        ("a[!b]c", "axc", "a/c"),
        ("[[:digit:][:upper:]]x", "7x", "ax"),
        ("[[...sign-in]]", "s]", "t]"),
        ("\\!a", "!a", "a"),
        ("a\\ ", "a ", "a"),
    ],
)
def test_patterns_mean_what_they_mean_to_git(line: str, matched: str, spared: str) -> None:
    """These are the rules of wildmatch.c that other readers of ignore files get wrong."""
    assert verdict(line, path=matched)
    assert verdict(line, path=spared) is None


def test_the_last_pattern_that_matches_decides() -> None:
    """Names, suffixes and wildcards are looked up in different ways and must keep one order."""
    assert verdict("*.py", "!a.py", path="a.py") is False
    assert verdict("!a.py", "*.py", path="a.py") is True
    assert verdict("*.py", "!?.py", "a.py", path="a.py") is True
    assert verdict("a.py", "!?.py", path="a.py") is False
    assert verdict("a", "!a/", path="a") is True
    assert verdict("a", "!a/", path="a", is_folder=True) is False


def test_ten_thousand_names_cost_one_look_a_path() -> None:
    """Generated ignore files list every file by its name."""
    rng = random.Random(7)
    lines = [globs.compiled(f"{rng.getrandbits(64):x}.txt".encode()) for _ in range(10_000)]
    rules = Rules(lines)
    start = time.process_time()
    for number in range(10_000):
        assert rules.verdict(f"src/{number}.py".encode(), is_folder=False) is None
    assert time.process_time() - start < STEPS_S


def test_a_pattern_longer_than_a_path_is_invalid() -> None:
    """It can match nothing that exists, and compiling it costs memory."""
    assert globs.compiled(b"*a" * 3_000).problem == "it is longer than 4,096 bytes"
