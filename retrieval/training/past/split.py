"""Which questions of the past teach and which judge: a question never does both, and older ones teach."""

import math
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from retrieval.training.past.hermetic_git import Git
from retrieval.training.past.questions import PastQuestion

LEARNED = 0.6  # share of the questions, the oldest, that teach; the others judge


@dataclass(frozen=True, slots=True)
class Split:
    """The questions of a learning.

    Attributes:
        teach: Those that teach, oldest first.
        judge: Those that judge, oldest first.
        newer: The commits whose questions judge; None where time alone splits.
    """

    teach: tuple[PastQuestion, ...]
    judge: tuple[PastQuestion, ...]
    newer: Collection[str] | None = None


def split(
    questions: Sequence[PastQuestion], *, newer: Collection[str] | None = None, most: int | None = None
) -> Split:
    """Split questions by time.

    Args:
        questions: The questions, newest first.
        newer: The commits that no learning has seen: their questions judge, all others teach. Without them,
            the oldest 60 % teach.
        most: How many questions at most on either side; the newest of each stay. [default: all]
    """
    if newer is None:
        judges = len(questions) - math.floor(LEARNED * len(questions))
        teach, judge = list(questions[judges:]), list(questions[:judges])
    else:
        teach = [item for item in questions if item.commit not in newer]
        judge = [item for item in questions if item.commit in newer]
    return Split(tuple(reversed(teach[:most])), tuple(reversed(judge[:most])), newer)


def newer_than(git: Git, commit: str, head: str) -> frozenset[str]:
    """Return the commits that `head` has and `commit` does not, also those of older branches merged since."""
    return frozenset(git("rev-list", head, f"^{commit}", "--").decode().split())


def contains(git: Git, commit: str, head: str) -> bool:
    """Tell whether a commit is still in the history of `head`; after a rebase, it may not be."""
    try:
        found = git("rev-list", "--max-count=1", commit, f"^{head}", "--").decode().strip()
    except subprocess.CalledProcessError:
        return False
    return not found
