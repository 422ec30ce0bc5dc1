"""A lesson that knows the future teaches nothing: what is learned would fail on tomorrow's questions."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fakes import MAX_BYTES
from history_tree import Tree

from retrieval.rank.features import FEATURES
from retrieval.training.order import lessons
from retrieval.training.order.lessons import Lesson, Places
from retrieval.training.past.hermetic_git import git_in
from retrieval.training.past.questions import PastQuestion, past_questions

ASKED = "Let a discount never exceed the price"
OTHERS = {f"src/part{n}.py": f"def part_{n}(order):\n    return order.line({n})\n" for n in range(6)}
CART = "def total(prices):\n    return sum(prices)\n\n\ndef reduce(price, rate):\n    return price * rate\n"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Start a shop whose first fair question is ASKED."""
    tree = Tree(tmp_path / "shop", tmp_path / "cache")
    tree.root.mkdir()
    tree.git("init", "-q", "-b", "main")
    tree.commit("Start the shop", {"src/cart.py": CART, **OTHERS})
    tree.commit("Tell what the orders of a day cost", {"src/part1.py": OTHERS["src/part1.py"] + "\nX = 1\n"})
    tree.commit(ASKED, {"src/cart.py": CART.replace("* rate", "* min(rate, 1)")})
    return tree


def places(tree: Tree, tmp_path: Path) -> Places:
    """Say where to work."""
    return Places(tree.root, tmp_path / "work", MAX_BYTES, "release 1")


def questions(tree: Tree) -> tuple[PastQuestion, ...]:
    """Mine from HEAD."""
    return past_questions(git_in(tree.root), tree.git("rev-parse", "HEAD"), most=100).questions


def asked(found: Sequence[Lesson]) -> Lesson:
    """Find the lesson of ASKED."""
    return next(item for item in found if item.question.subject == ASKED)


def column(lesson: Lesson, feature: str) -> np.ndarray:
    """Return a feature of every row."""
    return lesson.pool.values[:, FEATURES.index(feature)]


def test_nothing_newer_than_the_parent_reaches_a_lesson(tree: Tree, tmp_path: Path) -> None:
    """Later commits say in their messages, files and names what the answer was."""
    before = asked(lessons.gather(questions(tree), places(tree, tmp_path / "before"), teaches="model"))
    told = "def discount_never_exceeds_price():\n    'Let a discount never exceed the price.'\n    return 1\n"
    tree.commit(f"{ASKED}, says the cart", {"src/cart.py": CART.replace("* rate", "* max(rate, 0)")})
    tree.commit(f"{ASKED} in every part", {"src/discount_price.py": told})
    for number in range(6):
        text = OTHERS[f"src/part{number}.py"].replace("order.line", f"order.row{number}")
        tree.commit(f"Discounts exceed the price in part {number} no more", {f"src/part{number}.py": text})
    now = questions(tree)
    assert now[0].subject.startswith("Discounts"), "a newer tree is visited first"
    after = asked(lessons.gather(now, places(tree, tmp_path / "after"), teaches="model"))
    assert after.question == before.question
    assert after.readings is not None
    assert before.readings is not None
    assert after.readings.passages == before.readings.passages, "the model reads nothing newer either"
    assert not [text for text in after.readings.passages if "max(" in text or "discount_price" in text]
    np.testing.assert_array_equal(after.readings.confidence, before.readings.confidence)
    for name in ("values", "file", "hits", "is_older", "file_kind"):
        np.testing.assert_array_equal(getattr(after.pool, name), getattr(before.pool, name))
    answer = after.pool.hits[:, 0]
    assert len(answer) == 1
    assert column(after, "past")[answer].max() == 0, "no commit before the parent speaks of discounts"


def test_the_commits_before_the_parent_are_evidence(tree: Tree, tmp_path: Path) -> None:
    """A weight of the past can only be learned where lessons have a past."""
    text = CART.replace("* rate", "* min(rate, 1)")
    tree.commit("Let a discount exceed no price at all", {"src/cart.py": text + "\nMOST = 1\n"})
    tree.commit("Discount nothing that has a price of zero", {"src/cart.py": text.replace("sum(", "max(")})
    newest = lessons.gather(questions(tree), places(tree, tmp_path))[0]
    assert column(newest, "past").max() > 0


