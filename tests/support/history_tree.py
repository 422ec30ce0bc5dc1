"""A repository with a past: commits with any message, and what a process would see of them."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fakes import MAX_BYTES, git, write

from retrieval.chunks import tokenizer
from retrieval.history.past import Past, Touch
from retrieval.sync.repository import Repository


@dataclass(frozen=True)
class Tree:
    """A work tree, and a cache for its past."""

    root: Path
    cache: Path

    def git(self, *arguments: str) -> str:
        """Run git here."""
        return git(self.root, *arguments).strip()

    def commit(self, message: str, files: Mapping[str, str], *, author: str = "A <a@example.invalid>") -> str:
        """Write files, commit everything, and return the hash."""
        write(self.root, files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty-message", "--allow-empty", "-m", message, "--author", author)
        return self.git("rev-parse", "HEAD")

    def opened(self, below: str = "") -> Repository:
        """Open the tree, or a folder below it, and read its past."""
        repository = Repository(self.root / below, cache=self.cache, max_bytes=MAX_BYTES)
        repository.refresh()
        repository.read_past()
        return repository

    def past(self, below: str = "") -> Past:
        """Return the past that a process would see that opens the tree now."""
        return self.opened(below).view().past


def asked(past: Past, question: str) -> dict[str, Touch]:
    """Ask a past as the ranker does."""
    return past.files(tokenizer.stems(tokenizer.query_terms(question)))


def raw_commit(tree: Tree, text: bytes) -> str:
    """Commit HEAD's tree with a message that `git commit` would not write; return the hash."""
    head, files = tree.git("rev-parse", "HEAD"), tree.git("rev-parse", "HEAD^{tree}")
    who = b"A <a@example.invalid> 1700000000 +0000"
    data = b"tree %b\nparent %b\nauthor %b\ncommitter %b\n\n%b" % (
        files.encode(),
        head.encode(),
        who,
        who,
        text,
    )
    command = ["git", "-C", str(tree.root), "hash-object", "-t", "commit", "-w", "--literally", "--stdin"]
    made = subprocess.run(command, input=data, capture_output=True, check=True, env=dict(os.environ))
    name = made.stdout.decode().strip()
    tree.git("reset", "-q", "--hard", name)
    return name
