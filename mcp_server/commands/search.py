"""The commands that search: for a person, as `rag_search` does, and for an evaluation, a file of queries."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import click

from mcp_server.commands.options import (
    NOTHING_FOUND,
    SERVED,
    opened,
    settings_of,
    up_to_date,
    with_common,
    with_links,
    with_model,
    with_shared_indexes,
)
from mcp_server.messages import replies
from mcp_server.messages.sections import sections_of
from mcp_server.messages.ways import INTERACTIVE
from mcp_server.serving.model_choice import ModelChoice, base_stage
from mcp_server.terminal import interactive, results
from mcp_server.terminal.progress import waiting
from mcp_server.terminal.results import Found, Shown
from mcp_server.terminal.usage import examples
from retrieval.errors import ArgumentError, ModelError, shorten
from retrieval.mirrors.source import Root
from retrieval.rank import learned_order
from retrieval.rank.need import MAX_WORDINGS, MOST_GUESSES
from retrieval.rerank.model_thread import ModelThread
from retrieval.search import searcher
from retrieval.search.places import spans_of
from retrieval.search.searcher import Request
from retrieval.search.second_stage import SecondStage
from retrieval.settings import Settings
from retrieval.sync.repository import Repository


@click.command(
    epilog=examples(
        "goldrank search where are retries scheduled",
        "goldrank search -k 3 --path src/ -e RetryPolicy how long does a client wait",
        "goldrank search --jsonl parse_http_header | head -1",
    )
)
@click.argument("words", nargs=-1, metavar="[QUERY]...")
@click.option(
    "--repo",
    "root",
    type=SERVED,
    default=".",
    help="The repository, or its URL. [default: the one around here]",
)
@click.option(
    "--also", "wordings", multiple=True, metavar="QUERY", help="The same question in other words; up to two."
)
@click.option(
    "-e",
    "--expect",
    multiple=True,
    metavar="GUESS",
    help="A name or word that the answer may contain; up to eight, most likely first.",
)
@click.option(
    "-k",
    "--top-k",
    type=click.IntRange(1, 50),
    default=8,
    show_default=True,
    help="How many places; one may hold several results.",
)
@click.option(
    "--offset",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Leave out so many of the best places: the next page.",
)
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
    help="code: a short best place whole, four in part, then headings; full: all code; paths: places only.",
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
    help="Print places and every chunk in them as one JSON object, with what their scores consist of.",
)
@click.option("--jsonl", "as_lines", is_flag=True, help="Print one place a line, as JSON, with its code.")
@with_shared_indexes
@with_model
@with_links
@with_common
def search(  # noqa: PLR0913, PLR0917 - one parameter an option
    words: Sequence[str],
    root: Root,
    wordings: Sequence[str],
    expect: Sequence[str],
    top_k: int,
    offset: int,
    globs: Sequence[str],
    language: str | None,
    max_chars: int,
    form: replies.Form,
    no_rerank: bool,
    explain: bool,
    explain_line: str | None,
    as_json: bool,
    as_lines: bool,
    **flags: Any,
) -> int:
    """Find the code that answers QUERY, as rag_search does.

    All words are one question; quote it only if the shell would read a character of it, as in "why?".
    Without QUERY, a terminal asks for one after another, shows places and opens them in your editor.

    Exits with 1 when nothing was found, with 2 after an error.
    """
    shown = Shown(max_chars, form, explain, explain_line, _output(as_json, as_lines, explain, explain_line))
    _require_question(words, shown)
    settings = settings_of(**flags)
    asked = _asked((" ".join(words) if words else _UNASKED, *wordings), tuple(expect))
    repository = opened(root, settings)
    request = replace(
        asked,
        top_k=top_k,
        offset=offset,
        globs=tuple(globs) or None,
        language=language,
        rerank="no" if no_rerank else "yes",
        order=learned_order.serving(settings.models, repository.root),
    )
    chosen = nullcontext() if no_rerank else _loaded(settings, repository.root, request if words else None)
    with chosen as second:
        if words:
            found = _find(repository, request, second)
            results.show(found, shown)
            return 0 if found.answer.results else NOTHING_FOUND
        return _interactively(repository, request, second, shown)


_UNASKED = "?"  # stands for the question until one is typed


def _output(as_json: bool, as_lines: bool, explain: bool, explain_line: str | None) -> results.Output:
    if as_json and as_lines:
        raise click.UsageError("--json and --jsonl exclude each other")
    option = "--json" if as_json else "--jsonl"
    if (as_json or as_lines) and explain:
        raise click.UsageError(
            f"{option} prints no prose; --json has this as first_stage.parts of each result"
        )
    if (as_json or as_lines) and explain_line:
        raise click.UsageError(f"--explain-line prints text; leave {option} out")
    return "json" if as_json else "jsonl" if as_lines else "text"


def _require_question(words: Sequence[str], shown: Shown) -> None:
    """Require a question, unless a person sits there who can be asked for one."""
    if not words and (shown.output != "text" or not (sys.stdin.isatty() and sys.stdout.isatty())):
        raise click.UsageError("the question is missing; only a terminal asks for it")


def _find(repository: Repository, request: Request, second: SecondStage | None) -> Found:
    done = up_to_date(repository)
    view = repository.view()
    answer = searcher.search(view, request, second, refresh=done)
    return Found(request, answer, view, sections_of(answer.results, view))


def _interactively(repository: Repository, request: Request, second: SecondStage | None, shown: Shown) -> int:
    """Answer what a person types, each by a search of its own."""
    shown = replace(shown, ways=INTERACTIVE)

    def ask(question: str, offset: int) -> interactive.Page:
        found = _find(repository, replace(request, query=question, offset=offset), second)
        places = [
            interactive.Place(section.place, partial(results.whole, found, position))
            for position, section in enumerate(found.sections)
        ]
        return interactive.Page(results.text(found, shown), places)

    return (
        0 if interactive.run(ask, repository.root if repository.mirror is None else None) else NOTHING_FOUND
    )


@click.command(epilog=examples("goldrank run --repo . --queries queries.jsonl --out run.jsonl"))
@click.option("--repo", "root", type=SERVED, required=True, help="The repository, or its URL.")
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
    "--top-k", type=click.IntRange(1, 1000), default=50, show_default=True, help="Places for each query."
)
@click.option("--no-rerank", is_flag=True, help="Do not run the cross-encoder.")
@with_model
@with_links
@with_common
def run(
    root: Root,
    queries: Any,
    out: Any,
    top_k: int,
    no_rerank: bool,
    **flags: Any,
) -> None:
    """Answer a file of queries, for evaluation.

    The query may be a list of wordings of one question. Neighbouring results of a file are one place.

    Each line of --out is {"id", "results": [[path, start, end], …]}, best first, lines 1-based and inclusive.
    """
    from tqdm import tqdm

    settings = settings_of(**flags)
    repository = opened(root, settings)
    rows = list(_queries(queries))
    done = up_to_date(repository)
    order = learned_order.serving(settings.models, repository.root)
    with nullcontext() if no_rerank else _loaded(settings, repository.root) as second:
        for row in tqdm(rows, unit="query", disable=None, leave=False):
            request = replace(row.request, top_k=top_k, rerank="no" if no_rerank else "yes", order=order)
            answer = searcher.search(repository.view(), request, second, refresh=done)
            spans = spans_of([result.passage.chunk for result in answer.results])
            out.write(json.dumps({"id": row.key, "results": spans}) + "\n")


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
            with (
                suppress(ModelError),
                waiting("loading the model"),
            ):  # the answer says why it was not reranked
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
