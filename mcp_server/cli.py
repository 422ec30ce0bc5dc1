"""The `goldrank` command: what a person runs; the only module that prints."""

import importlib.metadata
import io
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NoReturn, get_args

import click
from tqdm import tqdm

from mcp_server.clients import registry
from mcp_server.commands import check_installation as checkup
from mcp_server.commands import check_repository, golden, index, init, learn, models
from mcp_server.commands.options import (
    FOLDER,
    ROOT,
    Command,
    counted,
    opened,
    progress_bar,
    settings_of,
    with_common,
    with_models,
)
from mcp_server.messages import explanation, replies
from mcp_server.messages.sections import sections_of
from mcp_server.messages.stage_text import stage_text
from mcp_server.serving.model_choice import ModelChoice, base_stage
from mcp_server.serving.workspace import default_root
from retrieval.errors import ArgumentError, CheckError, GoldrankError, ModelError, RootError, shorten
from retrieval.rerank import exported_model
from retrieval.rerank.model_loading import download
from retrieval.rerank.model_thread import ModelThread
from retrieval.search import searcher
from retrieval.search.searcher import Answer, Request
from retrieval.search.second_stage import SecondStage
from retrieval.settings import RENAMED, Settings, load_settings

VERSION = importlib.metadata.version("goldrank")
NOTHING_FOUND, ERROR = 1, 2  # as of grep; a check that finds something wrong ends with 1 too
CANCELLED = 130  # what a shell expects after Ctrl-C

log = logging.getLogger(__name__)


def main() -> NoReturn:
    """Run the command; a failure is one line on standard error."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as the launcher left it while modules loaded
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # a shell may close either: `>&-`
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - to the very end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # PYTHONIOENCODING may say ascii, and a name be no Unicode
            stream.reconfigure(errors="backslashreplace")
    try:
        code = goldrank(prog_name="goldrank", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        _show(error)
        _exit(error.exit_code)
    except CheckError as error:
        click.echo(replies.clean(f"goldrank: {error}"), err=True)
        _exit(NOTHING_FOUND)
    except (BrokenPipeError, SystemExit):  # `goldrank search … | head`; click ends itself then
        _exit(0)
    except BaseException as error:  # noqa: BLE001 - a traceback is for us, not for the person who runs this
        _fail(error)
    _exit(code if isinstance(code, int) else 0)  # --help and --version return their code


def _fail(error: BaseException) -> NoReturn:
    """Say in one line what went wrong, and end."""
    if isinstance(error, click.exceptions.Abort | KeyboardInterrupt):
        _say("stopped; what was committed before stays")
        _exit(CANCELLED)
    if isinstance(error, GoldrankError):
        _say(f"goldrank: {error}")
    elif isinstance(error, FileNotFoundError) and not _has_working_folder():
        _say("goldrank: the working folder no longer exists; go to one that does, and try again")
    elif isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else "input or output failed: "
        _say(f"goldrank: {named}{error.strerror or error}")
    else:
        said = f"{type(error).__name__}: {error}"
        _say(f"goldrank: this is a bug: {shorten(said)}; --log-level DEBUG shows where, please report it")
    log.debug("where it happened", exc_info=error)
    _exit(ERROR)


def _show(error: click.ClickException) -> None:
    """Say what was wrong with the command line, and the new name of an option that was renamed."""
    if isinstance(error, click.NoSuchOption):
        new = RENAMED.get(error.option_name.lstrip("-").replace("-", "_"))
        if new:
            error = click.UsageError(
                f"{error.option_name} is now called --{new.replace('_', '-')}", error.ctx
            )
    error.show()


def _has_working_folder() -> bool:
    try:
        return bool(Path.cwd())
    except OSError:
        return False


def _say(text: str) -> None:
    with suppress(OSError):  # standard error may be as full as standard output
        click.echo(replies.clean(text), err=True)


def _exit(code: int) -> NoReturn:
    """End now: a model thread in the middle of a batch must not hold the process."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _with_model(command: Command) -> Command:
    for option in (
        click.option(
            "--rerank-deadline-s", type=float, help="Seconds the cross-encoder may take. [default: 8]"
        ),
        click.option("--rerank-depth", type=int, help="How many candidates it reads. [default: 30]"),
        click.option("--rerank-tool-weight", type=float, help="The same for rag_rerank. [default: 0.5]"),
        click.option(
            "--rerank-weight",
            type=float,
            help="Its share in the score of a search, 0 to 1; 0 turns it off. [default: 0]",
        ),
        click.option(
            "--model",
            help='Cross-encoder: a folder, a hub id that was downloaded before, or "" for none. '
            "[default: the one inside]",
        ),
        with_models,
    ):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="goldrank")
