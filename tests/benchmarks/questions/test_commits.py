"""The mined set is only worth measuring on if its questions are fair and its lines are exact."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes import git, write

from benchmarks.questions import commits
from retrieval.training.past.hermetic_git import git_in

CART = """\
import os


def total(prices):
    return sum(prices)


def discount(price, rate):
    # a rate of 1 is the whole price
    return price - price * rate


def label(item):
    return item.name
"""


class History:
    """A repository that grows commit by commit."""

    def __init__(self, root: Path) -> None:
        """Start with a shop of one file."""
        self.root = write(root, {"LICENSE": "Permission is hereby granted, free of charge, to any person\n"})
        git(root, "init", "-q", "-b", "main")
        self.commit("Start the shop", {"shop/cart.py": CART})

    def commit(
        self, subject: str, files: Mapping[str, str], *, author: str = "Ann <ann@shop.example>"
    ) -> None:
        """Write files and commit everything."""
        write(self.root, files)
        git(self.root, "add", "-A")
        git(self.root, "commit", "-q", "--allow-empty", "-m", subject, "--author", author)

    def edit(self, subject: str, old: str, new: str, *, author: str = "Ann <ann@shop.example>") -> None:
        """Replace text of the cart and commit."""
        text = (self.root / "shop/cart.py").read_text(encoding="utf-8")
        assert old in text
        self.commit(subject, {"shop/cart.py": text.replace(old, new)}, author=author)

    def mined(self) -> list[dict[str, Any]]:
        """Mine the history from its newest commit."""
        mine = git_in(self.root)
        return commits.mine(mine, "shop/cart", git(self.root, "rev-parse", "HEAD").strip())


@pytest.fixture
def history(tmp_path: Path) -> History:
    """Start a history."""
    return History(tmp_path / "repo")


def test_a_changed_line_is_the_target_in_the_parent(history: History) -> None:
    """Line numbers of the commit itself would point beside the code that is searched."""
    history.edit("fix(cart): ignore prices below zero (#12)", "import os\n", "import os\n\nEMPTY = ()\n")
    parent = git(history.root, "rev-parse", "HEAD").strip()
    history.edit("Let a discount never exceed the price", "price * rate", "price * min(rate, 1)")
    row = history.mined()[-1]
    assert row["query"] == "Let a discount never exceed the price"
    assert row["commit"] == parent
    assert row["targets"] == [{"path": "shop/cart.py", "start": 12, "end": 12}]


def test_an_insertion_is_found_at_the_line_before_and_the_next(history: History) -> None:
    """New code has no old lines, but it has a place."""
    history.edit(
        "Round the total to whole cents", "    return sum(prices)\n", "    return sum(prices)\n    check()\n"
    )
    assert [row["targets"] for row in history.mined()] == [[{"path": "shop/cart.py", "start": 5, "end": 6}]]


def test_hunks_that_one_look_shows_together_are_one_target(history: History) -> None:
    """Two neighbouring lines are one answer; distant ones are two."""
    changed = CART.replace("def discount(price, rate)", "def discount(price, rate=0)").replace(
        "price - price * rate", "price * (1 - rate)"
    )
    history.commit(
        "Make the rate of a discount optional",
        {"shop/cart.py": changed.replace("item.name", "item.name.title()")},
    )
    spans = [(target["start"], target["end"]) for target in history.mined()[0]["targets"]]
    assert spans == [(8, 10), (14, 14)]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a rate of 1 is the whole price", "# rates go from 0 to 1"),
        ("import os", "import sys"),
        ("    return item.name", "        return item.name"),
        ("import os\n", "import os\nfrom shop import (\n    coin,\n)\n"),
        ("def label(item):\n", 'def label(item):\n    """Name an item."""\n'),
    ],
)
def test_a_change_of_what_the_code_does_not_do_is_no_question(history: History, old: str, new: str) -> None:
    """Comments, imports and white space answer nobody's question."""
    history.edit("Say more clearly what a rate means", old, new)
    assert history.mined() == []


