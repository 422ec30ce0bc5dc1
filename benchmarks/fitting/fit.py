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
from benchmarks.fitting.evidence import WRONG, Gathered, gather
from benchmarks.judges.asking import Places
from benchmarks.judges.question_sets import FORMS, READERS
from benchmarks.quality.fusion import interval
from retrieval.paths.file_kinds import KINDS
from retrieval.rank.features import FEATURES, GUESS_FEATURES
from retrieval.rank.weights import QUESTION, WEIGHTS, Weights, by_kind
from retrieval.training.order.climb import Step, all_parts, climb, with_part
from retrieval.training.order.measures import Measures, judge

LEAST_GAIN = 0.0004
FOLDS = 4


def main() -> None:
    """Read the arguments, gather, fit, and print the tables."""
    args = _arguments()
    sets = [READERS[name](getattr(args, name)) for name in READERS if getattr(args, name)]
    trees = {"people": args.trees, "old": args.corpus, "pasted": args.corpus}
    gathered = gather(sets, (*FORMS, WRONG), Places(trees, args.mirrors, args.work, args.cache))
    released = judge(gathered.evidence, WEIGHTS)
    report("released weights", gathered, released.measures)
    ablate(gathered, released.values)
    if args.no_fit:
        return
    fitted = fit(gathered)
    print("\nfitted on all:", json.dumps(written(fitted)))
    report("fitted on all, in sample", gathered, judge(gathered.evidence, by_kind(fitted)).measures)
    values = out_of_fold(gathered)
    print(f"\nout of fold against released: {objective.objective(gathered, values):.4f}")
    gain("out of fold", gathered, values - released.values)


def fit(gathered: Gathered, chosen: NDArray[np.bool_] | None = None, *, passes: int = 2) -> Weights:
    """Climb from the released weights on the chosen questions."""

    def worth(weights: Weights) -> float:
        values = judge(gathered.evidence, by_kind(weights)).values
        return objective.objective(gathered, values, chosen)

    def report_step(step: Step, best: float) -> None:
        print(f"  {step[0]} {step[1]:g}: {best:.4f}", flush=True)

    return climb(
        QUESTION,
        worth,
        least_gain=LEAST_GAIN,
        parts=tuple(all_parts()),
        passes=passes,
        on_step=report_step,
    )


def out_of_fold(gathered: Gathered) -> NDArray[np.float64]:
    """Judge each repository's questions by weights of the other folds, float64 [n_questions]."""
    repos = [asked.question.repo for asked in gathered.asked]
    fold_of = {repo: number % FOLDS for number, repo in enumerate(sorted(set(repos)))}
    folds = np.array([fold_of[repo] for repo in repos])
    values = np.zeros(len(repos))
    for fold in range(FOLDS):
        print(f"fold {fold + 1} of {FOLDS}", flush=True)
        weights = fit(gathered, folds != fold, passes=1)
        own = folds == fold
        values[own] = judge(gathered.evidence, by_kind(weights)).values[own]
    return values


def ablate(gathered: Gathered, released: NDArray[np.float64]) -> None:
    """Print what is lost without each part of the released weights."""
    print("\nwithout\tloss in the objective")
    whole = objective.objective(gathered, released)
    for name, weights in without():
        left = objective.objective(gathered, judge(gathered.evidence, by_kind(weights)).values)
        print(f"{name}\t{whole - left:+.4f}")


def without() -> Iterator[tuple[str, Weights]]:
    """Yield the released weights without each part."""
    for name in (name for name in FEATURES if QUESTION.features.get(name)):
        yield name, with_part(QUESTION, (name, 0.0))
    guesses = {**QUESTION.features, **dict.fromkeys(GUESS_FEATURES, 0.0)}
    yield "guesses", replace(QUESTION, features=guesses)
    yield "coherence", replace(QUESTION, coherence=0.0)
    yield "decay", replace(QUESTION, decay=1.0, known_decay=1.0)
    yield "support", replace(QUESTION, support=0.0)
    yield "together", replace(QUESTION, known_decay=QUESTION.decay, support=0.0, together=0.0)
    yield "kinds", replace(QUESTION, kinds=dict.fromkeys(KINDS, 1.0), asked=dict.fromkeys(KINDS, 1.0))
    yield "kinds that are asked for", replace(QUESTION, asked=QUESTION.kinds)


def report(title: str, gathered: Gathered, measures: Measures) -> None:
    """Print the measures of each group."""
    print(f"\n{title}")
    for group, found in objective.means(gathered, measures).items():
        print(f"{group:28}", "  ".join(f"{name} {value:.3f}" for name, value in found.items()))


def gain(title: str, gathered: Gathered, gains: NDArray[np.float64]) -> None:
    """Print the mean gain of each group with its interval over repositories."""
    for group in sorted({asked.group for asked in gathered.asked}):
        by_repo: dict[str, list[float]] = {}
        for asked, value in zip(gathered.asked, gains, strict=True):
            if asked.group == group:
                by_repo.setdefault(asked.question.repo, []).append(value)
        own = np.array([np.mean(values) for values in by_repo.values()])
        low, high = interval(own)
        print(f"{title}, {group}: {own.mean():+.4f} [{low:+.4f}, {high:+.4f}]")


def written(weights: Weights) -> Mapping[str, object]:
    """Return weights as JSON has them."""
    return {
        "features": dict(weights.features),
        "coherence": weights.coherence,
        "decay": weights.decay,
        "known_decay": weights.known_decay,
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
