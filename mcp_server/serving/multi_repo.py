"""How a question that names no repository gets one ranking of all.

A first-stage score says how good a chunk is within its own repository: each BM25 field is a share of its best
there, so the best chunk of a repository without an answer scores as high as the best of the right one. What
compares across repositories is the confidence that the best chunk of each answers at all. So the scores of a
repository are multiplied by its confidence.

Of 209 questions, each asked of four repositories at once, that keeps nDCG@10 at 0.832, where naming the right
one gives 0.881, scores as they are 0.764, and taking turns 0.550; the first result is of the right repository
in 91 % (benchmarks/runs/2026-11-24-server/merged.txt).
"""

from collections.abc import Callable, Iterable, Sequence
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
from retrieval.search.places import beyond, page_of
from retrieval.search.searcher import Answer, Request, Result
from retrieval.search.second_stage import StageReport
from retrieval.search.vocabulary import NO_VOCABULARY, Vocabulary
from retrieval.sync.sync import Refresh
from retrieval.sync.view import View

PRIOR_POWER = 2
"""How much the router's expectation counts: with it, the merged answer of 20 routed repositories loses 0.07
nDCG@10 to that of the right one alone instead of 0.15, and with guesses 0.02 instead of 0.06; statistics over
all 20 add nothing (benchmarks/runs/2026-11-29-fleet/merged.txt)."""
STEP_S = 0.2  # how often progress is reported while indexes are waited for


