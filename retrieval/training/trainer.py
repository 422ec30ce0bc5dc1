"""How a cross-encoder is fine-tuned on labelled pairs: loss, schedule, early stop, pull back to its base.

A training works in `OUT.partial`, a sibling of the folder it makes, and renames its result last:

    OUT.partial/fingerprint       pairs, recipe, base weights and libraries it belongs to
    OUT.partial/checkpoint-STEP/  an epoch: weights, optimizer, generators, losses; sealed by digests.json
    OUT.partial/model/            the finished model, until it is renamed to OUT

The same training, started again after it was cut off, goes on from the last sealed checkpoint and ends with
the weights that it would have had.
"""

import importlib.metadata
import importlib.util
import json
import math
import platform
import random
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from retrieval.crossencoder import MAX_TOKENS, CrossEncoderScorer
from retrieval.errors import ArgumentError, CancelledError, TrainingError
from retrieval.training.pairs import LabeledPair

Loss = Literal["bce", "listnet"]
Progress = Callable[[int, int], None]
"""Called with steps done and steps planned; early stopping may end before the plan does."""

LIBRARIES = ("accelerate", "datasets")  # the trainer needs them and the server does not: the extra "train"
RELEVANT = 20.0
"""The label ListNet sees for a relevant passage. It takes the softmax of the labels, where 1 would leave an
irrelevant passage e^-1 of a relevant one's share and pull a good model's logits together; e^-20 is none."""

