"""What each learning found, promoted or refused, so that the next one can judge on what no learning saw.

The orders and the models of a root each have a store, and a store keeps a line for each learning in
`learnings.jsonl`, beside its history: what judged an order may still judge a model. A version records its own
commit too: a learning that was killed after its promotion is not forgotten.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from retrieval.training.order.gate import Gain, OrderDecision
from retrieval.training.release.version_files import append_line

FILE = "learnings.jsonl"


@dataclass(frozen=True, slots=True)
class Learning:
    """One learning.

    Attributes:
        time: When it ended, ISO 8601.
        commit: The commit that it began at: what is older, it may have seen.
        lessons: How many questions taught.
        questions: How many later ones judged.
        version: What was promoted, or None.
        gains: What was gained on the questions that judged.
        reasons: Why it was promoted or refused.
    """

    time: str
    commit: str
    lessons: int
    questions: int
    version: str | None
    gains: tuple[Gain, ...] = ()
    reasons: tuple[str, ...] = ()


def learning_of(
    decision: OrderDecision, *, lessons: int, commit: str, now: datetime, version: str | None
) -> Learning:
    """Make the record of what was judged just now; the arguments are as in `Learning`."""
    return Learning(
        time=now.isoformat(),
        commit=commit,
        lessons=lessons,
        questions=decision.questions,
        version=version,
        gains=decision.gains,
        reasons=decision.reasons,
    )


def record(folder: Path, learning: Learning) -> None:
    """Append a learning to a store whose lock is held."""
    append_line(folder / FILE, json.dumps(asdict(learning)).encode() + b"\n")


def learnings(folder: Path) -> list[Learning]:
    """Read all learnings of a store, oldest first; a line truncated by a crash is skipped."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [learning for line in lines if (learning := _learning(line))]


def latest(known: Iterable[Learning], promoted: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """Return when the last learning was and the commit that it began at; None before the first.

    Args:
        known: The recorded learnings.
        promoted: Time and commit of each version.
    """
    return max([*((item.time, item.commit) for item in known), *promoted], default=None)


def _learning(line: str) -> Learning | None:
    try:
        row: dict[str, Any] = json.loads(line)
        gains = tuple(Gain(**item) for item in row.pop("gains"))
        reasons = tuple(map(str, row.pop("reasons")))
        found = Learning(**row, gains=gains, reasons=reasons)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return found if _is_sound(found) else None


def _is_sound(found: Learning) -> bool:
    """Tell whether the values have the types that readers count on; anybody can edit the file."""
    numbers = [value for gain in found.gains for value in (gain.before, gain.gain, gain.low, gain.high)]
    return (
        isinstance(found.time, str)
        and isinstance(found.commit, str)
        and found.commit.isalnum()
        and isinstance(found.version, str | None)
        and all(isinstance(value, int | float) for value in (*numbers, found.lessons, found.questions))
        and all(isinstance(gain.measure, str) for gain in found.gains)
    )
