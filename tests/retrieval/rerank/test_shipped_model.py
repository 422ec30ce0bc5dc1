"""The model that comes with goldrank: small, whole, and one model whether it serves or is fine-tuned."""

from pathlib import Path

import numpy as np
import pytest
from fakes import first_stage, repository

from retrieval.rerank import exported_model
from retrieval.rerank.excerpt import excerpt
from retrieval.rerank.fusion import pair_text
from retrieval.rerank.model_loading import load_cross_encoder
from retrieval.rerank.onnx_scorer import GraphScorer
from retrieval.training.export.export import restore

pytestmark = pytest.mark.slow(
    reason="indexes this repository and reads with the model that comes with goldrank"
)

MOST_BYTES = 25_000_000
QUESTIONS = (
    "where are retries scheduled",
    "how is a file cut into chunks",
    "which files are left out and why",
)


def test_it_is_small_enough_to_be_installed_with_everything() -> None:
    """Who installs goldrank downloads it, wanted or not."""
    assert sum(path.stat().st_size for path in exported_model.FOLDER.iterdir()) <= MOST_BYTES


def test_it_is_what_was_exported() -> None:
    """A commit that changed a byte of it would leave every user without a second stage."""
    assert exported_model.read_manifest(exported_model.FOLDER).name.startswith(exported_model.NAME)


def test_serving_and_fine_tuning_begin_with_the_same_model(tmp_path: Path) -> None:
    """The graph and the CrossEncoder that is restored of it order real candidates alike."""
    opened = repository(Path(__file__).parents[3], tmp_path / "cache")
    graph = GraphScorer(exported_model.FOLDER)
    max_tokens = exported_model.read_manifest(exported_model.FOLDER).max_tokens
    full = load_cross_encoder(
        str(restore(exported_model.FOLDER, tmp_path / "restored")), revision="", max_tokens=max_tokens
    )
    from torch.nn import Identity

    for question in QUESTIONS:
        found = opened.view().chunk_texts(candidate.chunk for candidate in first_stage(opened, question))
        texts = [excerpt(question, pair_text(passage.chunk, passage.text)) for passage in found]
        pairs = [(question, text) for text in texts]
        said = full.predict(pairs, show_progress_bar=False, activation_fn=Identity())
        assert np.corrcoef(said, graph.score(question, texts))[0, 1] > 0.97
