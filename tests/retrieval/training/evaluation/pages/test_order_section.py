"""The page that says what learning changed is sent around: it must be right, whole and harmless."""

import re
from dataclasses import replace

import numpy as np
import pytest
from order_factory import asked, learned
from page_reader import HOSTILE, read, require_harmless

from retrieval.training.evaluation.pages.html_page import framed
from retrieval.training.evaluation.pages.learned_section import SHOWN
from retrieval.training.evaluation.pages.order_section import PARTS, order_section
from retrieval.training.evaluation.pages.svg_curves import Curve, drawn, ticks
from retrieval.training.order.changes import OrderChange, Point
from retrieval.training.order.climb import question_parts


def change(gains: list[float], **parts: object) -> OrderChange:
    """Make what an order changed: one question for each gain."""
    questions = tuple(asked(n, 12, 3, gain) for n, gain in enumerate(gains))
    climb = (Point(None, 0.5, 0.55), Point(("decay", 1.0), 0.53, 0.58))
    made = OrderChange(learned(), "0001-aaaaaaaa", questions, climb)
    return replace(made, **parts)  # type: ignore[arg-type]  # of any field


def test_the_verdict_comes_first_in_one_sentence() -> None:
    """Most readers read no further."""
    told = read(order_section(change([0.2] * 3 + [-0.1] + [0.0] * 20))).text
    assert "Promoted as 0001-aaaaaaaa: on 98 later commits, quality rises from 0.400 to 0.430" in told
    assert "(95 %: by +0.010 to +0.050). 3 got better, 1 worse, 20 stayed." in told
    assert told.index("Promoted as") < told.index("What it gains") < told.index("For whom")
    refused = read(order_section(change([0.0] * 9, learned=learned(False), version=None))).text
    assert "Refused, nothing has changed. It may be chance." in refused
    forced = read(order_section(change([0.0] * 9, learned=learned(False)))).text
    assert "Promoted by force, as 0001-aaaaaaaa, although the gate refused it: It may be chance." in forced
    nothing = replace(learned(False), moved={})
    told = read(order_section(OrderChange(nothing, None, (), ()))).text
    assert "Nothing was learned, nothing has changed. It may be chance." in told


def test_the_most_changed_stand_open_and_the_rest_is_folded() -> None:
    """Whoever doubts an order looks at whom it hurt most."""
    losses = [-0.01 * n for n in range(1, SHOWN + 4)]
    section = order_section(change(losses))
    assert "Worse: 11" in section
    assert "<summary>3 more, which changed less</summary>" in section
    order = [int(number) for number in re.findall(r"Question (\d+)", section)]
    assert order == sorted(order, reverse=True)
    assert "<code><bdi>src/cart.py:1-2</bdi></code>" in section
    assert "and 1 more" in section
    assert "12 → 3" in section
    lost = asked(1, None, 50, 0.1)
    assert "&gt;50 → 50" in order_section(change([], questions=(lost,)))


@pytest.mark.parametrize("subject", HOSTILE)
def test_a_subject_is_text_and_nothing_else(subject: str) -> None:
    """Anybody who may commit would otherwise run a script in the browser of whoever opens the page."""
    require_harmless(lambda found: order_section(change([], questions=tuple(found))), subject)


def test_the_page_loads_nothing_and_is_the_same_every_time() -> None:
    """It is opened from a disk, perhaps years later."""
    section = order_section(change(list(np.linspace(-0.2, 0.4, 60))))
    text = framed("title", section)
    page = read(section)
    assert page.is_whole
    assert page.tags.count("svg") == 2
    assert not page.attributes & {"src", "onclick", "xlink:href"}
    assert re.findall(r"""(?:href|url)[=(]["']?([^"')>]*)""", text) == ["data:,"]
    assert section == order_section(change(list(np.linspace(-0.2, 0.4, 60))))
    assert text.count("<table") == text.count('<div class="wide"><table'), "else a phone moves the whole page"


@pytest.mark.parametrize("count", [1, 2, 3, 11, 12, 13])
def test_few_questions_are_drawn_or_left_out(count: int) -> None:
    """A division by no question would lose the page after minutes of work."""
    page = read(order_section(change([0.1] * count)))
    assert page.is_whole
    assert "nan" not in page.text.lower()


def test_every_weight_that_can_move_is_explained() -> None:
    """`phrase 0.75 -> 2` tells nobody anything."""
    assert set(question_parts()) <= set(PARTS)
    assert "What the second place of a file is worth" in order_section(change([0.1]))


def test_curves_lie_within_their_plot() -> None:
    """A curve outside its axes is a wrong number."""
    for values in ([0.5, 0.5], [-1e-9, 0.0], [1e6, -3.0, 4.0], [0.123456, 0.1234561]):
        text = drawn([Curve("a", values)], title="t", below="b")
        heights = [float(y) for y in re.findall(r"[\d.]+,([\d.-]+)", text.split("polyline")[1])]
        assert all(0 <= height <= 270 for height in heights)
        marks = ticks(min(values), max(values))
        assert marks[0] <= min(values) + 1e-6
        assert marks[-1] >= max(values) - 1e-6
        assert 2 <= len(marks) <= 8
