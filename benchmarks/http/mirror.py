"""What a mirror costs beside a checkout of the same commit, and whether both give the same answers.

    python -m benchmarks.http.mirror --repo BARE [--repo BARE ...]

Each bare repository is served once as a checkout and once from its file:// URL, each with a cache of its own.
The questions are subjects of its own commits, evenly spread. "same" counts the questions whose ten places, in
order and with their scores, are equal.
"""

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from retrieval.files import secret_masking
from retrieval.mirrors.source import read_source
from retrieval.search.searcher import Request, search
from retrieval.sync.repository import Repository

QUESTIONS = 100
TOP_K = 10
MAX_BYTES = 1_000_000
COLUMNS = (
    "repository files as fetch_s index_s MB_files MB_index still_ms edit_ms reply_p50_ms reply_p95_ms same"
).split()
_AS = ("-c", "user.name=x", "-c", "user.email=x@example.com")


def main() -> None:
    """Measure each repository and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repo", type=Path, action="append", required=True, help="a bare repository")
    args = parser.parse_args()
    secret_masking.prepare()  # a server has loaded it
    print("\t".join(COLUMNS))
    for bare in args.repo:
        with tempfile.TemporaryDirectory() as folder:
            for row in measure(bare.resolve(), Path(folder)):
                print("\t".join(map(str, row)), flush=True)


def measure(bare: Path, folder: Path) -> list[list[object]]:
    """Serve one repository both ways."""
    origin, checkout = folder / "origin.git", folder / "checkout"
    git(folder, "clone", "-q", "--bare", "--no-hardlinks", str(bare), str(origin))
    git(origin, "config", "uploadpack.allowFilter", "true")
    begun = time.perf_counter()
    git(folder, "clone", "-q", "--no-hardlinks", f"file://{origin}", str(checkout))
    cloned_s = time.perf_counter() - begun
    source = read_source(f"file://{origin}")
    if source is None:
        raise SystemExit(f"{origin} is no URL")
    disk = Repository(checkout, cache=folder / "disk", max_bytes=MAX_BYTES)
    mirrored = Repository(source, cache=folder / "cache", max_bytes=MAX_BYTES)
    mirror = mirrored.mirror
    if mirror is None:
        raise SystemExit("a URL has a mirror")
    fetched_s = timed(mirror.refresh)
    both = (disk, mirrored)
    index_s = [timed(repository.refresh) for repository in both]
    for repository in both:
        repository.read_past()
    asked = subjects(bare)
    spent: tuple[list[float], list[float]] = ([], [])
    same = sum(is_same(both, question, spent) for question in asked)
    rows = []
    for number, repository in enumerate(both):
        size = mirror.size_bytes() if repository.mirror else bytes_below(checkout)
        still_s = min(timed(repository.refresh) for _ in range(10))
        cut = statistics.quantiles(spent[number], n=20)
        row: list[object] = [bare.parent.name, len(repository.view().paths), ("checkout", "mirror")[number]]
        row += [f"{(cloned_s, fetched_s)[number]:.1f}", f"{index_s[number]:.1f}", f"{size / 1e6:.0f}"]
        row += [f"{repository.store_bytes() / 1e6:.0f}", f"{1000 * still_s:.1f}"]
        row += [f"{edit(checkout, origin, repository):.0f}", f"{statistics.median(spent[number]):.0f}"]
        rows.append([*row, f"{cut[-1]:.0f}", f"{same} of {len(asked)}"])
    return rows


def is_same(both: Sequence[Repository], question: str, spent: Sequence[list[float]]) -> bool:
    """Ask both in turns, note the milliseconds of each, and return whether places and scores are equal."""
    found = []
    for repository, times in zip(both, spent, strict=True):
        begun = time.perf_counter()
        done = repository.refresh()
        results = search(repository.view(), Request(question, TOP_K), None, refresh=done).results
        times.append(1000 * (time.perf_counter() - begun))
        found.append([(one.passage.chunk.span, one.ranked.score, one.passage.lines) for one in results])
    return found[0] == found[1]


def edit(checkout: Path, origin: Path, repository: Repository) -> float:
    """Change one file, and return the milliseconds until it is indexed: of a mirror, fetching included."""
    path = checkout / repository.view().paths[0]
    path.write_bytes(path.read_bytes() + b"\nchanged\n")
    if not repository.mirror:
        return 1000 * timed(repository.refresh)
    git(checkout, *_AS, "commit", "-qam", "change")
    git(checkout, "push", "-q", str(origin), "HEAD")
    return 1000 * (timed(repository.mirror.refresh) + timed(repository.refresh))


def subjects(bare: Path) -> list[str]:
    """Return subjects of commits, evenly spread over the past."""
    told = git(bare, "log", "--no-merges", "--format=%s", "-n", "5000", "HEAD").splitlines()
    wordy = [subject for subject in told if subject.count(" ") > 1]
    return wordy[:: max(len(wordy) // QUESTIONS, 1)][:QUESTIONS]


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def bytes_below(folder: Path) -> int:
    """Return the size of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)
    return done.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    main()
