"""How many chunks of each field should be looked at: quality by depth, and how many chunks a question costs.

    python benchmarks/depths.py --corpus REPOS --queries queries.jsonl [...] --cache CACHE

Each file of questions is asked twice: of each question's own repository, and of REPOS as one tree, where all
compete. Differences are to the first of DEPTHS, means of the repositories' means, and the intervals 95 %
percentile bootstraps over repositories.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from fusion import interval
from quality import by_repository, ndcg, opened, target_ranks
from tqdm import tqdm

from retrieval import ranker
from retrieval.index import Snapshot
from retrieval.query import read_query

DEPTHS = (
    {"body": 100, "names": 100},
    {"body": 100, "names": 70},
    {"body": 100, "names": 50},
    {"body": 100, "names": 30},
    {"body": 100, "names": 15},
    {"body": 80, "names": 80},
    {"body": 64, "names": 64},
    {"body": 50, "names": 50},
)
DEEP = 50  # recall is told at this rank


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one question at one depth.

    Attributes:
        ndcg: At 10.
        recall: The share of its targets that are found by rank 50.
        pool: Chunks that were looked at.
    """

    ndcg: float
    recall: float
    pool: int


def main() -> None:
    """Read the arguments, ask, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of repositories")
    parser.add_argument("--queries", type=Path, required=True, nargs="+")
    parser.add_argument("--cache", type=Path, required=True, help="folder of indexes")
    args = parser.parse_args()
    names = sorted({name for file in args.queries for name in by_repository(file)})
    everything = opened(args.corpus, args.cache).snapshot()
    apart = {name: opened(args.corpus / name, args.cache).snapshot() for name in tqdm(names, unit="repo")}
    for file in args.queries:
        asked = by_repository(file)
        show(f"{file.stem}, each repository apart", asked, apart)
        within = {name: [moved(query, name) for query in queries] for name, queries in asked.items()}
        show(f"{file.stem}, all repositories as one", within, dict.fromkeys(asked, everything))


def moved(query: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Give a question whose targets lie one folder further down."""
    targets = [{**target, "path": f"{name}/{target['path']}"} for target in query["targets"]]
    return {**query, "targets": targets}


def show(title: str, asked: Mapping[str, list[dict[str, Any]]], snapshots: Mapping[str, Snapshot]) -> None:
    """Print a table: a line for each depth."""
    print(f"\n{title}: {sum(map(len, asked.values()))} questions")
    print("body\tnames\tnDCG@10\tdifference\t95 %\tquestions changed\trecall@50\tchunks looked at, mean")
    first: dict[str, list[Row]] = {}
    for depths in DEPTHS:
        with patch.object(ranker, "DEPTHS", depths):
            rows = {
                name: [ask(query, snapshots[name]) for query in queries] for name, queries in asked.items()
            }
        first = first or rows
        gains = [
            np.array([row.ndcg - before.ndcg for row, before in zip(rows[name], first[name], strict=True)])
            for name in rows
        ]
        by_repo = np.array([gain.mean() for gain in gains])
        flat = [row for found in rows.values() for row in found]
        low, high = interval(by_repo)
        numbers = (
            f"{np.mean([row.ndcg for row in flat]):.4f}",
            f"{by_repo.mean():+.4f}",
            f"[{low:+.4f}, {high:+.4f}]",
            str(np.count_nonzero(np.concatenate(gains))),
            f"{np.mean([row.recall for row in flat]):.4f}",
            f"{np.mean([row.pool for row in flat]):.0f}",
        )
        print("\t".join((str(depths["body"]), str(depths["names"]), *numbers)), flush=True)


def ask(query: Mapping[str, Any], snapshot: Snapshot) -> Row:
    """Rank one question."""
    read = read_query(query["query"])
    evidence = ranker.gather(read, snapshot)
    placed = ranker.place(evidence, ranker.weights_for(read), limit=DEEP)
    results = [(found.chunk.path, found.chunk.start_line, found.chunk.end_line) for found in placed]
    ranks = target_ranks(query, results)
    recall = sum(rank != "-" for rank in ranks) / len(ranks)
    return Row(ndcg(query, results), recall, len(evidence.pool.chunks))


if __name__ == "__main__":
    main()
