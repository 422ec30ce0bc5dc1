"""Which recipe fine-tunes a cross-encoder: every value that decides a training, except its pairs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from retrieval.errors import ArgumentError
from retrieval.rerank.model_loading import MAX_TOKENS

Loss = Literal["bce", "listnet", "marginmse"]
LOSSES: tuple[Loss, ...] = get_args(Loss)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every value that decides a training, except its pairs.

    Attributes:
        base: Folder or hub id of the cross-encoder to start from.
        revision: Commit of a hub model; ignored for a folder.
        loss: "bce" scores each pair alone, "listnet" compares the passages of a question, "marginmse" each
            answer with each other passage.
        epochs: Maximum passes over the pairs; the schedule spans all of them.
        batch_size: Pairs ("bce"), questions ("listnet") or comparisons ("marginmse") per step.
        learning_rate: The peak rate.
        warmup_share: Share of all steps over which the rate rises, 0 up to but not 1.
        weight_decay: AdamW's.
        schedule: How the rate falls after the warm-up.
        max_tokens: Longer pairs are truncated to this length.
        balanced: Whether positives get the weight negatives / positives of the training pairs ("bce" only).
        validation_share: Share of the groups held out for early stopping, 0 up to but not 1; 0 for none.
        patience: Number of epochs without a better validation loss before training stops.
        teacher_share: How much of a question the teacher's scores decide, 0 to 1 (not "bce").
        keep: Share of the tuned weights in the result, 0 to 1; the rest are the base's.
        seed: Seeds the order, dropout, new weights and the validation split.
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
    teacher_share: float = 0.0
    keep: float = 0.5
    seed: int = 42


_BASE = "cross-encoder/ms-marco-MiniLM-L6-v2"
_BASE_REVISION = "c5ee24cb16019beea0893ab7796b1df96625c6b8"

PRESETS: Mapping[str, Recipe] = {
    # For 50 to 500 pairs on a CPU: the usual numbers of fine-tuning BERT (Devlin et al. 2019) and WiSE-FT's
    # midpoint; no benchmark chose them. At their 2e-5 no rank of gson's questions changed (decisions/0009).
    "default": Recipe(base=_BASE, revision=_BASE_REVISION, learning_rate=5e-5),
    # From the model card of the first fine-tuned reranker; values that it omits are library defaults.
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
    """Reject a recipe with an invalid value.

    Raises:
        ArgumentError: The text names the invalid value and the accepted ones.
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
        "teacher_share": (
            0 <= recipe.teacher_share <= (0 if recipe.loss == "bce" else 1),
            '0 with "bce", else 0 to 1',
        ),
        "keep": (0 <= recipe.keep <= 1, "0 to 1"),
        "schedule": (recipe.schedule == "linear", "linear"),
    }
    for name, (is_accepted, values) in accepted.items():
        if not is_accepted:
            raise ArgumentError(f"{name} is {getattr(recipe, name)!r}", remedy=f"a recipe takes {values}")
