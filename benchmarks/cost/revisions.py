"""What indexing and searching cost at two revisions: CPU time and memory, in turns on one machine.

    python -m benchmarks.cost.revisions --corpus REPOS --queries queries.jsonl \
        --python A/bin/python B/bin/python

Each Python has goldrank of one revision installed. Per round and revision a fresh process indexes each
repository from nothing, its processes counted in, and asks it its questions, without a model. Printed are
medians over rounds: CPU seconds to index, megabytes of index, CPU milliseconds a question (with the look for
changed files before it), the median CPU milliseconds of a search alone, the most resident memory of each
process added up (Linux), and the ratios to the first revision.
"""

import argparse
import json
import statistics
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

PROGRAM = """
import json, pathlib, re, statistics, sys, tempfile, time
import psutil
import retrieval
try:
    from retrieval.files import secret_masking
    from retrieval.search.searcher import Request, search
    from retrieval.sync.repository import Repository

    def find(opened, question, done):
        search(opened.view(), Request(question, 8), None, refresh=done)
except ModuleNotFoundError:  # the first release: modules without rooms, and searches without a view
    from retrieval import secrets as secret_masking
    from retrieval.repository import Repository
    from retrieval.searcher import Request, search

    def find(opened, question, done):
        search(opened, Request(question, 8), None, freshness=done)

me = psutil.Process()

def everybody():
    return [me, *me.children(recursive=True)]

def most_mb():
    told = (pathlib.Path(f"/proc/{one.pid}/status").read_text() for one in everybody())
    return sum(int(re.search(r"VmHWM:\\s+(\\d+)", text)[1]) for text in told) / 1e3

def cpu():
    return sum(sum(one.cpu_times()[:2]) for one in everybody())

secret_masking.prepare()
indexing = asking = wall = count = size = 0
searching = []
for root, questions in json.load(sys.stdin).items():
    with tempfile.TemporaryDirectory() as cache:
        opened = Repository(
            pathlib.Path(root), cache=pathlib.Path(cache), max_bytes=10**6, chunk_cache_bytes=0
        )
        before, start = cpu(), time.monotonic()
        opened.refresh()
        indexing += cpu() - before
        wall += time.monotonic() - start
        for question in questions:
            find(opened, question, opened.refresh())  # what is loaded once is loaded
        before = time.process_time()
        for question in questions:
            find(opened, question, opened.refresh())
        asking += time.process_time() - before
        count += len(questions)
        done = opened.refresh()
        for question in questions:
            before = time.process_time()
            find(opened, question, done)
            searching.append(1000 * (time.process_time() - before))
        size += sum(file.stat().st_size for file in pathlib.Path(cache).rglob("*") if file.is_file()) / 1e6
figures = [indexing, wall, size, 1000 * asking / count, statistics.median(searching), most_mb()]
print(json.dumps([retrieval.__file__, figures]))
"""
FIGURES = (
    *("CPU s to index", "wall s to index", "MB of index"),
    *("CPU ms a question", "CPU ms a search", "MB at most"),
)


def main() -> None:
    """Measure in turns; print medians and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--python", nargs=2, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    asked: dict[str, list[str]] = defaultdict(list)
    for line in args.queries.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if (args.corpus / row["repo"]).is_dir():
            asked[str(args.corpus / row["repo"])].append(row["query"])
    rows: list[list[list[float]]] = [[], []]
    measured_at = ["", ""]
    for _ in tqdm(range(args.rounds), unit="round", disable=None):
        for number, python in enumerate(args.python):
            measured_at[number], figures = measured(python, asked)
            rows[number].append(figures)
            if measured_at[0] == measured_at[1]:
                raise SystemExit(f"both Pythons run the revision in {measured_at[0]}")
    first, second = (
        [statistics.median(column) for column in zip(*measurements, strict=True)] for measurements in rows
    )
    print(f"{len(asked)} repositories, {sum(map(len, asked.values()))} questions, {args.rounds} rounds")
    print("\t".join(["", *FIGURES]))
    for name, figures in (("first", first), ("second", second)):
        print("\t".join([name, *(f"{figure:.1f}" for figure in figures)]))
    print("\t".join(["ratio", *(f"{new / old:.2f}" for old, new in zip(first, second, strict=True))]))


def measured(python: str, asked: Mapping[str, Sequence[str]]) -> tuple[str, list[float]]:
    """Run one revision once; return where its code is, and its figures."""
    # -P: else the code in the working folder would be measured twice.
    command = [python, "-P", "-c", PROGRAM]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{python}: {done.stderr}")
    found: tuple[str, list[float]] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
