"""Indexes hostile files in every language: does the process die or hang, and is anything left unindexed?

    python -m benchmarks.robustness.grammars --corpus REPOS --files 20000 [--seed 0] [--language kotlin]

Files are truncated and mutated real ones, tokens in any order, and few tokens repeated, which is what
grammars suffer from most. Each language has a process of its own, which indexes them batch by batch, as a
server does; after each batch a file that is read last must be found. It prints a line a language.
"""

import argparse
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from retrieval.chunks.definition_queries import PATTERNS
from retrieval.files import encoding, languages
from retrieval.search import searcher
from retrieval.sync.repository import Repository

BATCH = 500
LONGEST_S = 3_600.0  # for a batch: each of its files may spend its whole budget
MEMORY = 4_000_000_000  # of the process that indexes, and of each that parses; a grammar alone took 24 GB
TYPICAL_CHARS, LARGE_CHARS, LARGE_SHARE = 2_000, 20_000, 0.05
TOKEN = re.compile(r"\w+|\s+|[^\w\s]{1,3}")
CANARY = "zz_canary.py"


def main() -> None:
    """Run every language in a process of its own; exit with 1 after a fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--files", type=int, default=20_000, help="a language")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--language", choices=sorted(PATTERNS))
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.here:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        print(attack(args.language, real_files(args.corpus, args.language), args.files, args.seed))
        return
    faults = 0
    for language in [args.language] if args.language else sorted(PATTERNS):
        options = ("--corpus", str(args.corpus), "--files", str(args.files), "--seed", str(args.seed))
        command = [
            sys.executable,
            "-m",
            "benchmarks.robustness.grammars",
            *options,
            "--language",
            language,
            "--here",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        faults += done.returncode != 0
        said = done.stdout if done.returncode == 0 else f"FAULT ({done.returncode}): {done.stderr[-2000:]}"
        print(f"{language:<11} {said.strip()}", flush=True)
    sys.exit(1 if faults else 0)


def attack(language: str, real: Sequence[str], count: int, seed: int) -> str:
    """Index so many files in batches; say how that went.

    Raises:
        SystemExit: A batch took too long, or left a file out, or the last file of it is not found.
    """
    suffix = min(s for s in languages.suffixes(language) if s.startswith("."))
    notes: Counter[str] = Counter()
    size, slowest, start = 0, 0.0, time.monotonic()
    folder = Path(tempfile.mkdtemp())
    try:
        for first in range(0, count, BATCH):
            root = folder / "root"
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            for number in range(first, min(first + BATCH, count)):
                rng = random.Random(f"{seed} {language} {number}")  # noqa: S311 - a run can be repeated
                text = hostile(rng, real)
                size += len(text)
                (root / f"f{number}{suffix}").write_text(text, encoding="utf-8")
            (root / CANARY).write_text(f"def canary_{first}():\n    return {first}\n", encoding="utf-8")
            begun = time.monotonic()
            repository = Repository(root, cache=folder / "cache", max_bytes=1_000_000, chunk_cache_bytes=0)
            repository.refresh()
            slowest = max(slowest, time.monotonic() - begun)
            require(time.monotonic() - begun < LONGEST_S, f"files from {first} on took too long")
            view = repository.view()
            known = {*view.paths, *(item.path for item in view.excluded)}
            lost = [path.name for path in root.iterdir() if path.name not in known]
            require(not lost, f"not indexed: {lost[:10]}")
            notes.update(view.notes.values())
            notes.update(f"left out as {item.reason}" for item in view.excluded)
            answer = searcher.search(view, searcher.Request(f"canary_{first}", 1), None)
            require(answer.results[0].passage.chunk.path == CANARY, f"the canary of {first} is not found")
            shutil.rmtree(folder / "cache")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = ", ".join(f"{number:,} {note}" for note, number in notes.most_common()) or "none"
    seconds = time.monotonic() - start
    return (
        f"{count:,} files, {size / 1e6:.1f} MB in {seconds:,.0f} s, slowest batch {slowest:.0f} s; no death, "
        f"all found; cut by lines or left out: {told}"
    )


def require(is_well: bool, fault: str) -> None:
    """End this language with a fault unless all is well."""
    if not is_well:
        raise SystemExit(fault)


def real_files(corpus: Path, language: str) -> list[str]:
    """Read the files of a language, in order."""
    paths = (path for path in sorted(corpus.rglob("*")) if path.is_file())
    texts = (
        encoding.decode(path.read_bytes()).text
        for path in paths
        if languages.language_of(path.name) == language
    )
    found = [text for text in texts if text.strip()]
    if not found:
        raise SystemExit(f"no file of {language} below {corpus}")
    return found


def hostile(rng: random.Random, real: Sequence[str]) -> str:
    """Make one file."""
    most = LARGE_CHARS if rng.random() < LARGE_SHARE else TYPICAL_CHARS
    make = rng.choices((truncated, mutated, soup, repeated, nested), weights=(2, 4, 2, 3, 1))[0]
    text = make(rng, excerpt(rng, real, most), most)
    return text if rng.random() < 0.5 else wrapped(text)  # noqa: PLR2004 - half


def excerpt(rng: random.Random, real: Sequence[str], most: int) -> str:
    """Take a part of a real file."""
    text = rng.choice(real)
    start = rng.randrange(max(len(text) - most, 0) + 1)
    return text[start : start + most]


def truncated(rng: random.Random, text: str, _most: int) -> str:
    """End in the middle of anything."""
    return text[: rng.randrange(len(text) + 1)]


def mutated(rng: random.Random, text: str, _most: int) -> str:
    """Delete, double, move and overwrite runs of tokens."""
    tokens = TOKEN.findall(text)
    for _ in range(rng.randint(1, 20)):
        start = rng.randrange(len(tokens) + 1)
        run = tokens[start : start + rng.randint(1, 12)]
        change: Callable[[], list[str]] = rng.choice(
            (
                list,
                lambda run=run: run * 3,
                lambda run=run: run[::-1],
                lambda: rng.choices(tokens or [""], k=3),
            )
        )
        tokens[start : start + len(run)] = change()
    return "".join(tokens)


def soup(rng: random.Random, text: str, most: int) -> str:
    """Put tokens of the language in any order."""
    return "".join(rng.choices(TOKEN.findall(text) or [" "], k=max(1, most // 4)))


def repeated(rng: random.Random, text: str, most: int) -> str:
    """Repeat one to four tokens, after a real beginning or none."""
    tokens = TOKEN.findall(text) or ["("]
    signs = [token for token in tokens if not token.strip().isalnum()] or tokens
    unit = "".join(
        rng.choice(rng.choice((tokens, signs, ["a", "/*", "${", "<", "=>", "`"])))
        for _ in range(rng.randint(1, 4))
    )
    head = text[: rng.randrange(200)] if rng.random() < 0.3 else ""  # noqa: PLR2004 - a third
    return head + unit * max(1, rng.randrange(most) // max(1, len(unit)))


def nested(rng: random.Random, text: str, most: int) -> str:
    """Open scopes and close none, or some."""
    opener = rng.choice(("(", "[", "{", "{(", "if (", '"${', "<", "begin ", "do ", "f(", "`${", "#{"))
    return (
        text[:100]
        + opener * (rng.randrange(most) // len(opener))
        + "1"
        + rng.choice(("", ")" * 50, "}" * 50))
    )


def wrapped(text: str, *, width: int = 80) -> str:
    """Break lines, as a file of one long line may be treated as data."""
    return "\n".join(text[start : start + width] for start in range(0, len(text), width))


if __name__ == "__main__":
    main()
