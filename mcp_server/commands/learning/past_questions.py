"""Which questions of a repository's past a learning asks, and which of them teach or judge."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mcp_server.commands.options import alone, counted
from mcp_server.terminal.progress import stages
from retrieval.errors import ArgumentError
from retrieval.files import git
from retrieval.settings import Settings
from retrieval.sync.inventory import LEARNING
from retrieval.sync.repository import Repository
from retrieval.sync.store import store_folder

if TYPE_CHECKING:
    from retrieval.training.order.lessons import Lesson, Places
    from retrieval.training.past.questions import Mined, PastQuestion
    from retrieval.training.past.split import Split

BUDGET_MIN = 8  # for asking the past; 300 questions take one to two minutes of two cores in most repositories

Kind = Literal["order", "model"]
"""What commits teach."""
LastLearning = tuple[str, str]
"""When something was last learned, and the commit that this began at."""


@dataclass(frozen=True, slots=True)
class Past:
    """The past of a repository, measured.

    Attributes:
        head: The commit that it ends at.
        teach: The questions that teach, oldest first.
        judge: The questions that judge, oldest first.
    """

    head: str
    teach: tuple["Lesson", ...]
    judge: tuple["Lesson", ...]


def has_history(root: Path) -> bool:
    """Return whether a root is the top of a git repository with a commit."""
    return not git.refusal(root) and git.ask(root, "rev-parse", "--verify", "-q", "HEAD^{commit}") is not None


def head_of(root: Path) -> str:
    """Return the commit that a root's past ends at.

    Raises:
        ArgumentError: The root has no history that can be asked.
    """
    refusal = git.refusal(root)
    if refusal:
        raise ArgumentError(
            f"{root} has no history to learn from: {refusal}",
            remedy='write questions of your own, then learn again: goldrank golden add "question" path',
        )
    if git.ask(root, "rev-parse", "--show-prefix") not in {b"\n", b""}:
        raise ArgumentError(f"{root} is a folder of a repository", remedy="learn the whole repository")
    head = git.ask(root, "rev-parse", "--verify", "-q", "HEAD^{commit}")
    if head is None:
        raise ArgumentError(f"{root} has no commit yet", remedy="commit first, and learn after some hundreds")
    return head.decode().strip()


def seen_by(kind: Kind, last: LastLearning | None, root: Path, head: str) -> str:
    """Return the commit up to which a learning may have seen everything; "" and a sentence without one.

    Args:
        kind: What is learned.
        last: The last learning of that kind.
        root: The repository.
        head: The commit that the past ends at.
    """
    from retrieval.training.past.hermetic_git import git_in
    from retrieval.training.past.split import contains

    if last is None:
        click.echo(f"no {kind} was learned here before: this learns as without --since-last")
        return ""
    day, commit = last[0][:10], last[1]
    if not contains(git_in(root, trusted=root), commit, head):
        click.echo(
            f"the last learning of the {kind}, of {day}, began at {commit[:10]}, which this history no "
            "longer holds: this learns as without --since-last"
        )
        return ""
    click.echo(f"the last learning of the {kind}, of {day}, began at {commit[:10]}; only newer commits judge")
    return commit


def questions_of(kind: Kind, root: Path, head: str, seen: str) -> "Split | None":
    """Mine the history, and say what was found, what was left out, and whether it is enough.

    Args:
        kind: What is learned.
        root: The repository.
        head: The commit to begin at.
        seen: Only what is newer than this commit judges; "" splits by time alone.

    Returns:
        The questions; None if too few are newer than `seen`.
    """
    from retrieval.training.order import gate, lessons
    from retrieval.training.past.hermetic_git import git_in
    from retrieval.training.past.split import newer_than, split

    newer = newer_than(git_in(root, trusted=root), seen, head) if seen else None
    count = len(newer or ())
    is_hopeless = newer is not None and count < gate.LEAST_LATER  # then only the rate is of interest
    mined = mine(root, head, count + (gate.LEAST_LATER if is_hopeless else lessons.MOST))
    click.echo(described(mined))
    parts = split(lessons.teachable(mined.questions), newer=newer, most=lessons.MOST if seen else None)
    missing = gate.LEAST_LATER - len(parts.judge)
    if newer is None or missing <= 0:
        return parts
    asked = len(parts.teach) + len(parts.judge)
    more = f", about {counted(math.ceil(missing * mined.looked_at / asked), 'commit')} more" if asked else ""
    click.echo(
        f"{counted(len(parts.judge), 'question')} since then, in {counted(len(newer), 'commit')}: "
        f"{gate.LEAST_LATER} are needed to judge by{more}. The {kind} stays as it is."
    )
    return None


def measured(parts: "Split", places: "Places", head: str, *, teaches: Kind) -> Past:
    """Ask both sides of the trees before their commits; what cannot be asked is left out.

    Args:
        parts: The questions.
        places: Where to work.
        head: The commit that the past ends at.
        teaches: A model needs what the second stage would read.
    """
    from retrieval.training.past.split import split

    found = ask_past([*reversed(parts.judge), *reversed(parts.teach)], places, teaches=teaches)
    by_commit = {lesson.question.commit: lesson for lesson in found}
    could = split([lesson.question for lesson in found], newer=parts.newer)
    teach, judge = (tuple(by_commit[item.commit] for item in side) for side in (could.teach, could.judge))
    return Past(head, teach, judge)


def mine(root: Path, head: str, most: int) -> "Mined":
    """Mine at most so many questions of the history; say so if the clone has only a part of it."""
    from retrieval.training.past.hermetic_git import git_in
    from retrieval.training.past.questions import past_questions

    with stages("reading commits") as report:
        mined = past_questions(
            git_in(root, trusted=root),
            head,
            most=most,
            progress=lambda done, total: report("reading commits", done, total),
        )
    is_shallow = git.ask(root, "rev-parse", "--is-shallow-repository") == b"true\n"
    if is_shallow and len(mined.questions) < most:
        click.echo(
            "this clone is shallow; the commits that it lacks come with: git fetch --unshallow", err=True
        )
    return mined


def ask_past(
    questions: Sequence["PastQuestion"], places: "Places", *, teaches: Kind = "order"
) -> list["Lesson"]:
    """Ask questions, newest first, of the trees before their commits; return what could be asked."""
    from retrieval.training.order import lessons

    waiting = len(questions) - lessons.count_measured(questions, places, teaches=teaches)
    if waiting:
        click.echo(
            f"asking {waiting} of them of the trees before their commits, for {BUDGET_MIN} min at most; "
            "after Ctrl-C, the same command continues"
        )
    end = time.monotonic() + 60 * BUDGET_MIN
    with stages("asking the past") as report:
        found = lessons.gather(
            questions,
            places,
            teaches=teaches,
            progress=lambda done, total: report("asking the past", done, total),
            is_over=lambda: time.monotonic() > end,
        )
    if len(found) < len(questions):
        click.echo(f"{len(found)} of {len(questions)} could be asked", err=True)
    return found


@contextmanager
def working(repository: Repository, settings: Settings) -> Iterator["Places"]:
    """Hold the folder in which a repository's past is asked."""
    from retrieval.training.order import lessons

    work = store_folder(settings.cache / LEARNING, repository.root)
    with alone(work):
        yield lessons.Places(repository.root, work / "past", settings.max_file_bytes, repository.fingerprint)


def described(mined: "Mined") -> str:
    """Say how many questions the commits ask, and which commits ask none, and why."""
    found = counted(len(mined.questions), "question")
    found = f"history: {counted(mined.looked_at, 'commit')} looked at, {found}"
    left_out = "".join(f"\n  {count:>6,} {why}" for why, count in mined.left_out.items())
    return f"{found}; left out:{left_out}" if left_out else found
