"""How a query is answered: by both stages, or by file names before there is an index."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from retrieval.chunks import split_file
from retrieval.chunks.chunk_text import ChunkText
from retrieval.errors import GoldrankError
from retrieval.history.past import Touch
from retrieval.index import integrity
from retrieval.index.reader import uid_of
from retrieval.paths.path_filter import Filter
from retrieval.progress import IsCancelled
from retrieval.rank.confidence import Confidence, judge
from retrieval.rank.learned_order import SHIPPED, Order
from retrieval.rank.need import Need, read_need
from retrieval.records import Candidate, Chunk, Ranked, RankedAcross
from retrieval.search.caller_passages import KNOWN_TRUST, known_scores, rank_passages
from retrieval.search.filename_fallback import match_filenames
from retrieval.search.first_stage import Measured, candidates_of, in_order, measure
from retrieval.search.folding import LOOKED_AT, Folded, fold
from retrieval.search.places import beyond, page_of
from retrieval.search.second_stage import (
    SecondStage,
    Skipped,
    StageReport,
    is_sure,
    read_and_fuse,
    unavailable,
)
from retrieval.search.vocabulary import NO_VOCABULARY, Vocabulary, vocabulary_of
from retrieval.sync.sync import Refresh
from retrieval.sync.view import View

DAMAGED = "the index was damaged and is being rebuilt; ask again in a moment"
REPLACED = "the index is being rebuilt; ask again in a moment"


@dataclass(frozen=True, slots=True)
class Request:
    """A search request.

    Attributes:
        query: The question, in its first wording.
        top_k: The number of places.
        offset: How many better places are left out, because the caller has seen them.
        globs: gitignore-style path patterns, or None.
        language: A language name, or None.
        rerank: Whether the second stage may run.
        folder: A folder of the root that limits the search, or "".
        wordings: The question in other words.
        expect: Names and words that the answer may contain, most likely first.
        order: The first-stage order that serves the root.
    """

    query: str
    top_k: int
    globs: tuple[str, ...] | None = None
    language: str | None = None
    rerank: Literal["yes", "no"] = "yes"
    folder: str = ""
    wordings: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    offset: int = 0
    order: Order = SHIPPED

    @property
    def filter(self) -> Filter:
        """The filter of the searched files."""
        return Filter(self.globs or (), (self.language,) if self.language else (), folder=self.folder)

    @property
    def need(self) -> Need:
        """What is searched for."""
        return read_need((self.query, *self.wordings), self.expect)


@dataclass(frozen=True, slots=True)
class Result:
    """One ranked passage.

    Attributes:
        ranked: Its place in the order.
        passage: Its lines.
        alike: The places of passages that only repeat it, best first.
        beyond: If its file is one of the first, what was found there after all that is shown, best first.
    """

    ranked: Ranked | RankedAcross
    passage: ChunkText
    alike: tuple[str, ...] = ()
    beyond: tuple[Chunk, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The results of a search, and how they were found.

    Attributes:
        results: Best first.
        stages: Which stages ran, and why one did not.
        notes: Notes for the reader, one sentence each.
        confidence: Whether the first stage's best candidate seems to answer; None if not computed.
        is_partial: Whether files that may answer are not indexed yet.
        left_out: If nothing seems to answer, how many files are not searched, and why; else "".
        vocabulary: Which guesses occur, and which names are near the question.
        touches: The commits that suggest the files of the results, by path.
    """

    results: tuple[Result, ...]
    stages: StageReport
    notes: tuple[str, ...] = ()
    confidence: Confidence | None = None
    is_partial: bool = False
    left_out: str = ""
    vocabulary: Vocabulary = NO_VOCABULARY
    touches: Mapping[str, Touch] = field(default_factory=dict)


