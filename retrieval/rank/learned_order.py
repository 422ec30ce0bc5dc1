"""Which order serves a root: the one that goldrank ships, or one that the root's own past taught.

A root's orders lie beside its models, in the same kind of store (`retrieval.version_log`):

    MODELS/NAME-HASH/order/
        versions/0002-1f2e3d4c.json   the weights, what they were learned from, and why they were promoted

A version is named by a counter and a hash of its record, so the name in `current` authenticates it. Serving
only reads; `training/release/orders` writes. The pointer is looked at for each search, so that a running
server follows a promotion or a rollback.
"""

import json
import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from retrieval import version_log
from retrieval.errors import ModelError, shorten
from retrieval.files import git
from retrieval.ownership import folder_name
from retrieval.paths.file_kinds import KINDS
from retrieval.rank.features import FEATURES
from retrieval.rank.need import Need, NeedKind
from retrieval.rank.weights import QUESTION, WEIGHTS, Weights

log = logging.getLogger(__name__)

FOLDER = "order"
FORMAT = 4
"""Increment when a feature is added, or a weight changes its meaning: older orders are then not used."""
LEARNED: NeedKind = "question"
"""The kind of need whose weights are learned; all others keep those that goldrank ships."""
ROLL_BACK = "`goldrank rollback --order` returns to the previous order"

_LARGEST = 1_000.0  # a weight; the grids of learning end at 3


@dataclass(frozen=True, slots=True)
class Order:
    """The weights of every kind of need for one root.

    Attributes:
        weights: By kind.
        name: The version, or "" for the order that goldrank ships.
        lessons: How many commits it was learned from.
        note: Why a promoted order is not used, or "".
    """

    weights: Mapping[NeedKind, Weights] = field(default_factory=lambda: WEIGHTS)
    name: str = ""
    lessons: int = 0
    note: str = ""

    def lessons_for(self, need: Need) -> int:
        """Return how many commits taught the order of a need; 0 where the shipped order ranks it."""
        return self.lessons if need.kind == LEARNED else 0

    def note_for(self, need: Need) -> str:
        """Return why the order that a root learned does not rank a need, or ""."""
        return self.note if need.kind == LEARNED else ""


SHIPPED = Order()


@dataclass(frozen=True, slots=True)
class OrderVersion:
    """A stored order.

    Attributes:
        name: Counter and hash.
        created: When it was promoted, ISO 8601.
        commit: The commit that learning began at.
        lessons: How many commits it was learned from.
        weights: The weights of questions.
        decision: Why it was promoted, as plain values.
        moved: Each part of the weights that learning changed, with its value before and after.
    """

    name: str
    created: str
    commit: str
    lessons: int
    weights: Weights
    decision: Mapping[str, Any]
    moved: Mapping[str, tuple[float, float]]


def store(models: Path, root: Path) -> Path:
    """Return the folder of a root's orders, even if it has none."""
    return models / folder_name(root.expanduser().resolve()) / FOLDER


def serving(models: Path, root: Path) -> Order:
    """Return the order that serves a root now; a damaged one never does, and its note says why."""
    folder = store(models, root)
    return _serving(folder, git.mark(folder / version_log.CURRENT))


def current(folder: Path) -> str | None:
    """Read the name of the order that serves; None if the shipped one does.

    Raises:
        ModelError: The pointer exists but cannot be read.
    """
    try:
        return version_log.current(folder)
    except OSError as error:
        pointer = folder / version_log.CURRENT
        raise ModelError(
            f"{pointer} cannot be read: {error.strerror}", remedy="correct or remove it"
        ) from error


def versions(folder: Path) -> list[str]:
    """List the orders in a store, oldest first, intact or not, serving or not."""
    names = (path.stem for path in (folder / version_log.VERSIONS).glob("*.json"))
    return sorted((name for name in names if version_log.NAME.fullmatch(name)), key=version_log.number)


def read(folder: Path, name: str) -> OrderVersion:
    """Read a version.

    Raises:
        ModelError: It does not exist, was changed, belongs to another root, or is of another release.
    """
    if not version_log.NAME.fullmatch(name):
        raise ModelError(f"{shorten(repr(name))} names no order", remedy=ROLL_BACK)
    file = folder / version_log.VERSIONS / f"{name}.json"
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        if record.pop("name") != name or version_log.fingerprint(record) != name.partition("-")[2]:
            raise _broken(name, "it was changed after it was written")
        if record["format"] != FORMAT:
            raise ModelError(
                f"{name} is an order of another release", remedy="run `goldrank learn --only order` again"
            )
        if record["store"] != folder.parent.name:
            raise ModelError(f"{name} was learned from another repository", remedy=ROLL_BACK)
        return _version(name, record)
    except OSError as error:
        raise _broken(name, f"it cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise _broken(name, "it is not a record of an order") from error


def to_record(weights: Weights) -> dict[str, Any]:
    """Write the learned weights as JSON has them."""
    return {
        "features": {name: weights.features.get(name, 0.0) for name in FEATURES},
        "coherence": weights.coherence,
        "decay": weights.decay,
        "known_decay": weights.known_decay,
        "kinds": dict(weights.kinds),
        "asked": dict(weights.asked),
        "older": weights.older,
    }


def from_record(record: Mapping[str, Any]) -> Weights:
    """Read what `to_record` wrote.

    Raises:
        ValueError: A name is unknown or missing, or a number is no weight.
        KeyError, TypeError: The record has another form.
    """
    if set(record["features"]) != set(FEATURES):
        raise ValueError("features of another release")
    return Weights(
        features={name: _weight(value) for name, value in record["features"].items()},
        coherence=_weight(record["coherence"]),
        decay=_weight(record["decay"]),
        known_decay=_weight(record["known_decay"]),
        kinds={kind: _weight(record["kinds"][kind]) for kind in KINDS},
        asked={kind: _weight(record["asked"][kind]) for kind in KINDS},
        older=_weight(record["older"]),
        support=QUESTION.support,
        together=QUESTION.together,
        puts_whole_first=QUESTION.puts_whole_first,
    )


@lru_cache(64)
def _serving(folder: Path, _mark: tuple[int, int] | None) -> Order:
    """Read the pointer and what it names, once for each mark of the pointer."""
    try:
        name = current(folder)
        if name is None:
            return SHIPPED
        version = read(folder, name)
    except ModelError as error:
        log.warning("the learned order is not used: %s", error)
        return Order(note=f"the learned order is not used: {error}")
    return Order({**WEIGHTS, LEARNED: version.weights}, name, version.lessons)


def _weight(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise ValueError(f"{value!r} is no weight")
    if not math.isfinite(value):
        raise ValueError(f"{value!r} is no weight")
    return float(value)


def _version(name: str, record: Mapping[str, Any]) -> OrderVersion:
    return OrderVersion(
        name=name,
        created=str(record["created"]),
        commit=str(record["commit"]),
        lessons=int(record["lessons"]),
        weights=from_record(record["weights"]),
        decision=dict(record["decision"]),
        moved={str(part): (float(old), float(new)) for part, (old, new) in record["moved"].items()},
    )


def _broken(name: str, why: str) -> ModelError:
    return ModelError(f"{name} is broken: {why}", remedy=ROLL_BACK)
