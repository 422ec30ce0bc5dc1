"""The corpora of the scale benchmark: real code of 10,000, 100,000 and 1,000,000 chunks, and questions on it.

    python -m benchmarks.cost.corpora --size 10k|100k|1m --out DIR

A corpus is the first so many chunks of PACKAGES, in that order, files by path: each size begins with the one
before. What comes from PyPI and npm is pinned, and is all of the two smaller sizes; Debian keeps one version
of a package, so the large size can be made on Debian 12 only, and DIR/corpus.json says what came. Ignore
files are taken out, or Debian's kernel would hide all of itself from whoever obeys them. Needs pip and npm,
for the large size apt-get and dpkg-deb; no package is installed and nothing of one is run.

    DIR/files/           the corpus: a folder for each package, no git
    DIR/corpus.json      packages, versions, digests, counts
    DIR/questions.jsonl  {"id", "query", "path", "line"}: sentences of comments in files drawn at random
    DIR/archives/        what was downloaded, kept for the next time; --archives names another folder
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from retrieval.chunks import chunker
from retrieval.files import encoding, exclusion, walker
from retrieval.files.languages import language_of
from retrieval.settings import Settings

SIZES = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
QUESTIONS = 200
SEED = 20261124
SHORTEST, LONGEST = 5, 20  # words of a question


@dataclass(frozen=True, slots=True)
class Package:
    """Source code that a registry carries.

    Attributes:
        registry: Who carries it.
        name: As the registry spells it.
        version: Pinned; "" where the registry keeps only one.
        inside: What of it is taken: a folder, or an archive that is unpacked in turn; "" for all.
    """

    registry: Literal["pypi", "npm", "debian"]
    name: str
    version: str = ""
    inside: str = ""


PACKAGES = (
    Package("npm", "rxjs", "7.8.2"),
    Package("pypi", "networkx", "3.5"),
    Package("npm", "react-native", "0.82.1"),  # C++, Java, Kotlin and Objective-C as well
    Package("pypi", "django", "5.2.8"),
    Package("npm", "expo-modules-core", "3.0.24"),  # Kotlin and Swift
    Package("npm", "effect", "3.19.3"),
    Package("npm", "ethers", "6.15.0"),
    Package("npm", "three", "0.181.0"),
    Package("pypi", "sympy", "1.14.0"),
    Package("npm", "viem", "2.38.6"),
    Package("debian", "golang-1.19-src", inside="usr/share/go-1.19"),
    Package("debian", "rust-src", inside="usr/src"),
    Package("debian", "openjdk-17-source", inside="usr/lib/jvm/openjdk-17/lib/src.zip"),
    Package("debian", "linux-source-6.1", inside="usr/src/linux-source-6.1.tar.xz"),
)

_COMMENT = re.compile(
    r"^\s*(?:#+|//+!?|/\*+|\*|--|\"\"\"|''')\s*(?P<sentence>[A-Z][^.?!:;`<>{}@]{20,160})\.\s", re.MULTILINE
)
_LEGAL = re.compile(r"licen[cs]e|copyright|warrant|liab|permission|redistribut|generated", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")


@dataclass(slots=True)
class Count:
    """What was taken so far.

    Attributes:
        chunks: How many.
        files: Path below the corpus and size in bytes of every file that gave chunks, in order.
        languages: Chunks by language.
    """

    chunks: int = 0
    files: dict[str, int] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)


def main() -> None:
    """Read the arguments and make the corpus."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--archives", type=Path, help="where downloads are kept [default: OUT/archives]")
    args = parser.parse_args()
    target, files = SIZES[args.size], args.out / "files"
    if files.exists():
        sys.exit(f"{files} is there already; remove it to make it anew")
    count, sources = Count(), []
    with tqdm(total=target, unit="chunk", disable=None) as bar:
        for package in PACKAGES:
            before = count.chunks
            archive = fetch(package, args.archives or args.out / "archives")
            lay(package, archive, files)
            take(files, folder_of(package), count, target, bar)
            sources.append(_source(package, archive, count.chunks - before))
            if count.chunks >= target:
                break
    questions = list(ask(files, sorted(count.files)))
    (args.out / "questions.jsonl").write_text(
        "".join(json.dumps(question, ensure_ascii=False) + "\n" for question in questions), encoding="utf-8"
    )
    told = {
        "size": args.size,
        "chunks": count.chunks,
        "files": len(count.files),
        "bytes": sum(count.files.values()),
        "chunker": chunker.fingerprint(),
        "languages": dict(count.languages.most_common()),
        "packages": sources,
    }
    (args.out / "corpus.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(f"{count.chunks:,} chunks of {len(count.files):,} files, {len(questions)} questions")
    for source in sources:
        print(f"{source['registry']}\t{source['name']}\t{source['version']}\t{source['chunks']:,} chunks")


def folder_of(package: Package) -> str:
    """Name the folder of a package in the corpus."""
    return package.name.replace("/", "-").lstrip("@")


def fetch(package: Package, archives: Path) -> Path:
    """Download a package unless it is there, and return its one archive."""
    folder = archives / f"{folder_of(package)}-{package.version or 'debian'}"
    if not folder.exists():
        partial = archives / f"{folder.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        subprocess.run(_download(package), cwd=partial, check=True, stdout=subprocess.DEVNULL)
        partial.rename(folder)
    (archive,) = folder.iterdir()
    return archive


def _download(package: Package) -> list[str]:
    if package.registry == "pypi":  # wheels: a source distribution would be run to learn its name
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        return [*pip, "--no-deps", "--only-binary", ":all:", f"{package.name}=={package.version}"]
    if package.registry == "npm":
        return ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
    return ["apt-get", "download", "--quiet", package.name]


def lay(package: Package, archive: Path, files: Path) -> None:
    """Put the files of a package into the corpus, as a folder of its own."""
    target, whole = files / folder_of(package), files.parent / "unpacked"
    if package.inside:
        _unpack(archive, whole)
        part = whole / package.inside
        if part.is_dir():
            part.rename(target)
        else:
            _unpack(part, target)
        shutil.rmtree(whole)
    else:
        _unpack(archive, target)
    for rules in target.rglob(".*ignore"):
        rules.unlink()


def _unpack(archive: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(folder)  # noqa: S202 - a zip, whose members cannot leave the folder
    elif archive.suffix == ".deb":
        subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
    else:
        with tarfile.open(archive) as opened:
            opened.extractall(folder, filter="data")


def take(files: Path, folder: str, count: Count, target: int, bar: Any) -> None:
    """Count the chunks of a package until there are enough; remove the files that are then left over."""
    root = walker.resolve_root(files / folder)
    listing = walker.walk(root, max_bytes=Settings().max_file_bytes)
    for path in listing.files:
        if count.chunks >= target:
            _trim(root, path)
            return
        data = walker.read(root, path)
        if exclusion.reason_in_content(path, data):
            continue
        chunks = len(chunker.chunk_file(path, encoding.decode(data).text))
        count.chunks += chunks
        count.files[f"{folder}/{path}"] = len(data)
        count.languages[language_of(path)] += chunks
        bar.update(chunks)


def _trim(root: Path, first: str) -> None:
    """Remove the file `first` and all that follow it in the order of their paths' bytes."""
    for path in root.rglob("*"):
        if not path.is_dir() and os.fsencode(path.relative_to(root)) >= os.fsencode(first):
            path.unlink()


def _source(package: Package, archive: Path, chunks: int) -> dict[str, str | int]:
    version = package.version or archive.name.split("_")[1].replace("%3a", ":")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    return {**asdict(package), "version": version, "sha256": digest, "chunks": chunks}


def ask(files: Path, paths: list[str]) -> Iterator[dict[str, str | int]]:
    """Draw questions: from each of some random files a sentence that a comment begins with, none twice."""
    rng = random.Random(SEED)  # noqa: S311 - a draw that can be repeated is the point
    rng.shuffle(paths)
    seen: set[str] = set()
    for path in paths:
        text = encoding.decode((files / path).read_bytes()).text
        found = [match for match in _COMMENT.finditer(text) if _is_question(match["sentence"], seen)]
        if not found:
            continue
        chosen = rng.choice(found)
        query = " ".join(chosen["sentence"].split())
        seen.add(query)
        yield {
            "id": f"q{len(seen)}",
            "query": query,
            "path": path,
            "line": text.count("\n", 0, chosen.start("sentence")) + 1,
        }
        if len(seen) == QUESTIONS:
            return


def _is_question(sentence: str, seen: set[str]) -> bool:
    words = sentence.split()
    return (
        SHORTEST <= len(words) <= LONGEST
        and "\n" not in sentence
        and " ".join(words) not in seen
        and not _LEGAL.search(sentence)
        and sum(bool(_WORD.fullmatch(word.strip(",()"))) for word in words) >= len(words) - 1
    )


if __name__ == "__main__":
    main()
