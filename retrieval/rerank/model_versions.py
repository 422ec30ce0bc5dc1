"""Which tuned model serves a root, and what is known of it: what serving reads and promotion writes.

A root's models are one folder, named like its index:

    MODELS/NAME-HASH/
        root                  the path these models belong to
        current               one line: the version that serves; without this file the base model does
        history.jsonl         one promotion or rollback a line, written before `current` changes
        lock                  held by the one process that writes
        versions/0003-1f2e3d4c/
            goldrank.json     what was recorded, and the SHA-256 of every other file
            README.md         the model's card
            config.json …     the cross-encoder

A version is named by a counter and a hash of what goldrank.json says, and never changes. So the name in
`current` vouches for goldrank.json, and that for every file.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from retrieval.errors import ModelError, shorten
from retrieval.ownership import folder_name, is_named_after
from retrieval.rerank.fusion import PAIR_TEXT_VERSION

FACTS_FILE = "goldrank.json"
CURRENT = "current"
HISTORY = "history.jsonl"
VERSIONS = "versions"

ROLL_BACK = "`goldrank rollback` goes back to the model before it"
"""The remedy for a version that cannot serve."""

_NAME = re.compile(r"\d{4,}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class ModelStore:
    """Where the models of one root lie.

    Attributes:
        folder: Everything is below it; it need not exist.
        root: The root, resolved.
    """

    folder: Path
    root: Path


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What is recorded of a tuned model when it is made.

    Attributes:
        base: Folder or hub id of the model it was tuned from.
        base_revision: Its commit; "" for a folder.
        weight: Its share in the score of rag_search, 0 to 1.
        depth: How many candidates it read when it was judged.
        pair_text_version: The `PAIR_TEXT_VERSION` that it learned from.
        golden_sha256: Of the golden file.
        commit: Of the repository, as replies show it.
        index_fingerprint: Of the index whose candidates it learned from.
        learned_from: Ids of the questions it learned from.
        out_of_fold: By question id, the metrics of its recipe on questions that it was not shown.
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


@dataclass(frozen=True, slots=True)
class Version:
    """A tuned model as it is kept.

    Attributes:
        name: Counter and hash, as in `0003-1f2e3d4c`.
        folder: A CrossEncoder folder.
        created: When it was promoted, ISO 8601.
        facts: What was recorded of it.
        decision: Why it was promoted, as `promotion.promote` wrote it: plain values.
        hashes: SHA-256 of every file but goldrank.json, by path below `folder`.
    """

    name: str
    folder: Path
    created: str
    facts: VersionFacts
    decision: Mapping[str, Any]
    hashes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the history.

    Attributes:
        time: ISO 8601.
        action: What was done.
        before: The version that served until then, or None for the base.
        after: The version that serves from then on, or None for the base.
        forced: Whether the gate had refused it.
        reason: Why, for people.
    """

    time: str
    action: Literal["promote", "rollback"]
    before: str | None
    after: str | None
    forced: bool
    reason: str


def store(models: Path, root: Path) -> ModelStore:
    """Say where the models of a root lie, whether there are any or not."""
    resolved = root.expanduser().resolve()
    return ModelStore(models / folder_name(resolved), resolved)


def stores(models: Path) -> list[ModelStore]:
    """List the roots that ever had a promoted model, by folder."""
    marks = (mark for mark in sorted(models.glob("*/root")) if is_ours(mark.parent))
    return [ModelStore(mark.parent, Path(os.fsdecode(mark.read_bytes()))) for mark in marks]


def is_ours(folder: Path) -> bool:
    """Tell whether a folder holds a root's models: it is named by the hash of the root that it records."""
    try:
        return is_named_after(folder, (folder / "root").read_bytes())
    except OSError:
        return False


def current(where: ModelStore) -> str | None:
    """Read which version serves, as it stands in the file; None where the base model does.

    Raises:
        ModelError: The file is there and cannot be read.
    """
    pointer = where.folder / CURRENT
    try:
        return pointer.read_text(encoding="utf-8", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ModelError(f"{pointer} cannot be read: {error.strerror}", remedy="mend or remove it") from error


def versions(where: ModelStore) -> list[str]:
    """Name the versions that lie in the store, oldest first; sound or not, served or not."""
    folder = where.folder / VERSIONS
    return sorted((path.name for path in folder.glob("*") if _NAME.fullmatch(path.name)), key=number)


def number(name: str) -> int:
    """Return the counter of a version's name.

    >>> number("0003-1f2e3d4c")
    3
    """
    return int(name.partition("-")[0])


def read_version(where: ModelStore, name: str) -> Version:
    """Read what is recorded of a version; its other files are `verify`'s.

    Raises:
        ModelError: There is no such version, or its record is not what its name vouches for.
    """
    if not _NAME.fullmatch(name):
        raise ModelError(
            f"{shorten(repr(name))} names no version of {where.root}",
            remedy="`goldrank rollback` goes back to one",
        )
    folder = where.folder / VERSIONS / name
    try:
        record = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        if record.pop("name") != name or fingerprint(record) != name.partition("-")[2]:
            raise _broken(name, f"{FACTS_FILE} was changed after it was written")
        return _version(name, folder, record)
    except OSError as error:
        raise _broken(name, f"{FACTS_FILE} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _broken(name, f"{FACTS_FILE} is no record of a version") from error


def verify(version: Version) -> None:
    """Compare every file of a version with what was recorded, and its pair text with today's.

    Raises:
        ModelError: It is not to be used, and why.
    """
    learned = version.facts.pair_text_version
    if learned != PAIR_TEXT_VERSION:
        raise ModelError(
            f"{version.name} learned from pair text {learned} and this goldrank writes {PAIR_TEXT_VERSION}",
            remedy="train a new one, or `goldrank rollback` to the model before it",
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
    """Read all promotions and rollbacks, oldest first; a line that was cut off by a crash is passed over.

    An event is written before `current` changes: the last one may be of a writer that was killed in between.
    """
    try:
        lines = (where.folder / HISTORY).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [event for line in lines if (event := _event(line))]


def hashes(folder: Path) -> dict[str, str]:
    """Hash every file of a version but its record: SHA-256 in hexadecimal, by path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name != FACTS_FILE:
            with path.open("rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def fingerprint(record: Mapping[str, Any]) -> str:
    """Hash a version's record, its name left out; the hash is part of the name."""
    text = json.dumps(record, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


def _version(name: str, folder: Path, record: Mapping[str, Any]) -> Version:
    facts = {field.name: record[field.name] for field in fields(VersionFacts)}
    facts["learned_from"] = tuple(facts["learned_from"])
    return Version(
        name=name,
        folder=folder,
        created=record["created"],
        facts=VersionFacts(**facts),
        decision=record["decision"],
        hashes=record["hashes"],
    )


def _event(line: str) -> Event | None:
    try:
        row = json.loads(line)
        return Event(row["time"], row["action"], row["from"], row["to"], row["forced"], row["reason"])
    except (ValueError, KeyError, TypeError):
        return None


def _broken(name: str, why: str) -> ModelError:
    return ModelError(f"{name} is broken: {why}", remedy=ROLL_BACK)
