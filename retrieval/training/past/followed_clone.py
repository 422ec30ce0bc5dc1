"""How the tree of any commit comes to disk: a clone that borrows a repository's objects, and moves."""

import os
import re
import shutil
from pathlib import Path

from retrieval.training.past.hermetic_git import Git, git_in

LARGEST_BYTES = 4 << 20  # a larger file is never searched, and mirrors that questions are mined from lack it

_SPECIAL = re.compile(r"([\\*?\[\]!#])")


class FollowedClone:
    """A work tree that is moved from commit to commit of a repository, whose objects it borrows."""

    def __init__(self, source: Path, root: Path) -> None:
        """Make the clone unless that is done; nothing is copied, and no program of the source runs.

        Args:
            source: A work tree or a git directory; it is only read.
            root: The folder of the clone.
        """
        self.root = root
        self._git = git_in(root)
        asked = git_in(source, trusted=source)
        if not (root / ".git/HEAD").exists():
            root.mkdir(parents=True, exist_ok=True)
            kind = asked("rev-parse", "--show-object-format").decode().strip()
            self._git("init", "-q", "--template=", f"--object-format={kind}")
            self._git("config", "core.sparseCheckout", "true")
            self._git("config", "core.sparseCheckoutCone", "false")
            self._git("config", "advice.detachedHead", "false")
        self._borrow(asked)

    def check_out(self, commit: str) -> None:
        """Move to a commit, without the files that the source lacks or that are too large to search.

        Raises:
            subprocess.CalledProcessError: The source lacks the commit, or the disk is full.
        """
        (self.root / ".git/index.lock").unlink(missing_ok=True)  # of a checkout that was killed
        missing = [path for path, size in self._sizes(commit) if not 0 <= size < LARGEST_BYTES]
        patterns = ["/*", *(f"!/{_SPECIAL.sub(_escaped, path)}" for path in missing)]
        listed = self.root / ".git/info/sparse-checkout"
        listed.parent.mkdir(exist_ok=True)
        listed.write_text("".join(f"{pattern}\n" for pattern in patterns), "utf-8", "surrogateescape")
        self._git("checkout", "-q", "--force", "--detach", commit)

    def _borrow(self, asked: Git) -> None:
        """Point to the objects of the source, wherever it has moved, and to where its history ends."""

        def path_of(name: str) -> Path:
            told = asked("rev-parse", "--path-format=absolute", "--git-path", name)
            return Path(os.fsdecode(told.removesuffix(b"\n")))

        own = self.root / ".git"
        (own / "objects/info").mkdir(parents=True, exist_ok=True)
        (own / "objects/info/alternates").write_bytes(os.fsencode(path_of("objects")) + b"\n")
        if path_of("shallow").exists():
            shutil.copyfile(path_of("shallow"), own / "shallow")
        else:
            (own / "shallow").unlink(missing_ok=True)

    def _sizes(self, commit: str) -> list[tuple[str, int]]:
        """List the files of a commit with their sizes; -1 for one that is missing."""
        listing = self._git("ls-tree", "-r", "-l", "-z", commit).decode("utf-8", "surrogateescape")
        entries = (entry.partition("\t") for entry in listing.split("\0") if entry)
        found = [(path, head.split()) for head, _, path in entries]
        return [
            (path, int(head[3]) if head[3].isdigit() else -1) for path, head in found if head[1] == "blob"
        ]


def _escaped(special: re.Match[str]) -> str:
    return f"\\{special[1]}"
