"""How a cross-encoder is fine-tuned on labelled pairs: loss, schedule, early stopping, weight averaging.

A training works in `OUT.partial`, next to the output folder OUT, and renames its result at the end:

    OUT.partial/fingerprint       pairs, recipe, base weights and libraries it belongs to
    OUT.partial/checkpoint-STEP/  weights, optimizer, generators, losses; sealed by digests.json
    OUT.partial/model/            the finished model, until it is renamed to OUT

The trainer saves a checkpoint after every epoch, and several during a long one. When the same training is
started again after an interruption, it resumes from the last sealed checkpoint and ends with the same weights
as an uninterrupted run.
"""

import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from retrieval import installation
from retrieval.errors import CancelledError, TrainingError
from retrieval.progress import IsCancelled, Progress
from retrieval.rerank.excerpt import excerpt
from retrieval.rerank.model_loading import load_cross_encoder
from retrieval.training.fit import checkpoints
from retrieval.training.fit.recipe import Recipe, check
from retrieval.training.fit.training_data import check_labels, dataset, positive_weight, split
from retrieval.training.fit.training_record import (
    Trained,
    best_of,
    changed_of,
    counts_of,
    epochs_of,
    is_spent,
    plain,
    tokens_of,
    versions,
)
from retrieval.training.pairs.labeled_pairs import LabeledPair

SAVE_EVERY_S = 600.0
"""How much of a long epoch may be lost: that many seconds of training."""


def train(
    pairs: Sequence[LabeledPair],
    recipe: Recipe,
    out: Path,
    *,
    progress: Progress = lambda _done, _planned: None,
    is_cancelled: IsCancelled = lambda: False,
) -> Trained:
    """Fine-tune `recipe.base` on the pairs and save the result as the folder `out`, atomically.

    On a CPU, equal pairs, order and recipe give equal weights. This seeds the process's generators.

    Raises:
        ArgumentError: The recipe has an invalid value.
        TrainingError: The pairs teach nothing, a library is missing, `out` exists, or the loss diverged.
        ModelError: The base is unavailable, or is not a cross-encoder with one output.
        CancelledError: `is_cancelled` returned true; the same training, started again, continues.
    """
    start = time.monotonic()
    training, validation = data = _data(pairs, recipe, out)
    partial = out.with_name(f"{out.name}.partial")
    with _quiet():
        model = _load(recipe)
        base = _weights(model)
        checkpoint = checkpoints.resume(partial, checkpoints.fingerprint(pairs, recipe, base, partial))
        trainer = _trainer(model, recipe, data, partial, _watch(recipe, progress, is_cancelled))
        history = _run(trainer, checkpoint, recipe.patience, partial)
        epochs = epochs_of(history)
        best = best_of(epochs)
        _mix(model, base, partial / f"checkpoint-{best.step}", recipe.keep)
        _save(model, partial, out)
        tokens = tokens_of(model, training)
    arguments = plain(trainer.args.to_dict())
    return Trained(
        folder=out,
        recipe=recipe,
        steps=epochs[-1].step,
        resumed_at=checkpoints.step_of(checkpoint) if checkpoint else 0,
        seconds=time.monotonic() - start,
        step_losses=tuple(entry["loss"] for entry in history if "loss" in entry),
        epochs=epochs,
        best_epoch=best.number,
        counts=counts_of(training, validation),
        tokens=tokens,
        positive_weight=positive_weight(training) if recipe.loss == "bce" and recipe.balanced else None,
        arguments=arguments,
        changed=changed_of(arguments),
        versions=versions(),
        device=str(trainer.args.device),
    )


def _data(
    pairs: Sequence[LabeledPair], recipe: Recipe, out: Path
) -> tuple[list[LabeledPair], list[LabeledPair]]:
    """Run the cheap checks, then split the pairs into training and validation pairs."""
    check(recipe)
    installation.require("train", "training", TrainingError)
    if out.exists():
        raise TrainingError(f"{out} exists", remedy="name a new folder, or remove it first")
    read = [replace(pair, passage=excerpt(pair.query, pair.passage)) for pair in pairs]
    training, validation = split(read, share=recipe.validation_share, seed=recipe.seed)
    check_labels(training, recipe.loss)
    return training, validation


def _save(model: Any, partial: Path, out: Path) -> None:
    """Write the model to a temporary folder and rename it."""
    model.save_pretrained(str(partial / "model"), create_model_card=False)
    (partial / "model").rename(out)
    shutil.rmtree(partial)


def _load(recipe: Recipe) -> Any:
    from transformers import set_seed

    set_seed(recipe.seed)  # a base without a classification head gets a random one
    model = load_cross_encoder(recipe.base, revision=recipe.revision, max_tokens=recipe.max_tokens)
    model.float()  # half precision, as some bases are stored, is too coarse for small steps
    # Each checkpoint gets a model card, whose creation must query neither the hub nor the model.
    model.model_card_data.local_files_only = True
    model.model_card_data.generate_widget_examples = False
    return model


