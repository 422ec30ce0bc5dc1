"""A training does what its recipe says, twice the same, and survives being cut off."""

import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_model
from trainings import QUERY, cut_off, faults, is_same, labelled, logits, pair, recomputed, weights

from retrieval.errors import TrainingError
from retrieval.training.fit import trainer, training_data
from retrieval.training.fit.recipe import PRESETS, Loss, Recipe
from retrieval.training.fit.training_record import Counts, Tokens
from retrieval.training.pairs.labeled_pairs import LabeledPair

pytestmark = pytest.mark.slow(reason="real trainings, some cut off and continued")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the base once: it has yet to learn, and has dropout, so that the generators matter."""
    folder = tiny_model.train(tmp_path_factory.mktemp("base"), batches=5)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["hidden_dropout_prob"] = 0.1
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.fixture
def recipe(base: Path) -> Recipe:
    """Fit the size of the model: nine steps of a rate that a large one would not survive."""
    return Recipe(str(base), learning_rate=5e-3, batch_size=16, validation_share=0, keep=1)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path: Path, recipe: Recipe) -> None:
    """A result that cannot be had again cannot be argued about."""
    pairs = labelled(12)
    first = trainer.train(pairs, recipe, tmp_path / "first")
    second = trainer.train(pairs, recipe, tmp_path / "second")
    other = trainer.train(pairs, dataclasses.replace(recipe, seed=7), tmp_path / "other")
    assert is_same(first.folder, second.folder)
    assert first.step_losses == second.step_losses
    assert not is_same(first.folder, other.folder)


@pytest.mark.parametrize("loss", ["bce", "listnet"])
def test_training_ranks_the_relevant_passages_of_unseen_questions_first(
    tmp_path: Path, recipe: Recipe, loss: Loss
) -> None:
    """It is the whole point."""
    recipe = dataclasses.replace(recipe, loss=loss, epochs=8, batch_size=16 if loss == "bce" else 4)
    trained = trainer.train(labelled(24), recipe, tmp_path / "out")
    unseen = labelled(10, seed=2)
    margins = {}
    for folder in (Path(recipe.base), trained.folder):
        scores = np.array(logits(folder, [item.passage for item in unseen])).reshape(10, 4)
        margins[folder] = scores[:, 0] - scores[:, 1:].max(axis=1)
    assert np.mean(margins[trained.folder] > 0) >= 0.9
    assert np.mean(margins[Path(recipe.base)] > 0) <= 0.6
    assert trained.epochs[-1].training_loss < trained.epochs[0].training_loss


@pytest.mark.parametrize("loss", ["bce", "listnet"])
def test_a_training_that_was_cut_off_goes_on_and_ends_with_the_same_weights(
    tmp_path: Path, recipe: Recipe, loss: Loss
) -> None:
    """A laptop that is closed costs an epoch, not the result."""
    recipe = dataclasses.replace(
        recipe, loss=loss, batch_size=16 if loss == "bce" else 4, validation_share=0.2
    )
    recipe = dataclasses.replace(recipe, patience=9, keep=0.5)
    pairs = labelled(12)
    whole = trainer.train(pairs, recipe, tmp_path / "whole")
    steps = whole.epochs[0].step
    cut_off(pairs, recipe, tmp_path / "cut", after=2 * steps + 1)
    assert not (tmp_path / "cut").exists()
    seen: list[tuple[int, int]] = []
    resumed = trainer.train(pairs, recipe, tmp_path / "cut", progress=lambda *step: seen.append(step))
    assert resumed.resumed_at == 2 * steps
    assert seen[0] == (2 * steps, 3 * steps)
    assert is_same(whole.folder, resumed.folder)
    assert (resumed.step_losses, resumed.epochs) == (whole.step_losses, whole.epochs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cut", "whole"]


def test_a_training_that_was_cut_off_after_its_last_epoch_is_not_trained_further(
    tmp_path: Path, recipe: Recipe
) -> None:
    """One epoch more after an early stop would be another model."""
    recipe = dataclasses.replace(recipe, learning_rate=5e-2, epochs=8, validation_share=0.3)
    pairs, out = labelled(12), tmp_path / "out"
    whole = trainer.train(pairs, recipe, tmp_path / "whole")
    with pytest.raises(OSError, match="out"):  # somebody takes the place meanwhile, and keeps it
        trainer.train(
            pairs, recipe, out, progress=lambda *_: (out / "taken").mkdir(parents=True, exist_ok=True)
        )
    shutil.rmtree(out)
    steps: list[int] = []
    resumed = trainer.train(pairs, recipe, out, progress=lambda step, _: steps.append(step))
    assert whole.steps < 8 * whole.epochs[0].step
    assert (steps, resumed.resumed_at) == ([], whole.steps)
    assert is_same(whole.folder, resumed.folder)


@pytest.mark.parametrize("harm", ["other recipe", "damaged checkpoint", "damaged fingerprint", "half a save"])
def test_a_partial_folder_that_is_foreign_or_damaged_is_not_gone_on_from(
    tmp_path: Path, recipe: Recipe, harm: str
) -> None:
    """Weights of another training, or of half a file, would go on looking like this one's."""
    pairs, out, partial = labelled(8), tmp_path / "out", tmp_path / "out.partial"
    begun = dataclasses.replace(recipe, seed=7) if harm == "other recipe" else recipe
    cut_off(pairs, begun, out, after=3)
    checkpoint = partial / "checkpoint-2"
    if harm == "damaged checkpoint":
        (checkpoint / "optimizer.pt").write_bytes((checkpoint / "optimizer.pt").read_bytes()[:-100])
    elif harm == "damaged fingerprint":
        (partial / "fingerprint").write_bytes(b"\xff\x00")
    elif harm == "half a save":
        (checkpoint / "digests.json").unlink()
    trained = trainer.train(pairs, recipe, out)
    assert trained.resumed_at == 0
    assert is_same(trained.folder, trainer.train(pairs, recipe, tmp_path / "whole").folder)
    assert not partial.exists()


