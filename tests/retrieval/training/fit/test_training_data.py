"""What a training reads of pairs: the answer's label, and what a teacher says of the other passages."""

import math
from dataclasses import replace

import pytest

from retrieval.records import Chunk
from retrieval.training.fit.training_data import dataset
from retrieval.training.pairs.labeled_pairs import LabeledPair


def _pair(number: int, label: int, teacher: float | None) -> LabeledPair:
    chunk = Chunk(f"a{number}.py", 1, 9)
    return LabeledPair("q", "q", "how?", f"passage {number}", label, chunk, number, teacher)


PAIRS = [_pair(1, 1, 2.0), _pair(2, 0, 2.0), _pair(3, 0, -8.0)]


def _shares(labels: list[float]) -> list[float]:
    powers = [math.exp(label - max(labels)) for label in labels]
    return [power / sum(powers) for power in powers]


def test_teacher_takes_its_share_of_what_the_answer_would_get() -> None:
    """A passage that a teacher finds as good as the answer is not pushed away as if it were nonsense."""
    (labels,) = dataset(PAIRS, "listnet", teacher_share=0.5)["labels"]
    assert _shares(labels) == pytest.approx([0.75, 0.25, 0.0], abs=1e-4)


def test_without_a_teacher_the_answer_gets_everything() -> None:
    """A user's golden questions have no teacher."""
    (labels,) = dataset(PAIRS, "listnet")["labels"]
    assert _shares(labels) == pytest.approx([1, 0, 0], abs=1e-4)


def test_question_that_the_teacher_scored_in_part_keeps_its_labels() -> None:
    """Scores of some passages cannot be compared with none of the others."""
    partly = [*PAIRS[:2], replace(PAIRS[2], teacher=None)]
    (labels,) = dataset(partly, "listnet", teacher_share=0.5)["labels"]
    assert _shares(labels) == pytest.approx([1, 0, 0], abs=1e-4)
