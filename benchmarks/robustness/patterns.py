"""Holds the listing of folders without git to git itself, and hostile patterns to a bound of time.

Each tree has ignore files at several levels, with lines of all kinds, many of them invalid. Each pattern is
long and made of what lets regular expressions backtrack; it is compiled, matched against long paths, and read
as a caller's `path`.
"""

import argparse
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "support"))

import trees

from retrieval.errors import ArgumentError
from retrieval.files import globs, ignores
from retrieval.paths.path_filter import Filter, passing

PARTS = (
    "a * ** ? *a a* **/ /** [ab] [!b] [a-z]* [[:alpha:]]* *a*a*a ?* / **/*a \\a \\* [ [! {a,b} {a,{b,c}} , "
    "b x.py ! [[...s]] ./ ../ :1 #L1 é ]"
).split()
PATHS = [
    "a" * 255,
    "a" * 200 + ".py",
    "a/" * 500 + "a",
    "/".join(["ab" * 100] * 10),
    "/".join(["a" * 255] * 15),
    "src/app/[slug]/page.tsx",
    "é" * 100,
]
LIMIT_S = 2.0
"""CPU seconds of one text, compiled and held against all paths: braces may stand for a hundred patterns, and
one of the paths has 500 folders. What backtracks takes longer than anybody waits."""


def main() -> None:
    """Run both and print the counts; end with 1 where anything differs or takes too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trees", type=int, default=5_000)
    parser.add_argument("--patterns", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=20261128)
    args = parser.parse_args()
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"{version}, Python {platform.python_version()}, {platform.system()} {platform.machine()}")
    faults = compare(args.trees, args.seed)
    faults += hold("as a line of an ignore file", _as_line, args.patterns, args.seed)
    faults += hold("as the path of a search", _as_path, args.patterns, args.seed)
    print("no fault" if not faults else f"{faults} faults")
    sys.exit(bool(faults))


def compare(count: int, seed: int) -> int:
    """List random trees with git and without; return how many differ."""
    start, differing, listed, ignored, invalid = time.perf_counter(), 0, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "init", "-q", folder], check=True)
        for number in range(seed, seed + count):
            with tempfile.TemporaryDirectory() as name:
                root = Path(name)
                trees.grow(root, random.Random(number))  # noqa: S311 - repeatable
                ours, theirs = set(ignores.visit(root)), trees.listed_by_git(Path(folder, ".git"), root)
                files = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
                rules = [path for path in files if path.rpartition("/")[2] == ignores.NAME]
                invalid += len(ignores.problems(root.resolve(), rules))
                listed, ignored = listed + len(theirs), ignored + len(files) - len(theirs)
            if ours != theirs:
                differing += 1
                print(f"seed {number}: only ours {sorted(ours - theirs)}, only git's {sorted(theirs - ours)}")
    print(
        f"trees     {count:,} from seed {seed}: {differing} differ from git; {listed:,} files listed, "
        f"{ignored:,} ignored, {invalid:,} invalid lines; {time.perf_counter() - start:.0f} s"
    )
    return differing


def hold(what: str, attempt: Callable[[str], str], count: int, seed: int) -> int:
    """Attempt random patterns; return how many took too long."""
    rng = random.Random(seed)  # noqa: S311 - repeatable
    slow, worst, longest, outcomes = 0, 0.0, "", dict[str, int]()
    for _ in range(count):
        text = "".join(rng.choice(PARTS) for _ in range(rng.choice((3, 30, 300, 1_000))))
        start = time.process_time()
        outcome = attempt(text)
        took = time.process_time() - start
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if took > worst:
            worst, longest = took, text
        if took > LIMIT_S:
            slow += 1
            print(f"{took:.2f} s: {text[:200]!r}")
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(outcomes.items()))
    print(
        f"patterns  {count:,} {what} from seed {seed}: {slow} took more than {LIMIT_S} s of CPU; {told}; "
        f"the slowest {1000 * worst:.0f} ms, {len(longest):,} characters"
    )
    return slow


def _as_line(text: str) -> str:
    glob = globs.parse(text.encode())
    if glob is None or glob.problem:
        return "blank or invalid"
    rules = globs.Rules([glob])
    found = [rules.verdict(path.encode(), is_folder=True) for path in PATHS]
    return "matched" if any(verdict is not None for verdict in found) else "matched nothing"


def _as_path(text: str) -> str:
    try:
        return "passed some" if passing(PATHS, Filter((text,), root="/r")).paths else "passed none"
    except ArgumentError:
        return "refused"


if __name__ == "__main__":
    main()
