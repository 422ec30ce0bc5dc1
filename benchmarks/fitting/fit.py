"""Fit the first stage's weights on all sets of questions, and show what each part is worth out of fold.

    python -m benchmarks.fitting.fit --cache CACHE --work WORK --people people-dev.jsonl --trees TREES \
        --lines lines.jsonl --mirrors MIRRORS --old queries.jsonl --pasted questions2.jsonl --corpus REPOS

Evidence is gathered once for every question in every form, with a form more, `wrong`: a call with the guesses
of another question. Then weights are searched by coordinate ascent over small grids of round numbers, from
the released ones, for questions; those of other kinds follow (`weights.by_kind`). A step is taken when it
gains LEAST_GAIN in the objective (`benchmarks.fitting.objective`).

Out of fold means: the questions of each repository are ranked with weights that were fitted on the
repositories of other folds. Intervals are 95 % percentile bootstraps over repositories. Nothing is random but
these, seed 0.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fitting import objective
from benchmarks.fitting.evidence import WRONG, Evidence, gather
from benchmarks.judges.asking import Places
from benchmarks.judges.question_sets import FORMS, READERS
from benchmarks.quality.fusion import interval
from retrieval.paths.file_kinds import KINDS
from retrieval.rank.features import FEATURES, GUESS_FEATURES
from retrieval.rank.weights import QUESTION, WEIGHTS, Weights, by_kind

LEAST_GAIN = 0.0004
FOLDS = 4
FACTORS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
DECAYS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0)
COHERENCES = (0.1, 0.2, 0.3, 0.4, 0.5)
KIND_FACTORS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
FIXED = frozenset({"body", "location"})  # the unit of all others, and a place that the question names

Step = tuple[str, float]
"""A part of the weights, and the value to try."""


def main() -> None:
    """Read the arguments, gather, fit, and print the tables."""
    args = _arguments()
    sets = [READERS[name](getattr(args, name)) for name in READERS if getattr(args, name)]
    trees = {"people": args.trees, "old": args.corpus, "pasted": args.corpus}
    evidence = gather(sets, (*FORMS, WRONG), Places(trees, args.mirrors, args.work, args.cache))
    released = objective.judge(evidence, WEIGHTS)
    report("released weights", evidence, released.measures)
    ablate(evidence, released.values)
    if args.no_fit:
        return
    fitted = fit(evidence)
    print("\nfitted on all:", json.dumps(written(fitted)))
    report("fitted on all, in sample", evidence, objective.judge(evidence, by_kind(fitted)).measures)
    values = out_of_fold(evidence)
    print(f"\nout of fold against released: {objective.objective(evidence, values):.4f}")
    gain("out of fold", evidence, values - released.values)


def fit(evidence: Evidence, chosen: NDArray[np.bool_] | None = None, *, passes: int = 2) -> Weights:
    """Climb from the released weights on the chosen questions."""

    def worth(weights: Weights) -> float:
        return objective.objective(evidence, objective.judge(evidence, by_kind(weights)).values, chosen)

    weights, best = QUESTION, worth(QUESTION)
    for _ in range(passes):
        before = weights
        for part in parts():
            tried = {value: with_part(weights, (part, value)) for value in grid(part)}
            worths = {value: worth(other) for value, other in tried.items() if other != weights}
            value = max(worths, key=lambda value: worths[value])
            if worths[value] >= best + LEAST_GAIN:
                weights, best = tried[value], worths[value]
                print(f"  {part} {value:g}: {best:.4f}", flush=True)
        if weights == before:
            break
    return weights


def out_of_fold(evidence: Evidence) -> NDArray[np.float64]:
    """Judge each repository's questions by weights of the other folds, float64 [n_questions]."""
    repos = [asked.question.repo for asked in evidence.asked]
    fold_of = {repo: number % FOLDS for number, repo in enumerate(sorted(set(repos)))}
    folds = np.array([fold_of[repo] for repo in repos])
    values = np.zeros(len(repos))
    for fold in range(FOLDS):
        print(f"fold {fold + 1} of {FOLDS}", flush=True)
        weights = fit(evidence, folds != fold, passes=1)
        own = folds == fold
        values[own] = objective.judge(evidence, by_kind(weights)).values[own]
    return values


