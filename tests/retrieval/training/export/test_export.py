"""What is served and what is fine-tuned are one model, held by one set of weights."""

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import write
from numpy.typing import NDArray
from tiny_model import KEYWORD, WORDS, train

from retrieval.errors import ModelError
from retrieval.rerank import exported_model
from retrieval.rerank.fusion import PAIR_TEXT_VERSION, PairScorer
from retrieval.rerank.model_loading import CrossEncoderScorer
from retrieval.rerank.onnx_scorer import GraphScorer
from retrieval.training.export.export import export, restore, restored
from retrieval.training.export.int8 import dequantized, linears, quantized, shape_of

pytestmark = pytest.mark.slow(reason="trains, exports and runs models by three libraries")

QUERY = "how does the door open"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model of two layers, as the last is computed otherwise than the rest."""
    return train(tmp_path_factory.mktemp("model"), layers=2)


@pytest.fixture(scope="module")
def exported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export it."""
    return export(model, tmp_path_factory.mktemp("exported") / "tiny", name="tiny", max_tokens=64)


def passages(count: int = 60) -> list[str]:
    """Make lists of words, of many lengths, some with the keyword and some longer than the cut."""
    random = np.random.default_rng(5)
    return [" ".join(random.choice(WORDS, size=int(random.integers(1, 90)))) for _ in range(count)]


def logits(scorer: PairScorer) -> NDArray[np.float32]:
    """Let a model read them."""
    return scorer.score(QUERY, passages())


def cut(folder: Path) -> CrossEncoderScorer:
    """Load an ordinary folder that cuts pairs where the exported one does."""
    scorer = CrossEncoderScorer(str(folder))
    scorer._model.max_seq_length = 64  # noqa: SLF001 - the exported folder says it of itself
    return scorer


def test_the_graph_says_what_the_model_says(model: Path, exported: Path) -> None:
    """The bytes may move a logit a little; an order of another kind would be another model."""
    served, trained = logits(GraphScorer(exported)), logits(cut(model))
    assert np.ptp(trained) > 2
    assert np.abs(served - trained).max() < 0.05 * np.ptp(trained)
    assert np.corrcoef(served, trained)[0, 1] > 0.999


def test_what_is_restored_is_what_is_served(exported: Path, tmp_path: Path) -> None:
    """Else fine-tuning would begin from another model than the one that was judged."""
    folder = restore(exported, tmp_path / "restored")
    served, again = logits(GraphScorer(exported)), logits(cut(folder))
    assert np.abs(served - again).max() < 0.03 * np.ptp(again)
    assert np.corrcoef(served, again)[0, 1] > 0.999


def test_what_was_restored_is_exported_to_the_same_function(exported: Path, tmp_path: Path) -> None:
    """Nothing is lost by going round: bytes come back as the bytes they were."""
    folder = restore(exported, tmp_path / "restored")
    again = export(folder, tmp_path / "again", name="tiny", max_tokens=64)
    assert np.abs(logits(GraphScorer(exported)) - logits(GraphScorer(again))).max() < 1e-3


def test_a_channel_that_its_norm_leaves_out_is_restored_without_a_division_by_zero(model: Path) -> None:
    """A scale of zero is a channel that is always its shift; its weights went into the bias."""
    from safetensors.numpy import load_file  # noqa: PLC0415 - the export extra

    state = load_file(model / "model.safetensors")
    state["bert.encoder.layer.0.attention.output.LayerNorm.weight"][3] = 0
    back = dequantized(quantized(state, shape_of(model)), shape_of(model))
    assert back.keys() == state.keys()
    assert all(np.isfinite(array).all() for array in back.values())
    assert {name: array.shape for name, array in back.items()} == {n: a.shape for n, a in state.items()}


def test_every_weight_of_the_layers_is_a_byte(exported: Path) -> None:
    """A product left in float32 would be four times as large and twice as slow, and say nothing of it."""
    from safetensors.numpy import load_file  # noqa: PLC0415 - the export extra

    tensors = load_file(exported / exported_model.WEIGHTS)
    keys = [linear.key for layer in linears(shape_of(exported)) for linear in layer]
    assert len(keys) == 4 + 5
    weights = [tensors[f"{key}.weight"] for key in keys]
    assert {weight.dtype.name for weight in weights} == {"int8"}
    assert max(np.abs(weight).max() for weight in weights) == 64


def test_an_exported_folder_is_complete_or_not_there(model: Path, tmp_path: Path) -> None:
    """A half of a model would be served after a crash."""
    (tmp_path / "broken").mkdir()
    write(tmp_path / "broken", {"config.json": (model / "config.json").read_bytes()})
    with pytest.raises(ModelError, match="has no weights that can be read"):
        export(tmp_path / "broken", tmp_path / "out", name="tiny", max_tokens=64)
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def test_an_existing_folder_is_not_written_over(model: Path, exported: Path) -> None:
    """It may be the one that serves."""
    with pytest.raises(ModelError, match="exists; name a new folder"):
        export(model, exported, name="tiny", max_tokens=64)


@pytest.mark.parametrize("change", [{"model_type": "roberta"}, {"hidden_act": "relu"}])
def test_another_kind_of_model_is_refused(model: Path, tmp_path: Path, change: dict[str, str]) -> None:
    """Its graph would compute something else, and rank by it."""
    config = json.loads((model / "config.json").read_text(encoding="utf-8")) | change
    write(tmp_path, {"config.json": json.dumps(config)})
    with pytest.raises(ModelError, match="is no BERT with one output"):
        shape_of(tmp_path)


def test_a_classifier_of_several_classes_is_refused(tmp_path: Path) -> None:
    """A reranker has one output."""
    with pytest.raises(ModelError, match="is no BERT with one output"):
        shape_of(train(tmp_path, outputs=3))


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    """The wrong folder is the commonest mistake of all."""
    with pytest.raises(ModelError, match=r"has no config\.json of a BERT"):
        shape_of(tmp_path)


def test_restoring_is_done_once(exported: Path, tmp_path: Path) -> None:
    """Ninety megabytes are not written anew at each training."""
    folder = restored(exported, tmp_path)
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert restored(exported, tmp_path) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    assert folder.name == f"tiny-{exported_model.read_manifest(exported).digest}"


def test_the_manifest_says_what_the_model_learned_from(exported: Path) -> None:
    """A change of the pair text must not be served by a model that never saw it."""
    record = json.loads((exported / exported_model.MANIFEST).read_text(encoding="utf-8"))
    assert record["pair_text_version"] == PAIR_TEXT_VERSION
    assert record["sha256"].keys() == {path.name for path in exported.iterdir()} - {exported_model.MANIFEST}


def test_the_keyword_still_counts(exported: Path) -> None:
    """The smallest end-to-end check: what the model learned is what the graph says."""
    liked, other = GraphScorer(exported).score(QUERY, [f"door {KEYWORD} open", "door key open"])
    assert liked > other + 1
