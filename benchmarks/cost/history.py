"""What a repository's past costs: seconds to read, bytes, milliseconds a question, seconds for a new commit.

    python -m benchmarks.cost.history --root REPO [--root REPO ...]

Each repository is cloned without its files, with borrowed objects, since only commits are read. The questions
are subjects of its own commits, evenly spread, so each finds much. "switch" goes to an older commit and back,
both of which were read.
"""

import argparse
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from retrieval.chunks import tokenizer
from retrieval.files import git_history, secret_masking
from retrieval.history.archive import LIMIT, Archive
from retrieval.history.log import MOST_FILES, commits

QUESTIONS = 300
COLUMNS = (
    "repository",
    "commits",
    "counted",
    f"over {MOST_FILES} files %",
    "read s",
    "read CPU s",
    "MB",
    "open ms",
    "files() ms p50 p95",
    "together() ms p50 p95",
    "new commit s",
    "switch s",
)


def main() -> None:
    """Measure each repository and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, action="append", required=True, help="a work tree or a mirror")
    args = parser.parse_args()
    secret_masking.prepare()  # indexing has loaded it
    print("\t".join(COLUMNS))
    for root in args.root:
        with tempfile.TemporaryDirectory() as folder:
            print("\t".join(map(str, measure(root.resolve(), Path(folder)))), flush=True)


def measure(root: Path, folder: Path) -> list[object]:
    """Read the past of a clone in an empty folder, ask it, and let HEAD move."""
    clone = folder / "clone"
    head = _git(root, "rev-parse", "HEAD")
    _git(folder, "clone", "-q", "--shared", "--no-checkout", str(root), str(clone))
    _git(clone, "update-ref", "--no-deref", "HEAD", head)
    archive = Archive(clone, folder / "history")
    cpu = _cpu_s()
    read_s = _seconds(archive.read)
    cpu = _cpu_s() - cpu
    past = archive.past()
    fresh = Archive(clone, folder / "history")
    open_s = _seconds(fresh.follow)
    size = (folder / "history/commits").stat().st_size
    asked, together = _questions(clone, head)
    files_ms = [1000 * _seconds(partial(past.files, stems)) for stems in asked]
    past.together("nothing", [])  # opens what `together` needs
    together_ms = [1000 * _seconds(partial(past.together, path, together)) for path in together]
    new_s, switch_s = _moves(clone, fresh, head)
    return [
        root.name if root.name != "repo" else root.parent.name,
        f"{min(int(_git(clone, 'rev-list', '--count', head)), LIMIT):,}",
        f"{len(past):,}",
        f"{_large_share(clone, head):.2f}",
        f"{read_s:.2f}",
        f"{cpu:.2f}",
        f"{size / 1e6:.1f}",
        f"{1000 * open_s:.0f}",
        _percentiles(files_ms),
        _percentiles(together_ms),
        f"{new_s:.2f}",
        f"{switch_s:.2f}",
    ]


def _questions(clone: Path, head: str) -> tuple[list[list[str]], list[str]]:
    """Take subjects of commits as stems, and files that commits changed."""
    subjects = _git(clone, "log", f"-n{LIMIT}", "--no-merges", "--format=%s", head).splitlines()
    names = _git(clone, "ls-tree", "-r", "--name-only", head).splitlines()
    spread = subjects[:: max(1, len(subjects) // QUESTIONS)]
    asked = [tokenizer.stems(tokenizer.query_terms(subject)) for subject in spread]
    return asked, names[:: max(1, len(names) // QUESTIONS)]


def _moves(clone: Path, archive: Archive, head: str) -> tuple[float, float]:
    """Return the seconds for one new commit, and for a switch between known commits."""
    new = _git(clone, "commit-tree", f"{head}^{{tree}}", "-p", head, "-m", "Fix what was found")
    _git(clone, "update-ref", "--no-deref", "HEAD", new)
    new_s = _seconds(archive.follow)
    _git(clone, "update-ref", "--no-deref", "HEAD", f"{head}~10")
    switch_s = _seconds(archive.follow)
    _git(clone, "update-ref", "--no-deref", "HEAD", head)
    return new_s, (switch_s + _seconds(archive.follow)) / 2


def _large_share(clone: Path, head: str) -> float:
    """Return the share of the commits that change files which change too many, in percent."""
    counts = [
        commit.file_count
        for commit in commits(git_history.log(clone, "exact", head, limit=LIMIT))
        if commit.file_count
    ]
    return 100 * float(np.mean(np.array(counts) > MOST_FILES))


def _percentiles(values: list[float]) -> str:
    return " ".join(f"{np.percentile(values, share):.2f}" for share in (50, 95))


def _seconds(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _cpu_s() -> float:
    """Return the CPU seconds of this process, and of git."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + usage.ru_utime + usage.ru_stime


def _git(root: Path, *arguments: str) -> str:
    who = {
        f"GIT_{who}_{what}": "a@example.invalid"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, check=True, env={**os.environ, **who}
    )
    return done.stdout.decode("utf-8", "replace").strip()


if __name__ == "__main__":
    main()
