"""Fit the first stage's weights, and show what each feature is worth on repositories it was not fitted on.

    python -m benchmarks.quality.fit --corpus REPOS --queries queries.jsonl \
        --pasted questions2.jsonl --cache CACHE

Evidence is gathered once for every question; then the weights are searched by coordinate ascent over small
grids of round numbers, from the weights of the first release with every newer feature at nothing. A step is
taken when it gains LEAST_GAIN in the objective: mean nDCG@10 of the questions, with the pasted ones at half
weight. Names alone (symbol queries) are fitted apart.

Out of fold means: each repository is ranked with weights that were fitted on the others from the same start.
Intervals are 95 % percentile bootstraps over repositories. Nothing is random but these, seed 0.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.quality.fusion import interval
from benchmarks.quality.ranks import by_repository, ndcg_of, opened, touches
from retrieval.rank import ranker
from retrieval.rank.query import read_query
from retrieval.rank.ranker import Features
from retrieval.rank.weights import QUESTION, SYMBOL, Weights

LEAST_GAIN = 0.001
PASSES = 3
PASTED_WEIGHT = 0.5
FACTORS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
SHARES = (1.0, 0.85, 0.7, 0.5, 0.3, 0.2)
DECAYS = (0.1, 0.2, 0.3, 0.4, 0.5)

# The first release's weights (docs/decisions/0004-ranking.md), every newer feature at nothing.
STARTS = {
    "question": Weights({"body": 1.0, "names": 0.2, "path": 2.0, "definition": 0.3}, 0.3, 0.3, 0.3),
    "symbol": Weights({"body": 1.0, "path": 0.5, "definition": 1.0}, 0.2, 0.3, 0.3),
}
RELEASED = {"question": QUESTION, "symbol": SYMBOL}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what the first stage knows and where its answers lie in the pool.

    Attributes:
        repo: Its repository.
        category: Its kind in the benchmark.
        is_pasted: Whether it is of the second set.
        kind: "question" or "symbol", as the ranker reads it.
        features: As `ranker.extract_features` gives it.
        answers: For each target, the numbers of the pool's chunks that touch it.
    """

    repo: str
    category: str
    is_pasted: bool
    kind: str
    features: Features
    answers: tuple[NDArray[np.int64], ...]


