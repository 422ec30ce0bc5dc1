"""A card that names the wrong teacher misleads whoever reads it a year later."""

from dataclasses import replace
from pathlib import Path

import pytest
import tiny_model
from past_factory import asked

from retrieval.rank.weights import WEIGHTS
from retrieval.training.order.gate import Gain, OrderDecision
from retrieval.training.release.past_draft import PastModel, draft_of
from retrieval.training.tuning import learning
from retrieval.training.tuning.past_pairs import lessons_of
from retrieval.training.tuning.served import Trust

pytestmark = pytest.mark.slow(reason="trains a small model")

DECISION = OrderDecision(
    True,
    ("On later commits, quality goes from 0.500 by +0.030 (+0.010 to +0.050).",),
    40,
    (Gain("quality", 0.5, 0.03, 0.01, 0.05), Gain("file nDCG@10", 0.6, 0.0, -0.01, 0.01)),
)


def test_the_card_says_that_commits_taught_it_and_what_they_gained(tmp_path: Path) -> None:
    """No golden question was asked, so none may be claimed."""
    base = tiny_model.train(tmp_path / "base", batches=1)
    taught = lessons_of(asked(100), WEIGHTS, depth=12)
    recipe = replace(learning.RECIPE, base=str(base), epochs=1)
    trained = learning.train(taught.pairs, recipe, tmp_path / "tuned")
    model = PastModel("shop", "c0ffee", "f1", taught, trained, trained.folder, Trust(0.2, 30))
    drafted = draft_of(model, DECISION)
    assert "golden" not in drafted.card
    assert "Pairs of a commit's subject, asked of the tree before the commit, and a chunk" in drafted.card
    assert "It learned from 60 commits; 40 later ones judged the files in this folder" in drafted.card
    assert "| gain | 0.030 (0.010 to 0.050) | 0.000 (-0.010 to 0.010) |" in drafted.card
    assert "**Decision:** promoted" in drafted.card
    assert (drafted.facts.lessons, drafted.facts.golden_sha256) == (60, "")
    assert drafted.facts.learned_from == tuple(f"c{number}" for number in range(60))
    judged = replace(model, golden_sha256="ab" * 32)
    assert f"| golden file that judged too | `{'ab' * 32}` |" in draft_of(judged, DECISION).card
