"""Both stages composed: what was asked goes in, ranked passages and an account of how come out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from retrieval.chunks import stored_chunk, tokenizer
from retrieval.chunks.chunk_text import ChunkText
from retrieval.errors import CancelledError, GoldrankError, ModelError
from retrieval.index import integrity
from retrieval.index.bm25 import bm25_scores
from retrieval.index.reader import path_terms
from retrieval.paths.path_filter import Filter
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.rank.confidence import Confidence, judge
from retrieval.rank.query import read_query
from retrieval.rank.ranker import gather, place, weights_for
from retrieval.records import Candidate, Ranked
from retrieval.rerank.fusion import Reading, fuse, pair_text
from retrieval.search.filename_fallback import match_filenames
from retrieval.sync.sync import Refresh
from retrieval.sync.view import View

DAMAGED = "the index was damaged and is made anew; ask again in a moment"
REPLACED = "the index is being made anew; ask again in a moment"
BY_FILENAMES = "only the files whose names match were read: nothing that matches is indexed"


class Reader(Protocol):
    """Runs the cross-encoder; in production a `model_thread.ModelThread`."""

    def read(
        self,
        query: str,
        passages: Sequence[str],
        *,
        deadline_s: float,
        is_cancelled: IsCancelled,
        progress: Progress = ...,
    ) -> Reading:
        """Score passages in first-stage order until the deadline; report how many are read."""


@dataclass(frozen=True, slots=True)
class SecondStage:
    """The cross-encoder and how far it is trusted.

    Attributes:
        reader: Runs the model.
        name: The model, for people.
        weight: Its share in the fused score of a search, 0 to 1.
        rerank_tool_weight: Its share where the first stage is BM25 among a caller's candidates, 0 to 1.
        depth: How many candidates it reads.
        deadline_s: Seconds until the rest keep their first-stage order.
        note: Why another model than the promoted one reads, or "".
        progress: Called with candidates read and candidates in all.
    """

    reader: Reader
    name: str
    weight: float
    rerank_tool_weight: float
    depth: int
    deadline_s: float
    note: str = ""
    progress: Progress = no_progress


@dataclass(frozen=True, slots=True)
class Request:
    """A search as it was asked for.

    Attributes:
        query: The question.
        top_k: How many results.
        globs: gitignore-style path patterns, or None.
        language: A language name, or None.
        rerank: Whether the second stage may run.
        folder: A folder of the root that the search is held to, or "".
    """

    query: str
    top_k: int
    globs: tuple[str, ...] | None = None
    language: str | None = None
    rerank: Literal["yes", "no"] = "yes"
    folder: str = ""

    @property
    def filter(self) -> Filter:
        """What the search is held to."""
        return Filter(self.globs or (), (self.language,) if self.language else (), folder=self.folder)


@dataclass(frozen=True, slots=True)
class Result:
    """One ranked passage."""

    ranked: Ranked
    passage: ChunkText


@dataclass(frozen=True, slots=True)
class Answer:
    """What a search found and how.

    Attributes:
        results: Best first.
        stages: The stages that ran, and why one did not.
        chunks: How many chunks were searched, or candidates ranked.
        milliseconds: Time taken.
        notes: What the reader should know, a sentence each.
        confidence: Whether the first stage's best seems to answer; None where nobody asked.
        is_partial: Whether files that may answer are not indexed yet.
        left_out: Where nothing seems to answer: how many files are not searched, and why.
    """

    results: tuple[Result, ...]
    stages: str
    chunks: int
    milliseconds: float
    notes: tuple[str, ...] = ()
    confidence: Confidence | None = None
    is_partial: bool = False
    left_out: str = ""


def search(
    view: View,
    request: Request,
    second: SecondStage | None,
    *,
    refresh: Refresh | None = None,
    is_cancelled: IsCancelled = lambda: False,
) -> Answer:
    """Find the chunks that answer a question.

    Args:
        view: Where to look.
        request: What is asked.
        second: The cross-encoder, or None.
        refresh: What bringing the index up to date did before the view was taken; None for all of it.
        is_cancelled: Asked now and then.

    Raises:
        ArgumentError: A filter that nothing passes.
        CancelledError: `is_cancelled` said so.
    """
    start = time.perf_counter()
    refresh = refresh or Refresh()
    try:
        return _search(view, request, second, refresh=refresh, start=start, is_cancelled=is_cancelled)
    except GoldrankError:
        raise
    except BaseException as error:
        if not integrity.is_damage(error):
            raise
        is_replaced = view.is_replaced()
        if not is_replaced and not view.sync.discard_if_damaged():
            if isinstance(error, Exception):
                raise
            raise RuntimeError(f"the engine gave up: {error}") from error  # a panic would end a server
    notes = (REPLACED if is_replaced else DAMAGED,)
    return _by_filenames(view, request, notes=notes, start=start)


def _search(
    view: View,
    request: Request,
    second: SecondStage | None,
    *,
    refresh: Refresh,
    start: float,
    is_cancelled: IsCancelled,
) -> Answer:
    notes = (refresh.note,) if refresh.note else ()
    if refresh.pending and not view.is_indexed:
        return _by_filenames(view, request, notes=notes, start=start)
    snapshot = view.snapshot
    if view.is_replaced():  # else nothing would be found, and not a word said
        return _by_filenames(view, request, notes=(REPLACED,), start=start)
    selection = view.select(request.filter, is_cancelled=is_cancelled)
    paths, notes = (selection.paths, (*notes, *selection.notes)) if selection else (None, notes)
    query = read_query(request.query)
    refusal = _refusal(request, is_symbol=query.is_symbol)
    read = second.depth if second and not (refusal or _off(second)) else 0
    evidence = gather(query, snapshot, paths=paths)
    candidates = place(evidence, weights_for(query), limit=max(request.top_k, read))
    if refresh.pending and not candidates:
        return _by_filenames(view, request, notes=notes, start=start)
    confidence = judge(query, snapshot, evidence, candidates)
    passages = view.chunk_texts(candidate.chunk for candidate in candidates[:read])
    ranked, stages = _second_stage(
        request.query, candidates, passages, second, refusal=refusal, is_cancelled=is_cancelled
    )
    results = _results(ranked[: request.top_k], view)
    # That long lines are left out matters to who finds nothing, and is said there.
    noted = ((path, view.note(path).partition(stored_chunk.LONG_LINES)[0]) for path in _paths(results))
    odd = {path: note.removesuffix("; ") for path, note in noted if note}
    return Answer(
        results,
        stages,
        len(snapshot),
        _since(start),
        (*notes, *(f"{path}: {note}" for path, note in odd.items())),
        confidence,
        is_partial=bool(refresh.pending),
        left_out=view.left_out() if confidence.is_low else "",
    )


def _by_filenames(view: View, request: Request, *, notes: tuple[str, ...], start: float) -> Answer:
    """Answer from the files whose names match, as nothing that matches is indexed yet."""
    matches = match_filenames(view, request.query, request.filter)
    answer = rerank(request.query, matches.passages, None)
    return replace(
        answer,
        results=answer.results[: request.top_k],
        stages=BY_FILENAMES,
        milliseconds=_since(start),
        notes=(*notes, *matches.notes),
        is_partial=True,
    )


def ranking(view: View, request: Request) -> list[Candidate]:
    """Return the whole first-stage order of a question, every chunk of the pool, to explain any of them."""
    query, selection = read_query(request.query), view.select(request.filter)
    evidence = gather(query, view.snapshot, paths=selection.paths if selection else None)
    return place(evidence, weights_for(query), limit=len(evidence.pool.chunks))


def rerank(
    query: str,
    passages: Sequence[ChunkText],
    second: SecondStage | None,
    *,
    is_cancelled: IsCancelled = lambda: False,
) -> Answer:
    """Order passages that the caller already holds: rank-bm25 among themselves, then the cross-encoder."""
    start = time.perf_counter()
    candidates = rank_passages(query, passages, is_cancelled=is_cancelled)
    by_chunk = {passage.chunk: passage for passage in passages}
    ordered = [by_chunk[candidate.chunk] for candidate in candidates]
    trusted = replace(second, weight=second.rerank_tool_weight) if second else None
    ranked, stages = _second_stage(query, candidates, ordered, trusted, is_cancelled=is_cancelled)
    results = tuple(Result(item, by_chunk[item.candidate.chunk]) for item in ranked)
    return Answer(results, stages, len(passages), _since(start))


def rank_passages(
    query: str, passages: Sequence[ChunkText], *, is_cancelled: IsCancelled = lambda: False
) -> list[Candidate]:
    """Order passages by BM25 among themselves, best first; ties by path, then line.

    Raises:
        CancelledError: `is_cancelled` said so.
    """
    documents = []
    for passage in passages:
        if is_cancelled():
            raise CancelledError("the caller no longer wants this ranking")
        documents.append(tokenizer.stems(tokenizer.terms(passage.text) + path_terms(passage.chunk.path)))
    scores = bm25_scores(tokenizer.stems(tokenizer.query_terms(query)), documents)
    order = sorted(
        range(len(passages)),
        key=lambda i: (-round(float(scores[i]), 9), passages[i].chunk.path, passages[i].chunk.start_line),
    )
    return [
        Candidate(passages[i].chunk, float(scores[i]), number, {"body": float(scores[i])})
        for number, i in enumerate(order, 1)
    ]


def may_rerank(request: Request) -> bool:
    """Tell whether a search would ask the second stage, so that no model is loaded for one that would not."""
    return not _refusal(request, is_symbol=read_query(request.query).is_symbol)


def _refusal(request: Request, *, is_symbol: bool) -> str:
    if request.rerank == "no":
        return "reranking was not asked for"
    # What defines a name is known; a model that reads it moved the answer down (decisions/0005).
    return "a name alone is not reranked" if is_symbol else ""


def _off(second: SecondStage | None) -> str:
    """Say why no model reads at all, whatever is asked; "" where one does."""
    if second is None:
        return "reranking is off: no model is set"
    return "" if second.weight else "reranking is off: its weight is 0, which --rerank-weight sets"


def _second_stage(
    query: str,
    candidates: Sequence[Candidate],
    passages: Sequence[ChunkText],
    second: SecondStage | None,
    *,
    refusal: str = "",
    is_cancelled: IsCancelled,
) -> tuple[list[Ranked], str]:
    """Let the cross-encoder read what it may; return the fused order and a line on what ran."""
    ranked, stages = _read_and_fuse(
        query, candidates, passages, second, refusal=refusal, is_cancelled=is_cancelled
    )
    note = second.note if second and not refusal else ""
    return ranked, f"{stages} ({note})" if note else stages


def _read_and_fuse(
    query: str,
    candidates: Sequence[Candidate],
    passages: Sequence[ChunkText],
    second: SecondStage | None,
    *,
    refusal: str,
    is_cancelled: IsCancelled,
) -> tuple[list[Ranked], str]:
    nothing: list[float | None] = [None] * len(candidates)
    refusal = refusal or _off(second)
    if second is None or refusal or not candidates:
        return fuse(candidates, nothing, weight=0), f"bm25 ({refusal})" if refusal else "bm25"
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
        return fuse(candidates, nothing, weight=0), f"bm25 (no reranking: {error})"
    logits = [*reading.logits, *nothing[len(reading.logits) :]]
    read = sum(logit is not None for logit in logits)
    ranked = fuse(candidates, logits, weight=second.weight)
    if not read:
        return ranked, f"bm25 (no reranking: {reading.note})"
    stages = f"bm25 + {second.name} on {read} candidates, weight {second.weight:g}"
    return ranked, f"{stages} ({reading.note})" if reading.note else stages


def _results(ranked: Sequence[Ranked], view: View) -> tuple[Result, ...]:
    passages = view.chunk_texts(item.candidate.chunk for item in ranked)
    return tuple(Result(item, passage) for item, passage in zip(ranked, passages, strict=True))


def _paths(results: Sequence[Result]) -> Sequence[str]:
    return list(dict.fromkeys(result.passage.chunk.path for result in results))


def _since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)
