"""What an index costs at 10,000, 100,000 and 1,000,000 chunks of real code, beside its peers in the same run.

    python -m benchmarks.cost.corpora --size 10k --out CORPUS
    python -m benchmarks.cost.scale --corpus CORPUS --work WORK --peers PEERS/bin/python [--only PART ...]

Each measure is taken in a process of its own, one at a time; CPU is that of the whole process, imports and
threads included, and memory the most it held. WORK keeps the indexes and what was measured: a run that was
cut short goes on, `--only` measures parts again, a new WORK begins anew. costs.py has what goldrank is asked,
peers.py what the peers are asked and how to set them up; without --peers only goldrank is measured. CPU times
and ratios hold on a shared machine, wall times only as far as it was quiet. Needs Linux, and git for the
second work tree.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

STARTS = 5  # fresh processes, of which the median counts
RANK_BM25_MOST = 200_000  # chunks; a million would take it hours and tens of gigabytes

Cells = dict[str, Any]
"""What a part measured, by name; seconds, milliseconds, bytes, or a sentence."""


@dataclass(frozen=True, slots=True)
class Run:
    """Where things are.

    Attributes:
        corpus: What corpora.py made.
        work: Indexes and measurements.
        peers: The Python of the peers, or "".
    """

    corpus: Path
    work: Path
    peers: str

    def about(self) -> dict[str, Any]:
        """Read what the corpus is."""
        told: dict[str, Any] = json.loads((self.corpus / "corpus.json").read_text(encoding="utf-8"))
        return told


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process cost, in seconds, and the JSON it printed."""

    cpu: float
    wall: float
    told: Cells


def main() -> None:
    """Measure what is not yet measured and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder that corpora.py made")
    parser.add_argument("--work", type=Path, required=True, help="folder of indexes and measurements")
    parser.add_argument("--peers", default="", help="Python of the peers' environment")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[], help="measure these parts again")
    args = parser.parse_args()
    run = Run(args.corpus.resolve(), args.work.resolve(), args.peers)
    run.work.mkdir(parents=True, exist_ok=True)
    corpus = hashlib.sha256((run.corpus / "corpus.json").read_bytes()).hexdigest()[:8]
    kept = run.work / f"results-{corpus}.json"
    results: dict[str, Cells] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    wanted = args.only or [part for part in PARTS if part not in results]
    for part in wanted:
        if part in PEERS and not run.peers:
            continue
        tqdm.write(f"measuring: {part}", file=sys.stderr)
        results[part] = PARTS[part](run)
        kept.write_text(json.dumps(results, indent=1), encoding="utf-8")
    print(heading(run, results))
    print(beside(results))
    print(alone(results))


def spend(command: Sequence[str | Path]) -> Spent:
    """Run a process to its end.

    Raises:
        CalledProcessError: It failed.
    """
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        printed = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Spent(usage.ru_utime + usage.ru_stime, wall, json.loads(printed.strip().rpartition("\n")[2]))


def ours(run: Run, measure: str, *, root: Path | None = None, cache: Path | None = None) -> Spent:
    """Take a measure of measures.py."""
    places: list[str | Path] = ["--corpus", run.corpus, "--folder", run.work]
    places += ["--root", root or run.corpus / "files", "--cache", cache or run.work / "cache"]
    return spend([sys.executable, "-m", "benchmarks.cost.measures", measure, *places])


def theirs(run: Run, measure: str) -> Spent:
    """Take a measure of peers.py with the peers' own Python."""
    script = Path(__file__).with_name("peers.py")
    return spend([run.peers, script, measure, "--folder", run.work, "--root", run.corpus / "files"])


def measure_terms(run: Run) -> Cells:
    """Write down the chunks' terms, which is also what cutting costs whoever indexes them."""
    spent = ours(run, "terms")
    return {"cut_cpu": spent.cpu, **spent.told}


def measure_index(run: Run) -> Cells:
    """Index the corpus for the first time."""
    shutil.rmtree(run.work / "cache", ignore_errors=True)
    spent = ours(run, "index")
    return {"build_cpu": spent.cpu, "build_wall": spent.wall, **spent.told}


def measure_server(run: Run) -> Cells:
    """Ask a server about a root that was never indexed."""
    shutil.rmtree(run.work / "server", ignore_errors=True)
    told = ours(run, "server", cache=run.work / "server").told
    shutil.rmtree(run.work / "server")
    return told


