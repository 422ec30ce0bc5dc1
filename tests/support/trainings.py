"""Trainings that are cut off, recomputed by hand, or given something faulty."""

import dataclasses
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_model

from retrieval.errors import ArgumentError, CancelledError, ModelError, TrainingError
from retrieval.records import Chunk
from retrieval.rerank.model_loading import CrossEncoderScorer
from retrieval.training.fit import trainer, training_data
from retrieval.training.fit.recipe import Recipe
from retrieval.training.fit.training_record import Trained
from retrieval.training.pairs.labeled_pairs import LabeledPair

QUERY = "how does the door open"
LIKED = tiny_model.KEYWORD
INDIFFERENT = [word for word in tiny_model.WORDS if word != LIKED]


def labelled(questions: int, *, seed: int = 1) -> list[LabeledPair]:
    """Make four passages a question, the first of which holds LIKED and is relevant."""
    chance = random.Random(seed)
    pairs = []
    for number in range(questions):
        for rank in range(1, 5):
            words = chance.choices(INDIFFERENT, k=12)
            if rank == 1:
                words[chance.randrange(12)] = LIKED
            pairs.append(pair(number, " ".join(words), int(rank == 1), rank=rank))
    return pairs


def pair(question: int, passage: str, label: int, *, rank: int = 1) -> LabeledPair:
    """Make one pair, two questions to a group."""
    chunk = Chunk("a.py", rank, rank)
    return LabeledPair(f"q{question}", f"g{question // 2}", QUERY, passage, label, chunk, rank)


def weights(folder: Path) -> dict[str, Any]:
    """Read a model's weights as arrays."""
    from safetensors.numpy import load_file  # noqa: PLC0415 - heavy

    return dict(load_file(folder / "model.safetensors"))


def is_same(one: Path, other: Path) -> bool:
    """Tell whether two folders hold the very same weights."""
    left, right = weights(one), weights(other)
    return left.keys() == right.keys() and all(np.array_equal(left[name], right[name]) for name in left)


def logits(folder: Path, passages: Sequence[str]) -> list[float]:
    """Score as serving does."""
    return [float(logit) for logit in CrossEncoderScorer(str(folder)).score(QUERY, passages)]


def cut_off(pairs: Sequence[LabeledPair], recipe: Recipe, out: Path, *, after: int) -> None:
    """Train until a step, and be cancelled there."""
    done: list[int] = [0]
    with pytest.raises(CancelledError, match="start it again to go on"):
        trainer.train(
            pairs,
            recipe,
            out,
            progress=lambda step, _: done.append(step),
            is_cancelled=lambda: done[-1] >= after,
        )


def recomputed(trained: Trained, pairs: Sequence[LabeledPair]) -> float:
    """Compute the weighted cross-entropy of what was held out, from the logits that serving sees."""
    _, held = training_data.split(pairs, share=trained.recipe.validation_share, seed=trained.recipe.seed)
    scores = logits(trained.folder, [item.passage for item in held])
    weight = trained.positive_weight or 1
    losses = [
        weight * math.log1p(math.exp(-score)) if item.label else math.log1p(math.exp(score))
        for item, score in zip(held, scores, strict=True)
    ]
    return sum(losses) / len(losses)


def faults() -> Iterator[tuple[str, list[LabeledPair], dict[str, Any], type[Exception], str]]:
    """Name what cannot be trained, how it is refused, and in which words."""
    pairs = labelled(4)
    yield "no positives", [item for item in pairs if not item.label], {}, TrainingError, "are 0 positives"
    yield "no negatives", [item for item in pairs if item.label], {}, TrainingError, "and 0 negatives"
    yield "nothing", [], {}, TrainingError, "0 positives and 0 negatives"
    lone = [dataclasses.replace(item, group="g") for item in pairs]
    yield "one group", lone, {"validation_share": 0.2}, TrainingError, "1 group of questions cannot be split"
    apart = [dataclasses.replace(item, question_id=str(number)) for number, item in enumerate(pairs)]
    yield "no lists", apart, {"loss": "listnet"}, TrainingError, "no question has a positive and a negative"
    yield "no base", pairs, {"base": "/nowhere"}, ModelError, "model folder /nowhere does not exist"
    yield "diverging", pairs, {"learning_rate": 1e38}, TrainingError, r"lower learning_rate, now 1e\+38"
    yield "keep", pairs, {"keep": 1.5}, ArgumentError, "keep is 1.5; a recipe takes 0 to 1"
    yield (
        "loss",
        pairs,
        {"loss": "mse"},
        ArgumentError,
        "loss is 'mse'; a recipe takes one of bce, listnet",
    )
    yield "warmup", pairs, {"warmup_share": 1}, ArgumentError, "warmup_share is 1; a recipe takes 0 up to"
