"""What the page says of a model that commits taught is right, whole and harmless, as of an order."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from order_factory import asked, learned
from page_reader import HOSTILE, read, require_harmless

from retrieval.training.evaluation.pages.html_page import framed
from retrieval.training.evaluation.pages.learned_section import Learned
from retrieval.training.evaluation.pages.model_section import ModelChange, model_section
from retrieval.training.evaluation.pages.order_section import order_section
from retrieval.training.fit.training_record import Counts, Epoch, Tokens, Trained
from retrieval.training.order.changes import Change, OrderChange
from retrieval.training.tuning.learning import RECIPE


def trained(losses: list[float], **parts: object) -> Trained:
    """Make the record of a training of one epoch."""
    made = Trained(
        folder=Path("tuned"),
        recipe=replace(RECIPE, base="base", keep=0.25),
        steps=len(losses),
        resumed_at=0,
        seconds=90.0,
        step_losses=tuple(losses),
        epochs=(Epoch(1, len(losses), float(np.mean(losses)), None),),
        best_epoch=1,
        counts=Counts(1520, 320, 1200, 146, 146, 0, 0),
        tokens=Tokens(60.0, 130, 0),
        positive_weight=None,
        arguments={},
        changed=(),
        versions={},
        device="cpu",
    )
    return replace(made, **parts)  # type: ignore[arg-type]  # of any field


def change(
    gains: list[float],
    *,
    promote: bool = True,
    version: str | None = "0001-aaaaaaaa",
    questions: tuple[Change, ...] = (),
    unasked: int = 0,
) -> ModelChange:
    """Make what a model changed: one question for each gain."""
    found = questions or tuple(asked(n, 12, 3, gain) for n, gain in enumerate(gains))
    judged = Learned("model", learned(promote).decision, version, found, 146)
    return ModelChange(judged, trained([2.0, 1.0, 0.5]), 0.3, unasked)


def test_the_verdict_comes_first_then_the_training_and_for_whom() -> None:
    """A reader who stops after a sentence must know whether a new model serves."""
    page = read(model_section(change([0.2] * 3 + [-0.1] + [0.0] * 20, unasked=15)))
    told = page.text
    assert page.is_whole
    assert "Promoted as 0001-aaaaaaaa: on 98 later commits, quality rises from 0.400 to 0.430" in told
    assert "3 got better, 1 worse, 20 stayed." in told
    parts = ["The model", "Promoted as", "What it gains", "How it was trained", "For whom", "How it went"]
    assert [told.index(part) for part in parts] == sorted(told.index(part) for part in parts)
    assert "A search asks the model about 9 of the 24. The first stage alone answers the other 15" in told
    refused = read(model_section(change([0.0] * 9, promote=False, version=None))).text
    assert "Refused, nothing has changed. It may be chance." in refused
    assert "A search asks the model about all 9." in refused
    forced = read(model_section(change([0.0] * 9, promote=False))).text
    assert "Promoted by force, as 0001-aaaaaaaa, although the gate refused it" in forced


def test_the_training_is_told_with_its_numbers() -> None:
    """A model that learned from twelve pairs for a second needs no further look."""
    told = read(model_section(change([0.1] * 20))).text
    for said in (
        "146 commits",
        "1,520: 320 that answer, 1,200 that do not",
        "1, in 3 steps",
        "marginmse; mean of each epoch: 1.167",
        "minutes1.5",
        "25% tuned, 75% of the base",
        "0.3; the first stage has 0.7",
    ):
        assert said in told
    resumed = replace(change([0.1]), trained=trained([1.0, 2.0], resumed_at=7))
    assert "1.5, after an interruption at step 7" in model_section(resumed)


@pytest.mark.parametrize("subject", HOSTILE)
def test_a_subject_is_text_and_nothing_else(subject: str) -> None:
    """Anybody who may commit would otherwise run a script in the browser of whoever opens the page."""
    require_harmless(lambda found: model_section(change([], questions=tuple(found))), subject)


@pytest.mark.parametrize("steps", [1, 2, 50, 51, 700])
@pytest.mark.parametrize("count", [0, 1, 2, 13])
def test_a_short_or_long_training_is_drawn_or_left_out(steps: int, count: int) -> None:
    """A division by nothing would lose the page after minutes of training."""
    losses = np.linspace(3, 0.1, steps).tolist()
    section = model_section(replace(change([0.1] * count), trained=trained(losses)))
    page = read(section)
    assert page.is_whole
    assert "nan" not in page.text.lower()
    points = re.findall(r'points="([^"]*)"', section)
    assert ("Loss over the training" in page.text) == (steps > 1)
    assert all(len(line.split()) <= 100 for line in points), "a page of 700 points is slow to open"


def test_an_order_and_a_model_share_a_page_that_is_the_same_every_time() -> None:
    """One learning is one page, and it is opened from a disk, perhaps years later."""

    def sections() -> str:
        found = tuple(asked(n, 2, 1, gain) for n, gain in enumerate(np.linspace(-0.2, 0.4, 60).tolist()))
        order = order_section(OrderChange(learned(False), None, (), ()))
        return f"{order}\n{model_section(change([], questions=found))}"

    page = read(sections())
    assert page.is_whole
    assert page.text.index("The order of results") < page.text.index("The model")
    text = framed("title", sections())
    assert re.findall(r"""(?:href|url)[=(]["']?([^"')>]*)""", text) == ["data:,"]
    assert sections() == sections()
