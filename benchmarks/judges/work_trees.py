"""How a question's tree comes to disk: a folder that is laid out, or a clone that follows a history."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

SNAPSHOT_BYTES = 4 << 20  # larger files are missing from the snapshots that questions are mined from

_SPECIAL = re.compile(r"([\\*?\[\]!#])")


class FollowedClone:
    """A work tree that is moved from commit to commit of a mirror, whose objects it borrows."""

    def __init__(self, mirror: Path, root: Path) -> None:
        """Clone a mirror unless that is done.

        Args:
            mirror: The mirror's git directory.
            root: The folder of the work tree.
        """
        self.root = root
        if not (root / ".git").exists():
            root.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                ["git", "clone", "-q", "--shared", "--no-checkout", str(mirror), str(root)], check=True
            )
            self._git("config", "core.sparseCheckout", "true")
            self._git("config", "core.sparseCheckoutCone", "false")
            self._git("config", "advice.detachedHead", "false")

    def check_out(self, commit: str) -> None:
        """Move to a commit, without the files that the mirror lacks because they are too large to search."""
        missing = [path for path, size in self._sizes(commit) if not 0 <= size < SNAPSHOT_BYTES]
        patterns = ["/*", *(f"!/{_SPECIAL.sub(_escaped, path)}" for path in missing)]
        listed = self.root / ".git/info/sparse-checkout"
        listed.parent.mkdir(exist_ok=True)
        listed.write_text("".join(f"{pattern}\n" for pattern in patterns), "utf-8", "surrogateescape")
        self._git("checkout", "-q", "--force", "--detach", commit)

    def _sizes(self, commit: str) -> list[tuple[str, int]]:
        """List the files of a commit with their sizes; -1 for one that is missing."""
        listing = self._git("ls-tree", "-r", "-l", "-z", commit)
        entries = (entry.partition("\t") for entry in listing.split("\0") if entry)
        found = [(path, head.split()) for head, _, path in entries]
        return [
            (path, int(head[3]) if head[3].isdigit() else -1) for path, head in found if head[1] == "blob"
        ]

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.root), *arguments]
        done = subprocess.run(command, capture_output=True, check=True)
        return done.stdout.decode("utf-8", "surrogateescape")


def _escaped(special: re.Match[str]) -> str:
    return f"\\{special[1]}"


def sizes_below(root: Path) -> Callable[[tuple[str, int, int]], int]:
    """Return a function that counts the characters of a span, line ends included; a file is read once."""
    lengths: dict[str, list[int]] = {}

    def size(span: tuple[str, int, int]) -> int:
        path, start, end = span
        if path not in lengths:
            text = (root / path).read_text(encoding="utf-8", errors="replace")
            lengths[path] = [len(line) + 1 for line in text.splitlines()]
        return sum(lengths[path][start - 1 : end])

    return size
