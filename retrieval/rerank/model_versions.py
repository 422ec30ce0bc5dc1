"""Which tuned model serves a root, and its recorded facts: read by serving and written by promotion.

A root's models are in one folder, named like its index:

    MODELS/NAME-HASH/
        root                  the path these models belong to
        current               one line: the version that serves; without this file, the base model serves
        history.jsonl         one promotion or rollback per line, written before `current` changes
        lock                  held by the one process that writes
        versions/0003-1f2e3d4c/
            goldrank.json     the record, and the SHA-256 of every other file
            README.md         the model's card
            config.json …     the cross-encoder

A version is named by a counter and a hash of goldrank.json, and never changes. So the name in `current`
authenticates goldrank.json, which authenticates every other file.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from retrieval import version_log
from retrieval.errors import ModelError, shorten
from retrieval.ownership import folder_name, is_named_after
from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.version_log import NAME, VERSIONS, Event

FACTS_FILE = "goldrank.json"

ROLL_BACK = "`goldrank rollback` returns to the previous model"
"""The remedy for a version that cannot serve."""


@dataclass(frozen=True, slots=True)
class ModelStore:
    """The models of one root.

    Attributes:
        folder: The folder of all its models; it need not exist.
        root: The root, with links resolved.
    """

    folder: Path
    root: Path


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """The facts recorded when a model is tuned.

    Attributes:
        base: Folder or hub id of the base model.
        base_revision: The base model's commit; "" for a folder.
        weight: The model's weight in the score of rag_search, 0 to 1.
        depth: How many candidates it read when it was evaluated.
        pair_text_version: The `PAIR_TEXT_VERSION` that it was trained with.
        golden_sha256: Hash of the golden file; "" for a model that commits taught.
        commit: The repository's commit, as replies show it.
        index_fingerprint: Fingerprint of the index whose candidates it was trained on.
        learned_from: Ids of the training questions: of a golden file, or commits.
        out_of_fold: By question id, the metrics of its recipe on questions outside the training fold.
        lessons: How many commits taught it; 0 for a model that a golden file taught. What commits teach was
            judged on plain questions alone, as the embedded model is asked, so it is asked no others.
    """

    base: str
    base_revision: str
    weight: float
    depth: int
    pair_text_version: int
    golden_sha256: str
    commit: str
    index_fingerprint: str
    learned_from: tuple[str, ...]
    out_of_fold: Mapping[str, Mapping[str, float]]
    lessons: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """A stored tuned model.

    Attributes:
        name: Counter and hash, as in `0003-1f2e3d4c`.
        folder: A CrossEncoder folder.
        created: When it was promoted, ISO 8601.
        facts: Its recorded facts.
        decision: Why it was promoted, as plain values.
        hashes: SHA-256 of every file except goldrank.json, by path below `folder`.
    """

    name: str
    folder: Path
    created: str
    facts: VersionFacts
    decision: Mapping[str, Any]
    hashes: Mapping[str, str]


def store(models: Path, root: Path) -> ModelStore:
    """Return the model store of a root, even if it has no models."""
    resolved = root.expanduser().resolve()
    return ModelStore(models / folder_name(resolved), resolved)


def stores(models: Path) -> list[ModelStore]:
    """List the stores of all roots for which a model was ever learned or promoted, sorted by folder."""
    marks = (mark for mark in sorted(models.glob("*/root")) if is_ours(mark.parent))
    return [ModelStore(mark.parent, Path(os.fsdecode(mark.read_bytes()))) for mark in marks]


def is_ours(folder: Path) -> bool:
    """Return whether a folder is a root's model store: its name matches the root that it records."""
    try:
        return is_named_after(folder, (folder / "root").read_bytes())
    except OSError:
        return False


def current(where: ModelStore) -> str | None:
    """Read the name of the version that serves; None if the base model does.

    Raises:
        ModelError: The file exists but cannot be read.
    """
    try:
        return version_log.current(where.folder)
    except OSError as error:
        raise ModelError(
            f"{where.folder / version_log.CURRENT} cannot be read: {error.strerror}",
            remedy="correct or remove it",
        ) from error


def versions(where: ModelStore) -> list[str]:
    """List the versions in the store, oldest first, intact or not, serving or not."""
    folder = where.folder / VERSIONS
    return sorted(
        (path.name for path in folder.glob("*") if NAME.fullmatch(path.name)), key=version_log.number
    )


def read_version(where: ModelStore, name: str) -> Version:
    """Read the record of a version; `verify` checks its other files.

    Raises:
        ModelError: The version does not exist, or its record does not match its name.
    """
    if not NAME.fullmatch(name):
        raise ModelError(
            f"{shorten(repr(name))} names no version of {where.root}",
            remedy="`goldrank rollback` returns to one",
        )
    folder = where.folder / VERSIONS / name
    try:
        record = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        if record.pop("name") != name or version_log.fingerprint(record) != name.partition("-")[2]:
            raise _broken(name, f"{FACTS_FILE} was changed after it was written")
        return _version(name, folder, record)
    except OSError as error:
        raise _broken(name, f"{FACTS_FILE} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _broken(name, f"{FACTS_FILE} is not a record of a version") from error


def verify(version: Version) -> None:
    """Verify every file of a version against its record, and its pair text against the current one.

    Raises:
        ModelError: The version must not be used.
    """
    learned = version.facts.pair_text_version
    if learned != PAIR_TEXT_VERSION:
        raise ModelError(
            f"{version.name} was trained with pair text {learned}, goldrank now uses {PAIR_TEXT_VERSION}",
            remedy="train a new one, or run `goldrank rollback` to return to the previous model",
        )
    try:
        found = hashes(version.folder)
    except OSError as error:
        raise _broken(version.name, f"a file cannot be read: {error}") from error
    if found != version.hashes:
        paths = sorted(found.keys() | version.hashes.keys())
        wrong = [path for path in paths if found.get(path) != version.hashes.get(path)]
        raise _broken(version.name, f"{shorten(', '.join(wrong))} changed after it was promoted")


def history(where: ModelStore) -> list[Event]:
    """Read all promotions and rollbacks, oldest first; a line truncated by a crash is skipped.

    An event is written before `current` changes, so the last one may never have taken effect.
    """
    return version_log.events(where.folder)


def hashes(folder: Path) -> dict[str, str]:
    """Hash every file of a version except its record: SHA-256 in hexadecimal, by path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != FACTS_FILE:
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _version(name: str, folder: Path, record: Mapping[str, Any]) -> Version:
    stored = {"lessons": 0, **record}  # records of before commits taught models lack it
    facts = {field.name: stored[field.name] for field in fields(VersionFacts)}
    facts["learned_from"] = tuple(facts["learned_from"])
    return Version(
        name=name,
        folder=folder,
        created=record["created"],
        facts=VersionFacts(**facts),
        decision=record["decision"],
        hashes=record["hashes"],
    )


def _broken(name: str, why: str) -> ModelError:
    return ModelError(f"{name} is broken: {why}", remedy=ROLL_BACK)
