"""The commands that search: for a person, as `rag_search` does, and for an evaluation, a file of queries."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import click

from mcp_server.commands.options import (
    NOTHING_FOUND,
    ROOT,
    opened,
    settings_of,
    up_to_date,
    with_common,
    with_model,
)
from mcp_server.messages import explanation, replies
from mcp_server.messages.sections import sections_of
from mcp_server.messages.stage_text import stage_text
from mcp_server.serving.model_choice import ModelChoice, base_stage
from retrieval.errors import ArgumentError, ModelError, shorten
from retrieval.rank.need import MAX_WORDINGS, MOST_GUESSES
from retrieval.rerank.model_thread import ModelThread
from retrieval.search import searcher
from retrieval.search.places import spans_of
from retrieval.search.searcher import Answer, Request
from retrieval.search.second_stage import SecondStage
from retrieval.settings import Settings


@click.command()
@click.argument("query")
@click.option("--repo", "root", type=ROOT, default=".", help="The repository. [default: here]")
@click.option(
    "--also", "wordings", multiple=True, metavar="QUERY", help="The same question in other words; up to two."
)
@click.option(
    "--expect",
    multiple=True,
    metavar="GUESS",
    help="A name or word that the answer may contain; up to eight, most likely first.",
)
@click.option("--top-k", type=click.IntRange(1, 50), default=8, show_default=True, help="How many results.")
@click.option("--path", "globs", multiple=True, help="Only these files: src/ or *.py or !tests/; repeatable.")
@click.option("--language", help="Only this language.")
@click.option(
    "--max-chars", type=click.IntRange(500), default=10_000, show_default=True, help="Longest reply."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(get_args(replies.Form)),
    default="code",
    show_default=True,
    help="code: the best whole, two in part, then headings; full: all code; paths: places only.",
)
@click.option("--no-rerank", is_flag=True, help="Do not run the cross-encoder.")
@click.option(
    "--explain",
    is_flag=True,
    help="Print what each first-stage score consists of, and why each result is above the next.",
)
@click.option("--explain-line", metavar="PATH:LINE", help="Explain the chunk that holds this line.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the results as JSON, each chunk of a place by itself, with what their scores consist of.",
)
@with_model
@with_common
def search(  # noqa: PLR0913, PLR0917 - one parameter an option
    query: str,
    root: Path,
    wordings: Sequence[str],
    expect: Sequence[str],
    top_k: int,
    globs: Sequence[str],
    language: str | None,
    max_chars: int,
    form: replies.Form,
    no_rerank: bool,
    explain: bool,
    explain_line: str | None,
    as_json: bool,
    **flags: Any,
) -> int:
    """Find the code that answers QUERY, as rag_search does.

    Exits with 1 when nothing was found, with 2 after an error.
    """
    if as_json and explain:
        raise click.UsageError("--json already has this, as first_stage.parts of each result")
    if as_json and explain_line:
        raise click.UsageError("--explain-line prints text; leave --json out")
    settings = settings_of(**flags)
    asked = _asked((query, *wordings), tuple(expect))
    repository = opened(root, settings)
    rerank: Literal["yes", "no"] = "no" if no_rerank else "yes"
    request = replace(asked, top_k=top_k, globs=tuple(globs) or None, language=language, rerank=rerank)
    chosen = nullcontext() if no_rerank else _loaded(settings, repository.root, request)
    with chosen as second:
        done = up_to_date(repository)
        view = repository.view()
        answer = searcher.search(view, request, second, refresh=done)
    source = f"{repository.root.name} ({view.commit})"
    if as_json:
        click.echo(json.dumps(_as_json(answer, source), indent=1))
        return 0 if answer.results else NOTHING_FOUND
    sections = sections_of(answer.results, view)
    click.echo(
        replies.search_reply(answer, sections, request=request, source=source, max_chars=max_chars, form=form)
    )
    if explain:
        click.echo(replies.clean("\n".join(explanation.of_results(answer))))
    if explain_line:
        ranking = searcher.ranking(view, request)
        click.echo(replies.clean("\n".join(explanation.of_line(ranking, explain_line))))
    return 0 if answer.results else NOTHING_FOUND


@click.command()
@click.option("--repo", "root", type=ROOT, required=True, help="The repository.")
@click.option(
    "--queries",
    type=click.File(encoding="utf-8"),
    required=True,
    help='Lines of {"id", "query"}, with guesses in "expect".',
)
@click.option(
    "--out", type=click.File("w", encoding="utf-8", lazy=True), required=True, help="The run to write."
)
@click.option(
    "--top-k", type=click.IntRange(1, 1000), default=50, show_default=True, help="Results for each query."
)
@click.option("--no-rerank", is_flag=True, help="Do not run the cross-encoder.")
@with_model
@with_common
def run(
    root: Path,
    queries: Any,
    out: Any,
    top_k: int,
    no_rerank: bool,
    **flags: Any,
) -> None:
    """Answer a file of queries, for evaluation.

    The query may be a list of wordings of one question. Neighbouring results of a file are one.

    Each line of --out is {"id", "results": [[path, start, end], …]}, best first, lines 1-based and inclusive.
    """
    from tqdm import tqdm

    settings = settings_of(**flags)
    repository = opened(root, settings)
    rows = list(_queries(queries))
    done = up_to_date(repository)
    with nullcontext() if no_rerank else _loaded(settings, repository.root) as second:
        for row in tqdm(rows, unit="query", disable=None, leave=False):
            request = replace(row.request, top_k=top_k, rerank="no" if no_rerank else "yes")
            answer = searcher.search(repository.view(), request, second, refresh=done)
            results = spans_of([result.passage.chunk for result in answer.results])
            out.write(json.dumps({"id": row.key, "results": results}) + "\n")


COMMANDS = (search, run)


@contextmanager
def _loaded(settings: Settings, root: Path, request: Request | None = None) -> Iterator[SecondStage | None]:
    """Lend a root's second stage with its model loaded: for one command, waiting beats a worse answer.

    Nothing is loaded for a request that no model is asked about.
    """
    choice = ModelChoice(settings, base=base_stage(settings), wait_s=None)
    may_read = request is None or choice.may_read(root, request)
    with choice.acquire(root, request=request) as second:
        if second and second.weight and may_read and isinstance(second.reader, ModelThread):
            with suppress(ModelError):  # the answer says why it was not reranked
                second.reader.warm_up().result()
        yield second


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of a file of queries."""

    key: str
    request: Request


