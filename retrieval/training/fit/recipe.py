"""Which recipe fine-tunes a cross-encoder: every value that decides a training, except its pairs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from retrieval.errors import ArgumentError
from retrieval.rerank.model_loading import MAX_TOKENS

Loss = Literal["bce", "listnet"]
LOSSES: tuple[Loss, ...] = get_args(Loss)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides a training apart from its pairs.

    Attributes:
        base: Folder or hub id of the cross-encoder to begin with.
        revision: Commit of a hub model; ignored for a folder.
        loss: "bce" judges each pair alone, "listnet" the passages of a question against each other.
        epochs: Passes over the pairs at most; the schedule spans them all.
        batch_size: Pairs ("bce") or questions ("listnet") a step.
        learning_rate: At its peak.
        warmup_share: Share of all steps over which the rate rises, 0 up to but not 1.
        weight_decay: AdamW's.
        schedule: How the rate falls after that.
        max_tokens: A pair is cut to this many.
        balanced: Whether a positive weighs as much as negatives / positives of the training ("bce" alone).
        validation_share: Share of the groups held out to stop early, 0 up to but not 1; 0 for none.
        patience: Epochs without a better validation loss after which to stop.
        keep: Share of the tuned weights in the result, 0 to 1; the rest are the base's.
        seed: Of order, dropout, new weights and the validation split.
    """

    base: str
    revision: str = ""
    loss: Loss = "bce"
    epochs: int = 3
    batch_size: int = 16
    learning_rate: float = 2e-5
    warmup_share: float = 0.1
    weight_decay: float = 0.0
    schedule: Literal["linear"] = "linear"
    max_tokens: int = MAX_TOKENS
    balanced: bool = True
    validation_share: float = 0.2
    patience: int = 1
    keep: float = 0.5
    seed: int = 42


_BASE = "cross-encoder/ms-marco-MiniLM-L6-v2"
_BASE_REVISION = "c5ee24cb16019beea0893ab7796b1df96625c6b8"

PRESETS: Mapping[str, Recipe] = {
    # For 50 to 500 pairs on a CPU: the usual numbers of fine-tuning BERT (Devlin et al. 2019) and WiSE-FT's
    # midpoint; no benchmark chose them. At their 2e-5 no rank of gson's questions moved (decisions/0009).
    "default": Recipe(base=_BASE, revision=_BASE_REVISION, learning_rate=5e-5),
    # As the card of the first fine-tuned reranker states them; what it does not state are library defaults.
    "legacy-70": Recipe(
        base=_BASE,
        revision=_BASE_REVISION,
        epochs=1,
        learning_rate=5e-5,
        warmup_share=0,
        max_tokens=512,
        balanced=False,
        validation_share=0,
        keep=1,
    ),
}


def check(recipe: Recipe) -> None:
    """Refuse a recipe that cannot be followed.

    Raises:
        ArgumentError: It says which value is wrong, and what is accepted.
    """
    accepted: Mapping[str, tuple[bool, str]] = {
        "loss": (recipe.loss in LOSSES, f"one of {', '.join(LOSSES)}"),
        "epochs": (recipe.epochs >= 1, "1 or more"),
        "batch_size": (recipe.batch_size >= 1, "1 or more"),
        "learning_rate": (recipe.learning_rate > 0, "more than 0"),
        "warmup_share": (0 <= recipe.warmup_share < 1, "0 up to but not 1"),
        "weight_decay": (recipe.weight_decay >= 0, "0 or more"),
        "max_tokens": (recipe.max_tokens >= 1, "1 or more"),
        "validation_share": (0 <= recipe.validation_share < 1, "0 up to but not 1"),
        "patience": (recipe.patience >= 1, "1 or more"),
        "keep": (0 <= recipe.keep <= 1, "0 to 1"),
        "schedule": (recipe.schedule == "linear", "linear"),
    }
    for name, (is_accepted, values) in accepted.items():
        if not is_accepted:
            raise ArgumentError(f"{name} is {getattr(recipe, name)!r}", remedy=f"a recipe takes {values}")