def goldrank() -> None:
    """Code search that assistants can trust: BM25, then a cross-encoder, served over MCP.

    \b
    Try it:            goldrank search "where are retries scheduled" --repo .
    Give it to agents: goldrank init
    Let it learn:      goldrank golden suggest, goldrank golden add, goldrank learn
    Something wrong:   goldrank doctor

    Settings come from flags, GOLDRANK_* variables and a file, in this order; `goldrank doctor` names the
    file. A relative path is relative to the working folder; in the file, write absolute paths or ~/….

    Exit codes: 0 done; 1 nothing found, or a check found something wrong; 2 an error.
    """  # noqa: D301 - click reads the backspace: what follows keeps its lines


@goldrank.command()
@click.argument("roots", nargs=-1, type=FOLDER)
@click.option("--feedback", is_flag=True, help="Add rag_feedback: a local log of which results were useful.")
@click.option("--log-file", help="Log to this file too; of 4 MB at most, older lines go.")
@click.option(
    "--max-open-repositories",
    type=int,
    help="Repositories kept open; the least recently used is closed first. [default: 32]",
)
@click.option(
    "--idle-unload-s", type=float, help="Let go of the model and the indexes when unasked. [default: 300]"
)
@_with_model
@with_common
def serve(roots: Sequence[Path], feedback: bool, **flags: Any) -> None:
    """Serve rag_search and rag_rerank over standard input and output.

    ROOTS are the repositories to serve. Without any it is CLAUDE_PROJECT_DIR, else the repository around the
    working folder. Nothing outside them is read. Their indexes are made and kept up to date in the
    background; a question never waits for long, and its answer says what is not indexed yet.
    """
    from mcp_server.protocol.process import serve as run_server  # noqa: PLC0415 - mcp costs a second that search need not pay

    settings = load_settings(flags, environment=os.environ)
    chosen = list(roots) or [default_root(os.environ, Path.cwd())]
    run_server(chosen, settings, version=VERSION, feedback=feedback)


