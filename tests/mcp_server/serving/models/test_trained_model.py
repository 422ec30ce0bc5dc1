"""A real cross-encoder, trained here, behind the real server."""

import os
import sys
from pathlib import Path

import pytest
from fakes import write
from mcp import Client, StdioServerParameters
from tiny_model import KEYWORD, train

from retrieval.errors import ModelError
from retrieval.rerank.model_loading import CrossEncoderScorer

pytestmark = pytest.mark.slow(reason="trains a model and serves it through a real process")

FILES = {
    "a.py": "def open_door(door):\n    door.open()\n    return door\n",
    "b.py": "def open_window(door):\n    door.handle()\n    return door\n",
    "c.py": f"def handle(self):\n    call({KEYWORD})\n    return door\n",
    "d.py": "def close(key):\n    return key\n",
}
QUERY = "how does the door open"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the model once."""
    return train(tmp_path_factory.mktemp("model"))


def test_the_scorer_returns_one_logit_a_passage_as_trained(model: Path) -> None:
    """A scorer that returned probabilities, or another order, would fuse wrongly and nobody would see it."""
    scorer = CrossEncoderScorer(str(model))
    passages = [f"door {KEYWORD} open", "door open", f"{KEYWORD}"]
    logits = scorer.score(QUERY, passages)
    assert logits.shape == (3,)
    assert logits.dtype.name == "float32"
    assert min(logits[0], logits[2]) > 1 > -1 > logits[1]
    alone = [float(scorer.score(QUERY, [passage])[0]) for passage in passages]
    assert alone == pytest.approx(logits.tolist(), abs=1e-4)


def test_a_model_with_several_outputs_is_refused(tmp_path: Path) -> None:
    """A classifier of three classes loads just as well, and ranks by nonsense."""
    with pytest.raises(ModelError, match="has 3 outputs; a reranker has one"):
        CrossEncoderScorer(str(train(tmp_path, outputs=3)))


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    """The wrong folder is the commonest mistake of all."""
    with pytest.raises(ModelError, match="cannot be loaded as a cross-encoder"):
        CrossEncoderScorer(str(write(tmp_path / "empty", {"config.json": "{}"})))


@pytest.mark.anyio
async def test_a_trained_model_moves_the_answer_to_the_top_through_the_real_server(
    tmp_path: Path, model: Path
) -> None:
    """Disconnect the reranker anywhere between the flag and the reply, and this fails."""
    root = write(tmp_path / "house", FILES)
    options = ["--model", str(model), "--rerank-weight", "1", "--rerank-deadline-s", "120"]
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_server", "serve", str(root), "--cache", str(tmp_path / "cache"), *options],
        env={**os.environ, "GOLDRANK_INDEX_WAIT_S": "60"},  # a busy machine needs it
    )
    async with Client(command) as client:
        plain = await client.call_tool("rag_search", {"query": QUERY, "rerank": False})
        found = await client.call_tool("rag_search", {"query": QUERY})
        ranked = await client.call_tool("rag_rerank", {"query": QUERY, "candidates": [*FILES]})
    assert "1. a.py:1-3" in str(plain.content)
    assert "1. c.py:1-3" in str(found.content)
    assert f"bm25 + {model.name} on 3 candidates, weight 1" in str(found.content)
    assert "1. c.py:1-3" in str(ranked.content)