def test_keep_mixes_the_tuned_weights_with_those_of_the_base(tmp_path: Path, recipe: Recipe) -> None:
    """At 0 nothing was learned, at 1 nothing is held back."""
    pairs = labelled(8)
    kept = {
        keep: trainer.train(pairs, dataclasses.replace(recipe, keep=keep), tmp_path / str(keep)).folder
        for keep in (0, 0.5, 1)
    }
    base, tuned, half = weights(Path(recipe.base)), weights(kept[1]), weights(kept[0.5])
    assert base.keys() == tuned.keys()
    for name, values in half.items():
        assert np.allclose(values, (base[name] + tuned[name]) / 2, atol=1e-6), name
    passages = [item.passage for item in pairs[:8]]
    assert logits(kept[0], passages) == logits(Path(recipe.base), passages)
    low, middle, high = (np.mean(logits(kept[keep], passages)) for keep in (0, 0.5, 1))
    assert min(low, high) < middle < max(low, high)


def test_early_stopping_keeps_the_weights_of_the_best_epoch(tmp_path: Path, recipe: Recipe) -> None:
    """The last epoch of a small training is often its worst."""
    recipe = dataclasses.replace(recipe, learning_rate=5e-2, epochs=8, validation_share=0.3, patience=2)
    pairs = labelled(12)
    trained = trainer.train(pairs, recipe, tmp_path / "out")
    losses = [epoch.validation_loss or math.inf for epoch in trained.epochs]
    assert trained.best_epoch == 1 + losses.index(min(losses))
    assert len(losses) == trained.best_epoch + 2 < 8
    assert recomputed(trained, pairs) == pytest.approx(min(losses), rel=1e-4)


def test_a_group_of_questions_is_never_split() -> None:
    """A paraphrase on the other side makes any model look good."""
    pairs = labelled(30)
    sizes = set()
    for seed in range(20):
        training, held = training_data.split(pairs, share=0.2, seed=seed)
        assert not {item.group for item in training} & {item.group for item in held}
        assert sorted(training + held, key=pairs.index) == pairs
        sizes.add(len({item.group for item in held}))
    assert sizes == {3}
    assert training_data.split(pairs, share=0, seed=1) == (pairs, [])


@pytest.mark.parametrize(("share", "held"), [(0.01, 1), (0.5, 2), (0.99, 3)])
def test_a_split_leaves_a_group_on_either_side(share: float, held: int) -> None:
    """Nothing to learn from, or nothing to stop by, would be found out much later."""
    _, validation = training_data.split(labelled(8), share=share, seed=1)
    assert len({item.group for item in validation}) == held


def test_a_balanced_recipe_weighs_positives_by_how_rare_they_are(tmp_path: Path, recipe: Recipe) -> None:
    """With one positive in four a model does well by refusing everything."""
    pairs = labelled(8)
    even = trainer.train(pairs, recipe, tmp_path / "even")
    plain = trainer.train(pairs, dataclasses.replace(recipe, balanced=False), tmp_path / "plain")
    assert (even.positive_weight, plain.positive_weight) == (3, None)
    passages = [item.passage for item in pairs]
    assert np.mean(logits(even.folder, passages)) > np.mean(logits(plain.folder, passages))


