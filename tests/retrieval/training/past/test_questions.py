"""What a history asks decides what is learned from it, and a person must be able to see what was left out."""

from pathlib import Path

import pytest
from history_tree import Tree

from retrieval.training.past.followed_clone import FollowedClone
from retrieval.training.past.hermetic_git import git_in
from retrieval.training.past.questions import Mined, fair_questions, names_its_file, past_questions

CART = """\
def total(prices):
    return sum(prices)


def discount(price, rate):
    return price - price * rate
"""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Start a shop."""
    tree = Tree(tmp_path / "shop", tmp_path / "cache")
    tree.root.mkdir()
    tree.git("init", "-q", "-b", "main")
    tree.commit("Start the shop", {"shop/cart.py": CART})
    return tree


def edit(tree: Tree, message: str, old: str, new: str, author: str = "A <a@example.invalid>") -> str:
    """Replace text of the cart, and commit."""
    text = (tree.root / "shop/cart.py").read_text(encoding="utf-8")
    assert old in text
    return tree.commit(message, {"shop/cart.py": text.replace(old, new)}, author=author)


def mined(tree: Tree, most: int = 100) -> Mined:
    """Mine from HEAD."""
    return past_questions(git_in(tree.root), tree.git("rev-parse", "HEAD"), most=most)


def test_the_newest_question_comes_first_with_its_parent_and_time(tree: Tree) -> None:
    """Learning splits them by time, so their order is the meaning of the split."""
    first = edit(tree, "Let a discount never exceed the price", "* rate", "* min(rate, 1)")
    second = edit(tree, "fix: round totals to whole cents (#4)", "sum(prices)", "round(sum(prices))")
    newest, oldest = mined(tree).questions
    assert (newest.commit, newest.parent, newest.subject) == (second, first, "round totals to whole cents")
    assert (oldest.commit, oldest.targets[0].start, oldest.targets[0].end) == (first, 6, 6)
    assert newest.time >= oldest.time > 0
    assert mined(tree, most=1).questions == (newest,)


def test_what_asks_nothing_is_counted_by_reason(tree: Tree) -> None:
    """Three questions of a thousand commits needs an explanation."""
    edit(tree, "Let a discount never exceed the price", "* rate", "* min(rate, 1)")
    edit(tree, "Never let discounts exceed the price", "min(rate, 1)", "min(rate, 1.0)")
    edit(tree, "Let the cart add up whole cents", "sum(prices)", "round(sum(prices))")
    edit(tree, "Bump the version to 1.2.3 at last", "price -", "price  -")
    edit(tree, "Keep every price above zero again", "round(", "abs(", author="renovate[bot] <b@b.example>")
    tree.commit("Count the coins that are in a purse", {"shop/purse.py": "COINS = 1\n"})
    tree.git("checkout", "-q", "-b", "side", "HEAD~1")
    tree.commit("Say where the shop can be found", {"notes.txt": "1\n"})
    tree.git("checkout", "-q", "main")
    tree.git("merge", "-q", "--no-ff", "-m", "Merge the side", "side")
    found = mined(tree)
    assert [item.subject for item in found.questions] == ["Never let discounts exceed the price"]
    assert found.left_out == {
        "asked twice": 1,
        "names its file": 1,
        "subject asks nothing of the code": 1,
        "by a program": 1,
        "adds, moves or removes code": 1,
        "changes no code": 1,
        "merge": 1,
    }
    assert found.looked_at == 8


def test_a_question_that_names_its_file_is_left_out_of_lessons_alone(tree: Tree) -> None:
    """The benchmark's set stays as it is; an order that learned from these would trust names too much."""
    edit(tree, "Let the cart add up whole cents", "sum(prices)", "round(sum(prices))")
    assert mined(tree).questions == ()
    fair = list(fair_questions(git_in(tree.root), tree.git("rev-parse", "HEAD")))
    assert [item.subject for item in fair] == ["Let the cart add up whole cents"]
    assert names_its_file("Let Cart keep prices", fair[0].targets)
    assert not names_its_file("Let cartons keep prices", fair[0].targets)


def test_a_shallow_clone_is_mined_as_far_as_it_goes(tree: Tree, tmp_path: Path) -> None:
    """Build servers have the last fifty commits; that is no reason for a traceback."""
    edit(tree, "Let a discount never exceed the price", "* rate", "* min(rate, 1)")
    edit(tree, "Round totals to whole cents", "sum(prices)", "round(sum(prices))")
    tree.git("clone", "-q", "--depth", "2", f"file://{tree.root}", str(tmp_path / "shallow"))
    found = mined(Tree(tmp_path / "shallow", tree.cache))
    assert [item.subject for item in found.questions] == ["Round totals to whole cents"]
    clone = FollowedClone(tmp_path / "shallow", tmp_path / "clone")
    clone.check_out(found.questions[0].parent)
    assert "min(rate, 1)" in (clone.root / "shop/cart.py").read_text(encoding="utf-8")


def test_a_clone_follows_a_linked_work_tree_and_runs_none_of_its_programs(tree: Tree, tmp_path: Path) -> None:
    """A repository that is learned may be anyone's, and its hooks and filters are programs."""
    first = tree.git("rev-parse", "HEAD")
    second = edit(tree, "Round totals to whole cents", "sum(prices)", "round(sum(prices))")
    ran = tmp_path / "ran"
    tree.git("config", "filter.trap.smudge", f"touch {ran}; cat")
    (tree.root / ".git/info/attributes").write_text("* filter=trap\n", encoding="utf-8")
    hook = tree.root / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n", encoding="utf-8")
    hook.chmod(0o755)
    tree.git("-c", "core.hooksPath=/dev/null", "-c", "filter.trap.smudge=cat", "worktree", "add", "-q",
             "--detach", str(tmp_path / "linked"))  # fmt: skip
    clone = FollowedClone(tmp_path / "linked", tmp_path / "clone")
    for commit, text in ((second, "round("), (first, "return sum("), (second, "round(")):
        clone.check_out(commit)
        assert text in (clone.root / "shop/cart.py").read_text(encoding="utf-8")
    assert not ran.exists()
