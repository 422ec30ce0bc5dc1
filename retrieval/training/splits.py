"""Which questions must stay together, and how they are parted into folds.

Two questions are of one group when they ask the same thing in other words, or share a chunk that answers: a
model that learned from the one has seen the answer to the other.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from retrieval import tokenizer
from retrieval.training.golden import Question

PARAPHRASE = 0.6
"""Share of stems, of all in either question (Jaccard 1901), from which on two questions are taken as one."""


@dataclass(frozen=True, slots=True)
class Fold:
    """One way of parting the questions; ids in the order of the golden file."""

    training: tuple[str, ...]
    testing: tuple[str, ...]


def group(questions: Sequence[Question], answers: Mapping[str, Collection[object]]) -> dict[str, str]:
    """Name each question's group by the first question of it.

    Args:
        questions: All of them.
        answers: By question id, whatever answers it; questions that share one are of one group.
    """
    parent = {question.question_id: question.question_id for question in questions}

    def find(identity: str) -> str:
        while parent[identity] != identity:
            identity = parent[identity]
        return identity

    stems = {question.question_id: _stems(question.text) for question in questions}
    for left, right in combinations(parent, 2):
        alike = is_paraphrase(stems[left], stems[right])
        if alike or not set(answers.get(left, ())).isdisjoint(answers.get(right, ())):
            parent[find(right)] = find(left)
    return {identity: find(identity) for identity in parent}


def is_paraphrase(left: Collection[str], right: Collection[str]) -> bool:
    """Tell whether two questions say nearly the same, by the stems of their words."""
    return len(set(left) & set(right)) >= PARAPHRASE * max(len(set(left) | set(right)), 1)


def folds(groups: Mapping[str, str], count: int, *, seed: int) -> list[Fold]:
    """Part the questions into folds of about one size, never a group.

    Args:
        groups: The group of each question, in the order of the golden file.
        count: How many folds; fewer when there are fewer groups.
        seed: Another one parts otherwise.

    Returns:
        Each question is tested in exactly one of them; none when there are fewer than two groups.
    """
    from sklearn.model_selection import GroupKFold  # noqa: PLC0415 - heavy, and needed here alone

    identities, names = list(groups), list(groups.values())
    possible = min(count, len(set(names)))
    if possible < 2:  # noqa: PLR2004 - one fold leaves nothing to learn from
        return []
    splitter = GroupKFold(possible, shuffle=True, random_state=seed)
    return [
        Fold(tuple(identities[i] for i in training), tuple(identities[i] for i in testing))
        for training, testing in splitter.split(identities, groups=names)
    ]


def _stems(text: str) -> frozenset[str]:
    return frozenset(tokenizer.stems(tokenizer.query_terms(text)))