_SEAL = "digests.json"
_HIDDEN = {"output_dir", "logging_dir", "run_name", "hub_token", "push_to_hub_token"}  # paths and secrets


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
    # Meant for 50 to 500 pairs on a CPU. A benchmark is to choose these numbers; until it has, they are the
    # usual ones of fine-tuning BERT (Devlin et al. 2019: 2e-5, 3 epochs, batch 16) and of WiSE-FT's midpoint.
    "default": Recipe(base=_BASE, revision=_BASE_REVISION),
    # As the card of the first fine-tuned reranker states them; what it does not state are library defaults.
    "card": Recipe(
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


@dataclass(frozen=True, slots=True)
class Counts:
    """What was trained on, and what was held out to stop early."""

    pairs: int
    positives: int
    negatives: int
    questions: int
    groups: int
    validation_pairs: int
    validation_questions: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """Lengths of the pairs trained on, in tokens with the special ones, before they are cut."""

    mean: float
    longest: int
    cut: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the pairs.

    Attributes:
        number: 1-based.
        step: The last step of the pass, counted from the first pass on.
        training_loss: Mean over the steps of the pass.
        validation_loss: After the pass; None where nothing is held out.
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
        recipe: What was asked for.
        steps: Optimizer steps taken, those before an interruption included.
        resumed_at: The step that a cut-off training went on from, or 0.
        seconds: Wall time of the run that finished, loading and saving included.
        step_losses: One per step.
        epochs: One per pass.
        best_epoch: The pass whose weights were kept.
        counts: Of pairs and questions.
        tokens: Of the pairs trained on.
        positive_weight: Weight of a positive in the loss, or None.
        arguments: Of the library's trainer, by name, as plain values; no folders.
        changed: Those that differ from the library's defaults.
        versions: Of the libraries and of Python.
        device: Where it was computed ("cpu", "cuda:0", …).
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


def train(
    pairs: Sequence[LabeledPair],
    recipe: Recipe,
    out: Path,
    *,
    progress: Progress = lambda _done, _planned: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Trained:
    """Fine-tune `recipe.base` on the pairs and save the result as the folder `out`, whole or not at all.

    Same pairs in the same order, same recipe, same weights, on a CPU. It seeds the process's generators.

    Raises:
        ArgumentError: The recipe holds a value that it does not accept.
        TrainingError: The pairs teach nothing, a library is missing, `out` exists, or the loss diverged.
        ModelError: The base is not at hand, or is no cross-encoder with one output.
        CancelledError: `is_cancelled` said so; started again, the same training goes on.
    """
    start = time.monotonic()
    check(recipe)
    require(LIBRARIES)
    if out.exists():
        raise TrainingError(f"{out} exists; name a new folder, or remove it first")
    training, validation = split(pairs, share=recipe.validation_share, seed=recipe.seed)
    _check_labels(training, recipe.loss)
    partial = out.with_name(f"{out.name}.partial")
    with _quiet():
        model = _load(recipe)
        base = _weights(model)
        checkpoint = _resume(partial, _fingerprint(pairs, recipe, base, partial))
        trainer = _trainer(
            model, recipe, training, validation, partial, _watch(recipe, progress, is_cancelled)
        )
        history = _run(trainer, checkpoint, recipe.patience, partial)
        epochs = _epochs(history)
        best = _best(epochs)
        _mix(model, base, partial / f"checkpoint-{best.step}", recipe.keep)
        model.save_pretrained(str(partial / "model"), create_model_card=False)
        (partial / "model").rename(out)
        shutil.rmtree(partial)
        arguments = _plain(trainer.args.to_dict())
        tokens = _tokens(model, training)
    return Trained(
        folder=out,
        recipe=recipe,
        steps=epochs[-1].step,
        resumed_at=_step(checkpoint) if checkpoint else 0,
        seconds=time.monotonic() - start,
        step_losses=tuple(entry["loss"] for entry in history if "loss" in entry),
        epochs=epochs,
        best_epoch=best.number,
        counts=_counts(training, validation),
        tokens=tokens,
        positive_weight=positive_weight(training) if recipe.loss == "bce" and recipe.balanced else None,
        arguments=arguments,
        changed=_changed(arguments),
        versions=versions(),
        device=str(trainer.args.device),
    )


def check(recipe: Recipe) -> None:
    """Refuse a recipe that cannot be followed.

    Raises:
        ArgumentError: It says which value is wrong, and what is accepted.
    """
    accepted: Mapping[str, tuple[bool, str]] = {
        "loss": (recipe.loss in _LOSSES, f"one of {', '.join(_LOSSES)}"),
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
            raise ArgumentError(f"{name} is {getattr(recipe, name)!r}; a recipe takes {values}")


def require(libraries: Sequence[str]) -> None:
    """Make sure that what training needs beyond serving is installed.

    Raises:
        TrainingError: It names what is missing and how to install it.
    """
    missing = [library for library in libraries if importlib.util.find_spec(library) is None]
    if missing:
        raise TrainingError(f"training needs {' and '.join(missing)}; pip install 'goldrank[train]'")


def split(
    pairs: Sequence[LabeledPair], *, share: float, seed: int
) -> tuple[list[LabeledPair], list[LabeledPair]]:
    """Part the pairs into those trained on and those held out, whole groups each, both in the given order.

    Args:
        pairs: All there are.
        share: Of the groups to hold out; above 0, at least one group and never all of them.
        seed: Of the choice.

    Raises:
        TrainingError: There is nothing to hold out beside what is trained on.
    """
    groups = sorted({pair.group for pair in pairs})
    if share == 0:
        return list(pairs), []
    if len(groups) < 2:  # noqa: PLR2004 - one to train on, one to hold out
        raise TrainingError(
            f"{len(groups)} group of questions cannot be split for validation; "
            "add questions, or set validation_share to 0"
        )
    random.Random(seed).shuffle(groups)  # noqa: S311 - no secret
    held = set(groups[: min(max(round(share * len(groups)), 1), len(groups) - 1)])
    return [pair for pair in pairs if pair.group not in held], [pair for pair in pairs if pair.group in held]


def positive_weight(pairs: Sequence[LabeledPair]) -> float:
    """Weigh a positive so that positives and negatives together weigh the same."""
    positives = sum(pair.label for pair in pairs)
    return (len(pairs) - positives) / positives


def versions() -> dict[str, str]:
    """Name the libraries a training depends on, each with its version."""
    libraries = ("sentence-transformers", "transformers", "torch", *LIBRARIES, "tokenizers")
    found = {library: importlib.metadata.version(library) for library in libraries}
    return {"python": platform.python_version(), **found}


# The data.


def _check_labels(pairs: Sequence[LabeledPair], loss: Loss) -> None:
    positives = sum(pair.label for pair in pairs)
    if positives == 0 or positives == len(pairs):
        raise TrainingError(
            f"the pairs to train on are {positives} positives and {len(pairs) - positives} negatives; "
            "a reranker learns from both: add golden questions, or mine deeper"
        )
    if loss == "listnet" and not _by_question(pairs):
        raise TrainingError('no question has a positive and a negative, which "listnet" compares; use "bce"')


def _by_question(pairs: Sequence[LabeledPair]) -> list[list[LabeledPair]]:
    """Gather each question's pairs; one whose passages are all alike teaches no order and is left out."""
    questions: dict[str, list[LabeledPair]] = defaultdict(list)
    for pair in pairs:
        questions[pair.question_id].append(pair)
    return [rows for rows in questions.values() if 0 < sum(pair.label for pair in rows) < len(rows)]


def _dataset(pairs: Sequence[LabeledPair], loss: Loss) -> Any:
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
    return Dataset.from_dict(
        {
            "query": [rows[0].query for rows in questions],
            "passages": [[pair.passage for pair in rows] for rows in questions],
            "labels": [[RELEVANT * pair.label for pair in rows] for rows in questions],
        }
    )


def _counts(training: Sequence[LabeledPair], validation: Sequence[LabeledPair]) -> Counts:
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


def _tokens(model: Any, pairs: Sequence[LabeledPair]) -> Tokens:
    texts = ([pair.query for pair in pairs], [pair.passage for pair in pairs])
    ids = model.tokenizer(*texts, truncation=False, verbose=False)["input_ids"]
    lengths = [len(row) for row in ids]
    limit = model.max_seq_length
    return Tokens(sum(lengths) / len(lengths), max(lengths), sum(length > limit for length in lengths))


# The model.


def _load(recipe: Recipe) -> Any:
    CrossEncoderScorer(recipe.base, revision=recipe.revision)  # the one place that says what cannot be served
    from sentence_transformers import CrossEncoder
    from transformers import set_seed

    set_seed(recipe.seed)  # a base without a head gets a random one
    folder = Path(recipe.base).expanduser()
    model = CrossEncoder(
        str(folder) if folder.is_dir() else recipe.base,
        revision=None if folder.is_dir() or not recipe.revision else recipe.revision,
        local_files_only=True,
        trust_remote_code=False,
    )
    model.float()  # half precision, as some bases are stored, is too coarse for small steps
    model.max_seq_length = min(model.max_seq_length or recipe.max_tokens, recipe.max_tokens)
    # Checkpoints get a card each; it is to ask neither the hub nor the model.
    model.model_card_data.local_files_only = True
    model.model_card_data.generate_widget_examples = False
    return model


def _weights(model: Any) -> dict[str, Any]:
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def _mix(model: Any, base: Mapping[str, Any], tuned: Path, keep: float) -> None:
    """Give the model `keep` parts of the tuned weights and the rest of the base's.

    Wortsman et al. 2022 (WiSE-FT): between fine-tuned and original weights lie models that keep most of what
    was learned and lose less of what was known. Here it guards against few pairs.
    """
    import torch
    from sentence_transformers import CrossEncoder

    learned = _weights(CrossEncoder(str(tuned), local_files_only=True, trust_remote_code=False))
    mixed = {
        name: torch.lerp(base[name], tensor, keep) if tensor.is_floating_point() else tensor
        for name, tensor in learned.items()
    }
    model.load_state_dict(mixed)


def _bce(model: Any, recipe: Recipe, training: Sequence[LabeledPair]) -> Any:
    import torch
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

    weight = torch.tensor(positive_weight(training)) if recipe.balanced else None
    return BinaryCrossEntropyLoss(model, activation_fn=torch.nn.Identity(), pos_weight=weight)


def _listnet(model: Any, _recipe: Recipe, _training: Sequence[LabeledPair]) -> Any:
    from sentence_transformers.cross_encoder.losses import ListNetLoss

    return ListNetLoss(model)


_LOSSES: Mapping[str, Callable[[Any, Recipe, Sequence[LabeledPair]], Any]] = {
    "bce": _bce,
    "listnet": _listnet,
}


# The run.


def _trainer(
    model: Any,
    recipe: Recipe,
    training: Sequence[LabeledPair],
    validation: Sequence[LabeledPair],
    partial: Path,
    watch: Any,
) -> Any:
    import torch
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from transformers import PrinterCallback

    arguments = CrossEncoderTrainingArguments(
        output_dir=str(partial),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        warmup_steps=recipe.warmup_share or 0,  # below 1 it is a share of the steps
        weight_decay=recipe.weight_decay,
        lr_scheduler_type=recipe.schedule,
        seed=recipe.seed,
        eval_strategy="epoch" if validation else "no",
        metric_for_best_model="eval_loss" if validation else None,  # so that its checkpoint outlives the next
        greater_is_better=False if validation else None,
        save_strategy="epoch",
        save_total_limit=2,
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is no number ends the training
        dataloader_pin_memory=torch.cuda.is_available(),  # torch warns where there is nothing to pin for
        disable_tqdm=True,
        report_to="none",
    )
    trainer = CrossEncoderTrainer(
        model=model,
        args=arguments,
        train_dataset=_dataset(training, recipe.loss),
        eval_dataset=_dataset(validation, recipe.loss) if validation else None,
        loss=_LOSSES[recipe.loss](model, recipe, training),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)  # it prints to standard output
    return trainer


def _run(trainer: Any, checkpoint: Path | None, patience: int, partial: Path) -> list[dict[str, Any]]:
    """Train to the end, unless the checkpoint is the end; return the log, an entry a step or validation."""
    if checkpoint:
        history = _history(checkpoint)
        if _is_spent(_epochs(history), patience):  # cut off between the last epoch and the rename
            return history
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except TrainingError:
        shutil.rmtree(partial)  # going on would only fail again
        raise
    history = trainer.state.log_history
    return list(history)


def _watch(recipe: Recipe, progress: Progress, is_cancelled: Callable[[], bool]) -> Any:
    """Make the callback that reports, stops, fails and seals checkpoints."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # each event comes as the trainer's arguments, state and control
        def on_train_begin(self, *event: Any, **_: Any) -> None:
            progress(event[1].global_step, event[1].max_steps)

        def on_step_end(self, *event: Any, **_: Any) -> None:
            progress(event[1].global_step, event[1].max_steps)
            _stop_if(is_cancelled)

        def on_prediction_step(self, *_event: Any, **_: Any) -> None:
            _stop_if(is_cancelled)

        def on_log(self, *event: Any, **_: Any) -> None:
            _check_loss(event[1], recipe)

        def on_evaluate(self, *event: Any, **_: Any) -> None:
            if _is_spent(_epochs(event[1].log_history), recipe.patience):
                event[2].should_training_stop = True

        def on_save(self, *event: Any, **_: Any) -> None:
            _seal(Path(event[0].output_dir) / f"checkpoint-{event[1].global_step}")

    return Watch()


def _stop_if(is_cancelled: Callable[[], bool]) -> None:
    if is_cancelled():
        raise CancelledError("the training was cancelled; start it again to go on")


def _check_loss(state: Any, recipe: Recipe) -> None:
    last = state.log_history[-1]
    if not all(math.isfinite(last.get(name, 0)) for name in ("loss", "eval_loss")):
        raise TrainingError(
            f"the loss is no longer a number at step {state.global_step}; "
            f"lower learning_rate, now {recipe.learning_rate:g}"
        )


def _epochs(history: Sequence[Mapping[str, Any]]) -> tuple[Epoch, ...]:
    """Gather the trainer's log by epoch."""
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


def _best(epochs: Sequence[Epoch]) -> Epoch:
    """Choose the earliest epoch of the lowest validation loss; the last one where nothing was held out."""
    validated = [epoch for epoch in epochs if epoch.validation_loss is not None]
    return min(validated, key=lambda epoch: epoch.validation_loss or 0.0) if validated else epochs[-1]


def _is_spent(epochs: Sequence[Epoch], patience: int) -> bool:
    best = _best(epochs)
    return best.validation_loss is not None and epochs[-1].number - best.number >= patience


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries off standard error, where they draw bars and log for people at a notebook."""
    from datasets import disable_progress_bars, enable_progress_bars
    from transformers import utils

    logging: Any = utils.logging  # half of it is untyped
    verbosity, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        enable_progress_bars()
        if has_bars:
            logging.enable_progress_bar()


# The partial folder.


def _fingerprint(pairs: Sequence[LabeledPair], recipe: Recipe, base: Mapping[str, Any], partial: Path) -> str:
    """Hash all that decides the weights, and the folder, whose path the checkpoints remember."""
    seen = blake2b(digest_size=16)
    rows = [[pair.question_id, pair.group, pair.query, pair.passage, pair.label] for pair in pairs]
    seen.update(json.dumps([rows, asdict(recipe), versions(), str(partial.resolve())]).encode("utf-8"))
    for name, tensor in sorted(base.items()):
        seen.update(name.encode("utf-8"))
        seen.update(tensor.numpy().tobytes())
    return seen.hexdigest()


def _resume(partial: Path, fingerprint: str) -> Path | None:
    """Return the last checkpoint of this very training; make the folder anew where there is none to trust."""
    note = partial / "fingerprint"
    if note.is_file() and note.read_text(encoding="utf-8", errors="replace") == fingerprint:
        sealed = sorted((seal.parent for seal in partial.glob(f"checkpoint-*/{_SEAL}")), key=_step)
        if sealed and all(map(_is_whole, sealed)):
            best = _best(_epochs(_history(sealed[-1])))
            if partial / f"checkpoint-{best.step}" in sealed:
                return sealed[-1]
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    note.write_text(fingerprint, encoding="utf-8")
    return None


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _history(checkpoint: Path) -> list[dict[str, Any]]:
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    history: list[dict[str, Any]] = state["log_history"]
    return history


def _seal(checkpoint: Path) -> None:
    """Write what the checkpoint's files hash to; a checkpoint without it was cut off while it was written."""
    draft = checkpoint / f"{_SEAL}.draft"
    draft.write_text(json.dumps(_digests(checkpoint)), encoding="utf-8")
    draft.replace(checkpoint / _SEAL)


def _is_whole(checkpoint: Path) -> bool:
    try:
        expected = json.loads((checkpoint / _SEAL).read_text(encoding="utf-8"))
    except ValueError:
        return False
    return bool(expected == _digests(checkpoint))


def _digests(checkpoint: Path) -> dict[str, str]:
    files = sorted(
        path for path in checkpoint.rglob("*") if path.is_file() and not path.name.startswith(_SEAL)
    )
    return {
        path.relative_to(checkpoint).as_posix(): blake2b(path.read_bytes(), digest_size=16).hexdigest()
        for path in files
    }


# The record.


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Reduce the trainer's arguments to values that JSON knows; folders and tokens are left out."""
    return {name: _value(value) for name, value in arguments.items() if name not in _HIDDEN}


def _value(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): _value(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _changed(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    from sentence_transformers.cross_encoder import CrossEncoderTrainingArguments

    # "unused" is how the library itself asks for its defaults: without the notes meant for a real run.
    unused: Any = CrossEncoderTrainingArguments(output_dir="unused")
    defaults = _plain(unused.to_dict())
    return tuple(name for name, value in arguments.items() if defaults.get(name) != value)
