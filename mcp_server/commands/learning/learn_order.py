"""How `goldrank learn` learns the order of a repository's first stage from the repository's own commits."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from mcp_server.commands.options import alone, counted
from mcp_server.messages import replies
from mcp_server.terminal.progress import stages
from retrieval.errors import ArgumentError
from retrieval.files import git
from retrieval.rank import learned_order
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.sync.store import store_folder

if TYPE_CHECKING:
    from retrieval.training.golden.golden_file import Golden
    from retrieval.training.order.changes import OrderChange
    from retrieval.training.order.gate import OrderDecision
    from retrieval.training.order.learning import LearnedOrder
    from retrieval.training.order.lessons import Lesson, Places
    from retrieval.training.past.questions import Mined, PastQuestion
    from retrieval.training.past.split import Split
    from retrieval.training.release.orders import OrderStore

BUDGET_MIN = 8  # for asking the past; 300 questions take one to two minutes of two cores in most repositories
LEAST_GAIN = 0.22
"""Divided by the root of the number of later questions, the gain that their interval tells from chance: half
of its width in benchmarks/runs/2026-11-28-order."""


@dataclass(frozen=True, slots=True)
class Learning:
    """What a learning of the order found.

    Attributes:
        change: What was learned, for a page; None where there was too little to learn from.
        lessons: What was measured, oldest first.
    """

    change: "OrderChange | None"
    lessons: list["Lesson"]


def learn_order(
    repository: Repository,
    settings: Settings,
    asked: "Golden | None",
    *,
    force: bool,
    since_last: bool = False,
    teaches: Literal["order", "model"] = "order",
) -> "Learning":
    """Learn an order from the past, and promote it if it gains on later commits; say what was found.

    Args:
        repository: The repository, indexed.
        settings: Where orders and work are kept.
        asked: The golden file, which must not get worse; None without one.
        force: Whether an order is promoted that the gate refuses.
        since_last: Whether only commits judge that no learning has seen.
        teaches: "model" also measures what a model needs, which is learned next.

    Raises:
        ArgumentError: The root has no history that can be asked.
        ModelError: The store of orders cannot be written.
    """
    from retrieval.training.order import learning, lessons
    from retrieval.training.order.changes import changed
    from retrieval.training.release import orders

    head = head_of(repository.root)
    where = orders.store(settings.models, repository.root)
    serving = learned_order.serving(settings.models, repository.root)
    if serving.note:
        click.echo(replies.clean(serving.note), err=True)
    with working(repository, settings) as places:
        parts = _questions(repository.root, head, _seen(where, repository.root, head) if since_last else "")
        if not parts or not (_may_prove(parts) or force):
            return Learning(None, [])
        found = ask_past(_newest_first(parts), places, teaches=teaches)
        teach, judge = _sides(parts, found)
        golden = [pool for pool, _ in lessons.of_golden(asked, repository.view())] if asked else []
        with stages("climbing") as report:
            learned = learning.learn(
                [lesson.pool for lesson in (*teach, *judge)],
                serving.weights[learned_order.LEARNED],
                lessons=len(teach),
                golden=golden,
                progress=lambda done, total: report("climbing", done, total),
            )
        _tell(learned)
        name = _promoted(where, learned, head, force=force)
        if found:  # else no question was seen, and all may judge the next time
            orders.record(where, learned, commit=head, now=datetime.now(UTC), version=name)
        change = changed(learned, serving.weights[learned_order.LEARNED], teach, judge, version=name)
        return Learning(change, [*teach, *judge])


def measure_past(repository: Repository, settings: Settings) -> list["Lesson"]:
    """Measure the past for a model alone; return what could be asked, oldest first.

    Raises:
        ArgumentError: The root has no history that can be asked.
    """
    head = head_of(repository.root)
    with working(repository, settings) as places:
        parts = _questions(repository.root, head, "")
        found = ask_past(_newest_first(parts), places, teaches="model") if parts else []
    return list(reversed(found))


def _promoted(where: "OrderStore", learned: "LearnedOrder", head: str, *, force: bool) -> str | None:
    """Promote an order or say why not; return its name."""
    from retrieval.training.release import orders

    if not learned.moved or not (learned.decision.promote or force):
        click.echo("the order is not promoted; nothing has changed:")
        for reason in learned.decision.reasons:
            click.echo(replies.clean(f"  {reason}"))
        return None
    name = orders.promote(where, learned, commit=head, now=datetime.now(UTC), force="yes" if force else "no")
    click.echo(
        f"promoted order {name}; running servers pick it up. "
        f"Undo it with: goldrank rollback --order --repo {where.root}"
    )
    return name


@contextmanager
def working(repository: Repository, settings: Settings) -> Iterator["Places"]:
    """Hold the folder in which a repository's past is asked."""
    from retrieval.training.order import lessons

    work = store_folder(settings.cache / "learning", repository.root)
    with alone(work):
        yield lessons.Places(repository.root, work / "past", settings.max_file_bytes, repository.fingerprint)


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