@pytest.mark.parametrize(
    "files",
    [
        {"tests/test_cart.py": "assert total([]) == 0\n"},
        {"docs/cart.md": "# The cart\n"},
        {"shop/coin.py": "COIN = 1\n"},
        {f"shop/data{number}.txt": "1\n" for number in range(6)},
    ],
)
def test_a_commit_that_adds_code_or_changes_none_is_no_question(
    history: History, files: Mapping[str, str]
) -> None:
    """What is new cannot be found in the tree before it."""
    history.commit("Count the coins of a cart twice", files)
    assert history.mined() == []


def test_renamed_code_is_no_question(history: History) -> None:
    """The old lines are as good an answer as the new place, and neither was asked for."""
    git(history.root, "mv", "shop/cart.py", "shop/basket.py")
    history.commit("Call the cart a basket everywhere", {})
    assert history.mined() == []


def test_programs_and_merges_ask_no_questions(history: History) -> None:
    """A bot's subject says what a machine did."""
    history.edit(
        "Let a discount never exceed the price", "price * rate", "rate", author="renovate[bot] <b@b.example>"
    )
    git(history.root, "checkout", "-q", "-b", "side", "HEAD~1")
    history.commit("Count the coins of a cart twice", {"notes.txt": "1\n"})
    git(history.root, "checkout", "-q", "main")
    git(history.root, "merge", "-q", "--no-ff", "-m", "Keep every price above zero again", "side")
    assert history.mined() == []


def test_a_subject_that_repeats_is_no_question(history: History) -> None:
    """Nobody can tell which of two places is meant."""
    history.edit("Keep every price above zero", "price * rate", "max(0, price * rate)")
    history.edit("Keep every price above zero (#4)", "sum(prices)", "max(0, sum(prices))")
    assert history.mined() == []


def test_work_beside_the_main_line_is_mined_where_branches_are_merged(history: History) -> None:
    """First parents alone would leave out nearly all work of such a project."""
    for number in range(3):
        git(history.root, "checkout", "-q", "-b", f"side{number}", "main")
        history.edit(
            f"Let the discount grow by step {number} of the season",
            "price * rate",
            f"price * rate * {number}",
        )
        git(history.root, "checkout", "-q", "main")
        git(history.root, "merge", "-q", "--no-ff", "-m", "Merge", f"side{number}")
        history.edit(f"Restore the plain rate for round {number} of sales", f" * {number}", "")
    assert len(history.mined()) == 6
    assert len({row["commit"] for row in history.mined()}) == 6


def test_the_same_history_makes_the_same_bytes(
    history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The set is not committed, so its checksum must say whether somebody has the same one."""
    mirror = tmp_path / "mirrors/shop+cart"
    mirror.mkdir(parents=True)
    history.edit("Let a discount never exceed the price", "price * rate", "price * min(rate, 1)")
    git(tmp_path, "clone", "-q", "--bare", str(history.root), str(mirror / "repo"))
    manifest, out = tmp_path / "manifest.json", tmp_path / "lines.jsonl"
    manifest.write_text('{"repositories": [{"repo": "shop/cart"}]}', encoding="utf-8")
    arguments = ["--mirrors", str(mirror.parent), "--manifest", str(manifest), "--out", str(out)]
    commits.main([*arguments, "--pin"])
    pinned, first = json.loads(manifest.read_text(encoding="utf-8")), out.read_bytes()
    git(mirror / "repo", "symbolic-ref", "HEAD", "refs/heads/gone")  # what is pinned does not move with HEAD
    commits.main(arguments)
    assert out.read_bytes() == first
    assert pinned["sha256"] in capsys.readouterr().out
    entry = pinned["repositories"][0]
    assert (entry["language"], entry["licence"], entry["questions"]) == ("python", "MIT", 1)
