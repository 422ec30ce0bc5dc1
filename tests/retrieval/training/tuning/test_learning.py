"""The model's learning from lessons to a decision, with a real training of a small model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_model
from past_factory import asked
from trainings import is_same

from retrieval.errors import CancelledError
from retrieval.rank.weights import WEIGHTS
from retrieval.rerank.model_loading import open_scorer
from retrieval.training.fit.recipe import Loss
from retrieval.training.order.gate import VALUE
from retrieval.training.tuning import learning
from retrieval.training.tuning.learning import RECIPE, Judges, Serving, Watch
from retrieval.training.tuning.past_pairs import lessons_of
from retrieval.training.tuning.served import Trust, in_order

pytestmark = pytest.mark.slow(reason="trains a small model several times")

TRUST = Trust(weight=0.2, depth=12)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a base that likes another word than the one that answers."""
    return tiny_model.train(tmp_path_factory.mktemp("base"), batches=20)


@pytest.mark.parametrize(
    ("loss", "teacher_share"), [("listnet", 0.0), ("marginmse", 0.0), ("marginmse", 0.5)]
)
def test_a_model_learns_what_answers_and_may_serve(
    base: Path, tmp_path: Path, loss: Loss, teacher_share: float
) -> None:
    """Lessons, training, fusion and gate agree on what an answer is."""
    taught = lessons_of(asked(160), WEIGHTS, depth=12)
    recipe = replace(
        RECIPE, base=str(base), loss=loss, teacher_share=teacher_share, learning_rate=5e-3, epochs=4, keep=1
    )
    trained = learning.train(taught.pairs, recipe, tmp_path / "tuned")
    assert trained.counts.questions == taught.questions == 96
    judges = Judges(in_order(taught.later, WEIGHTS, depth=12))
    before, after = (Serving(open_scorer(str(folder)), TRUST) for folder in (base, trained.folder))
    found = learning.judge(judges, before, after)
    assert found.decision.promote, found.decision.reasons
    quality = next(item for item in found.decision.gains if item.measure == VALUE)
    assert quality.low > 0
    assert np.mean([item.gain for item in found.questions]) == pytest.approx(quality.gain)
    assert [item.commit for item in found.questions] == [f"c{n}" for n in range(96, 160)]
    assert all(item.gain >= 0 for item in found.questions if item.before and item.after == 1)
    assert not learning.judge(judges, after, after).decision.promote


def test_wrong_answers_teach_nothing_that_serves(base: Path, tmp_path: Path) -> None:
    """What is promoted must have been understood, so lessons whose answers are chance must be refused."""
    known = asked(160, answer="")
    taught = lessons_of(known, WEIGHTS, depth=12)
    trained = learning.train(
        taught.pairs, replace(RECIPE, base=str(base), learning_rate=5e-3), tmp_path / "tuned"
    )
    judges = Judges(in_order(taught.later, WEIGHTS, depth=12))
    before, after = (Serving(open_scorer(str(folder)), TRUST) for folder in (base, trained.folder))
    assert not learning.judge(judges, before, after).decision.promote


def test_an_interrupted_training_goes_on_and_a_finished_one_is_made_anew(base: Path, tmp_path: Path) -> None:
    """Somebody who presses Ctrl-C loses one epoch at most, and never serves half a model."""
    pairs = lessons_of(asked(60), WEIGHTS, depth=12).pairs
    recipe = replace(RECIPE, base=str(base), epochs=2)
    whole = learning.train(pairs, recipe, tmp_path / "whole")
    done = [0]
    watch = Watch(lambda _what, step, _total: done.append(step), lambda: done[-1] >= whole.steps // 2 + 1)
    with pytest.raises(CancelledError):
        learning.train(pairs, recipe, tmp_path / "tuned", watch=watch)
    assert not (tmp_path / "tuned").exists()
    resumed = learning.train(pairs, recipe, tmp_path / "tuned")
    assert resumed.resumed_at
    assert is_same(resumed.folder, whole.folder)
    assert is_same(learning.train(pairs, recipe, tmp_path / "tuned").folder, whole.folder)
