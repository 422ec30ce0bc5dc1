"""What the past says of files: scores as rank-bm25 would give them, shared among the files of a commit."""

import math
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
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
    assert not EMPTY.together("a.py", ["b.py"]).any()
    past = tree.past()
    assert past.files([]) == past.files(["nowhere"]) == {}
    assert not past.together("none.py", ["src/gate.py", "nowhere.py"]).any()


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
    shares = tree.past().together("a.py", ["b.py", "nowhere.py", "c.py", "src/gate.py"])
    weights = 6 / 2 + 1 + 1 / 2
    assert np.allclose(shares, [(6 / 2) / (weights + FEW), 0, (1 / 2) / (weights + FEW), 0])


def test_what_the_first_commit_adds_does_not_belong_together(tmp_path: Path) -> None:
    """It adds all files, and says nothing of any two."""
    tree = Tree(write(tmp_path / "r", {f"{name}.py": f"{name}\n" for name in "abc"}), tmp_path / "cache")
    tree.git("init", "-q")
    tree.commit("Begin", {})
    assert not tree.past().together("a.py", ["b.py", "c.py"]).any()
    assert not tree.past().among(["a.py", "b.py"]).any()
    tree.commit("Go on", {"a.py": "1\n", "b.py": "1\n"})
    assert list(tree.past().together("a.py", ["b.py", "c.py"]) > 0) == [True, False]


def test_files_that_change_together_are_counted_under_their_present_names(tree: Tree) -> None:
    """A moved package keeps its habits."""
    for number in range(2):
        tree.commit(f"Gate {number}", dict.fromkeys(("src/gate.py", "tests/test_gate.py"), f"{number}\n" * 9))
    tree.git("mv", "src/gate.py", "src/door.py")
    tree.commit("Move", {})
    assert tree.past().together("src/door.py", ["tests/test_gate.py"]) > 0
    assert tree.past().together("tests/test_gate.py", ["src/door.py"]) > 0


def test_what_is_known_of_one_file_is_known_of_each_pair(tree: Tree) -> None:
    """Also of a file with two old names, and of one that no commit changed."""
    for number in range(4):
        tree.commit(
            f"Both {number}", {"a.py": f"{number}\n", "b.py": f"{number}\n" * 9, "e.py": "old\n" * number}
        )
    tree.git("rm", "-q", "e.py")
    tree.git("mv", "b.py", "e.py")
    tree.commit("Move", {"a.py": "moved\n", "e.py": "3\n" * 9 + "4\n"})
    tree.commit("Others", {"c.py": "c\n", "a.py": "c\n"})
    past, paths = tree.past(), ["a.py", "nowhere.py", "e.py", "c.py"]
    found = past.among(paths)
    expected = np.array([past.together(path, paths) for path in paths])
    np.fill_diagonal(expected, 0.0)
    assert np.allclose(found, expected)
    assert 1 > found[0, 2] > found[0, 3] > 0
    assert past.among([]).shape == (0, 0)
    assert not EMPTY.among(["a.py", "b.py"]).any()


def test_commits_of_one_second_are_ordered_by_their_parents(tree: Tree) -> None:
    """A rebase writes many commits with one time, and renames among them must be followed in order."""
    names = [f"step{number}.py" for number in random.Random(1).sample(range(1000), 20)]
    tree.commit("Walrus", {names[0]: "".join(f"w{n}\n" for n in range(30))})
    for old, new in pairwise(names):
        tree.git("mv", old, new)
        tree.git("-c", "user.name=a", "commit", "-q", "-m", "Rename", "--date=2020-01-01T00:00:00Z")
    assert asked(tree.past(), "walrus").keys() == {names[-1]}
