"""Where an interrupted training resumes: its folder, and which checkpoints in it are valid."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import Any

from retrieval import ownership
from retrieval.errors import TrainingError
from retrieval.training.fit.identity import identity
from retrieval.training.fit.recipe import Recipe
from retrieval.training.fit.training_record import best_of, epochs_of, versions
from retrieval.training.pairs.labeled_pairs import LabeledPair

_SEAL = "digests.json"


def fingerprint(pairs: Sequence[LabeledPair], recipe: Recipe, base: Mapping[str, Any], partial: Path) -> str:
    """Hash everything that decides the weights, and the folder, whose path the checkpoints contain."""
    seen = blake2b(digest_size=16)
    rows = [[pair.question_id, pair.group, pair.query, pair.passage, pair.label] for pair in pairs]
    files = identity(recipe.base, revision=recipe.revision)  # its tokenizer too
    seen.update(json.dumps([rows, asdict(recipe), files, versions(), str(partial.resolve())]).encode("utf-8"))
    for name, tensor in sorted(base.items()):
        seen.update(name.encode("utf-8"))
        seen.update(tensor.numpy().tobytes())
    return seen.hexdigest()


def resume(partial: Path, mark: str) -> Path | None:
    """Return the last valid checkpoint of the same training; recreate the folder if there is none.

    Raises:
        TrainingError: The folder does not belong to goldrank.
    """
    note = partial / "fingerprint"
    if note.is_file() and note.read_text(encoding="utf-8", errors="replace") == mark:
        sealed = sorted((seal.parent for seal in partial.glob(f"checkpoint-*/{_SEAL}")), key=step_of)
        if sealed and all(map(_is_whole, sealed)):
            best = best_of(epochs_of(history_of(sealed[-1])))
            if partial / f"checkpoint-{best.step}" in sealed:
                return sealed[-1]
    if partial.exists():
        _check_ours(partial)
        shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, exist_ok=True)
    ownership.claim(partial)
    note.write_text(mark, encoding="utf-8")
    return None


def _check_ours(partial: Path) -> None:
    """Refuse to empty a folder that was not created by a training, even if it has the name of one.

    Raises:
        TrainingError: The folder holds something else.
    """
    is_unmarked = (partial / "fingerprint").is_file() and all(
        re.fullmatch(r"fingerprint|model|checkpoint-\d+", path.name) for path in partial.iterdir()
    )
    if not (ownership.is_marked(partial) or is_unmarked):
        raise TrainingError(
            f"{partial} holds no interrupted training",
            remedy="move it away, or name another folder to train into",
        )


def step_of(checkpoint: Path) -> int:
    """Read a checkpoint's step from its name."""
    return int(checkpoint.name.rpartition("-")[2])


def history_of(checkpoint: Path) -> list[dict[str, Any]]:
    """Read the trainer's log up to a checkpoint."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    history: list[dict[str, Any]] = state["log_history"]
    return history


def seal(checkpoint: Path) -> None:
    """Write the hashes of a checkpoint's files; one without them was interrupted while being written."""
    draft = checkpoint / f"{_SEAL}.draft"
    draft.write_text(json.dumps(_digests(checkpoint)), encoding="utf-8")
    draft.replace(checkpoint / _SEAL)


def _is_whole(checkpoint: Path) -> bool:
    try:
        expected = json.loads((checkpoint / _SEAL).read_text(encoding="utf-8"))
    except ValueError:
        return False
    return bool(expected == _digests(checkpoint))


def _digests(checkpoint: Path) -> dict[str, str]:
    files = sorted(
        path for path in checkpoint.rglob("*") if path.is_file() and not path.name.startswith(_SEAL)
    )
    return {
        path.relative_to(checkpoint).as_posix(): blake2b(path.read_bytes(), digest_size=16).hexdigest()
        for path in files
    }