def measure_worktree(run: Run) -> Cells:
    """Index a git work tree and a second one of the same commit; then edit files of the second."""
    folder = run.work / "git"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(run.corpus / "files", folder / "first", symlinks=True)
    name = ["-c", "user.name=scale", "-c", "user.email=scale@localhost"]
    steps: tuple[list[str], ...] = (
        ["init", "--quiet"],
        ["add", "--all", "--force"],
        [*name, "commit", "--quiet", "--message", "the corpus"],
        ["worktree", "add", "--quiet", "--detach", "../second"],
    )
    for step in steps:
        subprocess.run(["git", "-C", folder / "first", "-c", "gc.auto=0", *step], check=True)
    first, second = (
        ours(run, "index", root=folder / tree, cache=folder / "cache") for tree in ("first", "second")
    )
    told = ours(run, "update", root=folder / "second", cache=folder / "cache").told
    shutil.rmtree(folder)
    # Without the start of the process, which is a second of either, whatever there is to index.
    trees = {"first_tree": first.told["refresh_cpu"], "second_tree": second.told["refresh_cpu"]}
    return {**trees, "second_wall": second.wall, **told}


def measure_bm25s(run: Run) -> Cells:
    """Let bm25s index our terms and answer, scored by numpy."""
    build = theirs(run, "bm25s-build")
    told = {"engine_cpu": build.cpu, "build_rss": build.told["rss"], "disk": build.told["disk"]}
    return {**told, **_asked(run, "bm25s")}


def measure_rank_bm25(run: Run) -> Cells:
    """Let rank-bm25 index our terms and answer; it keeps nothing: every process makes the index anew."""
    if run.about()["chunks"] > RANK_BM25_MOST:
        return {}
    return theirs(run, "rank-bm25").told


def measure_semble(run: Run) -> Cells:
    """Let semble index the files and answer."""
    theirs(run, "semble-model")
    build = theirs(run, "semble-build")
    told = {"build_cpu": build.cpu, "build_rss": build.told["rss"], "disk": build.told["disk"]}
    return {**told, "chunks": build.told["chunks"], **_asked(run, "semble")}


def _asked(run: Run, peer: str) -> Cells:
    """Ask a peer that keeps an index: once in fresh processes, then every question in one."""
    first = [theirs(run, f"{peer}-first") for _ in range(STARTS)]
    return {
        "first_cpu": statistics.median(spent.cpu for spent in first),
        "first_wall": statistics.median(spent.wall for spent in first),
        **theirs(run, f"{peer}-queries").told,
    }


PEERS: dict[str, Callable[[Run], Cells]] = {
    "bm25s": measure_bm25s,
    "bm25s-numba": lambda run: _asked(run, "bm25s-numba"),
    "rank-bm25": measure_rank_bm25,
    "ripgrep": lambda run: theirs(run, "ripgrep").told,
    "semble": measure_semble,
    "versions": lambda run: theirs(run, "versions").told,
}
PARTS: dict[str, Callable[[Run], Cells]] = {
    "terms": measure_terms,
    "index": measure_index,
    "first": lambda run: ours(run, "first").told,
    "queries": lambda run: ours(run, "queries").told,
    **PEERS,
    "update": lambda run: ours(run, "update").told,
    "worktree": measure_worktree,
    "server": measure_server,
    "growth": lambda run: ours(run, "growth").told,
}

