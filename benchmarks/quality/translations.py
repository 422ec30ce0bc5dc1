r"""Measure what a table of translations gains, as guesses that nobody made.

    python -m benchmarks.quality.translations --table table.json --set people --questions people-dev.jsonl \
        --trees TREES --cache CACHE --work WORK --mirrors MIRRORS --out OUT

The table is what `translation_table` learned. The terms that the words of a question stand for, and that
occur in the index, add their best chunks to the pool; their BM25 is one more feature. Each variant is
compared with the search as it is: with a weight of its own, or trusted like a caller's guesses; in proportion
to how little the question's own words match; and with the table's rows exchanged among its words, which shows
what chance gains. OUT receives the gains with 95 % intervals over repositories.
"""

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.judges import score_tables
from benchmarks.judges.asking import Places, opened_trees
from benchmarks.judges.found import find
from benchmarks.judges.question_sets import FORMS, READERS, Question, QuestionSet
from benchmarks.judges.scores import score
from benchmarks.quality.ranks import TOP_K
from retrieval.index.reader import Snapshot
from retrieval.rank.features import GUESS_FEATURES, Features, extract_features
from retrieval.rank.need import Guess, Need, read_need
from retrieval.rank.ranker import order_of, weights_for
from retrieval.rank.weights import Weights
from retrieval.search.first_stage import evidence_of
from retrieval.search.places import spans_of
from retrieval.sync.view import View

MOST_GUESSES = 8
COMMONEST = 0.1  # share of the chunks; a term in more of them finds nothing
DOUBT = 0.5  # match of the question's own words from which on its translations count nothing

Table = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Variant:
    """How translations take part: none for a weight of 0.

    Attributes:
        weight: Of their BM25.
        is_trusted: Whether a caller's trust gate decides how much they count.
        by_doubt: Whether they count less the better the question's own words match.
        is_exchanged: Whether words have each other's translations.
    """

    weight: float
    is_trusted: bool = False
    by_doubt: bool = False
    is_exchanged: bool = False

    @property
    def name(self) -> str:
        """The name in the table."""
        parts = {"trust": self.is_trusted, "doubt": self.by_doubt, "exchanged": self.is_exchanged}
        return " ".join([f"{self.weight:.1f}", *(part for part, is_so in parts.items() if is_so)])


BASE = Variant(0.0)
VARIANTS = (
    *(Variant(weight, is_trusted=trust) for weight in (0.1, 0.2, 0.4) for trust in (False, True)),
    *(Variant(weight, by_doubt=True) for weight in (0.2, 0.4)),
    *(Variant(weight, is_exchanged=True) for weight in (0.1, 0.2, 0.4)),
)


def main() -> None:
    """Read the arguments, ask every question in every variant, write the gains."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=READERS, required=True)
    parser.add_argument("--form", choices=FORMS[:2], default="asked", help="a form without guesses")
    for name in ("table", "questions", "trees", "cache", "work", "mirrors", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    table: Table = json.loads(args.table.read_text(encoding="utf-8"))
    questions = READERS[args.set](args.questions)
    places = Places({args.set: args.trees}, args.mirrors, args.work, args.cache)
    scores: dict[Variant, dict[tuple[str, str], dict[str, float]]] = defaultdict(dict)
    for variant, identifier, values in asked(questions, args.form, places, table):
        scores[variant][identifier, args.form] = values
    lines = []
    for variant in VARIANTS:
        told = score_tables.gains(args.set, questions.questions, scores[variant], scores[BASE])
        lines += [f"{variant.name:16}{line}" for line in told if " ndcg10 " in line or " hit8 " in line]
    args.out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def asked(
    questions: QuestionSet, form: str, places: Places, table: Table
) -> Iterator[tuple[Variant, str, dict[str, float]]]:
    """Yield the scores of every variant for every question that has a form."""
    exchanged = _exchanged(table)
    trees: dict[str, list[Question]] = defaultdict(list)
    for question in (question for question in questions.questions if form in question.wordings):
        trees[question.tree].append(question)
    for tree, own in sorted(trees.items()):
        for question, repository, size in opened_trees(questions.name, tree, own, places):
            view, need = repository.view(), read_need(question.wordings[form].query)
            measured = {
                key: _features(view, replace(need, guesses=guesses))
                for key, guesses in (
                    (None, ()),
                    (False, _guesses(need, view.snapshot, table)),
                    (True, _guesses(need, view.snapshot, exchanged)),
                )
            }
            for variant in (BASE, *VARIANTS):
                features = measured[variant.is_exchanged if variant.weight else None]
                order = order_of(*_weighed(features, weights_for(need), variant))[:TOP_K]
                results = spans_of([features.pool.chunks[i] for i in order])
                found = find(question.targets, results, counts=questions.counts, size=size)
                yield variant, question.id, score(found)


def _exchanged(table: Table) -> Table:
    rows = list(table.values())
    random.Random(1).shuffle(rows)  # noqa: S311 - a control, not a secret
    return dict(zip(table, rows, strict=True))


def _guesses(need: Need, snapshot: Snapshot, table: Table) -> tuple[Guess, ...]:
    """Translate a question's words into terms of this index, weighed by P(term | word) and the word's idf."""
    weights: dict[str, float] = defaultdict(float)
    for stem in need.stems:
        for term, share in table.get(stem, {}).items():
            if term not in need.stems and 0 < snapshot.df("body", term) <= COMMONEST * len(snapshot):
                weights[term] += share * snapshot.idf("body", stem)
    best = sorted(weights, key=lambda term: (-weights[term], term))[:MOST_GUESSES]
    return tuple(Guess(term, (term,), (), frozenset(), "", weights[term] / weights[best[0]]) for term in best)


def _features(view: View, need: Need) -> Features:
    past = {path: touch.score for path, touch in evidence_of(view, need).items()}
    return extract_features(need, view.snapshot, past=past, changes=view.changes)


def _weighed(features: Features, weights: Weights, variant: Variant) -> tuple[Features, Weights]:
    """Put a variant's weight on the translations, and none on what else a caller's guesses are asked for."""
    own = {name: weight for name, weight in weights.features.items() if name not in GUESS_FEATURES}
    values = dict(features.by_name)
    translated = values.pop("expect_body", np.zeros(len(features.pool.uids)))
    if variant.by_doubt:
        translated = translated * max(0.0, 1 - features.match / DOUBT)
    name = "expect_body" if variant.is_trusted else "translated"
    return (
        replace(features, by_name=values | {name: translated}),
        replace(weights, features=own | {name: variant.weight}),
    )


if __name__ == "__main__":
    main()