def _seen(where: "OrderStore", root: Path, head: str) -> str:
    """Return the commit up to which a learning may have seen everything; "" and a sentence without one."""
    from retrieval.training.past.hermetic_git import git_in
    from retrieval.training.past.split import contains
    from retrieval.training.release import orders

    last = orders.last_learned(where)
    if last is None:
        click.echo("nothing was learned here before: this learns as without --since-last")
        return ""
    day, commit = last[0][:10], last[1]
    if not contains(git_in(root, trusted=root), commit, head):
        click.echo(
            f"the last learning, of {day}, began at {commit[:10]}, which this history no longer holds: "
            "this learns as without --since-last"
        )
        return ""
    click.echo(f"the last learning, of {day}, began at {commit[:10]}; only newer commits judge")
    return commit


def _questions(root: Path, head: str, seen: str) -> "Split | None":
    """Mine the history, and say what was found, what was left out, and whether it is enough.

    Args:
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
    click.echo(_described(mined))
    parts = split(lessons.teachable(mined.questions), newer=newer, most=lessons.MOST if seen else None)
    missing = gate.LEAST_LATER - len(parts.judge)
    if newer is None or missing <= 0:
        return parts
    asked = len(parts.teach) + len(parts.judge)
    more = f", about {counted(math.ceil(missing * mined.looked_at / asked), 'commit')} more" if asked else ""
    click.echo(
        f"{counted(len(parts.judge), 'question')} since then, in {counted(len(newer), 'commit')}: "
        f"{gate.LEAST_LATER} are needed to judge by{more}. Nothing has changed."
    )
    return None


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


def _newest_first(parts: "Split") -> list["PastQuestion"]:
    return [*reversed(parts.judge), *reversed(parts.teach)]


def _sides(parts: "Split", found: Sequence["Lesson"]) -> tuple[list["Lesson"], list["Lesson"]]:
    """Split what could be asked, as the questions were: the lessons that teach and those that judge."""
    from retrieval.training.past.split import split

    by_commit = {lesson.question.commit: lesson for lesson in found}
    could = split([lesson.question for lesson in found], newer=parts.newer)
    teach, judge = ([by_commit[item.commit] for item in side] for side in (could.teach, could.judge))
    return teach, judge


def _described(mined: "Mined") -> str:
    found = counted(len(mined.questions), "question")
    found = f"history: {counted(mined.looked_at, 'commit')} looked at, {found}"
    left_out = "".join(f"\n  {count:>6,} {why}" for why, count in mined.left_out.items())
    return f"{found}; left out:{left_out}" if left_out else found


def _may_prove(parts: "Split") -> bool:
    """Say what so many questions can prove; return whether that is anything."""
    from retrieval.training.order.gate import LEAST_LATER
    from retrieval.training.past.split import LEARNED

    teach, later = len(parts.teach), len(parts.judge)
    if later < LEAST_LATER:
        needed = math.ceil(LEAST_LATER / (1 - LEARNED))
        click.echo(
            f"{counted(teach + later, 'question')} cannot prove that another order is better: {needed} are "
            "needed, of which the oldest teach and the newest judge. The order stays as it is."
        )
        return False
    told = (
        f"the oldest {teach} teach, the newest {later} judge; they cannot tell a gain below about "
        f"{LEAST_GAIN / math.sqrt(later):.2f} from chance"
    )
    click.echo(told)
    return True


def ask_past(
    questions: Sequence["PastQuestion"], places: "Places", *, teaches: Literal["order", "model"] = "order"
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


def _tell(learned: "LearnedOrder") -> None:
    """Say what learning changed, and what that gains."""
    if not learned.moved:
        return
    changes = ", ".join(f"{part} {old:g} -> {new:g}" for part, (old, new) in learned.moved.items())
    click.echo(f"learned from {counted(learned.lessons, 'commit')}: {changes}")
    tell_gains(learned.decision)


def tell_gains(decision: "OrderDecision") -> None:
    """Say what something gains on later commits, and on a golden file."""
    for item in decision.gains:
        click.echo(
            f"  {item.measure}: {item.before:.3f}, gain {item.gain:+.3f} [{item.low:+.3f}, {item.high:+.3f}] "
            f"on {decision.questions} later commits"
        )
    if decision.golden:
        before, after = decision.golden
        click.echo(f"  golden file, file nDCG@10: {before:.3f} -> {after:.3f}")