def _weights(model: Any) -> dict[str, Any]:
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def _mix(model: Any, base: Mapping[str, Any], tuned: Path, keep: float) -> None:
    """Average the tuned weights with the base's: `keep` is the share of the tuned ones.

    Wortsman et al. 2022 (WiSE-FT): models between the fine-tuned and the original weights keep most of what
    was learned and forget less. Here averaging protects against overfitting to few pairs.
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


def _marginmse(model: Any, _recipe: Recipe, _training: Sequence[LabeledPair]) -> Any:
    import torch
    from sentence_transformers.cross_encoder.losses import MarginMSELoss

    return MarginMSELoss(model, activation_fn=torch.nn.Identity())


_LOSSES: Mapping[str, Callable[[Any, Recipe, Sequence[LabeledPair]], Any]] = {
    "bce": _bce,
    "listnet": _listnet,
    "marginmse": _marginmse,
}


def _trainer(
    model: Any,
    recipe: Recipe,
    data: tuple[Sequence[LabeledPair], Sequence[LabeledPair]],
    partial: Path,
    watch: Any,
) -> Any:
    """Create the library's trainer for the training and validation pairs."""
    import torch
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from transformers import PrinterCallback

    training, validation = data
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
        metric_for_best_model="eval_loss"
        if validation
        else None,  # so that its checkpoint is kept when the next is written
        greater_is_better=False if validation else None,
        save_strategy="epoch",
        save_total_limit=2,
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is not a number ends the training
        dataloader_pin_memory=torch.cuda.is_available(),  # torch warns if there is no GPU to pin for
        disable_tqdm=True,
        report_to="none",
    )
    trainer = CrossEncoderTrainer(
        model=model,
        args=arguments,
        train_dataset=dataset(training, recipe.loss, teacher_share=recipe.teacher_share),
        eval_dataset=dataset(validation, recipe.loss, teacher_share=recipe.teacher_share)
        if validation
        else None,
        loss=_LOSSES[recipe.loss](model, recipe, training),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)  # it prints to standard output
    return trainer


def _run(trainer: Any, checkpoint: Path | None, patience: int, partial: Path) -> list[dict[str, Any]]:
    """Train to the end, or skip a finished training; return the log, one entry per step or validation."""
    if checkpoint:
        history = checkpoints.history_of(checkpoint)
        if is_spent(epochs_of(history), patience):  # interrupted between the last epoch and the rename
            return history
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except TrainingError:
        shutil.rmtree(partial)  # resuming would only fail again
        raise
    history = trainer.state.log_history
    return list(history)


def _watch(recipe: Recipe, progress: Progress, is_cancelled: IsCancelled) -> Any:
    """Create the callback that reports progress, stops, fails and seals checkpoints."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # each event receives the trainer's arguments, state and control
        def on_train_begin(self, *event: Any, **_: Any) -> None:
            self.saved_at = time.monotonic()
            progress(event[1].global_step, event[1].max_steps)

        def on_step_end(self, *event: Any, **_: Any) -> None:
            progress(event[1].global_step, event[1].max_steps)
            _stop_if(is_cancelled)
            if time.monotonic() - self.saved_at > SAVE_EVERY_S:
                event[2].should_save = True

        def on_prediction_step(self, *_event: Any, **_: Any) -> None:
            _stop_if(is_cancelled)

        def on_log(self, *event: Any, **_: Any) -> None:
            _check_loss(event[1], recipe)

        def on_evaluate(self, *event: Any, **_: Any) -> None:
            if is_spent(epochs_of(event[1].log_history), recipe.patience):
                event[2].should_training_stop = True

        def on_save(self, *event: Any, **_: Any) -> None:
            self.saved_at = time.monotonic()
            checkpoints.seal(Path(event[0].output_dir) / f"checkpoint-{event[1].global_step}")

    return Watch()


def _stop_if(is_cancelled: IsCancelled) -> None:
    if is_cancelled():
        raise CancelledError("the training was cancelled", remedy="start it again to go on")


def _check_loss(state: Any, recipe: Recipe) -> None:
    last = state.log_history[-1]
    if not all(math.isfinite(last.get(name, 0)) for name in ("loss", "eval_loss")):
        raise TrainingError(
            f"the loss is no longer a number at step {state.global_step}",
            remedy=f"lower learning_rate, now {recipe.learning_rate:g}",
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries from drawing progress bars and logging on standard error."""
    from datasets import disable_progress_bars, enable_progress_bars
    from transformers import utils

    logging: Any = utils.logging  # half of the library is untyped
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
