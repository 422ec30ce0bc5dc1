"""What tests build their worlds from: files on disk, git work trees, scorers with known answers."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.rank.need import read_need
from retrieval.rank.ranker import find_and_rank
from retrieval.records import Candidate
from retrieval.search.searcher import Answer, Request, search
from retrieval.search.second_stage import SecondStage
from retrieval.sync.repository import Repository

MAX_BYTES = 1_000_000
NOBODY = 65534


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files below `root`, their folders included."""
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return root


def git(root: Path, *arguments: str) -> str:
    """Run git in `root` as somebody, whatever this machine's own configuration says."""
    identity = {
        f"GIT_{who}_{what}": "t@example.invalid"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, check=True, env=environment
    )
    return done.stdout.decode()


def repository(root: Path, cache: Path) -> Repository:
    """Open and index a repository with an index of its own."""
    opened = Repository(root, cache=cache, max_bytes=MAX_BYTES)
    opened.refresh()
    return opened


def first_stage(opened: Repository, query: str, *, limit: int = 20) -> list[Candidate]:
    """Rank with the first stage alone."""
    return find_and_rank(read_need(query), opened.view().snapshot, limit=limit)


def found(opened: Repository, query: str) -> list[str]:
    """Name the files of the first stage's order, each once."""
    return list(dict.fromkeys(candidate.chunk.path for candidate in first_stage(opened, query)))


def searched(opened: Repository, request: Request, second: SecondStage | None = None) -> Answer:
    """Search as a server does: bring the index up to date, then ask what there is to see now."""
    done = opened.refresh()
    return search(opened.view(), request, second, refresh=done)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Be a user whom file modes bind: root, whom tests often run as, reads everything."""
    mine = os.geteuid()
    os.seteuid(mine or NOBODY)
    try:
        yield
    finally:
        os.seteuid(mine)


class KeywordScorer:
    """A `PairScorer` that likes passages with one word in them, and counts what it reads."""

    def __init__(self, keyword: str) -> None:
        self.keyword = keyword
        self.batches: list[int] = []

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return 5 for a passage with the keyword, -5 for one without."""
        assert query
        self.batches.append(len(passages))
        return np.array([5.0 if self.keyword in passage else -5.0 for passage in passages], dtype=np.float32)


def polled(condition: Callable[[], bool], *, patience_s: float = 60) -> bool:
    """Poll until a condition holds; return whether it did in time."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.01)
    return True
