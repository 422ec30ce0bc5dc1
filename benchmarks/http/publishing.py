"""What publishing an index costs commit by commit, and taking it up beside building it.

    python -m benchmarks.http.publishing --repo BARE [--back 20] [--steps 3] [--one-by-one]

The branch of a copy of each bare repository is set back by `--back` commits of its first parents, and
moved forward in `--steps` steps. At each step one machine fetches, indexes and publishes; a second one, with
an empty cache, takes the index up; a third one builds it alone, without cached chunks. Times leave out
fetching. With `--one-by-one`, the publishing machine indexes every commit on the way, as a server does that
follows pushes.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from retrieval.files import secret_masking
from retrieval.mirrors.source import Source, read_source
from retrieval.publishing.place import Place
from retrieval.publishing.shared_index import Origin, SharedIndex
from retrieval.sync.repository import Repository
from retrieval.sync.store import Store

MAX_BYTES = 1_000_000
COLUMNS = (
    "repository commit files changed index_s MB_index MB_sent publish_s take_up_s taken_changed build_s"
).split()


def main() -> None:
    """Measure each repository and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repo", type=Path, action="append", required=True, help="a bare repository")
    parser.add_argument("--back", type=int, default=20, help="how many commits before its HEAD to begin")
    parser.add_argument("--steps", type=int, default=3, help="how many commits are published")
    parser.add_argument("--one-by-one", action="store_true", help="index every commit on the way")
    args = parser.parse_args()
    secret_masking.prepare()  # a server has loaded it
    print("\t".join(COLUMNS))
    for bare in args.repo:
        with tempfile.TemporaryDirectory() as folder:
            for row in measure(bare.resolve(), Path(folder), args):
                print("\t".join(map(str, row)), flush=True)


def measure(bare: Path, folder: Path, args: argparse.Namespace) -> Iterator[list[object]]:
    """Publish a repository step by step."""
    origin, shared = folder / "owner" / f"{bare.parent.name}.git", folder / "shared"
    shared.mkdir()
    git(folder, "clone", "-q", "--bare", "--no-hardlinks", str(bare), str(origin))
    branch = git(origin, "symbolic-ref", "HEAD")
    commits = git(origin, "rev-list", "--first-parent", f"-{args.back + 1}", branch).split()[::-1]
    wanted = {round(step * args.back / max(args.steps - 1, 1)) for step in range(args.steps)}
    source = read_source(f"file://{origin}")
    if source is None:
        raise SystemExit(f"{origin} is no URL")
    publisher = machine(source, folder / "publisher", shared)
    for number, commit in enumerate(commits):
        if number not in wanted and not args.one_by_one:
            continue
        git(origin, "update-ref", branch, commit)
        changed, index_s = refreshed(publisher)
        if number not in wanted:
            continue
        publisher.publish()
        told = Origin(**json.loads(Store(publisher.store_folder).read_origin()))
        taker = machine(source, folder / f"taker-{number}", shared)
        taken_changed, taken_s = refreshed(taker)
        alone = Repository(source, cache=folder / f"alone-{number}", max_bytes=MAX_BYTES)
        _, build_s = refreshed(alone)
        yield [
            bare.parent.name, commit[:10], len(taker.view().paths), changed, f"{index_s:.2f}",
            f"{told.published_bytes / 1e6:.2f}", f"{told.sent_bytes / 1e6:.2f}", f"{told.published_s:.2f}",
            f"{taken_s:.2f}", taken_changed, f"{build_s:.2f}",
        ]  # fmt: skip


def machine(source: Source, cache: Path, shared: Path) -> Repository:
    """Return a repository on a machine of its own that shares its index."""
    made = Repository(source, cache=cache, max_bytes=MAX_BYTES)
    made.share(SharedIndex(Place(str(shared)), source, cache=cache))
    return made


def refreshed(repository: Repository) -> tuple[int, float]:
    """Fetch, then index or take up; return the files that were indexed, and the seconds without fetching."""
    if repository.mirror:
        repository.mirror.refresh()
    begun = time.perf_counter()
    done = repository.refresh()
    return done.changed, time.perf_counter() - begun


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it prints."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