def main() -> None:
    """Read the arguments, gather, fit, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--pasted", type=Path, help="the second set, as questions.py writes it")
    parser.add_argument("--cache", type=Path, required=True, help="folder of indexes")
    parser.add_argument("--against", type=Path, help="ranks.tsv of an earlier run of the first set")
    parser.add_argument("--no-fit", action="store_true", help="only report on the released weights")
    args = parser.parse_args()
    asked = list(gather(args.corpus, args.queries, args.cache, is_pasted=False))
    if args.pasted:
        asked += gather(args.corpus, args.pasted, args.cache, is_pasted=True)
    released = scores(asked, RELEASED)
    report("released weights, in sample", asked, released)
    ablate(asked, released)
    if not args.no_fit:
        fitted = {kind: fit([q for q in asked if q.kind == kind], STARTS[kind]) for kind in STARTS}
        print("\nfitted on all:", json.dumps({kind: written(weights) for kind, weights in fitted.items()}))
        before, after = scores(asked, STARTS), out_of_fold(asked)
        report("start", asked, before)
        report("out of fold", asked, after)
        gain("out of fold against start", asked, after - before)
        if args.against:
            first = [i for i, question in enumerate(asked) if not question.is_pasted]
            earlier = ndcg_of_table(args.against)
            gain(f"out of fold against {args.against}", [asked[i] for i in first], after[first] - earlier)


def gather(corpus: Path, queries: Path, cache: Path, *, is_pasted: bool) -> Iterator[Asked]:
    """Ask every question of its repository."""
    for name, rows in tqdm(by_repository(queries).items(), unit="repo", disable=None):
        snapshot = opened(corpus / name, cache).view().snapshot
        for row in rows:
            query = read_query(row["query"])
            features = ranker.extract_features(query, snapshot)
            kind = "symbol" if query.is_symbol else "question"
            yield Asked(name, row["category"], is_pasted, kind, features, _answers(row, features))


def _answers(row: Mapping[str, Any], features: Features) -> tuple[NDArray[np.int64], ...]:
    spans = [(chunk.path, chunk.start_line, chunk.end_line) for chunk in features.pool.chunks]
    return tuple(
        np.array([i for i, span in enumerate(spans) if touches(span, target)], dtype=np.int64)
        for target in row["targets"]
    )


def ndcg(asked: Asked, weights: Weights) -> float:
    """Return nDCG@10 as `quality.ndcg` defines it, from the features alone."""
    if not asked.features.pool.chunks:
        return 0.0
    rank = np.empty(len(asked.features.pool.chunks), dtype=np.int64)
    rank[ranker.order_of(asked.features, weights)] = np.arange(1, len(rank) + 1)
    return ndcg_of({int(rank[answer].min()) for answer in asked.answers if len(answer)}, len(asked.answers))


def ndcg_of_table(ranks: Path) -> NDArray[np.float64]:
    """Read a table of `quality.py` back: nDCG@10 of each question, in the same order."""
    found = []
    for line in ranks.read_text(encoding="utf-8").splitlines():
        _, *targets = line.split("\t")
        found.append(ndcg_of({int(rank) for rank in targets if rank != "-"}, len(targets)))
    return np.array(found)


def scores(asked: Sequence[Asked], weights: Mapping[str, Weights]) -> NDArray[np.float64]:
    """Return nDCG@10 of each question with the weights of its kind, float64 [n_questions]."""
    return np.array([ndcg(question, weights[question.kind]) for question in asked])


class Objective:
    """Mean nDCG@10 of some questions; what was computed for one set of weights is kept."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        self._asked = asked
        self._importance = np.array([PASTED_WEIGHT if question.is_pasted else 1.0 for question in asked])
        self._known: dict[str, NDArray[np.float64]] = {}

    def __call__(self, weights: Weights, chosen: NDArray[np.bool_]) -> float:
        """Return the weighted mean over the chosen questions."""
        key = json.dumps(written(weights))
        if key not in self._known:
            self._known[key] = np.array([ndcg(question, weights) for question in self._asked])
        return float(np.average(self._known[key][chosen], weights=self._importance[chosen]))


def fit(asked: Sequence[Asked], start: Weights) -> Weights:
    """Fit on all of the questions given."""
    return ascend(Objective(asked), start, np.ones(len(asked), dtype=bool))


def ascend(objective: Objective, start: Weights, chosen: NDArray[np.bool_]) -> Weights:
    """Try each other value of each weight in turn and keep the best, until nothing gains enough."""
    weights, best = start, objective(start, chosen)
    for _ in range(PASSES):
        before = best
        for neighbours in moves():
            score, candidate = max(
                ((objective(move, chosen), move) for move in neighbours(weights)), key=lambda pair: pair[0]
            )
            if score > best + LEAST_GAIN:
                weights, best = candidate, score
        if best == before:
            break
    return weights


def moves() -> Iterator[Callable[[Weights], list[Weights]]]:
    """Yield for each weight a function that gives all sets with another value of it."""
    for name in ("names", "path", "title", "definition", "phrase", "location"):
        yield lambda old, name=name: [  # type: ignore[misc]  # a default binds the name now
            replace(old, features={**old.features, name: value}) for value in FACTORS
        ]
    yield lambda old: [replace(old, minor=value) for value in SHARES]
    yield lambda old: [replace(old, coherence=value) for value in FACTORS]
    yield lambda old: [replace(old, decay=value) for value in DECAYS]