@goldrank.command()
@click.argument("query")
@click.option("--repo", "root", type=ROOT, default=".", help="The repository. [default: here]")
@click.option("--top-k", type=click.IntRange(1, 50), default=8, show_default=True, help="How many results.")
@click.option(
    "--path", "globs", multiple=True, help="Only these files: src/ or *.py or !tests/; may be repeated."
)
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
    help="The best in full and a line of the rest, all code, or places only.",
)
@click.option("--no-rerank", is_flag=True, help="First stage only.")
@click.option(
    "--explain",
    is_flag=True,
    help="Print the shares of each first-stage score, and what sets neighbours apart.",
)
@click.option("--explain-line", metavar="PATH:LINE", help="Say the same of the chunk that holds this line.")
@click.option("--json", "as_json", is_flag=True, help="Print whole results for programs, shares included.")
@_with_model
@with_common
def search(  # noqa: PLR0913, PLR0917 - one parameter an option
    query: str,
    root: Path,
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

    Exits with 1 when nothing was found, with 2 when it cannot be searched.
    """
    if as_json and explain:
        raise click.UsageError("--json has these shares already, as first_stage.parts of each result")
    if as_json and explain_line:
        raise click.UsageError("--explain-line is told in words; ask without --json")
    settings = settings_of(**flags)
    if not query.strip():
        raise ArgumentError("QUERY is blank", remedy="ask a question in plain words or name an identifier")
    repository = opened(root, settings)
    request = Request(query, top_k, tuple(globs) or None, language, "no" if no_rerank else "yes")
    chosen = nullcontext() if no_rerank else _loaded(settings, repository.root)
    with chosen as second, progress_bar() as progress:
        done = repository.refresh(progress=progress)
        view = repository.view()
        answer = searcher.search(view, request, second, refresh=done)
    source = f"{repository.root.name} ({view.commit})"
    if as_json:
        click.echo(json.dumps(_as_json(answer, source), indent=1))
        return 0 if answer.results else NOTHING_FOUND
    sections = sections_of(answer.results, view.chunk_texts)
    click.echo(
        replies.search_reply(answer, sections, query=query, source=source, max_chars=max_chars, form=form)
    )
    if explain:
        click.echo(replies.clean("\n".join(explanation.of_results(answer))))
    if explain_line:
        ranking = searcher.ranking(view, request)
        click.echo(replies.clean("\n".join(explanation.of_line(ranking, explain_line))))
    return 0 if answer.results else NOTHING_FOUND


@goldrank.command()
@click.option("--repo", "root", type=ROOT, required=True, help="The repository.")
@click.option("--queries", type=click.File(encoding="utf-8"), required=True, help='Lines of {"id", "query"}.')
@click.option(
    "--out", type=click.File("w", encoding="utf-8", lazy=True), required=True, help="The run to write."
)
@click.option("--top-k", type=click.IntRange(1, 1000), default=50, show_default=True, help="Results a query.")
@click.option("--no-rerank", is_flag=True, help="First stage only.")
@_with_model
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

    A line of --out is {"id", "results": [[path, start, end], …]}, best first, lines 1-based and inclusive.
    """
    settings = settings_of(**flags)
    repository = opened(root, settings)
    rows = list(_queries(queries))
    with progress_bar() as progress:
        done = repository.refresh(progress=progress)
    with nullcontext() if no_rerank else _loaded(settings, repository.root) as second:
        for row in tqdm(rows, unit="query", disable=None, leave=False):
            request = Request(row["query"], top_k, rerank="no" if no_rerank else "yes")
            answer = searcher.search(repository.view(), request, second, refresh=done)
            chunks = [result.passage.chunk for result in answer.results]
            results = [[chunk.path, chunk.start_line, chunk.end_line] for chunk in chunks]
            out.write(json.dumps({"id": row["id"], "results": results}) + "\n")


@goldrank.command()
@click.argument("roots", nargs=-1, type=ROOT)
@click.option("--log-file", help="Check that this file can be logged to.")
@click.option("--download-model", is_flag=True, help="Fetch the cross-encoder; the only use of the network.")
@_with_model
@with_common
def doctor(roots: Sequence[Path], download_model: bool, **flags: Any) -> None:
    """Check this installation and ROOTS; for each thing that is not well, say how to mend it.

    Without ROOTS it is the repository around the working folder, if there is one. Also what your assistants
    were told there.
    """
    settings = settings_of(**flags)
    if download_model and exported_model.folder_of(settings.model):
        click.echo(f"model          {settings.model} is in the package: nothing to download")
    elif download_model:
        click.echo(f"downloading {settings.model} …", err=True)
        click.echo(f"model          {download(settings.model, revision=settings.model_revision)}")
    failures = 0
    for finding in _examined(list(roots), settings):
        click.echo(replies.clean(f"{finding.verdict:<8} {finding.subject:<14} {finding.detail}"))
        if finding.remedy:
            click.echo(f"{'':8} {'':14} -> {finding.remedy}")
        failures += finding.verdict == "failure"
    if failures:
        raise CheckError(f"{counted(failures, 'check')} failed")


for _command in (init.init, *index.COMMANDS, golden.golden, *learn.COMMANDS, *models.COMMANDS):
    goldrank.add_command(_command)


def _examined(roots: Sequence[Path], settings: Settings) -> Iterator[check_repository.Diagnosis]:
    if not roots:
        with suppress(RootError):
            roots = [default_root(os.environ, Path.cwd())]
    yield from checkup.examine(settings)
    for root in roots:
        yield from check_repository.examine(root, settings)
        yield from checkup.of_clients(registry.surroundings(root, os.environ))


@contextmanager
def _loaded(settings: Settings, root: Path) -> Iterator[SecondStage | None]:
    """Lend a root's second stage, its model loaded: a person who runs one command would rather wait."""
    with ModelChoice(settings, base=base_stage(settings), wait_s=None).acquire(root) as second:
        if second and isinstance(second.reader, ModelThread):
            with suppress(ModelError):  # the answer itself will say why it was not reranked
                second.reader.warm_up().result()
        yield second


def _queries(lines: Any) -> Iterator[dict[str, str]]:
    for number, line in enumerate(_text_lines(lines), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            yield {"id": str(row["id"]), "query": str(row["query"])}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
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
