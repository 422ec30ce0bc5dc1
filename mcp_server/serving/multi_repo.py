"""How a question that names no repository gets one ranking of all.

A first-stage score says how good a chunk is within its own repository: each BM25 field is a share of its best
there, so the best chunk of a repository without an answer scores as high as the best of the right one. What
compares across repositories is the confidence that the best chunk of each answers at all. So the scores of a
repository are multiplied by its confidence.

Of 209 questions, each asked of four repositories at once, that keeps nDCG@10 at 0.832, where naming the right
one gives 0.881, scores as they are 0.764, and taking turns 0.550; the first result is of the right repository
in 91 % (benchmarks/runs/2026-11-24-server/merged.txt).
"""

import itertools
from collections.abc import Iterable, Sequence
from concurrent import futures
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from mcp_server.messages.sections import Section, sections_of
from mcp_server.serving.workspace import Workspace
from retrieval.errors import CancelledError, GoldrankError
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.rank.everyday import Everyday
from retrieval.records import Ranked, RankedAcross
from retrieval.search import searcher
from retrieval.search.places import places_of
from retrieval.search.searcher import Answer, Request, Result
from retrieval.search.second_stage import StageReport
from retrieval.search.vocabulary import NO_VOCABULARY, Vocabulary
from retrieval.sync.sync import Refresh
from retrieval.sync.view import View

STEP_S = 0.2  # how often progress is reported while indexes are waited for


@dataclass(frozen=True, slots=True)
class RepoAnswer:
    """What one repository answers.

    Attributes:
        name: Its name.
        view: What was seen of it; None if the reply shows nothing of it.
        answer: What was found there.
    """

    name: str
    view: View | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class MergedAnswer:
    """One ranking of several repositories.

    Attributes:
        answer: Its results, best first; their paths are relative to their roots.
        sections: The same as the reply shows them; their paths begin with the names of their repositories.
        sources: The repositories that have results, by name, best first.
    """

    answer: Answer
    sections: Sequence[Section]
    sources: dict[str, View]


def search(
    workspace: Workspace, request: Request, *, progress: Progress, is_cancelled: IsCancelled
) -> MergedAnswer:
    """Search every served repository and merge the results; the first stage alone ranks.

    At most as many are searched at once as may be open. `progress` counts the repositories that are done,
    those that cannot be searched included.

    Raises:
        CancelledError: `is_cancelled` said so.
        GoldrankError: No repository could be searched; it says why the first could not.
    """
    found: list[RepoAnswer] = []
    failures: dict[str, GoldrankError] = {}
    deepest = request.offset + request.top_k  # all of them may be of one repository
    from_each = replace(request, offset=0, top_k=deepest)
    for names in workspace.batches():
        before = len(found) + len(failures)
        with ThreadPoolExecutor(len(names)) as pool:  # each waits for its index, all at the same time
            waits = {name: pool.submit(_refreshed, workspace, name, is_cancelled) for name in names}
            while futures.wait(waits.values(), STEP_S).not_done:
                progress(before, len(workspace.names))
        for done, (name, wait) in enumerate(waits.items(), before + 1):
            try:
                view, refresh = wait.result()
                asked = replace(from_each, order=workspace.order(view.root))
                answer = searcher.search(view, asked, None, refresh=refresh, is_cancelled=is_cancelled)
            except CancelledError:
                raise
            except GoldrankError as error:
                failures[name] = error
            else:
                found.append(RepoAnswer(name, view, answer))
            progress(done, len(workspace.names))
        found = _drop_unshown(found, deepest)
    if not found:
        raise next(iter(failures.values()))
    return merge(found, request.top_k, offset=request.offset, failures=failures)


def _refreshed(workspace: Workspace, name: str, is_cancelled: IsCancelled) -> tuple[View, Refresh]:
    return workspace.refresh(name, progress=no_progress, is_cancelled=is_cancelled)


