"""Which questions belong together: paraphrases, and questions that share an answering chunk.

A model that was trained on one question of a group has seen the answers to the others.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

from retrieval.chunks import tokenizer
from retrieval.training.golden.golden_file import Question

PARAPHRASE = 0.6
"""Share of stems, of all in either question (Jaccard 1901), from which on two questions are taken as one."""


LEAST_GROUPS = 20
"""Groups that a promotion asks for. A percentile bootstrap interval of few values is too narrow (Hesterberg
2015): of 20 it is some 9 % below Student's, sqrt(19 / 20) x 1.96 / 2.09; of 10, 18 %."""


def group(questions: Sequence[Question], answers: Mapping[str, Collection[object]]) -> dict[str, str]:
    """Group the questions; each group is named after its first question.

    Args:
        questions: All of them.
        answers: The answers by question id; questions that share one are in the same group.
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


def stems_of(text: str) -> frozenset[str]:
    """Reduce a question to the stems of its words, stop words left out."""
    return frozenset(tokenizer.stems(tokenizer.query_terms(text)))


def is_paraphrase(left: Collection[str], right: Collection[str]) -> bool:
    """Return whether two questions ask nearly the same, by the stems of their words."""
    return len(set(left) & set(right)) >= PARAPHRASE * max(len(set(left) | set(right)), 1)
