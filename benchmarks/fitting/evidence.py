"""What the first stage knows of every question of every set, in every form, gathered once."""

import itertools
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.judges.asking import Places, opened_trees
from benchmarks.judges.question_sets import Question, QuestionSet, Wording
from retrieval.rank.need import read_need
from retrieval.search.first_stage import features_of
from retrieval.training.order.evidence import Evidence, Pool, joined, pool_of

WRONG = "wrong"
"""A form of a question: as `call`, with the guesses of another question of the same tree."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in one form.

    Attributes:
        question: The question.
        form: "asked", "agent", "call" or WRONG.
        group: Questions that are averaged: set, form and kind.
    """

    question: Question
    form: str
    group: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """The questions, and what the first stage knows of them, in the same order."""

    asked: tuple[Asked, ...]
    evidence: Evidence


def gather(sets: Sequence[QuestionSet], forms: Collection[str], places: Places) -> Gathered:
    """Ask every question of the sets in every form that it has, and keep what the first stage knows."""
    found: list[tuple[Asked, Pool]] = []
    for questions in sets:
        ordered = sorted(questions.questions, key=lambda question: question.tree)
        with tqdm(total=len(ordered), desc=questions.name, unit="question", disable=None) as bar:
            for tree, group in itertools.groupby(ordered, key=lambda question: question.tree):
                own = list(group)
                for question, repository, _ in opened_trees(questions.name, tree, own, places):
                    view = repository.view()
                    answers = [(target.path, target.start, target.end) for target in question.targets]
                    for form, wording in wordings(question, own, forms):
                        need = read_need(wording.query, wording.expect)
                        features = features_of(view, need)
                        pool = pool_of(need.kind, features, answers, counts=questions.counts)
                        found.append((_asked(question, form, questions), pool))
                    bar.update()
    return Gathered(tuple(asked for asked, _ in found), joined([pool for _, pool in found]))


def is_wrong(gathered: Gathered) -> NDArray[np.bool_]:
    """Tell which questions carry the guesses of another, bool [n_questions]."""
    return np.array([asked.form == WRONG for asked in gathered.asked])


def wordings(
    question: Question, beside: Sequence[Question], forms: Collection[str]
) -> Iterator[tuple[str, Wording]]:
    """Yield a question's forms; WRONG takes its guesses from a question beside it, if there is one."""
    for form in (form for form in question.wordings if form in forms):
        yield form, question.wordings[form]
    others = [other for other in beside if other.id != question.id and "call" in other.wordings]
    if WRONG in forms and "call" in question.wordings and others:
        chosen = others[zlib.crc32(question.id.encode()) % len(others)]
        yield WRONG, Wording(question.wordings["call"].query, chosen.wordings["call"].expect)


def _asked(question: Question, form: str, questions: QuestionSet) -> Asked:
    kind = "everyday" if question.kind.startswith("everyday") else question.kind
    group = f"{questions.name} {form} {kind if questions.counts == 'files' else ''}".strip()
    return Asked(question, form, group)
