"""A writer that dies at every line of its work: what does it leave to those who come after?

    python -m benchmarks.robustness.kill_each_line [--step 1]

`killing.py` kills at random moments, and most of these fall on the few lines that take long. Here a process
kills itself before the n-th line that it runs of the modules that write, for every n that is a multiple of
the step. Then a process that had the index open before and one that opens it afresh bring it up to date in
turn, and each must have exactly what the files hold. Every other time the edits that were being indexed are
undone before: then what was recorded last and what was written last need not belong together.
"""

import argparse
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import retrieval
from benchmarks.robustness.kill_random import MAX_BYTES, indexed, on_disk
from benchmarks.robustness.killed_server import cache_of
from retrieval.index import integrity
from retrieval.sync.repository import Repository

MODULES = (
    "index/writer",
    *(
        f"sync/{name}"
        for name in ("store", "record_table", "write_lock", "file_table", "indexer", "sync", "chunk_cache")
    ),
)
FILES = frozenset(str(Path(str(retrieval.__file__)).parent / f"{name}.py") for name in MODULES)
LIMIT_S = 60  # the longest that a process may take: a hundred times what it takes when all is well
WAYS = [
    (edits, *order)
    for order in (("the survivor", "a fresh process"), ("a fresh process", "the survivor"))
    for edits in ("kept", "undone")
]
"""What becomes of the edits after a death, and who comes first; in turn, line by line."""

TEXT = "def {0}_one():\n    return '{0}'\n\n\ndef {0}_two(value):\n    return value\n"


def main() -> None:
    """Read the arguments, run, print the counts; exit 1 on any fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--step", type=int, default=1)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)  # much is damaged here, on purpose
    faults: list[str] = []
    for name in WORK:
        deaths = 0
        while (found := death(name, (deaths + 1) * args.step, WAYS[deaths % len(WAYS)])) is not None:
            deaths += 1
            faults += found
        print(f"{deaths:>6} deaths during: {name}", flush=True)
    print("\n".join((*faults[:50], f"{len(faults)} faults")))
    sys.exit(bool(faults))


def death(name: str, line: int, way: tuple[str, str, str]) -> list[str] | None:
    """Let one kind of work die at a line; return what was wrong after it, None when it ended before."""
    edits, *order = way
    with tempfile.TemporaryDirectory() as place:
        root = prepare(Path(place).resolve() / "root", name)
        told, ready = os.pipe()
        go, begin = os.pipe()
        survivor = fork(partial(survive, root, ready, go, had_opened=not name.startswith("first")))
        os.read(told, 1)
        edit(root)
        was_killed = ended(fork(partial(die, line, partial(WORK[name], root)))) == -signal.SIGKILL
        if edits == "undone":
            undo(root)
        faults = []
        for who in order:
            if who == "the survivor":
                os.write(begin, b"g")
            code = ended(survivor if who == "the survivor" else fork(partial(check, root)))
            if code:
                faults.append(f"{name}, dead at line {line}, edits {edits}: {who} ended with {code}")
        for end in (told, ready, go, begin):
            os.close(end)
        return faults if was_killed else None


def prepare(root: Path, name: str) -> Path:
    """Make a repository, with an index unless that is what is made; return the root that is worked on."""
    root.mkdir()
    for letter in "abcef":
        (root / f"{letter}.py").write_text(TEXT.format(letter), encoding="utf-8")
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for verb in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *verb], check=True)
    if name != "first index":
        ended(fork(partial(refresh, root)))
    if name == "first index of a second work tree":
        subprocess.run([*git, "worktree", "add", "-q", "../other", "-b", "other"], check=True)
        return root.parent / "other"
    return root


def edit(root: Path) -> None:
    """Change, add, delete and rename a file; keep what was there."""
    shutil.copytree(root, root.parent / "before", ignore=shutil.ignore_patterns(".git"))
    (root / "a.py").write_text("def alpha_two():\n    return 1\n", encoding="utf-8")
    (root / "new.py").write_text("def new_one():\n    return 1\n", encoding="utf-8")
    (root / "b.py").unlink()
    (root / "c.py").rename(root / "d.py")


def undo(root: Path) -> None:
    """Put the files back as they were."""
    for path in root.glob("*.py"):
        path.unlink()
    for path in (root.parent / "before").iterdir():
        shutil.copy(path, root)


def opened(root: Path) -> Repository:
    """Open the repository as every process here does."""
    return Repository(root, cache=cache_of(root), max_bytes=MAX_BYTES)


def refresh(root: Path) -> None:
    """Bring an index up to date, or make it."""
    opened(root).refresh()


def rebuild(root: Path) -> None:
    """Throw an index away and make it anew."""
    repository = opened(root)
    repository.rebuild()
    repository.refresh()


WORK: dict[str, Callable[[Path], None]] = {
    "update": refresh,
    "rebuild": rebuild,
    "first index": refresh,
    "first index of a second work tree": refresh,
}


def die(line: int, work: Callable[[], None]) -> None:
    """Do some work, and die before the given line of it."""
    lines = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        if lines == line:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(lambda frame, _event, _argument: count if frame.f_code.co_filename in FILES else None)
    work()


def survive(root: Path, ready: int, go: int, *, had_opened: bool) -> None:
    """Have an index open while another process dies on it, then bring it up to date."""
    repository = opened(root)
    if had_opened:
        repository.refresh()
        _ = repository.view().snapshot  # opens the index
    os.write(ready, b"r")
    os.read(go, 1)
    hold(repository)


def check(root: Path) -> None:
    """Open an index afresh and bring it up to date."""
    hold(opened(root))


def hold(repository: Repository) -> None:
    """Bring an index up to date; hold all that is in it, and what its reader finds, against the files.

    Raises:
        AssertionError: They differ.
    """
    done = repository.refresh()
    folder = repository.store_folder / "chunks"
    wanted, there = Counter(on_disk(repository.root)), Counter(indexed(folder))
    view = repository.view()
    snapshot = view.snapshot
    read = Counter(chunk for path in view.paths for chunk in snapshot.chunks_of(path))
    problems = [
        f"{len(wanted - there)} chunks lost" * bool(wanted - there),
        f"{len(there - wanted)} chunks too many" * bool(there - wanted),
        "its reader finds others" * (read != wanted or len(snapshot) != sum(wanted.values())),
        f"{done}" * bool(done.pending),
        f"damaged: {integrity.damaged(folder)}" * bool(integrity.damaged(folder)),
    ]
    if any(problems):
        raise AssertionError("; ".join(filter(None, problems)))


def fork(work: Callable[[], None]) -> int:
    """Let a process of its own do some work; return its number."""
    number = os.fork()
    if number:
        return number
    signal.alarm(LIMIT_S)  # ends it when it hangs
    code = 1
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, it must not reach the parent's code
        traceback.print_exc()
    finally:
        os._exit(code)


def ended(number: int) -> int:
    """Wait for a process; return how it ended, the negative number of a signal if by that."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


if __name__ == "__main__":
    main()
