"""Which stages ranked an answer, and why one did not; `mcp_server` writes it as a sentence."""

from dataclasses import dataclass
from typing import Literal

FirstStage = Literal["index", "candidates", "file names", "repositories"]
"""What the first stage ranked: indexed chunks, a caller's candidates, files whose names match, or chunks of
several repositories, whose scores it weighs by their confidence."""

Skipped = Literal["not asked for", "a name alone", "no model", "weight zero"]
"""Why the second stage was not to run."""


@dataclass(frozen=True, slots=True)
class SecondStageReport:
    """What the cross-encoder did for one answer.

    Attributes:
        skipped: Why it was not to run; None where it was.
        failure: Why it read nothing although it was to run; None where it read, or had nothing to read.
        model: The model that read, for people.
        read: How many candidates it read.
        weight: Its share in the fused score, 0 to 1.
        cut_short: Why it did not read all that it was to read, or "".
        model_note: Why another model than the promoted one reads, or "".
    """

    skipped: Skipped | None = None
    failure: str | None = None
    model: str = ""
    read: int = 0
    weight: float = 0.0
    cut_short: str = ""
    model_note: str = ""


@dataclass(frozen=True, slots=True)
class StageReport:
    """How an answer was made.

    Attributes:
        first: What the first stage ranked.
        chunks: How many chunks were searched, or candidates ranked.
        milliseconds: Time taken.
        second: What the second stage did; None where it is not used at all.
        repositories: How many were searched.
    """

    first: FirstStage
    chunks: int
    milliseconds: float
    second: SecondStageReport | None = None
    repositories: int = 1