def merge(
    found: Sequence[RepoAnswer],
    top_k: int,
    *,
    offset: int = 0,
    failures: "dict[str, GoldrankError] | None" = None,
) -> MergedAnswer:
    """Merge the answers of several repositories into `top_k` places; ties by name, then by rank in each."""
    best = best_first(found, top_k, offset)
    mine = {one.name: [result for name, result in best if name == one.name] for one in found}
    read = {one.name: one.view for one in found if one.view and mine[one.name]}
    sections = [
        replace(section, place=replace(section.place, path=f"{name}/{section.place.path}"))
        for name, view in read.items()
        for section in sections_of(mine[name], view)
    ]
    notes = [f"{one.name}: {note}" for one in found for note in one.answer.notes]
    notes += [f"{name} was not searched: {error}" for name, error in (failures or {}).items()]
    known = (one.answer.confidence for one in found if one.answer.confidence)
    surest = max(known, key=lambda confidence: confidence.value, default=None)
    return MergedAnswer(
        Answer(
            results=tuple(result for _, result in best),
            stages=StageReport(
                "repositories",
                chunks=sum(one.answer.stages.chunks for one in found),
                milliseconds=sum(one.answer.stages.milliseconds for one in found),
                repositories=len(found),
            ),
            notes=tuple(notes),
            confidence=surest,
            vocabulary=_vocabulary(found, best),
            is_partial=any(one.answer.is_partial for one in found),
        ),
        sorted(sections, key=lambda section: section.best.ranked.rank),
        {name: read[name] for name, _ in best},
    )


def best_first(found: Iterable[RepoAnswer], top_k: int, offset: int = 0) -> list[tuple[str, Result]]:
    """Order the results of several repositories by score times confidence, with new ranks."""
    weighed = [
        (result.ranked.score * (one.answer.confidence.value if one.answer.confidence else 0.0), one, result)
        for one in found
        for result in one.answer.results
    ]
    weighed.sort(key=lambda item: (-round(item[0], 6), item[1].name, item[2].ranked.rank))
    chunks = [result.passage.chunk for _, _, result in weighed]
    # Two repositories may have files of the same path.
    named = [
        replace(chunk, path=f"{one.name}/{chunk.path}")
        for chunk, (_, one, _) in zip(chunks, weighed, strict=True)
    ]
    kept = sorted(itertools.chain.from_iterable(places_of(named)[offset:][:top_k]))
    return [
        (one.name, replace(result, ranked=_across(result.ranked, score, rank)))
        for rank, (score, one, result) in enumerate((weighed[position] for position in kept), 1)
    ]


def _vocabulary(found: Iterable[RepoAnswer], best: Sequence[tuple[str, Result]]) -> Vocabulary:
    """Say which guesses occur in any repository, and offer the names of the one with the best result."""
    known = {one.name: one.answer.vocabulary for one in found}
    here = dict.fromkeys(guess for words in known.values() for guess in words.found)
    absent = (guess for words in known.values() for guess in words.absent)
    first = best[0][0] if best else ""
    nearest = known.get(first, NO_VOCABULARY)
    aside = replace(nearest.aside, path=f"{first}/{nearest.aside.path}") if nearest.aside else None
    return Vocabulary(
        tuple(here),
        tuple(guess for guess in dict.fromkeys(absent) if guess not in here),
        nearest.near,
        aside,
        _everyday([words.everyday for words in known.values()]),
        {word: meant for word, meant in nearest.slips.items() if _is_slip(word, known.values())},
    )


def _is_slip(word: str, found: Iterable[Vocabulary]) -> bool:
    """Return whether no repository seems to have a word."""
    return all(word in words.slips for words in found)


def _everyday(found: Sequence[Everyday | None]) -> Everyday | None:
    """Return the most frequent word if the question has only everyday words in every repository."""
    words = [word for word in found if word]
    if not words or len(words) < len(found):
        return None
    most = max(words, key=lambda word: word.chunks)
    return replace(most, chunks=sum(word.chunks for word in words if word.word == most.word))


def _across(ranked: Ranked | RankedAcross, score: float, rank: int) -> RankedAcross:
    return RankedAcross(ranked.candidate, score, rank, ranked.logit)


def _drop_unshown(found: Sequence[RepoAnswer], top_k: int) -> list[RepoAnswer]:
    """Keep views only of the repositories that have a result in the reply so far."""
    leading = {name for name, _ in best_first(found, top_k)}
    return [one if one.name in leading else replace(one, view=None) for one in found]
