"""Calibrate the confidence of the best candidate, with questions asked of the wrong repository.

    python -m benchmarks.quality.abstention --cache CACHE --people people-dev.jsonl --trees TREES \
        --old queries.jsonl --pasted questions2.jsonl --corpus REPOS

Each question is asked, in every form that it has, of its own repository, where it has an answer, and of WRONG
others of its set, where it is taken to have none; a few have one all the same, so the rate of flagged ones
cannot reach 1. For each kind of need (`Need.kind`, a path being a question) a logistic regression is fitted,
both classes of equal weight. Its threshold is where ANSWERABLE_FLAGGED of the answerable questions of a group
fall below, at the STRICT quantile over groups of LEAST_GROUP questions and more. Reported rates are out of
fold: the questions of each repository are judged by a model and a threshold from other folds. The last lines
are for retrieval/rank/confidence.py.
"""

import argparse
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from benchmarks.judges.question_sets import FORMS, READERS, QuestionSet
from benchmarks.quality.ranks import opened
from retrieval.rank.confidence import signs
from retrieval.rank.need import Need, NeedKind, read_need
from retrieval.rank.ranker import rank, weights_for
from retrieval.search.first_stage import features_of
from retrieval.sync.view import View

PLAIN = ("match", "known", "covered", "named", "phrase", "title", "definition", "whole", "past")
SIGNS: dict[NeedKind, tuple[str, ...]] = {
    "name": PLAIN,
    "question": PLAIN,
    "pasted": PLAIN,
    "guessed": (*PLAIN, "guessed", "suggested"),
}
WRONG = 2  # other repositories that a question is asked of
ANSWERABLE_FLAGGED = 0.03  # of a group in training; others lie a little above
LEAST_GROUP = 25
STRICT = 0.25
FOLDS = 6


@dataclass(frozen=True, slots=True)
class Case:
    """A question asked of a repository.

    Attributes:
        owner: The repository that the question is about.
        group: Its set, form and kind.
        kind: The kind of need.
        answerable: Whether it was asked of its own repository.
        signs: In the order of SIGNS, or None when nothing was found at all.
    """

    owner: str
    group: str
    kind: NeedKind
    answerable: bool
    signs: tuple[float, ...] | None


def main() -> None:
    """Read the arguments, ask, fit, and print the rates."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("people", "old", "pasted"):
        parser.add_argument(f"--{name}", type=Path, help=(READERS[name].__doc__ or "").partition("\n")[0])
    parser.add_argument("--trees", type=Path, help="laid-out trees of the set people")
    parser.add_argument("--corpus", type=Path, help="laid-out trees of the sets old and pasted")
    parser.add_argument("--cache", type=Path, required=True, help="folder of indexes")
    args = parser.parse_args()
    cases: list[Case] = []
    for name in ("people", "old", "pasted"):
        if file := getattr(args, name):
            trees = args.trees if name == "people" else args.corpus
            cases += ask(READERS[name](file), trees, args.cache)
    for kind, names in SIGNS.items():
        own = [case for case in cases if case.kind == kind]
        report(kind, own, out_of_fold(own))
        model, threshold = fit(own)
        factors = {name: round(float(f), 2) for name, f in zip(names, model.coef_[0], strict=True)}
        print(f"{kind}: Calibration({model.intercept_[0]:.2f}, {factors}, {threshold:.3f})\n")


def ask(questions: QuestionSet, trees: Path, cache: Path) -> Iterator[Case]:
    """Ask each question in each form of its own tree and of WRONG trees of other repositories."""
    chooser = random.Random(0)  # noqa: S311 - to be repeated
    tree_of_repo = {question.repo: question.tree for question in questions.questions}
    views: dict[str, View] = {}
    for question in tqdm(questions.questions, desc=questions.name, unit="question", disable=None):
        others = sorted(tree for repo, tree in tree_of_repo.items() if repo != question.repo)
        asked = [question.tree, *chooser.sample(others, WRONG)]
        for form in (form for form in FORMS if form in question.wordings):
            wording = question.wordings[form]
            need = read_need(wording.query, wording.expect)
            kind = "everyday" if question.kind.startswith("everyday") else question.kind
            group = f"{questions.name} {form} {kind if questions.name == 'people' else ''}".strip()
            for tree in asked:
                if tree not in views:
                    views[tree] = opened(trees / tree, cache).view()
                found = measured(need, views[tree])
                yield Case(question.repo, group, kind_of(need), tree == question.tree, found)


def measured(need: Need, view: View) -> tuple[float, ...] | None:
    """Measure the signs of a need in a repository; None when nothing is found."""
    features = features_of(view, need)
    best = rank(features, weights_for(need), limit=1)
    if not best:
        return None
    found = signs(need, view.snapshot, features, best[0])
    return tuple(found[name] for name in SIGNS[kind_of(need)])


def kind_of(need: Need) -> NeedKind:
    """Return the kind that a need is calibrated with: too few are paths for one of their own."""
    return "question" if need.kind == "path" else need.kind


def fit(cases: Sequence[Case]) -> tuple[LogisticRegression, float]:
    """Fit the regression on what found anything, and choose its threshold."""
    judged = [case for case in cases if case.signs]
    model = LogisticRegression(class_weight="balanced", max_iter=5000)
    model.fit([case.signs for case in judged], [case.answerable for case in judged])
    quantiles = []
    for group in {case.group for case in judged}:
        own = [case.signs for case in judged if case.answerable and case.group == group]
        if len(own) >= LEAST_GROUP:
            quantiles.append(np.quantile(model.predict_proba(own)[:, 1], ANSWERABLE_FLAGGED))
    return model, float(np.quantile(quantiles, STRICT))


def out_of_fold(cases: Sequence[Case]) -> NDArray[np.bool_]:
    """Tell which cases are flagged by a model of the other folds' repositories."""
    fold_of = {owner: i % FOLDS for i, owner in enumerate(sorted({case.owner for case in cases}))}
    low = np.ones(len(cases), dtype=bool)
    for fold in range(FOLDS):
        model, threshold = fit([case for case in cases if fold_of[case.owner] != fold])
        for i, case in enumerate(cases):
            if fold_of[case.owner] == fold and case.signs:
                low[i] = model.predict_proba([case.signs])[0, 1] < threshold
    return low


def report(kind: NeedKind, cases: Sequence[Case], low: NDArray[np.bool_]) -> None:
    """Print the rates of false silence and of what is caught, by group."""
    answerable = np.array([case.answerable for case in cases])
    groups = np.array([case.group for case in cases])
    for group in ("", *sorted(set(groups))):
        own = groups == group if group else np.ones(len(cases), dtype=bool)
        rates = (low[own & answerable].mean(), low[own & ~answerable].mean())
        print(
            f"{kind}, {group or 'all'}: {(own & answerable).sum()} answerable, flagged {rates[0]:.3f}; "
            f"of other repositories, flagged {rates[1]:.3f}"
        )


if __name__ == "__main__":
    main()