def search(
    view: View,
    request: Request,
    second: SecondStage | None,
    *,
    refresh: Refresh | None = None,
    is_cancelled: IsCancelled = lambda: False,
) -> Answer:
    """Find the chunks that answer a query.

    Args:
        view: The view to search.
        request: The request.
        second: The cross-encoder, or None.
        refresh: The result of the refresh before the view was taken; None if the index is up to date.
        is_cancelled: Checked repeatedly.

    Raises:
        ArgumentError: The filter is invalid or matches no file.
        CancelledError: `is_cancelled` returned True.
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
            raise RuntimeError(f"the engine gave up: {error}") from error  # a panic would end the server
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
    if view.is_replaced():  # else nothing would be found, without a note
        return _by_filenames(view, request, notes=(REPLACED,), start=start)
    selection = view.select(request.filter, is_cancelled=is_cancelled)
    paths, notes = (selection.paths, (*notes, *selection.notes)) if selection else (None, notes)
    need = request.need
    skipped = _skipped(request, second)
    read = second.depth if second and not skipped else 0
    measured = measure(view, need, paths=paths)
    need, features = measured.need, measured.features
    asked = need.query.text if measured.reading else request.query  # the cross-encoder reads English
    wanted = max(request.offset + request.top_k, read)
    folded = _folded(view, measured, request.order, limit=wanted + LOOKED_AT)
    candidates = [one.candidate for one in folded]
    if refresh.pending and not candidates:
        return _by_filenames(view, request, notes=notes, start=start)
    confidence = judge(need, snapshot, features, candidates)
    if second and second.is_spared and not skipped and is_sure(confidence, candidates):
        skipped, read = "sure", 0
    passages = view.chunk_texts(candidate.chunk for candidate in candidates[:read])
    ranked, report = read_and_fuse(
        asked, candidates, passages, second, skipped=skipped, is_cancelled=is_cancelled
    )
    alike = {one.candidate.chunk: one.alike for one in folded}
    results = _results(ranked, request, view, alike)
    return Answer(
        results,
        StageReport("index", len(snapshot), _since(start), report, lessons=request.order.lessons_for(need)),
        (*notes, *measured.notes, *_order_note(request.order, need), *_oddities(view, results)),
        confidence,
        is_partial=bool(refresh.pending),
        left_out=view.left_out() if confidence.is_low else "",
        vocabulary=vocabulary_of(
            measured,
            snapshot,
            candidates,
            weights=request.order.weights[need.kind],
            shown=set(_paths(results)),
            is_low=confidence.is_low,
        ),
        touches={path: measured.touches[path] for path in _paths(results) if path in measured.touches},
    )


def _folded(view: View, measured: Measured, order: Order, *, limit: int) -> list[Folded]:
    """Return the best candidates in first-stage order, without those that only repeat another."""
    return fold(
        in_order(view, measured, order=order, limit=limit),
        lambda chunk: view.snapshot.stems(uid_of(chunk.path, chunk.start_line)),
        keeps_data="data" in measured.features.asked,
        keeps_copies=measured.need.kind == "path",
    )


def _by_filenames(view: View, request: Request, *, notes: tuple[str, ...], start: float) -> Answer:
    """Answer from the files whose names match, because no matching file is indexed yet."""
    matches = match_filenames(view, request.need, request.filter)
    answer = rerank(request.need, matches.passages, None)
    return replace(
        answer,
        results=answer.results[request.offset :][: request.top_k],
        stages=StageReport("file names", answer.stages.chunks, _since(start)),
        notes=(*notes, *matches.notes),
        is_partial=True,
    )


def ranking(view: View, request: Request) -> list[Candidate]:
    """Return the complete first-stage order of a query, with every chunk of the pool, for explanations."""
    need, selection = request.need, view.select(request.filter)
    paths = selection.paths if selection else None
    return candidates_of(view, need, order=request.order, paths=paths)


def best_chunks(
    view: View, need: Need, *, order: Order = SHIPPED, paths: Sequence[str] | None = None
) -> dict[str, Chunk]:
    """Return, for each file in the pool, the chunk that a search for the same need shows first.

    Args:
        view: The view to search.
        need: What the caller wants.
        order: The first-stage order that serves the root.
        paths: If given, only these files.
    """
    best: dict[str, Chunk] = {}
    for candidate in candidates_of(view, need, order=order, paths=paths):
        best.setdefault(candidate.chunk.path, candidate.chunk)
    return best


def rerank(
    need: Need,
    passages: Sequence[ChunkText],
    second: SecondStage | None,
    *,
    view: View | None = None,
    order: Order = SHIPPED,
    is_cancelled: IsCancelled = lambda: False,
) -> Answer:
    """Rank the caller's own passages: by rank-bm25 among themselves, then by the cross-encoder.

    Args:
        need: What the caller wants.
        passages: What is ranked.
        second: The cross-encoder, or None.
        view: If given, what its index knows of passages in its files counts too.
        order: The first-stage order that serves the root of the view.
        is_cancelled: Checked repeatedly.
    """
    start = time.perf_counter()
    known = known_scores(view, need, passages, order=order) if view and view.is_indexed else {}
    candidates = rank_passages(need, passages, known=known, is_cancelled=is_cancelled)
    by_chunk = {passage.chunk: passage for passage in passages}
    ordered = [by_chunk[candidate.chunk] for candidate in candidates]
    trust = KNOWN_TRUST if second and second.is_spared and len(known) == len(passages) else 1.0
    trusted = replace(second, weight=trust * second.rerank_tool_weight) if second else None
    ranked, report = read_and_fuse(need.query.text, candidates, ordered, trusted, is_cancelled=is_cancelled)
    results = tuple(Result(item, by_chunk[item.candidate.chunk]) for item in ranked)
    lessons, notes = (order.lessons_for(need), _order_note(order, need)) if known else (0, ())
    stages = StageReport("candidates", len(passages), _since(start), report, lessons=lessons)
    return Answer(results, stages, notes)


def may_rerank(request: Request) -> bool:
    """Return whether any second stage may be asked; otherwise no model needs to be loaded."""
    return request.rerank == "yes" and not request.need.is_symbol


def _skipped(request: Request, second: SecondStage | None) -> Skipped | None:
    """Return why no model is asked, whatever the first stage finds; None if one may be."""
    if request.rerank == "no":
        return "not asked for"
    if request.need.is_symbol:
        return "a name alone"
    return unavailable(second) or (second.skips(request.need) if second else None)


def _order_note(order: Order, need: Need) -> tuple[str, ...]:
    note = order.note_for(need)
    return (note,) if note else ()


def _oddities(view: View, results: Sequence[Result]) -> Iterator[str]:
    """Say what was unusual about reading the shown files.

    Skipped long lines only matter when nothing is found; `left_out` reports them then.
    """
    for path in _paths(results):
        if note := view.note(path).partition(split_file.LONG_LINES)[0].removesuffix("; "):
            yield f"{path}: {note}"


def _results(
    ranked: Sequence[Ranked], request: Request, view: View, alike: Mapping[Chunk, tuple[str, ...]]
) -> tuple[Result, ...]:
    """Return what is in the places that are asked for, in order."""
    found = [item.candidate.chunk for item in ranked]
    shown, after = page_of(found, request.offset, request.top_k)
    chunks = [found[position] for position in shown]
    further = beyond([found[position] for position in after], chunks)
    return tuple(
        Result(ranked[position], passage, alike.get(chunk, ()), further.get(chunk.path, ()))
        for position, chunk, passage in zip(shown, chunks, view.chunk_texts(chunks), strict=True)
    )


def _paths(results: Sequence[Result]) -> Sequence[str]:
    return list(dict.fromkeys(result.passage.chunk.path for result in results))


def _since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)
