"""Find whether a fitted order gains where one weight does not: both stages' evidence, weighed out of fold.

    python benchmarks/fitted.py --queries queries.jsonl --logits L.jsonl

L.jsonl is what fusion.py kept. A linear order of candidates is fitted to pairs of them, a relevant and an
irrelevant one, each weighed by what swapping them does to DCG (RankNet, Burges et al. 2005, with LambdaRank's
weights, Burges 2010). Each repository is ranked by what the others teach; the interval is over repositories.
Rows add features: what the first stage knows, then the logit, then the best logit of the file, then how they
go together. A query that is one name keeps its first-stage order.
"""

import argparse
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fusion import interval
from numpy.typing import NDArray
from quality import by_repository, ndcg, touches
from sklearn.linear_model import LogisticRegression

from retrieval.query import read_query

NEGATIVES = 20  # of a question, the best by first-stage rank
REGULARIZATION = 0.1  # C of the logistic regression; it is not tuned
FEATURES = (
    "share",
    "log share",
    "1/sqrt(rank)",
    "first of file",
    "logit",
    "file's logit",
    "x first",
    "x gap",
)
ROWS = {"first stage alone": 4, "and the logit": 5, "and the file's best logit": 6, "and products": 8}

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as both stages answered it.

    Attributes:
        query: Its row of queries.jsonl.
        results: Path, first and last line of each candidate, in first-stage order.
        features: By candidate, float64 [n_candidates, len(FEATURES)].
        relevant: By candidate, bool [n_candidates].
        is_symbol: Whether it is one name.
    """

    query: Mapping[str, Any]
    results: Sequence[tuple[str, int, int]]
    features: Array
    relevant: NDArray[np.bool_]
    is_symbol: bool

    def ndcg(self, scores: Array) -> float:
        """Return nDCG@10 of the candidates by descending score; ties keep their first-stage order."""
        order = np.argsort(-np.round(scores, 9), kind="stable")
        return ndcg(self.query, [self.results[i] for i in order])


def main() -> None:
    """Read the arguments, fit, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--logits", type=Path, required=True, help="what fusion.py kept of a model")
    args = parser.parse_args()
    told = {row["id"]: row for row in map(json.loads, args.logits.read_text(encoding="utf-8").splitlines())}
    asked = {
        repo: [read(query, told[query["id"]]) for query in queries if told[query["id"]]["results"]]
        for repo, queries in by_repository(args.queries).items()
    }
    print("features\tndcg10\tgain\tinterval\tweights, fitted on all")
    for name, count in ROWS.items():
        gains, scores = [], []
        for repo, own in asked.items():
            weights = fit([item for other in asked if other != repo for item in asked[other]], count)
            fitted = [item.ndcg(_scores(item, weights)) for item in own]
            gains.append(np.mean(fitted) - np.mean([item.ndcg(item.features[:, 0]) for item in own]))
            scores += fitted
        low, high = interval(np.array(gains))
        weights = fit([item for own in asked.values() for item in own], count)
        said = ", ".join(
            f"{feature} {weight:.2f}" for feature, weight in zip(FEATURES, weights, strict=False)
        )
        print(f"{name}\t{np.mean(scores):.4f}\t{np.mean(gains):+.4f}\t[{low:+.4f}, {high:+.4f}]\t{said}")


def read(query: Mapping[str, Any], row: Mapping[str, Any]) -> Asked:
    """Read what both stages said of a question."""
    results = [(path, start, end) for path, start, end, _ in row["results"]]
    relevant = [any(touches(result, target) for target in query["targets"]) for result in results]
    return Asked(query, results, _features(row), np.array(relevant), read_query(query["query"]).is_symbol)


def fit(asked: Sequence[Asked], count: int) -> Array:
    """Fit weights of the first `count` features to pairs of candidates, float64 [count]."""
    pairs = [pair for item in asked if not item.is_symbol for pair in _pairs(item)]
    differences = np.array([difference[:count] for difference, _ in pairs])
    weights = np.array([weight for _, weight in pairs])
    model = LogisticRegression(C=REGULARIZATION, fit_intercept=False, max_iter=300)
    model.fit(
        np.concatenate([differences, -differences]),
        np.repeat([1, 0], len(differences)),
        sample_weight=np.concatenate([weights, weights]),
    )
    fitted: Array = model.coef_[0]
    return fitted


def _scores(item: Asked, weights: Array) -> Array:
    if item.is_symbol:
        return item.features[:, 0]
    scores: Array = item.features[:, : len(weights)] @ weights
    return scores


def _features(row: Mapping[str, Any]) -> Array:
    scores = np.array([score for *_, score in row["results"]], dtype=float)
    logits = np.array([logit for logit in row["logits"] if logit is not None], dtype=float)
    paths = [path for path, *_ in row["results"]]
    standard = np.zeros(len(scores))  # one that was not read is taken as average
    standard[: len(logits)] = (logits - logits.mean()) / max(logits.std(), 1e-6)
    read = list(zip(paths[: len(logits)], standard, strict=False))
    best = {path: max(score for other, score in read if other == path) for path, _ in read}
    share = scores / scores[0]
    gap = (scores[0] - scores[1]) / scores[0] if len(scores) > 1 else 1.0
    is_first = np.array([path not in paths[:i] for i, path in enumerate(paths)], dtype=float)
    columns = [
        share,
        np.log(np.maximum(share, 1e-3)),
        np.arange(1, len(scores) + 1) ** -0.5,
        is_first,
        standard,
        np.array([best.get(path, 0.0) for path in paths]),
        standard * is_first,
        standard * gap,
    ]
    return np.stack(columns, axis=1)


def _pairs(item: Asked) -> Iterator[tuple[Array, float]]:
    """Yield the difference of a relevant and an irrelevant candidate's features, and what it weighs."""
    is_first = item.features[:, 3] > 0  # further chunks of a file that was found gain nothing
    positives = np.flatnonzero(item.relevant & is_first)
    negatives = np.flatnonzero(~item.relevant)[:NEGATIVES]
    for good, bad in itertools.product(positives, negatives):
        swapped = abs(1 / np.log2(good + 2) - 1 / np.log2(bad + 2))
        yield (
            item.features[good] - item.features[bad],
            float(swapped / np.sqrt(len(positives) * len(negatives))),
        )


if __name__ == "__main__":
    main()