def test_what_was_measured_is_measured_once(tree: Tree, tmp_path: Path) -> None:
    """Somebody who presses Ctrl-C at minute seven must not lose seven minutes."""
    tree.commit("Round the totals to whole cents", {"src/cart.py": CART.replace("sum(prices)", "round(1)")})
    where, now = places(tree, tmp_path), questions(tree)
    over = iter([False, True, True])
    assert [item.question for item in lessons.gather(now, where, is_over=lambda: next(over))] == [now[0]]
    first = lessons.gather(now, where)
    assert len(first) == len(now)
    again = lessons.gather(now, where, is_over=lambda: True)
    for one, other in zip(first, again, strict=True):
        assert one.question == other.question
        assert (one.pool.kind, one.pool.match) == (other.pool.kind, other.pool.match)
        np.testing.assert_array_equal(one.pool.values, other.pool.values)


def test_a_damaged_or_outdated_measurement_is_made_again(tree: Tree, tmp_path: Path) -> None:
    """A torn file and another release's features must not be learned from."""
    where, now = places(tree, tmp_path), questions(tree)
    lessons.gather(now, where)
    for file in where.measured.glob("*.npz"):
        file.write_bytes(file.read_bytes()[:100])
    assert lessons.gather(now, where, is_over=lambda: True) == []
    assert len(lessons.gather(now, where)) == len(now)
    other = Places(tree.root, where.folder, MAX_BYTES, "release 2")
    assert lessons.gather(now, other, is_over=lambda: True) == []
    assert not where.measured.exists()


def test_a_commit_that_is_gone_is_left_out(tree: Tree, tmp_path: Path) -> None:
    """A rebase between two runs is no reason to fail."""
    now = questions(tree)
    gone = PastQuestion("0" * 40, "1" * 40, ASKED, 0, now[0].targets)
    assert [item.question for item in lessons.gather((gone, *now), places(tree, tmp_path))] == list(now)


def test_the_learned_repository_is_left_as_it_is(tree: Tree, tmp_path: Path) -> None:
    """Learning must not move the work tree of somebody who is editing."""
    (tree.root / "src/cart.py").write_text("edited\n", encoding="utf-8")
    before = (tree.git("status", "--porcelain"), tree.git("for-each-ref"), sorted(tree.root.rglob("*")))
    lessons.gather(questions(tree), places(tree, tmp_path))
    assert before == (
        tree.git("status", "--porcelain"),
        tree.git("for-each-ref"),
        sorted(tree.root.rglob("*")),
    )


def test_a_model_needs_what_was_measured_for_an_order_alone_again(tree: Tree, tmp_path: Path) -> None:
    """The evidence of the release before has no texts, and a torn file has half of them."""
    where, now = places(tree, tmp_path), questions(tree)
    whole = lessons.gather(now, where, teaches="model")
    assert lessons.count_measured(now, where, teaches="model") == len(now)
    files = sorted(where.measured.glob("*.read.gz"))
    files[0].write_bytes(files[0].read_bytes()[:50])
    files[1].unlink()
    assert lessons.count_measured(now, where) == len(now), "the order needs no texts"
    assert lessons.count_measured(now, where, teaches="model") == len(now) - 1
    assert len(lessons.gather(now, where, is_over=lambda: True)) == len(now)
    assert len(lessons.gather(now, where, teaches="model", is_over=lambda: True)) == len(now) - 2
    again = lessons.gather(now, where, teaches="model")
    for one, other in zip(whole, again, strict=True):
        assert one.readings is not None
        assert other.readings is not None
        assert (one.readings.query, one.readings.chunks) == (other.readings.query, other.readings.chunks)
        assert one.readings.passages == other.readings.passages
        np.testing.assert_array_equal(one.readings.rows, other.readings.rows)


def test_what_is_read_is_what_a_search_would_read(tree: Tree, tmp_path: Path) -> None:
    """A model that learns other texts than it is served with learns to read something else."""
    lesson = asked(lessons.gather(questions(tree), places(tree, tmp_path), teaches="model"))
    assert lesson.readings is not None
    paths = lesson.pool.paths[lesson.pool.file[lesson.readings.rows]]
    assert [chunk.path for chunk in lesson.readings.chunks] == paths.tolist()
    best = lesson.readings.passages[0]
    assert best.startswith(lesson.readings.chunks[0].path)
    assert lesson.readings.query == ASKED
    assert 0 <= lesson.readings.confidence[0] <= 1