MB, MS = 1e6, 1e-3
BESIDE = (
    ("chunks", "chunks", 1.0),
    ("making the index, CPU s", "build_cpu", 1.0),
    ("  after cutting into terms, CPU s", "engine_cpu", 1.0),
    ("  most memory, MB", "build_rss", MB),
    ("index on disk, MB", "disk", MB),
    ("fresh process to an answer, CPU s", "first_cpu", 1.0),
    ("fresh process to an answer, wall s", "first_wall", 1.0),
    ("a query, CPU ms, median", "p50", 1.0),
    ("a query, CPU ms, 95th percentile", "p95", 1.0),
    ("  most memory, MB", "rss", MB),
)
ALONE = (
    ("making the index, CPU ms a chunk", "index", "build_ms", 1.0),
    ("making the index, wall s", "index", "build_wall", 1.0),
    ("kept chunks on disk, MB", "index", "kept", MB),
    ("a search that looks at the disk first, CPU ms", "queries", "served_cpu", MS),
    ("memory after 1,000 queries, MB", "growth", "rss_1000", MB),
    ("memory after 10,000 queries, MB", "growth", "rss_10000", MB),
    ("server, never indexed: start to initialized, wall s", "server", "server_up", 1.0),
    ("  to its first reply, wall s", "server", "server_first", 1.0),
    ("  chunks that it searched, or read by name", "server", "server_first_chunks", 1.0),
    ("  to a reply over the whole corpus, wall s", "server", "server_whole", 1.0),
    ("  most memory by then, MB", "server", "server_rss", MB),
    ("  a question after that, CPU ms", "server", "server_asked_cpu", MS),
    ("  a question after that, wall ms", "server", "server_asked_wall", MS),
    *(
        (f"{what}, {unit} ms ({place})", part, f"{name}_{unit.lower()}", MS)
        for place, part in (("no git", "update"), ("git", "worktree"))
        for what, name in (
            ("a refresh, nothing changed", "idle"),
            ("a refresh after one file changed", "edit"),
            ("  the same, told which, as in a server", "watched"),
            ("  a search after it", "asked"),
            ("  a fresh process that does both", "fresh"),
        )
        for unit in ("CPU", "wall")
    ),
    ("first work tree, CPU s", "worktree", "first_tree", 1.0),
    ("second work tree of the same commit, CPU s", "worktree", "second_tree", 1.0),
    ("  ratio to the first", "worktree", "tree_ratio", 1.0),
)


def heading(run: Run, results: dict[str, Cells]) -> str:
    """Say what was measured, on what, with what."""
    about = run.about()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    installed = {name: importlib.metadata.version(name) for name in ("goldrank", "tantivy", "numpy", "mcp")}
    languages = list(about["languages"].items())[:8]
    return "\n".join(
        (
            f"{about['chunks']:,} chunks of {about['files']:,} files, {about['bytes'] / MB:,.0f} MB: "
            + ", ".join(f"{language} {count:,}" for language, count in languages),
            f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}",
            f"Python {platform.python_version()}, {_versions(installed)}",
            f"peers: {_versions(results.get('versions', {}))}",
        )
    )


def _versions(installed: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in installed.items())


def beside(results: dict[str, Cells]) -> str:
    """Write the table of all systems, tab separated; the last column is goldrank as a ratio to bm25s."""
    cut = results.get("terms", {"cut_cpu": 0.0, "chunks": 0})
    goldrank = {**results.get("index", {}), **results.get("first", {}), **results.get("queries", {})}
    systems = {"goldrank": goldrank, **{name: results.get(name, {}) for name in PEERS if name != "versions"}}
    for cells in systems.values():
        if "engine_cpu" in cells:  # what takes our terms owes their making
            cells |= {"build_cpu": cells["engine_cpu"] + cut["cut_cpu"], "chunks": cut["chunks"]}
    lines = ["\t".join(("", *systems, "goldrank / bm25s"))]
    for label, name, scale in BESIDE:
        row = [cells.get(name) for cells in systems.values()]
        shown = ["-" if value is None else _number(value / scale) for value in row]
        mine, peer = goldrank.get(name), systems["bm25s"].get(name)
        lines.append("\t".join((label, *shown, f"{mine / peer:.2f}" if mine and peer else "-")))
    return "\n".join(lines)


def alone(results: dict[str, Cells]) -> str:
    """Write the table of what only goldrank was asked, tab separated."""
    derived = {part: dict(cells) for part, cells in results.items()}
    if "index" in derived:
        derived["index"]["build_ms"] = 1000 * derived["index"]["build_cpu"] / derived["index"]["chunks"]
    if "worktree" in derived:
        derived["worktree"]["tree_ratio"] = (
            derived["worktree"]["second_tree"] / derived["worktree"]["first_tree"]
        )
    rows = [(label, derived.get(part, {}).get(name), scale) for label, part, name, scale in ALONE]
    return "\n".join(
        f"{label}\t{'-' if value is None else _number(value / scale)}" for label, value, scale in rows
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits are enough


if __name__ == "__main__":
    main()