def ablate(evidence: Evidence, released: NDArray[np.float64]) -> None:
    """Print what is lost without each part of the released weights."""
    print("\nwithout\tloss in the objective")
    whole = objective.objective(evidence, released)
    for name, weights in without():
        left = objective.objective(evidence, objective.judge(evidence, by_kind(weights)).values)
        print(f"{name}\t{whole - left:+.4f}")


def without() -> Iterator[tuple[str, Weights]]:
    """Yield the released weights without each part."""
    for name in (name for name in FEATURES if QUESTION.features.get(name)):
        yield name, with_part(QUESTION, (name, 0.0))
    guesses = {**QUESTION.features, **dict.fromkeys(GUESS_FEATURES, 0.0)}
    yield "guesses", replace(QUESTION, features=guesses)
    yield "coherence", replace(QUESTION, coherence=0.0)
    yield "decay", replace(QUESTION, decay=1.0)
    yield "kinds", replace(QUESTION, kinds=dict.fromkeys(KINDS, 1.0), asked=dict.fromkeys(KINDS, 1.0))
    yield "kinds that are asked for", replace(QUESTION, asked=QUESTION.kinds)


def report(title: str, evidence: Evidence, measures: objective.Measures) -> None:
    """Print the measures of each group."""
    print(f"\n{title}")
    for group, found in objective.means(evidence, measures).items():
        print(f"{group:28}", "  ".join(f"{name} {value:.3f}" for name, value in found.items()))


def gain(title: str, evidence: Evidence, gains: NDArray[np.float64]) -> None:
    """Print the mean gain of each group with its interval over repositories."""
    for group in sorted({asked.group for asked in evidence.asked}):
        by_repo: dict[str, list[float]] = {}
        for asked, value in zip(evidence.asked, gains, strict=True):
            if asked.group == group:
                by_repo.setdefault(asked.question.repo, []).append(value)
        own = np.array([np.mean(values) for values in by_repo.values()])
        low, high = interval(own)
        print(f"{title}, {group}: {own.mean():+.4f} [{low:+.4f}, {high:+.4f}]")


def parts() -> Iterator[str]:
    """Name the parts of the weights that are fitted."""
    yield from (name for name in FEATURES if name not in FIXED)
    yield from ("coherence", "decay")
    yield from (f"{table} {kind}" for table in ("kinds", "asked") for kind in ("test", "prose"))


def grid(part: str) -> tuple[float, ...]:
    """Return the values that are tried for a part."""
    if part.startswith(("kinds", "asked")):
        return KIND_FACTORS
    return {"coherence": COHERENCES, "decay": DECAYS}.get(part, FACTORS)


def with_part(weights: Weights, step: Step) -> Weights:
    """Return weights with another value of one part."""
    part, value = step
    if part == "coherence":
        return replace(weights, coherence=value)
    if part == "decay":
        return replace(weights, decay=value)
    table, _, name = part.partition(" ")
    kind = next((kind for kind in KINDS if kind == name), KINDS[0])
    if table == "kinds":
        return replace(weights, kinds={**weights.kinds, kind: value})
    if table == "asked":
        return replace(weights, asked={**weights.asked, kind: value})
    return replace(weights, features={**weights.features, part: value})


def written(weights: Weights) -> Mapping[str, object]:
    """Return weights as JSON has them."""
    return {
        "features": dict(weights.features),
        "coherence": weights.coherence,
        "decay": weights.decay,
        "kinds": dict(weights.kinds),
        "asked": dict(weights.asked),
        "older": weights.older,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, reader in READERS.items():
        parser.add_argument(f"--{name}", type=Path, help=(reader.__doc__ or "").partition("\n")[0])
    parser.add_argument("--trees", type=Path, help="laid-out trees of the set people")
    parser.add_argument("--corpus", type=Path, help="laid-out trees of the sets old and pasted")
    parser.add_argument("--mirrors", type=Path, help="git directories owner+name/repo of the set lines")
    parser.add_argument("--work", type=Path, help="folder of clones that follow the mirrors")
    parser.add_argument("--cache", type=Path, required=True, help="folder of indexes")
    parser.add_argument("--no-fit", action="store_true", help="only report on the released weights")
    return parser.parse_args()


if __name__ == "__main__":
    main()
