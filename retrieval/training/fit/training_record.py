"""What is recorded of a training: counts of its data, epochs and losses, effective arguments, and device."""

import importlib.metadata
import math
import platform
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from retrieval.training.fit.recipe import Recipe
from retrieval.training.pairs.labeled_pairs import LabeledPair

_LIBRARIES = ("sentence-transformers", "transformers", "torch", "accelerate", "datasets", "tokenizers")

_HIDDEN = {"output_dir", "logging_dir", "run_name", "hub_token", "push_to_hub_token"}  # paths and secrets


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of training pairs, and of pairs held out for early stopping."""

    pairs: int
    positives: int
    negatives: int
    questions: int
    groups: int
    validation_pairs: int
    validation_questions: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """Lengths of the training pairs in tokens, special tokens included, before truncation."""

    mean: float
    longest: int
    cut: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the pairs.

    Attributes:
        number: 1-based.
        step: The last step of the pass, counted from the start of the training.
        training_loss: Mean over the steps of the pass.
        validation_loss: After the pass; None if nothing is held out.
    """

    number: int
    step: int
    training_loss: float
    validation_loss: float | None


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training, as it ran.

    Attributes:
        folder: A CrossEncoder folder with one output.
        recipe: The requested recipe.
        steps: Optimizer steps taken, those before an interruption included.
        resumed_at: The step from which an interrupted training resumed, or 0.
        seconds: Wall time of the run that finished, loading and saving included.
        step_losses: One per step.
        epochs: One per pass.
        best_epoch: The pass whose weights were kept.
        counts: Counts of pairs and questions.
        tokens: Token lengths of the training pairs.
        positive_weight: Weight of a positive in the loss, or None.
        arguments: Arguments of the library's trainer, by name, as plain values; no folders.
        changed: Those that differ from the library's defaults.
        versions: Versions of the libraries and of Python.
        device: The device that computed it ("cpu", "cuda:0", …).
    """

    folder: Path
    recipe: Recipe
    steps: int
    resumed_at: int
    seconds: float
    step_losses: tuple[float, ...]
    epochs: tuple[Epoch, ...]
    best_epoch: int
    counts: Counts
    tokens: Tokens
    positive_weight: float | None
    arguments: Mapping[str, Any]
    changed: tuple[str, ...]
    versions: Mapping[str, str]
    device: str


def counts_of(training: Sequence[LabeledPair], validation: Sequence[LabeledPair]) -> Counts:
    """Count the training pairs and the held-out pairs."""
    positives = sum(pair.label for pair in training)
    return Counts(
        pairs=len(training),
        positives=positives,
        negatives=len(training) - positives,
        questions=len({pair.question_id for pair in training}),
        groups=len({pair.group for pair in training}),
        validation_pairs=len(validation),
        validation_questions=len({pair.question_id for pair in validation}),
    )


def tokens_of(model: Any, pairs: Sequence[LabeledPair]) -> Tokens:
    """Measure the lengths of the pairs, at least one, in the model's tokens."""
    texts = ([pair.query for pair in pairs], [pair.passage for pair in pairs])
    ids = model.tokenizer(*texts, truncation=False, verbose=False)["input_ids"]
    lengths = [len(row) for row in ids]
    limit = model.max_seq_length
    return Tokens(sum(lengths) / len(lengths), max(lengths), sum(length > limit for length in lengths))


def versions() -> dict[str, str]:
    """Return the version of each library that a training depends on."""
    found = {library: importlib.metadata.version(library) for library in _LIBRARIES}
    return {"python": platform.python_version(), **found}


def epochs_of(history: Sequence[Mapping[str, Any]]) -> tuple[Epoch, ...]:
    """Summarize the trainer's log by epoch."""
    losses: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    validation: dict[int, float] = {}
    for entry in history:
        number = math.ceil(round(entry["epoch"], 6))
        if "loss" in entry:
            losses[number].append(entry)
        elif "eval_loss" in entry:
            validation[number] = entry["eval_loss"]
    return tuple(
        Epoch(
            number,
            step=entries[-1]["step"],
            training_loss=sum(entry["loss"] for entry in entries) / len(entries),
            validation_loss=validation.get(number),
        )
        for number, entries in sorted(losses.items())
    )


def best_of(epochs: Sequence[Epoch]) -> Epoch:
    """Choose the earliest epoch of the lowest validation loss; the last epoch if nothing was held out."""
    validated = [epoch for epoch in epochs if epoch.validation_loss is not None]
    return min(validated, key=lambda epoch: epoch.validation_loss or 0.0) if validated else epochs[-1]


def is_spent(epochs: Sequence[Epoch], patience: int) -> bool:
    """Return whether the last `patience` epochs did not improve the validation loss."""
    best = best_of(epochs)
    return best.validation_loss is not None and epochs[-1].number - best.number >= patience


def plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce the trainer's arguments to JSON values, without folders and tokens."""
    return {name: _value(value) for name, value in arguments.items() if name not in _HIDDEN}


def _value(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): _value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def changed_of(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the arguments that differ from the library's defaults."""
    from sentence_transformers.cross_encoder import CrossEncoderTrainingArguments

    # "unused" is how the library itself asks for its defaults: without the notes meant for a real run.
    unused: Any = CrossEncoderTrainingArguments(output_dir="unused")
    defaults = plain(unused.to_dict())
    return tuple(name for name, value in arguments.items() if defaults.get(name) != value)
