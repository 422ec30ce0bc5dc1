"""What an evaluation saves on disk, so that the same command can continue without running the model again."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

Said = Mapping[str, tuple[tuple[float, ...], float]]
"""What a model said of each question's candidates: logits and milliseconds, as `systems.read` returns it."""


def kept(file: Path, compute: Callable[[], Said]) -> Said:
    """Return the value saved by an earlier run, or compute and save it."""
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        return {identity: (tuple(logits), spent) for identity, (logits, spent) in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        said = compute()
        scratch = file.with_suffix(".new")
        scratch.write_text(json.dumps(said), encoding="utf-8")
        scratch.replace(file)
        return said
