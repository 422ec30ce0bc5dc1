"""How `goldrank learn` learns the order of a repository's first stage from the repository's own commits."""

import math
import time
from collections.abc import Sequence
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
    from retrieval.training.order.gate import OrderDecision
    from retrieval.training.order.learning import LearnedOrder
    from retrieval.training.order.lessons import Lesson, Places
    from retrieval.training.past.questions import Mined, PastQuestion

BUDGET_MIN = 8  # for asking the past; 300 questions take one to two minutes of two cores in most repositories
LEAST_GAIN = 0.22
"""Divided by the root of the number of later questions, the gain that their interval tells from chance: half
of its width in benchmarks/runs/2026-11-28-order."""


def learn_order(
    repository: Repository,
    settings: Settings,
    asked: "Golden | None",
    *,
    force: bool,
    teaches: Literal["order", "model"] = "order",
) -> list["Lesson"]:
    """Learn an order from the past, and promote it if it gains on later commits; say what was found.

    Args:
        repository: The repository, indexed.
        settings: Where orders and work are kept.
        asked: The golden file, which must not get worse; None without one.
        force: Whether an order is promoted that the gate refuses.
        teaches: "model" also measures what a model needs, which is learned next.

    Returns:
        What was measured, oldest first; nothing where so little proves nothing.

    Raises:
        ArgumentError: The root has no history that can be asked.
        ModelError: The store of orders cannot be written.
    """
    from retrieval.training.order import learning, lessons
    from retrieval.training.release import orders

    head = head_of(repository.root)
    work = store_folder(settings.cache / "learning", repository.root)
    places = places_of(repository, settings)
    serving = learned_order.serving(settings.models, repository.root)
    if serving.note:
        click.echo(replies.clean(serving.note), err=True)
    with alone(work):
        questions = questions_of(repository.root, head)
        if not _may_prove(len(questions)) and not force:
            return []
        found = asked_past(questions, places, teaches=teaches)
        golden = [pool for pool, _ in lessons.of_golden(asked, repository.view())] if asked else []
        with stages("climbing") as report:
            learned = learning.learn(
                [lesson.pool for lesson in found],
                serving.weights[learned_order.LEARNED],
                golden=golden,
                progress=lambda done, total: report("climbing", done, total),
            )
    _tell(learned)
    if not learned.moved or not (learned.decision.promote or force):
        click.echo("the order is not promoted; nothing has changed:")
        for reason in learned.decision.reasons:
            click.echo(replies.clean(f"  {reason}"))
        return found
    where = orders.store(settings.models, repository.root)
    name = orders.promote(where, learned, commit=head, now=datetime.now(UTC), force="yes" if force else "no")
    click.echo(
        f"promoted order {name}; running servers pick it up. "
        f"Undo it with: goldrank rollback --order --repo {repository.root}"
    )
    return found


def has_history(root: Path) -> bool:
    """Return whether a root is the top of a git repository with a commit."""
    return not git.refusal(root) and git.ask(root, "rev-parse", "--verify", "-q", "HEAD^{commit}") is not None


def places_of(repository: Repository, settings: Settings) -> "Places":
    """Return where the past of a repository is measured."""
    from retrieval.training.order import lessons

    work = store_folder(settings.cache / "learning", repository.root)
    return lessons.Places(repository.root, work / "past", settings.max_file_bytes, repository.fingerprint)


def head_of(root: Path) -> str:
    """Return the commit that learning begins at.

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


def questions_of(root: Path, head: str) -> list["PastQuestion"]:
    """Mine the history, and say what was found and what was left out."""
    from retrieval.training.order import lessons
    from retrieval.training.past.hermetic_git import git_in
    from retrieval.training.past.questions import past_questions

    with stages("reading commits") as report:
        mined = past_questions(
            git_in(root, trusted=root),
            head,
            most=lessons.MOST,
            progress=lambda done, total: report("reading commits", done, total),
        )
    click.echo(_described(mined))
    return lessons.teachable(mined.questions)


def _described(mined: "Mined") -> str:
    found = counted(len(mined.questions), "question")
    found = f"history: {counted(mined.looked_at, 'commit')} looked at, {found}"
    left_out = "".join(f"\n  {count:>6,} {why}" for why, count in mined.left_out.items())
    return f"{found}; left out:{left_out}" if left_out else found


def _may_prove(count: int) -> bool:
    """Say what so many questions can prove; return whether that is anything."""
    from retrieval.training.order.gate import LEAST_LATER
    from retrieval.training.order.learning import LEARNED

    later = count - math.floor(LEARNED * count)
    if later < LEAST_LATER:
        needed = math.ceil(LEAST_LATER / (1 - LEARNED))
        click.echo(
            f"{counted(count, 'question')} cannot prove that another order is better: {needed} are needed, "
            "of which the oldest teach and the newest judge. The order stays as it is."
        )
        return False
    told = (
        f"the oldest {count - later} teach, the newest {later} judge; they cannot tell a gain below about "
        f"{LEAST_GAIN / math.sqrt(later):.2f} from chance"
    )
    click.echo(told)
    return True


def asked_past(
    questions: Sequence["PastQuestion"], places: "Places", *, teaches: Literal["order", "model"]
) -> list["Lesson"]:
    """Ask the questions of the trees before their commits; return what was measured, oldest first."""
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
    return list(reversed(found))


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
