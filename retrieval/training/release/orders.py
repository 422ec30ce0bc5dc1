"""How a learned order becomes the one that serves, and how it is rolled back.

A version is one file, written under a temporary name, synced, made read-only and renamed; then the history is
written, then the pointer is replaced. Killed at any moment, the old or the new order serves.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from retrieval import version_log
from retrieval.errors import ArgumentError, ModelError
from retrieval.rank import learned_order
from retrieval.training.order.learning import LearnedOrder
from retrieval.training.release import learnings, succession
from retrieval.training.release.succession import Shelf
from retrieval.training.release.version_files import sync
from retrieval.version_log import VERSIONS, Event

_DRAFT = ".draft-"  # prefix of a version's file until it is complete


@dataclass(frozen=True, slots=True)
class OrderStore:
    """The orders of one root.

    Attributes:
        folder: The folder of all its orders; it need not exist.
        root: The root, with links resolved.
    """

    folder: Path
    root: Path


def store(models: Path, root: Path) -> OrderStore:
    """Return the store of a root's orders, even if it has none."""
    resolved = root.expanduser().resolve()
    return OrderStore(learned_order.store(models, resolved), resolved)


def promote(
    where: OrderStore,
    learned: LearnedOrder,
    *,
    commit: str,
    now: datetime,
    force: Literal["yes", "no"] = "no",
) -> str:
    """Store an order as a new version and make it serve; return its name.

    Args:
        where: The store.
        learned: The order, and how it was judged.
        commit: The commit that learning began at.
        now: The time to record.
        force: "yes" promotes an order that the gate refused; one that it accepts is not recorded as forced.

    Raises:
        ArgumentError: The gate refused it and `force` is "no", or it differs in nothing from what serves.
        ModelError: The store cannot be written, or another process writes it.
    """
    decision = learned.decision
    if not learned.moved:
        raise ArgumentError(f"not promoted: {' '.join(decision.reasons)}")
    if not decision.promote and force == "no":
        raise ArgumentError(
            f"not promoted: {' '.join(decision.reasons)}",
            remedy="--force promotes it all the same.",
            joint=" ",
        )
    forced = not decision.promote
    created = now.isoformat()
    record: dict[str, Any] = {
        "format": learned_order.FORMAT,
        "store": where.folder.parent.name,
        "created": created,
        "commit": commit,
        "lessons": learned.lessons,
        "weights": learned_order.to_record(learned.weights),
        "moved": {part: list(values) for part, values in learned.moved.items()},
        "decision": {**asdict(decision), "forced": forced},
    }
    with succession.write_to(shelf(where)):
        name = _write(where.folder / VERSIONS, record, learned_order.versions(where.folder))
        reason = " ".join(decision.reasons)
        succession.let_serve(shelf(where), name, time=created, forced=forced, reason=reason)
    return name


def record(
    where: OrderStore, learned: LearnedOrder, *, commit: str, now: datetime, version: str | None
) -> None:
    """Record that an order was learned, promoted or not.

    Raises:
        ModelError: The store cannot be written, or another process writes it.
    """
    learning = learnings.learning_of(
        learned.decision, lessons=learned.lessons, commit=commit, now=now, version=version
    )
    with succession.write_to(shelf(where)):
        learnings.record(where.folder, learning)


def last_learned(where: OrderStore) -> tuple[str, str] | None:
    """Return when an order was last learned, promoted or not, and the commit that learning began at."""
    return learnings.latest(learnings.learnings(where.folder), _promoted(where))


def shelf(where: OrderStore) -> Shelf:
    """Return the orders of a root as versions of which one serves."""
    return Shelf(
        where.folder,
        where.root,
        kind="order",
        shipped="the shipped order",
        names=lambda: learned_order.versions(where.folder),
        check=lambda name: learned_order.read(where.folder, name),
        clear=lambda: _clear(where),
    )


def rollback(where: OrderStore, *, now: datetime, reason: str = "") -> Event:
    """Roll back to the order that served before; see `succession.rollback`."""
    return succession.rollback(shelf(where), now=now, reason=reason)


def _promoted(where: OrderStore) -> Iterator[tuple[str, str]]:
    for name in learned_order.versions(where.folder):
        try:
            version = learned_order.read(where.folder, name)
        except ModelError:
            continue
        yield version.created, version.commit


def _write(home: Path, record: dict[str, Any], known: list[str]) -> str:
    counter = 1 + max(map(version_log.number, known), default=0)
    plain = json.loads(json.dumps(record, allow_nan=False))  # as it will be read, tuples as lists
    name = f"{counter:04d}-{version_log.fingerprint(plain)}"
    scratch = home / f"{_DRAFT}{counter:04d}"
    scratch.write_text(json.dumps({"name": name, **plain}, indent=1) + "\n", encoding="utf-8")
    sync(scratch)
    scratch.chmod(0o444)
    scratch.rename(home / f"{name}.json")
    sync(home)
    return name


def _clear(where: OrderStore) -> None:
    for leftover in (where.folder / VERSIONS).glob(f"{_DRAFT}*"):
        leftover.unlink()