def out_of_fold(asked: Sequence[Asked]) -> NDArray[np.float64]:
    """Rank each repository with weights fitted on the others."""
    found = np.zeros(len(asked))
    for kind, start in STARTS.items():
        numbers = np.array([i for i, question in enumerate(asked) if question.kind == kind])
        group = [asked[i] for i in numbers]
        repos = np.array([question.repo for question in group])
        objective = Objective(group)
        for repo in tqdm(sorted(set(repos)), unit="fold", disable=None):
            weights = ascend(objective, start, repos != repo)
            print("fold", kind, repo, json.dumps(written(weights)), flush=True)
            for i in numbers[repos == repo]:
                found[i] = ndcg(asked[i], weights)
    return found


def ablate(asked: Sequence[Asked], released: NDArray[np.float64]) -> None:
    """Print what each part of the released weights is worth: it is taken away, nothing is fitted again."""
    print("\nwithout\tasked\tlost [95 % over repositories]\tpasted\tlost\tof those it touches\tlost")
    for name, less in _lesser():
        lost = scores(asked, {kind: less(weights) for kind, weights in RELEASED.items()}) - released
        columns = []
        for is_pasted in (False, True):
            chosen = [i for i, question in enumerate(asked) if question.is_pasted == is_pasted]
            if chosen:
                columns += [f"{(released + lost)[chosen].mean():.4f}", _lost(asked, lost, chosen)]
        touched = [i for i, question in enumerate(asked) if _touches(name, question.features)]
        print("\t".join([name, *columns, str(len(touched)), _lost(asked, lost, touched)]), flush=True)


def _touches(name: str, features: Features) -> bool:
    """Tell whether a feature says anything of any chunk; what orders the files always may."""
    return bool(features.by_name[name].any()) if name in features.by_name else True


def _lost(asked: Sequence[Asked], lost: NDArray[np.float64], chosen: Sequence[int]) -> str:
    low, high = _interval(asked, lost, chosen)
    return f"{lost[chosen].mean():+.4f} [{low:+.4f}, {high:+.4f}]"


def _lesser() -> Iterator[tuple[str, Callable[[Weights], Weights]]]:
    for name in sorted({*QUESTION.features, *SYMBOL.features}):
        yield name, lambda w, name=name: replace(w, features={**w.features, name: 0.0})  # type: ignore[misc]
    yield "minor", lambda w: replace(w, minor=1.0)
    yield "coherence", lambda w: replace(w, coherence=0.0)
    yield "decay", lambda w: replace(w, decay=1.0)


def report(title: str, asked: Sequence[Asked], found: NDArray[np.float64]) -> None:
    """Print means by set and category."""
    groups: dict[str, list[float]] = defaultdict(list)
    for question, value in zip(asked, found, strict=True):
        own = "pasted" if question.is_pasted else "asked"
        groups[own].append(value)
        groups[f"{own} {question.category}"].append(value)
    print(f"\n{title}")
    for name, values in sorted(groups.items()):
        print(f"{name:<22} {len(values):>4}  {np.mean(values):.4f}")


def gain(title: str, asked: Sequence[Asked], difference: NDArray[np.float64]) -> None:
    """Print the mean difference in each set with its interval."""
    for name, is_pasted in (("asked", False), ("pasted", True)):
        chosen = [i for i, question in enumerate(asked) if question.is_pasted == is_pasted]
        if chosen:
            low, high = _interval(asked, difference, chosen)
            print(f"{title}, {name}: {difference[chosen].mean():+.4f} [{low:+.4f}, {high:+.4f}]")


def _interval(
    asked: Sequence[Asked], difference: NDArray[np.float64], chosen: Sequence[int]
) -> tuple[float, float]:
    by_repo: dict[str, list[float]] = defaultdict(list)
    for i in chosen:
        by_repo[asked[i].repo].append(difference[i])
    return interval(np.array([np.mean(values) for values in by_repo.values()]))


def written(weights: Weights) -> dict[str, Any]:
    """Write weights as plain values, in an order of their own; what counts nothing is left out."""
    features = {name: value for name, value in sorted(weights.features.items()) if value}
    others = {"coherence": weights.coherence, "decay": weights.decay, "minor": weights.minor}
    return {"features": features, **others}


if __name__ == "__main__":
    main()