def test_a_record_says_what_ran(tmp_path: Path, recipe: Recipe) -> None:
    """The card is written from it."""
    pairs = [*labelled(8), pair(7, " ".join(["lock"] * 300), 0)]
    recipe = dataclasses.replace(recipe, validation_share=0.2)
    trained = trainer.train(pairs, recipe, tmp_path / "out")
    training, _ = training_data.split(pairs, share=0.2, seed=recipe.seed)
    assert pairs[-1] in training
    assert trained.counts == Counts(25, 6, 19, 6, 3, 8, 2)
    assert (trained.steps, len(trained.step_losses)) == (trained.epochs[-1].step, trained.steps)
    assert trained.tokens == Tokens((24 * 20 + 308) / 25, longest=308, cut=1)
    assert json.loads(json.dumps(trained.arguments)) == trained.arguments
    assert str(tmp_path) not in json.dumps(trained.arguments)
    assert "learning_rate" in trained.changed
    assert "adam_beta1" not in trained.changed
    assert set(trained.versions) >= {"python", "sentence-transformers", "transformers", "torch"}
    assert trained.device


def test_the_preset_card_runs_with_the_values_of_the_seed_card(tmp_path: Path, recipe: Recipe) -> None:
    """It is the baseline that every other recipe has to beat."""
    card = dataclasses.replace(PRESETS["legacy-70"], base=recipe.base)
    trained = trainer.train(labelled(8), card, tmp_path / "out")
    expected = {
        "learning_rate": 5e-5,
        "per_device_train_batch_size": 16,
        "num_train_epochs": 1,
        "seed": 42,
        "optim": "adamw_torch_fused",
        "lr_scheduler_type": "linear",
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_epsilon": 1e-8,
        "max_grad_norm": 1.0,
        "gradient_accumulation_steps": 1,
        "bf16": False,
        "fp16": False,
        "eval_strategy": "no",
    }
    assert {name: trained.arguments[name] for name in expected} == expected
    assert (trained.positive_weight, trained.steps, trained.best_epoch) == (None, 2, 1)
    assert PRESETS["legacy-70"].base == "cross-encoder/ms-marco-MiniLM-L6-v2"
    assert PRESETS["legacy-70"].max_tokens == 512
    assert set(PRESETS) == {"default", "legacy-70"}


def test_the_folder_is_an_ordinary_cross_encoder(tmp_path: Path, recipe: Recipe) -> None:
    """Whoever has sentence-transformers can use it without us."""
    from sentence_transformers import CrossEncoder

    trained = trainer.train(labelled(8), dataclasses.replace(recipe, max_tokens=64), tmp_path / "out")
    model = CrossEncoder(str(trained.folder), local_files_only=True)
    assert (model.num_labels, model.max_seq_length) == (1, 64)
    assert len(model.predict([(QUERY, "door")], show_progress_bar=False)) == 1
    assert not (trained.folder / "README.md").exists(), "the library's card quotes the training pairs"


def test_training_is_silent_and_reports_every_step(
    tmp_path: Path, recipe: Recipe, capfd: pytest.CaptureFixture[str]
) -> None:
    """Standard output belongs to the protocol, and the bar to whoever called."""
    seen: list[tuple[int, int]] = []
    recipe = dataclasses.replace(recipe, validation_share=0.2, patience=9)
    pairs = [*labelled(8), pair(8, " ".join(["lock"] * 300), 0)]
    trainer.train(pairs, recipe, tmp_path / "out", progress=lambda *step: seen.append(step))
    assert seen == [(step, seen[-1][1]) for step in range(seen[-1][1] + 1)]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("pairs", "changes", "error", "words"), [fault[1:] for fault in faults()], ids=[f[0] for f in faults()]
)
def test_what_cannot_be_trained_is_refused_with_a_way_out_and_leaves_nothing_behind(
    tmp_path: Path,
    recipe: Recipe,
    pairs: list[LabeledPair],
    changes: dict[str, Any],
    error: type[Exception],
    words: str,
) -> None:
    """A model that learned nothing looks like any other."""
    with pytest.raises(error, match=words):
        trainer.train(pairs, dataclasses.replace(recipe, **changes), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_not_overwritten(tmp_path: Path, recipe: Recipe) -> None:
    """It may be the model that is served."""
    with pytest.raises(TrainingError, match="exists; name a new folder"):
        trainer.train(labelled(4), recipe, tmp_path)
