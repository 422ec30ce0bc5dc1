"""Make many small repositories out of real ones: a fleet that is large without being fetched.

    python -m benchmarks.http.synthetic --from urls --count 10000 --out FOLDER

Each is a bare repository with one commit and holds folders of two real repositories, with six to twenty files
of at most 60 kB, and the README of the first. Its name joins theirs. Nothing is random but the choice of
folders, which depends on the number of the repository alone. `FOLDER/urls.txt` lists them.
"""

import argparse
import itertools
import random
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Self

from tqdm import tqdm

LEAST, MOST = 6, 20  # files
MOST_BYTES = 60_000  # of a file
PARTS = 2
MOST_FOLDERS = 6  # of one part
BRANCH = "refs/heads/main"
COMMITTER = "fleet@example.com"

Blobs = Mapping[str, str]
"""The object names of a folder's files, by path."""


def main() -> None:
    """Read the arguments and make the repositories that are not there yet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--from", dest="real", type=Path, required=True, help="a list of file:// URLs of bare repositories"
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    real = [Path(url.removeprefix("file://")) for url in args.real.read_text("utf-8").split()]
    folders = {repository: kept for repository in real if (kept := folders_of(repository))}
    with ReadObjects(folders) as objects:
        urls = [f"file://{made(number, folders, args.out, objects)}" for number in tqdm(range(args.count))]
    (args.out / "urls.txt").write_text("".join(f"{url}\n" for url in urls), encoding="utf-8")


def folders_of(repository: Path) -> list[Blobs]:
    """List the folders of a repository's HEAD that have files to take."""
    listed = _git(repository, "ls-tree", "-r", "-l", "-z", "HEAD").split(b"\0")
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for row in listed:
        meta, _, name = row.partition(b"\t")
        mode, kind, blob, size = (meta.decode().split() or [""] * 4)[:4]
        if kind != "blob" or mode == "120000" or not size.isdigit() or not 0 < int(size) <= MOST_BYTES:
            continue
        try:
            path = name.decode("ascii")
        except UnicodeDecodeError:
            continue
        if '"' not in path and "\n" not in path:
            found[str(PurePosixPath(path).parent)][path] = blob
    return [files for files in found.values() if len(files) >= LEAST // PARTS]


def made(number: int, folders: Mapping[Path, Sequence[Blobs]], out: Path, objects: "ReadObjects") -> Path:
    """Make one repository, unless it is there."""
    chance = random.Random(number)  # noqa: S311 - a choice that can be repeated
    chosen = chance.sample(sorted(folders), PARTS)
    name = "-".join(repository.stem for repository in chosen)
    place = out / f"{number // 1000:02}" / f"{name}-{number:05}.git"
    if (place / "refs" / "heads" / "main").exists():
        return place
    wanted = chance.randint(LEAST, MOST)
    files = list(_chosen(chosen, folders, wanted, chance, objects))
    place.mkdir(parents=True, exist_ok=True)
    _git(place, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", ".")
    stream = b"".join(_stream(files))
    subprocess.run(
        ["git", "-C", str(place), "fast-import", "--quiet"],
        input=stream,
        check=True,
    )
    return place


def _chosen(
    repositories: Sequence[Path],
    folders: Mapping[Path, Sequence[Blobs]],
    wanted: int,
    chance: random.Random,
    objects: "ReadObjects",
) -> Iterator[tuple[str, bytes]]:
    for number, repository in enumerate(repositories):
        left, own = wanted // PARTS, list(folders[repository])
        readmes = (row for blobs in own for row in blobs.items() if row[0].lower().startswith("readme"))
        for path, blob in itertools.islice(readmes, 0 if number else 1):
            yield path, objects.read(repository, blob)
        for blobs in chance.sample(own, min(len(own), MOST_FOLDERS)):
            taken = sorted(blobs.items())[:left]
            left -= len(taken)
            for path, blob in taken:
                yield f"{repository.stem}/{path}", objects.read(repository, blob)


def _stream(files: Sequence[tuple[str, bytes]]) -> Iterator[bytes]:
    yield f"commit {BRANCH}\ncommitter goldrank <{COMMITTER}> 1700000000 +0000\ndata 5\nfiles\n".encode()
    for path, content in files:
        yield f'M 100644 inline "{path}"\ndata {len(content)}\n'.encode() + content + b"\n"
    yield b"done\n"


class ReadObjects:
    """One `git cat-file --batch` for each repository."""

    def __init__(self, repositories: Mapping[Path, object]) -> None:
        self._running: dict[Path, subprocess.Popen[bytes]] = {}
        self._repositories = repositories

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()

    def read(self, repository: Path, blob: str) -> bytes:
        """Return the bytes of a blob."""
        if repository not in self._running:
            self._running[repository] = subprocess.Popen(
                ["git", "-C", str(repository), "cat-file", "--batch"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        process = self._running[repository]
        asked, told = process.stdin, process.stdout
        if asked is None or told is None:
            raise AssertionError
        asked.write(f"{blob}\n".encode())
        asked.flush()
        size = int(told.readline().split()[2])
        return told.read(size + 1)[:-1]


def _git(repository: Path, *arguments: str) -> bytes:
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments],
        capture_output=True,
        check=True,
    )
    return done.stdout


if __name__ == "__main__":
    main()
