"""Random folders with random ignore files, and what git lists of them: what our own listing is held to."""

import os
import random
import subprocess
from pathlib import Path

ATOMS = [
    *"a b ab c * ** ? [ab] [!a] [a-c] [z-a] [[:alpha:]] [[:foo:]] []a] [ \\ \\a \\* ! # / / /".split(),
    *"**/ /** . x.py *.py [[...s]] é ] - ^ [a- [^b] [\\a-c] [a-\\c] [[:alpha:]-z] [[a] [[:x]".split(),
    *"*** */ \\/".split(),
    " ",
    "\r",
]
NAMES = [
    *"a b ab c aa ba x.py a.py [a] é #a !a \\a * [[...s]] a-b ^ ] [ .x abc".split(),
    "a b",
    "a ",
]
WHOLE = (
    "*",
    "!*/",
    "!*.py",
    "/*",
    "!/a",
    "a/",
    "!a/b",
    "**/b",
    "a/**",
    "!a/**/b",
    "[z-a]",
    "!",
    "a\\",
    "*.py",
)
"""Lines that people write, harmless or not."""


def pattern(rng: random.Random) -> str:
    """Write a line of an ignore file, valid or not."""
    if rng.random() < 0.3:
        return rng.choice(WHOLE)
    sign = "!" if rng.random() < 0.3 else ""
    return sign + "".join(rng.choice(ATOMS) for _ in range(rng.randint(1, 6)))


def grow(root: Path, rng: random.Random) -> None:
    """Fill a folder with folders, files and ignore files at several levels."""
    folders = [""]
    for _ in range(rng.randint(0, 6)):
        above = rng.choice(folders)
        path = os.path.join(above, rng.choice(NAMES))  # noqa: PTH118 - names as they are
        if path not in folders:
            folders.append(path)
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for _ in range(rng.randint(1, 14)):
        target = root / rng.choice(folders) / rng.choice(NAMES)
        if not target.exists():
            target.touch()
    for folder in folders:
        if not folder or rng.random() < 0.3:
            lines = (pattern(rng) for _ in range(rng.randint(1, 5)))
            (root / folder / ".gitignore").write_bytes("\n".join(lines).encode())


def listed_by_git(git_folder: Path, root: Path) -> set[str]:
    """Ask git which files of a folder it would add, by the folder's ignore files alone."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    there = ("--git-dir", str(git_folder), "--work-tree", str(root), "-C", str(root))
    done = subprocess.run(
        ["git", *there, "ls-files", "-z", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
        env=environment,
    )
    return {os.fsdecode(name) for name in done.stdout.split(b"\0") if name}
