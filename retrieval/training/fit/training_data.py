"""Which data a training reads: pairs split by group, validated, and converted to the form of their loss."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import TrainingError
from retrieval.training.fit.recipe import Loss
from retrieval.training.pairs.labeled_pairs import LabeledPair

RELEVANT = 20.0
"""The label ListNet sees for a relevant passage. It takes the softmax of the labels, where 1 would leave an
irrelevant passage e^-1 of a relevant one's share and pull a good model's logits together; e^-20 is none."""


MARGIN = 4.0
"""What MarginMSE wants a relevant passage's logit to exceed another's by: the embedded model's logits of one
question spread over some eight."""


def split(
    pairs: Sequence[LabeledPair], *, share: float, seed: int
) -> tuple[list[LabeledPair], list[LabeledPair]]:
    """Split the pairs by group into training and held-out pairs, both in the given order.

    Args:
        pairs: All pairs.
        share: Share of the groups to hold out; above 0, at least one group and never all of them.
        seed: Decides which groups are held out.

    Raises:
        TrainingError: There is only one group, so none can be held out.
    """
    groups = sorted({pair.group for pair in pairs})
    if share == 0:
        return list(pairs), []
    if len(groups) < 2:  # noqa: PLR2004 - one to train on, one to hold out
        raise TrainingError(
            f"{len(groups)} group of questions cannot be split for validation",
            remedy="add questions, or set validation_share to 0",
        )
    random.Random(seed).shuffle(groups)  # noqa: S311 - no secret
    held = set(groups[: min(max(round(share * len(groups)), 1), len(groups) - 1)])
    return [pair for pair in pairs if pair.group not in held], [pair for pair in pairs if pair.group in held]


def positive_weight(pairs: Sequence[LabeledPair]) -> float:
    """Return the weight of a positive that gives all positives the same total weight as all negatives."""
    positives = sum(pair.label for pair in pairs)
    return (len(pairs) - positives) / positives


def check_labels(pairs: Sequence[LabeledPair], loss: Loss) -> None:
    """Reject pairs that this loss cannot learn from.

    Raises:
        TrainingError: All pairs have the same label, or no question has both labels.
    """
    positives = sum(pair.label for pair in pairs)
    if positives == 0 or positives == len(pairs):
        raise TrainingError(
            f"the pairs to train on are {positives} positives and {len(pairs) - positives} negatives",
            remedy="a reranker learns from both: add golden questions, or mine deeper",
        )
    if loss != "bce" and not _by_question(pairs):
        raise TrainingError(
            f'no question has a positive and a negative, which "{loss}" compares', remedy='use "bce"'
        )


def _by_question(pairs: Sequence[LabeledPair]) -> list[list[LabeledPair]]:
    """Group pairs by question, without questions whose passages all have the same label."""
    questions: dict[str, list[LabeledPair]] = defaultdict(list)
    for pair in pairs:
        questions[pair.question_id].append(pair)
    return [rows for rows in questions.values() if 0 < sum(pair.label for pair in rows) < len(rows)]


def dataset(pairs: Sequence[LabeledPair], loss: Loss, *, teacher_share: float = 0.0) -> Any:
    """Convert pairs to the form that the loss reads: one row per pair, question or comparison.

    Args:
        pairs: The pairs.
        loss: The loss.
        teacher_share: `Recipe.teacher_share`.
    """
    from datasets import Dataset

    if loss == "bce":
        return Dataset.from_dict(
            {
                "query": [pair.query for pair in pairs],
                "passage": [pair.passage for pair in pairs],
                "label": [float(pair.label) for pair in pairs],
            }
        )
    questions = _by_question(pairs)
    if loss == "marginmse":
        compared = [row for rows in questions for row in _comparisons(rows, teacher_share)]
        names = ("query", "positive", "negative", "label")
        return Dataset.from_dict({name: [row[i] for row in compared] for i, name in enumerate(names)})
    return Dataset.from_dict(
        {
            "query": [rows[0].query for rows in questions],
            "passages": [[pair.passage for pair in rows] for rows in questions],
            "labels": [_labels(rows, teacher_share) for rows in questions],
        }
    )


def _comparisons(rows: Sequence[LabeledPair], teacher_share: float) -> Iterator[tuple[str, str, str, float]]:
    """Compare each answer with each other passage: their texts, and by how much their logits should differ.

    The teacher's margin takes its share (Hofstätter et al. 2020); a comparison it did not score has MARGIN.
    """
    for better in (pair for pair in rows if pair.label):
        for worse in (pair for pair in rows if not pair.label):
            margin = MARGIN
            if better.teacher is not None and worse.teacher is not None:
                taught = better.teacher - worse.teacher
                margin = (1 - teacher_share) * MARGIN + teacher_share * taught
            yield better.query, better.passage, worse.passage, margin


def _labels(rows: Sequence[LabeledPair], teacher_share: float) -> list[float]:
    """Return the labels of a question's passages for ListNet, which takes their softmax.

    A teacher's softmax takes its share of the relevant ones' (Hinton et al. 2015, at temperature 1). A
    question that the teacher did not score keeps its labels.
    """
    labels = [RELEVANT * pair.label for pair in rows]
    scores = [pair.teacher for pair in rows if pair.teacher is not None]
    if not teacher_share or len(scores) < len(rows):
        return labels
    mixed = (1 - teacher_share) * _softmax(labels) + teacher_share * _softmax(scores)
    return [float(label) for label in np.log(mixed)]


def _softmax(values: Sequence[float]) -> NDArray[np.float64]:
    powers = np.exp(np.array(values, dtype=np.float64) - max(values))
    return np.asarray(powers / powers.sum())
