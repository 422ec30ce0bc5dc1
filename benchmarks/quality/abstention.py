"""Calibrate the confidence of the best candidate, with questions asked of the wrong repository.

    python -m benchmarks.quality.abstention --corpus REPOS --queries Q.jsonl --pasted QUESTIONS2.jsonl \
        --cache CACHE

Each question is asked of its own repository, where it has an answer, and of three others in turn, where it is
taken to have none; a few have one all the same, so the rate of flagged ones cannot reach 1. A logistic
regression is fitted, both classes of equal weight, and its threshold is where ANSWERABLE_FLAGGED of the
answerable training questions fall below. Reported rates are out of fold: the questions of each repository are
judged by a model and a threshold from the others' questions. The last lines are for
retrieval/rank/confidence.py.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from benchmarks.quality.ranks import by_repository, opened
from retrieval.index.reader import Snapshot
from retrieval.rank.confidence import signs
from retrieval.rank.features import extract_features
from retrieval.rank.need import read_need
from retrieval.rank.ranker import rank, weights_for

SIGNS = ("match", "covered", "named", "phrase", "score")
WRONG = 3  # other repositories that a question is asked of
ANSWERABLE_FLAGGED = 0.035  # of the training questions; others lie a little above
BINS = 5


@dataclass(frozen=True, slots=True)
class Case:
    """A question asked of a repository.

    Attributes:
        owner: The repository that the question is about.
        source: "asked" or "pasted".
        kind: "question" or "symbol".
        answerable: Whether it was asked of its own repository.
        signs: In the order of SIGNS, or None when nothing was found at all.
    """

    owner: str
    source: str
    kind: str
    answerable: bool
    signs: tuple[float, ...] | None


def main() -> None:
    """Read the arguments, ask, fit, and print the rates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument(
        "--pasted", type=Path, required=True, help="the second set, as questions.py writes it"
    )
    parser.add_argument("--cache", type=Path, required=True, help="folder of indexes")
    args = parser.parse_args()
    snapshots = {
        name: opened(args.corpus / name, args.cache).view().snapshot for name in by_repository(args.queries)
    }
    cases = [*ask(args.queries, snapshots, "asked"), *ask(args.pasted, snapshots, "pasted")]
    judged: list[tuple[Case, bool]] = []
    for kind in ("question", "symbol"):
        group = [case for case in cases if case.kind == kind]
        confidence, low = out_of_fold(group)
        report(kind, group, confidence, low)
        judged += zip(group, low, strict=True)
        model, threshold = fit(group)
        factors = {name: round(float(f), 3) for name, f in zip(SIGNS, model.coef_[0], strict=True)}
        print(f"{kind}: Calibration({model.intercept_[0]:.3f}, {factors}, {threshold:.3f})\n")
    for source in ("asked", "pasted"):
        print(source, *(f"{name} {rate:.3f}" for name, rate in rates(judged, source).items()))


def ask(queries: Path, snapshots: dict[str, Snapshot], source: str) -> Iterator[Case]:
    """Ask each question of its own repository and of WRONG others."""
    names = sorted(snapshots)
    for start, (owner, rows) in enumerate(tqdm(by_repository(queries).items(), unit="repo", disable=None)):
        for number, row in enumerate(rows):
            need = read_need(row["query"])
            others = ((start + 1 + (7 * number + 5 * turn) % (len(names) - 1)) for turn in range(WRONG))
            for name in (owner, *(names[other % len(names)] for other in others)):
                features = extract_features(need, snapshots[name])
                best = rank(features, weights_for(need), limit=1)
                found = signs(snapshots[name], features, best[0]) if best else None
                values = tuple(found[sign] for sign in SIGNS) if found else None
                kind = "symbol" if need.is_symbol else "question"
                yield Case(owner, source, kind, name == owner, values)


def fit(cases: Sequence[Case]) -> tuple[LogisticRegression, float]:
    """Fit the regression on what found anything; its threshold is chosen on what was asked, not pasted."""
    judged = [case for case in cases if case.signs]
    model = LogisticRegression(class_weight="balanced", max_iter=5000)
    model.fit([case.signs for case in judged], [case.answerable for case in judged])
    answerable = [case.signs for case in judged if case.answerable and case.source == "asked"]
    threshold = np.quantile(model.predict_proba(answerable)[:, 1], ANSWERABLE_FLAGGED)
    return model, float(threshold)


def out_of_fold(cases: Sequence[Case]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Judge each repository's questions by a model of the others': confidence and whether it is low."""
    confidence, low = np.zeros(len(cases)), np.ones(len(cases), dtype=bool)
    for owner in sorted({case.owner for case in cases}):
        model, threshold = fit([case for case in cases if case.owner != owner])
        for i, case in enumerate(cases):
            if case.owner == owner and case.signs:
                confidence[i] = model.predict_proba([case.signs])[0, 1]
                low[i] = confidence[i] < threshold
    return confidence, low


def rates(judged: Sequence[tuple[Case, bool]], source: str) -> dict[str, float]:
    """Share of flagged cases of a source, questions and names together."""
    own = [(case.answerable, low) for case, low in judged if case.source == source]
    return {
        "answerable flagged": float(np.mean([low for answerable, low in own if answerable])),
        "crossed flagged": float(np.mean([low for answerable, low in own if not answerable])),
    }


def report(kind: str, cases: Sequence[Case], confidence: NDArray[np.float64], low: NDArray[np.bool_]) -> None:
    """Print the rates of false silence and false confidence, and how well the confidence is calibrated."""
    answerable = np.array([case.answerable for case in cases])
    sources = np.array([case.source for case in cases])
    for source in ("asked", "pasted"):
        own = sources == source
        if own.any():
            silence, caught = low[own & answerable].mean(), low[own & ~answerable].mean()
            print(
                f"{kind}, {source}: {own.sum()} cases, answerable flagged {silence:.3f} (false silence), "
                f"crossed flagged {caught:.3f} (false confidence {1 - caught:.3f})"
            )
    weight = np.where(answerable, 1 / answerable.sum(), 1 / (~answerable).sum())
    for low_edge in np.arange(BINS) / BINS:
        inside = (confidence >= low_edge) & (confidence < low_edge + 1 / BINS + 1e-9)
        if inside.any():
            share = (weight * answerable)[inside].sum() / weight[inside].sum()
            told = np.average(confidence[inside], weights=weight[inside])
            print(f"  confidence {told:.2f} on average: {share:.2f} answerable, {inside.sum()} cases")


if __name__ == "__main__":
    main()
