"""How a tuned model becomes the version that serves, and how it is rolled back.

A version is written to a temporary folder, synced, made read-only and renamed; then the history is written,
then the pointer is replaced. If the process is killed at any moment, either the old version or the complete
new one serves.
"""

import json
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from retrieval import version_log
from retrieval.errors import ArgumentError, ModelError
from retrieval.rerank import model_versions
from retrieval.rerank.model_versions import ModelStore, Version, VersionFacts
from retrieval.training.order.gate import OrderDecision
from retrieval.training.release import learnings, succession
from retrieval.training.release.gate import Decision
from retrieval.training.release.succession import Shelf
from retrieval.training.release.version_files import sync
from retrieval.version_log import VERSIONS, Event

CARD = "README.md"
_DRAFT = ".draft-"  # prefix of a version's folder until it is complete


@dataclass(frozen=True, slots=True)
class Draft:
    """A tuned model that may become a version.

    Attributes:
        folder: A CrossEncoder folder; it is copied.
        card: The text of its README.md.
        facts: The facts to record about it.
    """

    folder: Path
    card: str
    facts: VersionFacts


def promote(
    where: ModelStore,
    draft: Draft,
    decision: Decision | OrderDecision,
    *,
    now: datetime,
    force: Literal["yes", "no"] = "no",
) -> Version:
    """Store a tuned model as a new version and make it serve.

    Running servers load it by themselves. `force` on a model that the gate accepts is not recorded.

    Raises:
        ArgumentError: The gate refused it and `force` is "no", or the draft contains no model.
        ModelError: The store cannot be written, or another process writes it.
    """
    if not decision.promote and force == "no":
        raise ArgumentError(
            f"not promoted: {' '.join(decision.reasons)}",
            remedy="--force promotes it all the same.",
            joint=" ",
        )
    if not (draft.folder / "config.json").is_file():
        raise ArgumentError(f"{draft.folder} holds no config.json", remedy="name a CrossEncoder folder")
    forced = not decision.promote
    with succession.write_to(shelf(where)):
        version = _write_version(where, draft, _decided(decision), created=now.isoformat())
        reason = " ".join(decision.reasons)
        succession.let_serve(shelf(where), version.name, time=version.created, forced=forced, reason=reason)
    return version


def record(
    where: ModelStore,
    decision: OrderDecision,
    *,
    lessons: int,
    commit: str,
    now: datetime,
    version: str | None,
) -> None:
    """Record that commits taught a model, promoted or not.

    Raises:
        ModelError: The store cannot be written, or another process writes it.
    """
    learning = learnings.learning_of(decision, lessons=lessons, commit=commit, now=now, version=version)
    with succession.write_to(shelf(where)):
        learnings.record(where.folder, learning)


def last_learned(where: ModelStore) -> tuple[str, str] | None:
    """Return when commits last taught a model, promoted or not, and the commit that learning began at."""
    return learnings.latest(learnings.learnings(where.folder), _taught(where))


def shelf(where: ModelStore) -> Shelf:
    """Return the models of a root as versions of which one serves."""
    return Shelf(
        where.folder,
        where.root,
        kind="model",
        shipped="the base model",
        names=lambda: model_versions.versions(where),
        check=lambda name: model_versions.verify(model_versions.read_version(where, name)),
        clear=lambda: _clear(where),
    )


def rollback(where: ModelStore, *, now: datetime, reason: str = "") -> Event:
    """Roll back to the model that served before; see `succession.rollback`."""
    return succession.rollback(shelf(where), now=now, reason=reason)


def _taught(where: ModelStore) -> Iterator[tuple[str, str]]:
    """Yield time and commit of each version that commits taught; a golden file shows a model no commit."""
    for name in model_versions.versions(where):
        try:
            version = model_versions.read_version(where, name)
        except ModelError:
            continue
        if version.facts.lessons and version.facts.commit.isalnum():
            yield version.created, version.facts.commit


def _decided(decision: Decision | OrderDecision) -> dict[str, Any]:
    """Write a decision as plain values, with the outcome of each comparison."""
    if isinstance(decision, OrderDecision):
        plain: dict[str, Any] = json.loads(json.dumps(asdict(decision), allow_nan=False))  # tuples as lists
        return {**plain, "forced": not decision.promote}
    kept = ("opponent", "metric", "gain", "low", "high", "p", "groups")
    return {
        "promote": decision.promote,
        "forced": not decision.promote,
        "reasons": list(decision.reasons),
        "comparisons": [{name: getattr(item, name) for name in kept} for item in decision.comparisons],
        "guards": [asdict(guard) for guard in decision.guards],
    }


def _write_version(where: ModelStore, draft: Draft, decision: dict[str, Any], *, created: str) -> Version:
    """Write a version under a temporary name and rename it; until then nothing reads it as a version."""
    home = where.folder / VERSIONS
    counter = 1 + max(map(version_log.number, model_versions.versions(where)), default=0)
    scratch = home / f"{_DRAFT}{counter:04d}"
    scratch.mkdir()
    for path in sorted(draft.folder.rglob("*")):
        copy = scratch / path.relative_to(draft.folder)
        if path.is_dir():
            copy.mkdir()
        elif copy not in {scratch / model_versions.FACTS_FILE, scratch / CARD}:
            shutil.copyfile(path, copy)
    (scratch / CARD).write_text(draft.card, encoding="utf-8")
    facts = {**asdict(draft.facts), "learned_from": list(draft.facts.learned_from)}
    hashes = model_versions.hashes(scratch)
    record = {"created": created, **facts, "decision": decision, "hashes": hashes}
    name = f"{counter:04d}-{version_log.fingerprint(record)}"
    text = json.dumps({"name": name, **record}, indent=1, allow_nan=False)
    (scratch / model_versions.FACTS_FILE).write_text(text + "\n", encoding="utf-8")
    _seal(scratch)
    scratch.rename(home / name)
    sync(home)
    return Version(name, home / name, created, draft.facts, decision, hashes)


def _seal(folder: Path) -> None:
    """Sync a folder's files to disk and make them read-only."""
    for path in [*sorted(folder.rglob("*"), reverse=True), folder]:
        sync(path)
        path.chmod(0o555 if path.is_dir() else 0o444)


def _clear(where: ModelStore) -> None:
    if not model_versions.is_ours(where.folder):
        return
    for leftover in (where.folder / VERSIONS).glob(f"{_DRAFT}*"):
        for folder in [leftover, *leftover.rglob("*")]:
            if folder.is_dir():
                folder.chmod(stat.S_IRWXU)  # sealed folders cannot be emptied
        shutil.rmtree(leftover)
