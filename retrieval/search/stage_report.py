"""Which stages ranked an answer, and why one did not; `mcp_server` turns the report into a sentence."""

from dataclasses import dataclass
from typing import Literal

FirstStage = Literal["index", "candidates", "file names", "repositories"]
"""The input of the first stage: indexed chunks, a caller's candidates, files whose names match, or chunks of
several repositories, whose scores are weighted by their confidence."""

Skipped = Literal[
    "not asked for", "a name alone", "a path", "guesses", "pasted text", "sure", "no model", "weight zero"
]
"""Why the second stage was skipped."""


@dataclass(frozen=True, slots=True)
class SecondStageReport:
    """The work of the cross-encoder for one answer.

    Attributes:
        skipped: Why the stage was skipped; None if it was not.
        failure: Why the model read nothing although it should; None if it read, or had nothing to read.
        model: The model's display name.
        read: How many candidates it read.
        weight: Its weight in the fused score, 0 to 1.
        cut_short: Why it did not read all candidates, or "".
        model_note: Why another model than the promoted one was used, or "".
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
    """The stages of an answer.

    Attributes:
        first: The input of the first stage.
        chunks: How many chunks were searched, or candidates ranked.
        milliseconds: Time taken.
        second: The report of the second stage; None if it was not used at all.
        repositories: How many repositories were searched.
    """

    first: FirstStage
    chunks: int
    milliseconds: float
    second: SecondStageReport | None = None
    repositories: int = 1
