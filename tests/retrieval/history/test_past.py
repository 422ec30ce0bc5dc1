"""What the past says of files: scores as rank-bm25 would give them, shared among the files of a commit."""

import math
import random
from itertools import pairwise
from pathlib import Path

from fakes import write
from history_tree import Tree, asked

from retrieval.history.past import EMPTY, FEW, MINOR, SPREAD
from retrieval.index.bm25 import bm25_idf


def test_scores_are_bm25_shared_among_files(tree: Tree) -> None:
    """The oracle is the formula written out by hand."""
    past = tree.past()
    # Stems of the three messages; a subject's count twice.
    lengths = [2 * 1, 2 * 5, 2 * 3 + 4]
    norm = 1.2 * (0.25 + 0.75 * lengths[1] / (sum(lengths) / 3))
    score = bm25_idf(1, 3) * (2 * 2.2 / (2 + norm))
    found = asked(past, "zebras")
    assert math.isclose(found["src/gate.py"].score, score / 2**SPREAD)
    assert math.isclose(found["tests/test_gate.py"].score, MINOR * score / 2**SPREAD)


def test_the_commit_that_contributed_most_is_named(tree: Tree) -> None:
    """`--explain` quotes one commit for each file."""
    tree.commit("Count zebras, zebras and zebras", {"src/gate.py": "x = 2\n"})
    tree.commit("Unrelated work on the gate", {"src/gate.py": "x = 3\n"})
    found = asked(tree.past(), "zebras")
    assert found["src/gate.py"].subject == "Count zebras, zebras and zebras"
    assert found["src/gate.py"].score > found["tests/test_gate.py"].score


def test_an_empty_question_or_past_suggests_nothing(tree: Tree) -> None:
    """The ranker asks without looking first."""
    assert EMPTY.files(["zebra"]) == {}
    assert EMPTY.together("a.py") == {}
    past = tree.past()
    assert past.files([]) == past.files(["nowhere"]) == {}
    assert past.together("none.py") == {}


def test_a_file_keeps_its_past_through_renames(tree: Tree) -> None:
    """Most of an old file's messages speak of its earlier names."""
    tree.git("mv", "src/gate.py", "src/door.py")
    tree.commit("One", {})
    tree.git("mv", "src/door.py", "lib.py")
    tree.commit("Two", {"src/gate.py": "another = 1\n"})
    tree.commit("See the walrus", {"src/gate.py": "another = 2\n"})
    past = tree.past()
    assert asked(past, "zebras").keys() == {"lib.py", "tests/test_gate.py"}
    assert asked(past, "walrus").keys() == {"src/gate.py"}, "the name belongs to another file now"


def test_files_that_swap_names_keep_their_own_pasts(tree: Tree) -> None:
    """Git reports both renames in one commit."""
    tree.commit("Walrus", {"a.py": "".join(f"a{n}\n" for n in range(30))})
    tree.commit("Penguin", {"b.py": "".join(f"b{n}\n" for n in range(30))})
    tree.git("mv", "a.py", "c.py")
    tree.git("mv", "b.py", "a.py")
    tree.git("mv", "c.py", "b.py")
    (tree.root / "a.py").write_text((tree.root / "a.py").read_text(encoding="utf-8"), encoding="utf-8")
    tree.git("config", "diff.renames", "copies")
    tree.commit("Swap", {})
    past = tree.past()
    # Git sees two changed files, not two renames, and so do we: no evidence is invented.
    assert asked(past, "walrus").keys() == {"a.py"}


def test_files_that_change_together_are_known_by_their_share(tree: Tree) -> None:
    """The rest of an answer is often what always changes with its beginning."""
    for number in range(6):
        tree.commit(f"Both {number}", {"a.py": f"{number}\n", "b.py": f"{number}\n"})
    tree.commit("Alone", {"a.py": "alone\n"})
    tree.commit("Once", {"a.py": "c\n", "c.py": "c\n"})
    shares = tree.past().together("a.py")
    weights = 6 / 2 + 1 + 1 / 2
    assert math.isclose(shares["b.py"], (6 / 2) / (weights + FEW))
    assert math.isclose(shares["c.py"], (1 / 2) / (weights + FEW))
    assert shares.keys() == {"b.py", "c.py"}


def test_what_the_first_commit_adds_does_not_belong_together(tmp_path: Path) -> None:
    """It adds all files, and says nothing of any two."""
    tree = Tree(tmp_path / "r", tmp_path / "cache")
    files = {f"{name}.py": f"{name}\n" for name in "abc"}
    write(tree.root, files)
    tree.git("init", "-q")
    tree.commit("Begin", {})
    assert tree.past().together("a.py") == {}
    assert not tree.past().among(["a.py", "b.py"]).any()
    tree.commit("Go on", {"a.py": "1\n", "b.py": "1\n"})
    assert tree.past().together("a.py").keys() == {"b.py"}


def test_files_that_change_together_are_counted_under_their_present_names(tree: Tree) -> None:
    """A moved package keeps its habits."""
    for number in range(2):
        tree.commit(f"Gate {number}", dict.fromkeys(("src/gate.py", "tests/test_gate.py"), f"{number}\n" * 9))
    tree.git("mv", "src/gate.py", "src/door.py")
    tree.commit("Move", {})
    assert "tests/test_gate.py" in tree.past().together("src/door.py")
    assert "src/door.py" in tree.past().together("tests/test_gate.py")


def test_commits_of_one_second_are_ordered_by_their_parents(tree: Tree) -> None:
    """A rebase writes many commits with one time, and renames among them must be followed in order."""
    names = [f"step{number}.py" for number in random.Random(1).sample(range(1000), 20)]
    tree.commit("Walrus", {names[0]: "".join(f"w{n}\n" for n in range(30))})
    for old, new in pairwise(names):
        tree.git("mv", old, new)
        tree.git("-c", "user.name=a", "commit", "-q", "-m", "Rename", "--date=2020-01-01T00:00:00Z")
    assert asked(tree.past(), "walrus").keys() == {names[-1]}
