"""What each tool does with a call whose turn it is: from checked arguments to the text of a reply.

All of it blocks, and runs on a thread of its own: `protocol.tools` takes calls and queues them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from mcp_server.messages import replies
from mcp_server.messages.arguments import (
    SHOWN_PROBLEMS,
    FeedbackArguments,
    RerankArguments,
    SearchArguments,
)
from mcp_server.messages.sections import Section, sections_of
from mcp_server.serving import multi_repo
from mcp_server.serving.candidates import files_of, indexed_span, resolve_candidates
from mcp_server.serving.served import Served
from mcp_server.serving.workspace import Workspace
from retrieval.errors import ArgumentError, GoldrankError
from retrieval.paths.spans import Files
from retrieval.progress import IsCancelled
from retrieval.rank.need import read_need
from retrieval.search import feedback_log, searcher
from retrieval.search.searcher import Answer, Request
from retrieval.sync.sync import Refresh
from retrieval.sync.view import View

Notes = tuple[str, ...]


class CallProgress(Protocol):
    """Hears how far a call is, in the unit of each method: what is done, and what there is to do."""

    def searched(self, done: int, total: int) -> None:
        """Count repositories."""

    def indexed(self, done: int, total: int) -> None:
        """Count files; both are 0 while they are listed."""

    def read(self, done: int, total: int) -> None:
        """Count candidates that the model has read."""

    def answered(self, repositories: Sequence[str], places: int) -> None:
        """Hear what the call is answered from, for the audit log.

        Args:
            repositories: The URL, with its ref, or the folder of each; no alias that others see otherwise.
            places: How many places or spans the answer has.
        """


@dataclass(frozen=True, slots=True)
class SearchCall:
    """A call of rag_search, ready to run.

    Attributes:
        request: What is searched for.
        repo: The repository that it names, or None.
        searches_all: Whether it names none of several, and searches every one.
        arguments: How the reply is to look.
        notes: What was changed in the arguments to understand them, a sentence each.
    """

    request: Request
    repo: str | None
    searches_all: bool
    arguments: SearchArguments
    notes: Notes


def search_call(served: Served, arguments: SearchArguments, notes: Notes) -> SearchCall:
    """Decide what a call of rag_search searches.

    Raises:
        GoldrankError: The query is blank.
    """
    require_query(arguments.query)
    first, *others = arguments.query
    repo, folder = served.repo_and_folder(arguments.repo)
    request = Request(
        query=first,
        wordings=tuple(others),
        expect=tuple(arguments.expect or ()),
        top_k=arguments.top_k,
        offset=arguments.offset,
        globs=tuple(arguments.path) if arguments.path else None,
        language=arguments.language,
        folder=folder,
        rerank="yes" if arguments.rerank else "no",
    )
    return SearchCall(request, repo, repo is None and len(served.roots) > 1, arguments, notes)


def search(workspace: Workspace, call: SearchCall, progress: CallProgress, is_cancelled: IsCancelled) -> str:
    """Answer rag_search.

    Raises:
        GoldrankError: The call cannot be answered; the text says why and what to do.
    """
    if call.searches_all:
        return _search_all(workspace, call, progress, is_cancelled)
    view, refresh = workspace.refresh(call.repo, progress=progress.indexed, is_cancelled=is_cancelled)
    request = replace(call.request, order=workspace.order(view.root))
    with workspace.models.acquire(view.root, request=request, progress=progress.read) as second:
        answer = searcher.search(view, request, second, refresh=refresh, is_cancelled=is_cancelled)
    progress.answered([workspace.served.written(call.repo)], len(answer.results))
    return _search_reply(call, answer, sections_of(answer.results, view), label_of(view, refresh))


def _search_all(
    workspace: Workspace, call: SearchCall, progress: CallProgress, is_cancelled: IsCancelled
) -> str:
    merged = multi_repo.search(
        workspace, call.request, label=label_of, progress=progress.searched, is_cancelled=is_cancelled
    )
    count = len(workspace.names)
    progress.answered([*map(workspace.served.written, merged.labels)], len(merged.answer.results))
    return merged_reply(call, merged, f"{count} repositories", count)


def merged_reply(call: SearchCall, merged: multi_repo.MergedAnswer, searched: str, count: int) -> str:
    """Write the reply to a call that names none of several repositories.

    Args:
        call: The call.
        merged: Their answer.
        searched: Says which repositories were searched, as the header begins.
        count: How many repositories these are.
    """
    labels = ", ".join(merged.labels.values())
    leading = ": " if len(merged.labels) == count else ", results from "
    return _search_reply(
        call, merged.answer, merged.sections, f"{searched}{leading}{labels}" if labels else searched
    )


def _search_reply(call: SearchCall, answer: Answer, sections: Sequence[Section], source: str) -> str:
    return replies.search_reply(
        replace(answer, notes=(*answer.notes, *call.notes)),
        sections,
        request=call.request,
        source=source,
        layout=replies.Layout(call.arguments.max_chars, call.arguments.format),
    )


def rerank(
    workspace: Workspace,
    arguments: RerankArguments,
    notes: Notes,
    progress: CallProgress,
    is_cancelled: IsCancelled,
) -> str:
    """Answer rag_rerank.

    Raises:
        GoldrankError: The call cannot be answered; the text says why and what to do.
    """
    repo = workspace.served.repo_of(arguments.repo, arguments.candidates)
    view = workspace.list_files(repo, progress=progress.indexed, is_cancelled=is_cancelled)
    need = read_need(arguments.query, arguments.expect or ())
    order = workspace.order(view.root)
    resolved = resolve_candidates(view, need, arguments.candidates, order=order, is_cancelled=is_cancelled)
    with workspace.models.acquire(view.root, progress=progress.read) as second:
        answer = searcher.rerank(
            need, resolved.passages, second, view=view, order=order, is_cancelled=is_cancelled
        )
    progress.answered([workspace.served.written(repo)], len(answer.results))
    return replies.rerank_reply(
        replace(answer, notes=(*answer.notes, *notes)),
        [resolved.labels[result.passage.chunk] for result in answer.results],
        query=arguments.query[0],
        source=label_of(view),
        top_k=arguments.top_k,
        problems=resolved.problems,
    )


def feedback(
    workspace: Workspace,
    arguments: FeedbackArguments,
    notes: Notes,
    progress: CallProgress,
    is_cancelled: IsCancelled,
) -> str:
    """Answer rag_feedback: log which results an assistant found useful.

    Raises:
        ArgumentError: The call names no span, or no span of an indexed file.
        CacheError: The log cannot be written.
    """
    if not arguments.useful and not arguments.not_useful:
        raise ArgumentError("useful and not_useful are empty", remedy="name spans as path:start-end")
    repo = workspace.served.repo_of(arguments.repo, (*arguments.useful, *arguments.not_useful))
    view = workspace.list_files(repo, is_cancelled=is_cancelled)
    files, problems = files_of(view), list[str]()
    useful = _indexed_spans(view, files, arguments.useful, problems)
    not_useful = _indexed_spans(view, files, arguments.not_useful, problems)
    if not useful and not not_useful:
        raise ArgumentError("; ".join(problems[:SHOWN_PROBLEMS]))
    entry = feedback_log.Entry(arguments.query, useful, not_useful, datetime.now(UTC).date().isoformat())
    feedback_log.append(workspace.model_store(view.root).folder, entry)
    progress.answered([workspace.served.written(repo)], len(useful) + len(not_useful))
    kept = f"kept: {len(useful)} useful, {len(not_useful)} not useful"
    rejected = (f"not kept: {problem}" for problem in problems[:SHOWN_PROBLEMS])
    return "\n".join((kept, *rejected, *(f"note: {note}" for note in notes)))


def require_query(wordings: Sequence[str]) -> None:
    """Reject a query with a blank wording.

    Raises:
        GoldrankError: A wording is blank.
    """
    if not all(wording.strip() for wording in wordings):
        raise GoldrankError("query is blank", remedy="ask a question in plain words or name an identifier")


def _indexed_spans(view: View, files: Files, asked: Sequence[str], problems: list[str]) -> tuple[str, ...]:
    """Write spans as the log keeps them; append a problem for each text that names no indexed span."""
    spans = []
    for text in asked:
        try:
            spans.append(str(indexed_span(view, files, text)))
        except ArgumentError as error:
            problems.append(str(error))
    return tuple(dict.fromkeys(spans))


def label_of(view: View, refresh: Refresh | None = None) -> str:
    """Name a repository and its state, as the header of a reply does."""
    # git would look through all files for a state that indexing is about to follow
    state = "being updated" if refresh and refresh.pending else view.commit
    return f"{view.name} ({state})"
