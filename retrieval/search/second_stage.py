"""How the cross-encoder contributes to an answer: when it runs, what it reads, and what is reported of it.

`mcp_server` turns the report into a sentence.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from retrieval.chunks.chunk_text import ChunkText
from retrieval.errors import ModelError
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.rank.confidence import Confidence
from retrieval.rank.need import Need, NeedKind
from retrieval.rank.query import Query
from retrieval.records import AnyCandidate, Candidate, Ranked
from retrieval.rerank.fusion import Reading, fuse, pair_text

FirstStage = Literal["index", "candidates", "file names", "repositories"]
"""The input of the first stage: indexed chunks, a caller's candidates, files whose names match, or chunks of
several repositories, whose scores are weighted by their confidence."""

Skipped = Literal[
    "not asked for",
    "a name alone",
    "a path",
    "guesses",
    "pasted text",
    "code",
    "sure",
    "no model",
    "weight zero",
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
        lessons: How many commits taught the order of the first stage; 0 for the one that goldrank ships.
    """

    first: FirstStage
    chunks: int
    milliseconds: float
    second: SecondStageReport | None = None
    repositories: int = 1
    lessons: int = 0


_WHY: Mapping[NeedKind, Skipped] = {
    # The index knows where a name is defined; a model that read it moved the answer down (decisions/0005).
    "name": "a name alone",
    "path": "a path",
    "guessed": "guesses",
    "pasted": "pasted text",
}
_CODE_MARK = re.compile(r"[(){}\[\]<>:;=,@*&]")
ALL_BUT_NAMES: frozenset[NeedKind] = frozenset({"question", "path", "guessed", "pasted"})
QUESTIONS: frozenset[NeedKind] = frozenset({"question"})
CODE_MARKS = 5  # a title that names a call or two has fewer; a signature with two arguments has more
SURE, RIVAL = 0.95, 0.5
"""The first stage is sure from this confidence on, if no other file's chunk has more than this share of the
best score (docs/decisions/0032-nothing-else-has-half-its-score.md)."""


class Reader(Protocol):
    """Runs the cross-encoder; in production, a `model_thread.ModelThread`."""

    def read(
        self,
        query: str,
        passages: Sequence[str],
        *,
        deadline_s: float,
        is_cancelled: IsCancelled,
        progress: Progress = ...,
    ) -> Reading:
        """Score passages in first-stage order until the deadline; report progress."""


@dataclass(frozen=True, slots=True)
class SecondStage:
    """The cross-encoder and its parameters.

    Attributes:
        reader: Runs the model.
        name: The model's display name.
        weight: Its weight in the fused score of a search, 0 to 1.
        rerank_tool_weight: Its weight when the first stage is BM25 among a caller's candidates, 0 to 1.
        depth: How many candidates it reads.
        deadline_s: Seconds after which the remaining candidates keep their first-stage order.
        note: Why another model than the promoted one is used, or "".
        kinds: The kinds of needs that it is asked about in a search.
        is_spared: Whether it is not asked where the first stage is sure, or the question is code, and
            trusted less where the index knows a caller's passages: what was measured of the embedded model.
        progress: Called with candidates read and candidates in total.
    """

    reader: Reader
    name: str
    weight: float
    rerank_tool_weight: float
    depth: int
    deadline_s: float
    note: str = ""
    kinds: frozenset[NeedKind] = ALL_BUT_NAMES
    is_spared: bool = False
    progress: Progress = no_progress

    def skips(self, need: Need) -> Skipped | None:
        """Return why it is not asked about a need, whatever the first stage finds; None if it may be."""
        return skips(need, self.kinds, is_spared=self.is_spared)


def skips(need: Need, kinds: Collection[NeedKind], *, is_spared: bool) -> Skipped | None:
    """Return why a model with these `SecondStage` fields is not asked about a need; None if it may be."""
    if need.kind not in kinds:
        return _WHY.get(need.kind, "weight zero")
    return "code" if is_spared and any(_is_code(item.query) for item in need.wordings) else None


def _is_code(query: Query) -> bool:
    """Return whether a query is a line of code, such as a signature, rather than words that name code."""
    return bool(query.identifiers) and len(_CODE_MARK.findall(query.text)) >= CODE_MARKS


def is_sure(confidence: Confidence, candidates: Sequence[Candidate]) -> bool:
    """Return whether the first stage's best candidate needs no second reader."""
    if not candidates or confidence.value < SURE:
        return False
    best, *others = candidates
    rival = max((one.score for one in others if one.chunk.path != best.chunk.path), default=0.0)
    return rival <= RIVAL * best.score


def unavailable(second: SecondStage | None) -> Skipped | None:
    """Return why no model is used for any query, or None if one is."""
    if second is None:
        return "no model"
    return None if second.weight else "weight zero"


def read_and_fuse(
    query: str,
    candidates: Sequence[AnyCandidate],
    passages: Sequence[ChunkText],
    second: SecondStage | None,
    *,
    skipped: Skipped | None = None,
    is_cancelled: IsCancelled,
) -> tuple[list[Ranked], SecondStageReport]:
    """Let the cross-encoder read the first candidates; return the fused order and a report of the stage.

    Args:
        query: The query.
        candidates: In first-stage order.
        passages: The texts of the first candidates, as many as the model reads.
        second: The cross-encoder, or None.
        skipped: Why this query skips the second stage, or None.
        is_cancelled: Checked repeatedly.

    Raises:
        CancelledError: `is_cancelled` returned True.
    """
    unread: list[float | None] = [None] * len(candidates)
    # The reply to a query that skips the second stage does not mention models.
    note = second.note if second and not skipped else ""
    skipped = skipped or unavailable(second)
    if second is None or skipped or not candidates:
        return fuse(candidates, unread, weight=0), SecondStageReport(skipped=skipped, model_note=note)
    texts = [pair_text(passage.chunk, passage.text) for passage in passages[: second.depth]]
    try:
        reading = second.reader.read(
            query,
            texts,
            deadline_s=second.deadline_s,
            is_cancelled=is_cancelled,
            progress=second.progress,
        )
    except ModelError as error:
        return fuse(candidates, unread, weight=0), SecondStageReport(failure=str(error), model_note=note)
    logits = [*reading.logits, *unread[len(reading.logits) :]]
    read = sum(logit is not None for logit in logits)
    report = SecondStageReport(
        model=second.name, read=read, weight=second.weight, cut_short=reading.note, model_note=note
    )
    if not read:
        report = replace(report, failure=reading.note)
    return fuse(candidates, logits, weight=second.weight), report
