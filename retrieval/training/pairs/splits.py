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


LEAST_GROUPS = 20
"""Groups that a promotion asks for. A percentile bootstrap interval of few values is too narrow (Hesterberg
2015): of 20 it is some 9 % below Student's, sqrt(19 / 20) x 1.96 / 2.09; of 10, 18 %."""


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

    stems = {question.question_id: stems_of(question.text) for question in questions}
    for left, right in combinations(parent, 2):
        alike = is_paraphrase(stems[left], stems[right])
        if alike or not set(answers.get(left, ())).isdisjoint(answers.get(right, ())):
            parent[find(right)] = find(left)
    return {identity: find(identity) for identity in parent}


def folds_by_time(groups: Mapping[str, str], dates: Mapping[str, str], count: int) -> list[Fold]:
    """Part the questions so that what is learned from is older than what is tested on.

    Groups are ordered by their newest question and cut into `count` blocks; each block but the first is
    tested by what the blocks before it teach.

    Args:
        groups: The group of each question, in the order of the golden file.
        dates: YYYY-MM-DD or "" by question; what has no date counts as oldest.
        count: How many blocks; fewer when there are fewer groups.

    Returns:
        One fold fewer than there are blocks; a question of the first block is never tested.
    """
    members: dict[str, list[str]] = {}
    for identity, name in groups.items():
        members.setdefault(name, []).append(identity)
    ordered = sorted(members, key=lambda name: max(dates.get(identity, "") for identity in members[name]))
    possible = min(count, len(ordered))
    blocks = [
        [identity for name in ordered[i * len(ordered) // possible : (i + 1) * len(ordered) // possible]
         for identity in members[name]]
        for i in range(possible)
    ]  # fmt: skip
    return [
        Fold(tuple(identity for block in blocks[:i] for identity in block), tuple(blocks[i]))
        for i in range(1, len(blocks))
    ]


def stems_of(text: str) -> frozenset[str]:
    """Reduce a question to the stems of its words, stop words left out."""
    return frozenset(tokenizer.stems(tokenizer.query_terms(text)))


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
