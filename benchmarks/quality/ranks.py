"""Rank the questions of a benchmark with `goldrank run`, and write where the answers came.

    python -m benchmarks.quality.ranks --corpus REPOS --queries queries.jsonl --out benchmarks/runs/DATE-NAME

REPOS holds one folder per repository; a line of queries.jsonl is
{"id", "repo", "query", "targets": [{"path", "start", "end"}]}, start and end null for a whole file.
Writes run.jsonl (for an evaluator; large, not committed) and ranks.tsv (a line a question: the rank of each
target within the first 50, "-" when it is not there), which is committed: a change of ranking is a diff.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.training.evaluation import metrics

TOP_K = 50


def main() -> None:
    """Read the arguments, run every repository, write both files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("options", nargs="*", help="further options of `goldrank run`, after --")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    options = args.options or ["--no-rerank"]
    with (
        (args.out / "run.jsonl").open("w", encoding="utf-8") as run,
        (args.out / "ranks.tsv").open("w", encoding="utf-8") as ranks,
    ):
        for repo, queries in tqdm(by_repository(args.queries).items(), unit="repo", disable=None):
            lines = answers(args.corpus / repo, queries, options)
            for line, query in zip(lines, queries, strict=True):
                run.write(line)
                ranks.write(
                    "\t".join([query["id"], *target_ranks(query, json.loads(line)["results"])]) + "\n"
                )


def by_repository(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Read questions, by the name of their repository, in order."""
    queries: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for query in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
        queries[query["repo"]].append(query)
    return dict(sorted(queries.items()))


def answers(root: Path, queries: Sequence[dict[str, Any]], options: Sequence[str]) -> list[str]:
    """Run `goldrank run` as a user would, with an index of its own; return the lines of the run."""
    with tempfile.TemporaryDirectory() as scratch:
        asked, answered = Path(scratch) / "queries.jsonl", Path(scratch) / "run.jsonl"
        asked.write_text("".join(json.dumps(query) + "\n" for query in queries), encoding="utf-8")
        command = [sys.executable, "-m", "mcp_server", "run", "--repo", str(root), "--queries", str(asked)]
        command += ["--out", str(answered), "--top-k", str(TOP_K), "--cache", str(Path(scratch) / "cache")]
        subprocess.run([*command, *options], check=True)
        return answered.read_text(encoding="utf-8").splitlines(keepends=True)


def target_ranks(query: Mapping[str, Any], results: Sequence[tuple[str, int, int]]) -> list[str]:
    """Return for each target the rank of the first result that touches it, or "-"."""
    return [
        next((str(rank) for rank, result in enumerate(results, 1) if touches(result, target)), "-")
        for target in query["targets"]
    ]


def touches(result: tuple[str, int, int], target: Mapping[str, Any]) -> bool:
    """Tell whether a result shares a line with a target."""
    path, start, end = result
    if path != target["path"]:
        return False
    return target["start"] is None or (start <= target["end"] and end >= target["start"])


def ndcg(query: Mapping[str, Any], results: Sequence[tuple[str, int, int]], *, cutoff: int = 10) -> float:
    """Return nDCG at a cutoff: each target counts where the first result touches it, all with gain 1."""
    found = {int(rank) for rank in target_ranks(query, results) if rank != "-"}
    return ndcg_of(found, len(query["targets"]), cutoff=cutoff)


def ndcg_of(ranks: Collection[int], targets: int, *, cutoff: int = 10) -> float:
    """Return nDCG at a cutoff from the ranks, 1-based, at which any of the targets was found first."""
    return metrics.ndcg([*ranks, *[None] * (targets - len(ranks))], cutoff=cutoff)


def opened(root: Path, cache: Path) -> Repository:
    """Open and index a repository as `goldrank run` does by default."""
    repository = Repository(root, cache=cache, max_bytes=Settings().max_file_bytes)
    repository.refresh()
    if repository.is_past_due:
        repository.read_past()
    return repository


if __name__ == "__main__":
    main()