def _asked(wordings: tuple[str, ...], expect: tuple[str, ...]) -> Request:
    """Check what is asked, in its wordings and with its guesses.

    Raises:
        ArgumentError: There are too many of either, or a wording is blank.
    """
    _require_at_most(MAX_WORDINGS - 1, "--also", wordings[1:])
    _require_at_most(MOST_GUESSES, "--expect", expect)
    if not all(wording.strip() for wording in wordings):
        raise ArgumentError("QUERY is blank", remedy="ask a question in plain words or name an identifier")
    return Request(wordings[0], 1, wordings=wordings[1:], expect=expect)


def _require_at_most(most: int, option: str, values: Sequence[str]) -> None:
    if len(values) > most:
        raise ArgumentError(f"{option} is given {len(values)} times", remedy=f"give it {most} times at most")


def _queries(lines: Any) -> Iterator[_Row]:
    for number, line in enumerate(_text_lines(lines), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            first, *others = [row["query"]] if isinstance(row["query"], str) else map(str, row["query"])
            guesses = row.get("expect") or ()
            expect = (guesses,) if isinstance(guesses, str) else tuple(map(str, guesses))
            yield _Row(str(row["id"]), Request(first, 1, wordings=tuple(others), expect=expect))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            shown = shorten(repr(line.strip()))
            raise ArgumentError(
                f'{lines.name}, line {number}: not an object with "id" and "query": {shown}'
            ) from error


def _text_lines(file: Any) -> Iterator[str]:
    try:
        yield from file
    except UnicodeDecodeError as error:
        raise ArgumentError(f"{file.name} is not UTF-8", remedy="save it as UTF-8") from error


def _as_json(answer: Answer, source: str) -> dict[str, Any]:
    return {
        "source": source,
        "chunks": answer.stages.chunks,
        "stages": stage_text(answer.stages),
        "milliseconds": round(answer.stages.milliseconds, 1),
        "notes": list(answer.notes),
        "guesses": {"found": answer.vocabulary.found, "absent": answer.vocabulary.absent},
        "names_near": answer.vocabulary.near,
        "confidence": round(answer.confidence.value, 3) if answer.confidence else None,
        "seems_to_answer": not answer.confidence.is_low if answer.confidence else None,
        "results": [
            {
                "path": result.passage.chunk.path,
                "start_line": result.passage.chunk.start_line,
                "end_line": result.passage.chunk.end_line,
                "kind": result.passage.chunk.kind,
                "symbol": result.passage.chunk.symbol,
                "scope": result.passage.chunk.scope,
                "score": result.ranked.score,
                "logit": result.ranked.logit,
                "first_stage": {
                    "rank": result.ranked.candidate.rank,
                    "score": result.ranked.candidate.score,
                    "parts": dict(result.ranked.candidate.parts),
                },
                "is_current": result.passage.is_current,
                "text": result.passage.text,
            }
            for result in answer.results
        ],
    }
