"""One ranking of several repositories: how are their scores made comparable, and what does it cost?

    python -m benchmarks.quality.multi_repo --corpus REPOS --queries queries.jsonl \
        --cache CACHE [--every 2] [--roots 4]

Each question is asked of its own repository and of others, without saying which is meant. The merged orders
are held against the order of a search that names the right one: nDCG@10, and how often the first result is
of the right repository. Others are drawn by a seed; one in two is of the same language where there is one.
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.quality.ranks import by_repository, ndcg, opened
from retrieval.index.reader import Snapshot
from retrieval.rank.confidence import judge
from retrieval.rank.features import extract_features
from retrieval.rank.need import read_need
from retrieval.rank.ranker import rank, weights_for

LIMIT = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What one root has for a question.

    Attributes:
        root: Which.
        results: Path, first and last line, and score of each, best first.
        confidence: Whether the best of them seems to answer, 0 to 1.
        match: The best BM25 score in the body, as a share of the possible.
    """

    root: str
    results: Sequence[tuple[str, int, int, float]]
    confidence: float
    match: float


Scored = tuple[float, str, tuple[str, int, int]]
Merge = Callable[[Sequence[Found]], list[Scored]]


def main() -> None:
    """Read the arguments, ask, merge in every way, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--every", type=int, default=2, help="Ask one question in so many.")
    parser.add_argument("--roots", type=int, default=4)
    args = parser.parse_args()
    queries = by_repository(args.queries)
    snapshots = {name: opened(args.corpus / name, args.cache).view().snapshot for name in tqdm(queries)}
    asked = [query for several in queries.values() for query in several][:: args.every]
    chooser = random.Random(1)  # noqa: S311 - to be repeated
    values: dict[str, list[float]] = defaultdict(list)
    first: dict[str, list[float]] = defaultdict(list)
    for query in tqdm(asked):
        roots = [query["repo"], *others(query, queries, chooser, args.roots - 1)]
        found = [find(query["query"], root, snapshots[root]) for root in sorted(roots)]
        for name, merge in MERGES.items():
            order = sorted(merge(found), key=lambda one: -one[0])[:LIMIT]
            spans = [(f"{root}/{path}", start, end) for _, root, (path, start, end) in order]
            values[name].append(ndcg(prefixed(query), spans, cutoff=LIMIT))
            first[name].append(bool(order) and order[0][1] == query["repo"])
        right = [one for one in found if one.root == query["repo"]]
        spans = [(f"{query['repo']}/{path}", start, end) for path, start, end, _ in right[0].results]
        values["the right root is named"].append(ndcg(prefixed(query), spans, cutoff=LIMIT))
    print(f"{len(asked)} questions, each among {args.roots} roots")
    named = np.array(values["the right root is named"])
    for name, several in values.items():
        lost = np.array(several) - named
        draws = np.random.default_rng(1).choice(lost, (2_000, len(lost))).mean(axis=1)
        low, high = np.percentile(draws, (2.5, 97.5))
        top = f", the first result is of the right root {np.mean(first[name]):.3f}" if first[name] else ""
        print(f"{name}: nDCG@10 {np.mean(several):.3f}, {lost.mean():+.3f} [{low:+.3f}, {high:+.3f}]{top}")


def others(
    query: dict[str, Any], queries: dict[str, list[dict[str, Any]]], chooser: random.Random, count: int
) -> list[str]:
    """Draw other repositories, half of them of the same language as far as there are any."""
    rest = sorted(name for name in queries if name != query["repo"])
    same = [name for name in rest if queries[name][0]["language"] == query["language"]]
    alike = chooser.sample(same, k=min(len(same), (count + 1) // 2))
    return alike + chooser.sample([name for name in rest if name not in alike], k=count - len(alike))


def find(text: str, root: str, snapshot: Snapshot) -> Found:
    """Ask one root."""
    need = read_need(text)
    features = extract_features(need, snapshot)
    candidates = rank(features, weights_for(need), limit=LIMIT)
    results = [(one.chunk.path, one.chunk.start_line, one.chunk.end_line, one.score) for one in candidates]
    confidence = judge(need, snapshot, features, candidates).value
    return Found(root, results, confidence, features.match if candidates else 0.0)


def prefixed(query: dict[str, Any]) -> dict[str, Any]:
    """Write a question's targets with the name of their root."""
    targets = [{**target, "path": f"{query['repo']}/{target['path']}"} for target in query["targets"]]
    return {**query, "targets": targets}


def weighed(by: Callable[[Found], float]) -> Merge:
    """Multiply the scores of each root by something that is comparable between roots."""
    return lambda found: [(by(one) * s, one.root, (p, a, b)) for one in found for p, a, b, s in one.results]


def in_turn(found: Sequence[Found]) -> list[Scored]:
    """Take the first of each root, then the second of each."""
    return [
        (-float(rank), one.root, (path, start, end))
        for one in found
        for rank, (path, start, end, _) in enumerate(one.results)
    ]


def surest_first(found: Sequence[Found]) -> list[Scored]:
    """Take all of the most confident root, then of the next."""
    return [(1_000 * one.confidence + s, one.root, (p, a, b)) for one in found for p, a, b, s in one.results]


def odds(found: Found) -> float:
    """Return the odds of the confidence."""
    return found.confidence / max(1 - found.confidence, 1e-9)


MERGES: dict[str, Merge] = {
    "in turn": in_turn,
    "scores as they are": weighed(lambda _: 1.0),
    "score x best BM25": weighed(lambda one: one.match),
    "score x confidence^.5": weighed(lambda one: one.confidence**0.5),
    "score x confidence": weighed(lambda one: one.confidence),
    "score x confidence^2": weighed(lambda one: one.confidence**2),
    "score x odds^.5": weighed(lambda one: odds(one) ** 0.5),
    "score x odds": weighed(odds),
    "the most confident root first": surest_first,
}


if __name__ == "__main__":
    main()
