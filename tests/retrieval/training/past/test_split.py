"""A question that teaches and judges proves nothing; who learns every week must know which is which."""

from pathlib import Path

from history_tree import Tree

from retrieval.training.past.hermetic_git import git_in
from retrieval.training.past.questions import PastQuestion
from retrieval.training.past.split import contains, newer_than, split


def questions(count: int) -> list[PastQuestion]:
    """Make questions, newest first: the oldest is 0."""
    return [PastQuestion(str(n), "", f"question {n}", n, ()) for n in reversed(range(count))]


def commits(side: tuple[PastQuestion, ...]) -> list[str]:
    """Name the commits of a side."""
    return [item.commit for item in side]


def test_the_oldest_teach_and_the_newest_judge() -> None:
    """A tool is asked tomorrow's questions."""
    parts = split(questions(10))
    assert commits(parts.teach) == list("012345")
    assert commits(parts.judge) == list("6789")
    assert split([]) == split([], newer=None)


def test_only_what_no_learning_saw_judges() -> None:
    """A question that once judged an order was seen, and chose it."""
    parts = split(questions(10), newer={"9", "7", "elsewhere"})
    assert commits(parts.judge) == ["7", "9"]
    assert commits(parts.teach) == ["0", "1", "2", "3", "4", "5", "6", "8"]
    few = split(questions(10), newer={"9", "7"}, most=1)
    assert (commits(few.teach), commits(few.judge)) == (["8"], ["9"]), "the newest of each side stay"


def test_a_branch_that_is_merged_later_is_new(tmp_path: Path) -> None:
    """Its commits are older than the last learning, which never saw them."""
    tree = Tree(tmp_path / "shop", tmp_path / "cache")
    tree.root.mkdir()
    tree.git("init", "-q", "-b", "main")
    tree.commit("Start", {"a.py": "A = 1\n"})
    tree.git("checkout", "-q", "-b", "side")
    beside = tree.commit("Beside", {"b.py": "B = 1\n"})
    tree.git("checkout", "-q", "main")
    seen = tree.commit("Seen", {"a.py": "A = 2\n"})
    tree.git("merge", "-q", "--no-ff", "-m", "Merge", "side")
    merged = tree.git("rev-parse", "HEAD")
    git = git_in(tree.root)
    assert newer_than(git, seen, merged) == {beside, merged}
    assert contains(git, seen, merged)
    assert not contains(git, merged, seen)
    assert not contains(git, "0" * 40, merged), "a commit that a rebase and a cleanup took away"