@dataclass(frozen=True, slots=True)
class RepoAnswer:
    """What one repository answers.

    Attributes:
        name: Its name.
        answer: What was found there.
        prior: How well a router expected it to answer, as a share of the best; 1 where all are asked.
    """

    name: str
    answer: Answer
    prior: float = 1.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reply shows of one repository.

    Attributes:
        label: Its name and commit, `name (commit)`.
        sections: Those of its results that are in the reply; their paths are relative to its root.
    """

    label: str
    sections: Sequence[Section]


Show = Callable[[str, Sequence[Result]], Shown]
"""Called with the name of a repository and those of its results that are in the reply, best first."""


@dataclass(frozen=True, slots=True)
class MergedAnswer:
    """One ranking of several repositories.

    Attributes:
        answer: Its results, best first; their paths are relative to their roots.
        sections: The same as the reply shows them; their paths begin with the names of their repositories.
        labels: The labels of the repositories that have results, by name, best first.
    """

    answer: Answer
    sections: Sequence[Section]
    labels: dict[str, str]


def search(
    workspace: Workspace,
    request: Request,
    *,
    label: Callable[[View], str],
    progress: Progress,
    is_cancelled: IsCancelled,
) -> MergedAnswer:
    """Search every served repository and merge the results; the first stage alone ranks.

    At most as many are searched at once as may be open.

    Args:
        workspace: The repositories.
        request: The request.
        label: Writes the label of a repository that has results.
        progress: Counts the repositories that are done, those that cannot be searched included.
        is_cancelled: Checked repeatedly.

    Raises:
        CancelledError: `is_cancelled` said so.
        GoldrankError: No repository could be searched; it says why the first could not.
    """
    found: list[RepoAnswer] = []
    views: dict[str, View] = {}  # of the repositories that have a result in the reply so far
    failures: dict[str, GoldrankError] = {}
    from_each = asked_of_each(request)
    for names in workspace.batches():
        before = len(found) + len(failures)
        with ThreadPoolExecutor(len(names)) as pool:  # each waits for its index, all at the same time
            waits = {name: pool.submit(_refreshed, workspace, name, is_cancelled) for name in names}
            while futures.wait(waits.values(), STEP_S).not_done:
                progress(before, len(workspace.names))
        for done, (name, wait) in enumerate(waits.items(), before + 1):
            try:
                view, refresh = wait.result()
                found_there = answer(workspace, view, from_each, refresh=refresh, is_cancelled=is_cancelled)
            except CancelledError:
                raise
            except GoldrankError as error:
                failures[name] = error
            else:
                found.append(RepoAnswer(name, found_there))
                views[name] = view
            progress(done, len(workspace.names))
        leading = {name for name, _ in best_first(found, from_each.top_k)}
        views = {name: view for name, view in views.items() if name in leading}
    if not found:
        raise next(iter(failures.values()))
    return merge(
        found,
        request.top_k,
        show=lambda name, results: Shown(label(views[name]), sections_of(results, views[name])),
        offset=request.offset,
        failures=failures,
    )


def answer(
    workspace: Workspace, view: View, request: Request, *, refresh: Refresh, is_cancelled: IsCancelled
) -> Answer:
    """Answer for one of several repositories, with the first stage alone, in the order that serves it.

    Raises:
        GoldrankError: As `searcher.search` does.
    """
    asked = replace(request, order=workspace.order(view.root))
    return searcher.search(view, asked, None, refresh=refresh, is_cancelled=is_cancelled)


def asked_of_each(request: Request) -> Request:
    """Return what each of several repositories is asked: all places of the reply may be in one of them."""
    return replace(request, offset=0, top_k=request.offset + request.top_k)


def _refreshed(workspace: Workspace, name: str, is_cancelled: IsCancelled) -> tuple[View, Refresh]:
    return workspace.refresh(name, progress=no_progress, is_cancelled=is_cancelled)


def merge(
    found: Sequence[RepoAnswer],
    top_k: int,
    *,
    show: Show,
    offset: int = 0,
    failures: "dict[str, GoldrankError] | None" = None,
) -> MergedAnswer:
    """Merge the answers of several repositories into `top_k` places; ties by name, then by rank in each."""
    best = best_first(found, top_k, offset)
    shown = {name: show(name, results) for name, results in by_repository(best).items()}
    sections = [
        replace(section, place=replace(section.place, path=f"{one.name}/{section.place.path}"))
        for one in found
        if one.name in shown
        for section in shown[one.name].sections
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
        {name: one.label for name, one in shown.items()},
    )


def best_first(found: Iterable[RepoAnswer], top_k: int, offset: int = 0) -> list[tuple[str, Result]]:
    """Order the results of several repositories by score times confidence, with new ranks."""
    weighed = [
        (result.ranked.score * _expected(one), one, result) for one in found for result in one.answer.results
    ]
    weighed.sort(key=lambda item: (-round(item[0], 6), item[1].name, item[2].ranked.rank))
    chunks = [result.passage.chunk for _, _, result in weighed]
    # Two repositories may have files of the same path.
    named = [
        replace(chunk, path=f"{one.name}/{chunk.path}")
        for chunk, (_, one, _) in zip(chunks, weighed, strict=True)
    ]
    shown, after = page_of(named, offset, top_k)
    further = beyond([named[position] for position in after], [named[position] for position in shown])
    best = []
    for position in shown:
        score, one, result = weighed[position]
        path, own = named[position].path, result.passage.chunk.path
        dropped = (replace(chunk, path=own) for chunk in further.get(path, ()))
        known = (*dropped, *result.beyond) if path in further else ()
        ranked = _across(result.ranked, score, position + 1)
        best.append((one.name, replace(result, ranked=ranked, beyond=known)))
    return best


def _expected(one: RepoAnswer) -> float:
    """Return what the scores of a repository are multiplied by, so that they compare with those of others."""
    confidence = one.answer.confidence.value if one.answer.confidence else 0.0
    return float(confidence * one.prior**PRIOR_POWER)


def by_repository(best: Iterable[tuple[str, Result]]) -> dict[str, list[Result]]:
    """Group the results of an order by their repositories, the one with the best result first."""
    found: dict[str, list[Result]] = {}
    for name, result in best:
        found.setdefault(name, []).append(result)
    return found


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
