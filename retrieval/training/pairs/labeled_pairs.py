"""What a labelled pair of question and passage holds, and how pairs are stored in a file."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import ArgumentError
from retrieval.records import Chunk


@dataclass(frozen=True, slots=True)
class LabeledPair:
    """A question, a passage as the model reads it, and whether the one answers the other.

    Attributes:
        question_id: Id of the golden question.
        group: Questions of one group are never split between training and testing.
        query: The question's text.
        passage: The chunk's text from `fusion.pair_text`.
        label: 1 for relevant, 0 for not relevant.
        chunk: The chunk that the passage comes from.
        rank: Its first-stage rank, 1-based; 0 if the first stage did not find it.
        teacher: A teacher's logit for the pair, or None.
    """

    question_id: str
    group: str
    query: str
    passage: str
    label: int
    chunk: Chunk
    rank: int
    teacher: float | None = None


@dataclass(frozen=True, slots=True)
class Mined:
    """The result of mining.

    Attributes:
        pairs: By question in the golden file's order, positives first.
        groups: The group of each question, including questions without a positive, which are still tested.
        notes: Why questions gave no pairs, one sentence each.
        provenance: The sources and settings of the pairs, as plain values.
    """

    pairs: tuple[LabeledPair, ...]
    groups: Mapping[str, str]
    notes: tuple[str, ...]
    provenance: Mapping[str, Any]


def write(mined: Mined, file: Path) -> None:
    """Write pairs as JSON lines, after a first line with their provenance."""
    rows = [{"provenance": dict(mined.provenance), "groups": dict(mined.groups), "notes": list(mined.notes)}]
    rows += [dataclasses.asdict(pair) for pair in mined.pairs]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    file.write_text(text, encoding="utf-8", errors="surrogatepass")


def read(file: Path) -> Mined:
    """Read pairs that `write` wrote.

    Raises:
        ArgumentError: The file is missing or holds something else.
    """
    try:
        text = file.read_text(encoding="utf-8", errors="surrogatepass")
        first, *rows = map(json.loads, text.rstrip("\n").split("\n"))  # code may contain other line ends
        pairs = tuple(LabeledPair(**{**row, "chunk": _chunk(row["chunk"])}) for row in rows)
        return Mined(pairs, first["groups"], tuple(first["notes"]), first["provenance"])
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{file} cannot be read: {error}", remedy="make it with goldrank mine") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ArgumentError(f"{file} holds no pairs", remedy="make it with goldrank mine") from error


def is_ours(file: Path) -> bool:
    """Return whether a file was written by `write` and may therefore be overwritten."""
    opening = b'{"provenance": '
    try:
        with file.open("rb") as opened:
            return opened.read(len(opening)) == opening
    except OSError:
        return False


def _chunk(row: Mapping[str, Any]) -> Chunk:
    return Chunk(**{**row, "names": tuple(row["names"])})
