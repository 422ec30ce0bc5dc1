"""What does a route cost in the merged answer, and what would statistics over all asked repositories add?

    python -m benchmarks.quality.routed_merge --urls urls.txt --cache CACHE [--cache CACHE …] [--trees DIR] \
        --queries people-dev.jsonl [--every 5]

Each question is asked of the repositories that the router names, and the first stage of each answers. Their
merged orders are held against that of the right repository alone: nDCG@10 over files, and how often the first
result is of the right repository. With two rounds, a term's df, the number of chunks and their mean length
are first added up over all asked repositories, and each then scores with these. Candidates are chosen with
bounds of the repository's own statistics, so a chunk at the edge of the pool may be missing.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tantivy

from benchmarks.quality.routing import FORMS, asked_as
from benchmarks.quality.routing_corpus import arguments, profile, real, stores_of
from retrieval.index.bm25 import bm25_idf
from retrieval.index.collection_stats import Statistics
from retrieval.index.exact_bm25 import Collection, Floats
from retrieval.index.reader import FIELDS, Index, Snapshot, length_field, schema
from retrieval.rank.confidence import judge
from retrieval.rank.features import extract_features
from retrieval.rank.need import Need
from retrieval.rank.ranker import rank, weights_for
from retrieval.routing.profile import LEAST_CHUNKS
from retrieval.routing.router import Route, Router
from retrieval.training.evaluation import metrics

LIMIT = 10


@dataclass(frozen=True, slots=True)
class Found:
    """What one repository answers.

    Attributes:
        repo: Which.
        results: The file and the score of each, best first.
        confidence: That the best of them answers.
        match: The best BM25 score in the body, as a share of the possible.
        prior: The router's score, as a share of the best.
    """

    repo: str
    results: Sequence[tuple[str, float]]
    confidence: float
    match: float
    prior: float


WEIGHTS: dict[str, Callable[[Found], float]] = {
    "score x confidence": lambda one: one.confidence,
    "score x confidence x prior^.5": lambda one: one.confidence * one.prior**0.5,
    "score x confidence x prior": lambda one: one.confidence * one.prior,
    "score x confidence x prior^2": lambda one: one.confidence * one.prior**2,
    "score x match": lambda one: one.match,
    "score x match x prior": lambda one: one.match * one.prior,
}


class Everywhere(Statistics):
    """The statistics of several indexes, for the chunks of one."""

    def __init__(self, own: tantivy.Searcher, everywhere: Sequence[Statistics]) -> None:
        """Add up the statistics of `everywhere`; chunks are read from `own`."""
        super().__init__(schema(), own, {field: length_field(field) for field in FIELDS})
        self._everywhere = everywhere

    def live(self, field: str) -> Collection:
        """Return the number of all chunks, and their mean length."""
        found = [one.live(field) for one in self._everywhere]
        n = sum(one.n for one in found)
        return Collection(n, sum(one.n * one.avgdl for one in found) / max(n, 1))

    def idf(self, field: str, terms: Sequence[str]) -> Floats:
        """Compute the inverse document frequencies over all chunks."""
        n = self.live(field).n
        return np.array([bm25_idf(sum(one.df(field, t) for one in self._everywhere), n) for t in terms])


def main() -> None:
    """Read the arguments, ask, merge in every way, print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--every", type=int, default=5, help="Ask one question in so many.")
    args = parser.parse_args()
    rows = [json.loads(line) for line in args.queries.open(encoding="utf-8")][:: args.every]
    router = Router(
        profile(one.name, one.stems, one.names, len(one.sizes), least=LEAST_CHUNKS)
        for one in real(args.urls, args.trees, args.cache)
    )
    indexes = {name: Index(store / "chunks") for name, store in stores_of(args.urls, args.trees, args.cache)}
    for form in (FORMS[0], FORMS[2]):
        measure(router, indexes, rows, form)


def measure(router: Router, indexes: dict[str, Index], rows: Sequence[dict[str, Any]], form: str) -> None:
    """Ask all questions in one form, and print."""
    values: dict[str, list[float]] = defaultdict(list)
    first: dict[str, list[bool]] = defaultdict(list)
    asked = asked_as([row for row in rows if row["repo"] in indexes], form)
    for row, need in asked:
        routes = router.route(need, router.commits)
        snapshots = {one.source: indexes[one.source].snapshot() for one in routes}
        shared = [one._statistics for one in snapshots.values()]  # noqa: SLF001 - what two rounds would send
        for rounds in ("one round", "two rounds"):
            found = [find(need, one, routes[0], snapshots[one.source], shared, rounds) for one in routes]
            for name, weight in WEIGHTS.items():
                order = merged(found, weight)
                values[f"{rounds}, {name}"].append(ndcg(row, order))
                first[f"{rounds}, {name}"].append(bool(order) and order[0][0] == row["repo"])
        right = Route(row["repo"], 1.0)
        alone = find(need, right, right, indexes[row["repo"]].snapshot(), shared, "one round")
        values["the right one is named"].append(ndcg(row, merged([alone], lambda _: 1.0)))
    named = np.array(values["the right one is named"])
    print(f"{form}: {len(asked)} questions, each of the first 20 of {len(indexes)} repositories")
    for name, several in values.items():
        lost = np.array(several) - named
        draws = np.random.default_rng(1).choice(lost, (2_000, len(lost))).mean(axis=1)
        low, high = np.percentile(draws, (2.5, 97.5))
        top = f", first result of the right one {np.mean(first[name]):.3f}" if first[name] else ""
        print(
            f"  {name:46} nDCG@10 {np.mean(several):.3f}, {lost.mean():+.3f} [{low:+.3f}, {high:+.3f}]{top}"
        )


def find(
    need: Need, route: Route, best: Route, own: Snapshot, shared: Sequence[Statistics], rounds: str
) -> Found:
    """Ask one repository."""
    snapshot = own
    if rounds == "two rounds":
        searcher = own._searcher  # noqa: SLF001 - a try, not for the server
        snapshot = Snapshot(schema(), Everywhere(searcher, shared))
    features = extract_features(need, snapshot)
    candidates = rank(features, weights_for(need), limit=LIMIT)
    results = [(one.chunk.path, one.score) for one in candidates]
    confidence = judge(need, snapshot, features, candidates).value
    match = features.match if candidates else 0.0
    return Found(route.source, results, confidence, match, route.score / max(best.score, 1e-9))


def merged(found: Sequence[Found], weight: Callable[[Found], float]) -> list[tuple[str, str]]:
    """Return the first files of all, each once, best first; ties by repository."""
    scored = [
        (-weight(one) * score, one.repo, place, path)
        for one in found
        for place, (path, score) in enumerate(one.results)
    ]
    return list(dict.fromkeys((repo, path) for _, repo, _, path in sorted(scored)))[:LIMIT]


def ndcg(row: Mapping[str, Any], order: Sequence[tuple[str, str]]) -> float:
    """Return nDCG@10 over files."""
    targets = {(row["repo"], target["path"]) for target in row["targets"]}
    ranks = [number if one in targets else None for number, one in enumerate(order, 1)]
    found = [number for number in ranks if number]
    return metrics.ndcg([*found, *[None] * (len(targets) - len(found))], cutoff=LIMIT)


if __name__ == "__main__":
    main()
