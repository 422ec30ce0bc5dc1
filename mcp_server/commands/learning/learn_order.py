"""How `goldrank learn` learns the order of a repository's first stage from the repository's own commits."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from mcp_server.commands.learning.past_questions import (
    Kind,
    Past,
    head_of,
    measured,
    questions_of,
    seen_by,
    working,
)
from mcp_server.commands.options import counted
from mcp_server.messages import replies
from mcp_server.terminal.progress import stages
from retrieval.rank import learned_order
from retrieval.settings import Settings
from retrieval.sync.repository import Repository

if TYPE_CHECKING:
    from retrieval.training.golden.golden_file import Golden
    from retrieval.training.order.changes import OrderChange
    from retrieval.training.order.gate import OrderDecision
    from retrieval.training.order.learning import LearnedOrder
    from retrieval.training.past.split import Split
    from retrieval.training.release.orders import OrderStore

LEAST_GAIN = 0.22
"""Divided by the root of the number of later questions, the gain that their interval tells from chance: half
of its width in benchmarks/runs/2026-11-28-order."""


@dataclass(frozen=True, slots=True)
class Learning:
    """What a learning of the order found.

    Attributes:
        change: What was learned, for a page; None where there was too little to learn from.
        past: What was measured; None where there was too little.
        began_after: The commit of the last learning, if only newer ones judge; else "".
    """

    change: "OrderChange | None"
    past: Past | None
    began_after: str = ""


def learn_order(
    repository: Repository,
    settings: Settings,
    asked: "Golden | None",
    *,
    force: bool,
    since_last: bool = False,
    teaches: Kind = "order",
) -> Learning:
    """Learn an order from the past, and promote it if it gains on later commits; say what was found.

    Args:
        repository: The repository, indexed.
        settings: Where orders and work are kept.
        asked: The golden file, which must not get worse; None without one.
        force: Whether an order is promoted that the gate refuses.
        since_last: Whether only commits judge that no learning of an order has seen.
        teaches: "model" also measures what a model needs, which is learned next.

    Raises:
        ArgumentError: The root has no history that can be asked.
        ModelError: The store of orders cannot be written.
    """
    from retrieval.training.release import orders

    head = head_of(repository.root)
    where = orders.store(settings.models, repository.root)
    last = orders.last_learned(where) if since_last else None
    began_after = last[1] if last else ""
    with working(repository, settings) as places:
        seen = seen_by("order", last, repository.root, head) if since_last else ""
        parts = questions_of("order", repository.root, head, seen)
        if not parts or not (_may_prove(parts) or force):
            return Learning(None, None, began_after)
        past = measured(parts, places, head, teaches=teaches)
        return Learning(_learn(repository, settings, asked, past, force=force), past, began_after)


def _learn(
    repository: Repository, settings: Settings, asked: "Golden | None", past: Past, *, force: bool
) -> "OrderChange":
    """Learn from one side of the past, judge by the other, and promote or refuse."""
    from retrieval.training.order import learning, lessons
    from retrieval.training.order.changes import changed
    from retrieval.training.release import orders

    where = orders.store(settings.models, repository.root)
    serving = learned_order.serving(settings.models, repository.root)
    if serving.note:
        click.echo(replies.clean(serving.note), err=True)
    weights = serving.weights[learned_order.LEARNED]
    golden = [pool for pool, _ in lessons.of_golden(asked, repository.view())] if asked else []
    with stages("climbing") as report:
        learned = learning.learn(
            [lesson.pool for lesson in (*past.teach, *past.judge)],
            weights,
            lessons=len(past.teach),
            golden=golden,
            progress=lambda done, total: report("climbing", done, total),
        )
    _tell(learned)
    name = _promoted(where, learned, past.head, force=force)
    if past.teach or past.judge:  # else no question was seen, and all may judge the next time
        orders.record(where, learned, commit=past.head, now=datetime.now(UTC), version=name)
    return changed(learned, weights, past.teach, past.judge, version=name)


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
            f"  {item.measure}: {item.before:.3f} -> {item.before + item.gain:.3f}, gain {item.gain:+.3f} "
            f"[{item.low:+.3f}, {item.high:+.3f}] on {decision.questions} later commits"
        )
    if decision.golden:
        before, after = decision.golden
        click.echo(f"  golden file, file nDCG@10: {before:.3f} -> {after:.3f}")
