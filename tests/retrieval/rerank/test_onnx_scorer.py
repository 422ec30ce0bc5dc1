"""The served graph: the same numbers however pairs are shared out, and nothing heavy or curious loaded."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_model import KEYWORD, train

from retrieval.errors import ModelError
from retrieval.rerank import exported_model, onnx_scorer
from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.rerank.onnx_scorer import GraphScorer
from retrieval.training.export.export import export

QUERY = "how does the door open"
PASSAGES = ["door", f"{KEYWORD} door", "door " * 90, "", "key window", "key window", "ключ \ud800 door"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export a model once."""
    folder = tmp_path_factory.mktemp("graph")
    return export(train(folder / "model"), folder / "tiny", name="tiny", max_tokens=64)


def test_a_pair_has_one_score_whatever_stands_beside_it(exported: Path) -> None:
    """Batches, cores and what was kept must not show: the same question gives the same order."""
    together = GraphScorer(exported, cores=3).score(QUERY, PASSAGES)
    assert together.shape == (len(PASSAGES),)
    assert together.dtype == np.float32
    alone = [float(GraphScorer(exported, cores=1).score(QUERY, [passage])[0]) for passage in PASSAGES]
    assert together.tolist() == alone
    assert GraphScorer(exported).score(QUERY, []).shape == (0,)


def test_a_question_that_is_asked_again_is_not_computed_again(exported: Path) -> None:
    """Agents repeat themselves; a graph that is gone cannot have been run."""
    scorer = GraphScorer(exported)
    first = scorer.score(QUERY, PASSAGES)
    scorer._session = None  # noqa: SLF001 - whoever runs it now fails
    assert scorer.score(QUERY, PASSAGES).tolist() == first.tolist()
    with pytest.raises(AttributeError):
        scorer.score("another question", PASSAGES)


def test_question_and_passage_are_kept_apart(exported: Path) -> None:
    """One text may be parted in many ways."""
    scorer = GraphScorer(exported)
    assert (
        scorer.score("door open", [f"key {KEYWORD}"])[0] == scorer.score("door open", [f"key {KEYWORD}"])[0]
    )
    assert scorer.score("door openkey ", [KEYWORD])[0] != scorer.score("door open", [f"key {KEYWORD}"])[0]


def test_what_is_kept_is_bounded(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server lives for weeks; the scores used longest ago go first, and none that is being returned."""
    monkeypatch.setattr(onnx_scorer, "KEPT_SCORES", 3)
    scorer = GraphScorer(exported)
    scorer.score(QUERY, ["one", "two", "three"])
    scorer.score(QUERY, ["one"])
    assert scorer.score(QUERY, ["four", "five"]).shape == (2,)
    kept = scorer._scores  # noqa: SLF001 - what is kept does not show otherwise
    assert list(kept) == [onnx_scorer._key(QUERY, passage) for passage in ("one", "four", "five")]  # noqa: SLF001
    assert scorer.score(QUERY, PASSAGES).shape == (len(PASSAGES),)
    assert len(kept) == 3


def test_a_damaged_graph_is_refused(exported: Path, tmp_path: Path) -> None:
    """Onnxruntime's own words say nothing to a user."""
    folder = Path(shutil.copytree(exported, tmp_path / "damaged"))
    (folder / exported_model.GRAPH).write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"is damaged: graph\.onnx"):
        GraphScorer(folder)
    exported_model.seal(folder, name="tiny", max_tokens=64, pair_text_version=PAIR_TEXT_VERSION)
    with pytest.raises(ModelError, match=r"graph\.onnx cannot be loaded"):
        GraphScorer(folder)


SERVE = """
import sys
from pathlib import Path
from retrieval.rerank.onnx_scorer import GraphScorer
from retrieval.rerank.fusion import PAIR_TEXT_VERSION
print(GraphScorer(Path(sys.argv[1])).score("door", ["key"]).shape)
heavy = {"torch", "transformers", "sentence_transformers", "huggingface_hub", "onnx", "datasets"}
print(sorted(heavy & sys.modules.keys()))
"""


def test_nothing_of_training_is_loaded_to_serve(exported: Path) -> None:
    """Torch alone costs two seconds of CPU, sentence-transformers seven."""
    done = subprocess.run(
        [sys.executable, "-c", SERVE, exported], capture_output=True, check=True, env={**os.environ}
    )
    assert done.stdout.decode().splitlines() == ["(1,)", "[]"]


def test_the_library_that_computes_has_no_telemetry() -> None:
    """Releases from 1.29 on report to their makers; a server for private code must not."""
    import onnxruntime

    folder = Path(onnxruntime.__file__).parent
    libraries = [path for path in folder.rglob("*") if ".so" in path.suffixes or path.suffix == ".dylib"]
    assert libraries
    assert not [path for path in libraries if b"OneCollector" in path.read_bytes()]
