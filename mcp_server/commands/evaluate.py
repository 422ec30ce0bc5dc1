"""The command that judges what a search finds today, and what every evaluation prints and writes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcp_server.commands.learning.past_questions import ask_past, described, head_of, mine, working
from mcp_server.commands.options import (
    FILE,
    Command,
    common_flags,
    counted,
    load_golden,
    opened,
    refreshed,
    require_golden,
    settings_of,
    text_of,
    with_golden,
)
from mcp_server.messages import replies
from mcp_server.terminal.progress import stages, timed
from mcp_server.terminal.usage import examples
from retrieval import installation
from retrieval.errors import ArgumentError, CheckError, TrainingError
from retrieval.rank import learned_order
from retrieval.rerank import model_versions
from retrieval.rerank.model_loading import is_on_disk
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.sync.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrieval.training.evaluation.comparison import Report
    from retrieval.training.evaluation.cross_validation import Served
    from retrieval.training.evaluation.past_report import PastReport

PAST = 100  # questions: the 95 % interval of their mean quality is some .1 wide


def with_outputs(command: Command) -> Command:
    """Give a command the options of the files that `show` writes."""
    for option in (
        click.option(
            "--html",
            "html_file",
            type=FILE,
            callback=_placed,
            help="Write a page to this file; it opens offline.",
        ),
        click.option(
            "--markdown", "markdown_file", type=FILE, callback=_placed, help="Write the tables to this file."
        ),
        click.option(
            "--json",
            "json_file",
            type=FILE,
            callback=_placed,
            help="Write the evaluation to this file, as JSON.",
        ),
    ):
        command = option(command)
    return command


def show(found: "Report", flags: dict[str, Any], *, title: str, view: View, first: str = "") -> None:
    """Print the tables, and write what was asked for; the page also shows what is indexed.

    Args:
        found: The evaluation.
        flags: The files to write, as `with_outputs` names them.
        title: The title of what is written.
        view: What is indexed.
        first: Sections that the page shows before the evaluation, as HTML.
    """
    from retrieval.training.evaluation import tables
    from retrieval.training.evaluation.pages import html_report, offline_search

    table = tables.as_markdown(found)
    click.echo(replies.clean(table))
    writers: dict[str, Callable[[], str]] = {
        "json_file": lambda: tables.as_json(found),
        "markdown_file": lambda: replies.clean(f"# {title}\n\n{table}"),
        "html_file": lambda: replies.clean(
            html_report.as_html(
                found,
                title=title,
                first=first,
                more=offline_search.search_section(view, [item.text for item in found.asked])
                + offline_search.index_section(view),
            )
        ),
    }
    for name, content in writers.items():
        if flags[name]:
            write(flags[name], content())


def write(file: Path, text: str) -> None:
    """Write a file that was asked for, and say so.

    Raises:
        ArgumentError: It cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ArgumentError(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"written: {file}")


def hold_against(before: "Report", found: "Report") -> None:
    """Fail when a system that both evaluations know got significantly worse on the questions of both."""
    from retrieval.training.evaluation import comparison, tables

    lost = []
    for compared in comparison.since(before, found):
        click.echo(replies.clean(tables.gain(compared)))
        if compared.high < 0:
            lost.append(compared)
    if lost:
        names = ", ".join(item.system for item in lost)
        raise CheckError(f"significantly worse than the baseline: {names}")


def _placed(_context: click.Context, _parameter: click.Parameter, file: Path | None) -> Path | None:
    """Fail before minutes of work, not after them."""
    if file and not file.parent.is_dir():
        raise click.BadParameter(f"the folder {file.parent} does not exist")
    return file


@click.command(
    "eval",
    epilog=examples(
        "goldrank eval",
        "goldrank eval --gate today.json",
        "goldrank eval --past --gate past.json",
    ),
)
@click.option(
    "--gate",
    "baseline",
    metavar="BASELINE",
    type=FILE,
    help="Fail if a search got worse since this --json file.",
)
@click.option("--model", help="Evaluate this cross-encoder in place of the base.")
@click.option(
    "--past",
    type=click.IntRange(1),
    is_flag=False,
    flag_value=str(PAST),
    metavar="[N]",
    help=f"Evaluate the first stage on the last N questions from commits; needs no golden file and no extra. "
    f"[default: {PAST}]",
)
@with_outputs
@with_golden
@timed("the evaluation")
def evaluate(
    root: Path,
    golden_path: Path | None,
    baseline: Path | None,
    model: str | None,
    past: int | None,
    **flags: Any,
) -> None:
    """Evaluate today's search on the golden file: first stage, base model, promoted model.

    On questions that a promoted model learned from, its recorded out-of-fold scores count. A --model that
    learned from these questions scores too well.

    With --past, the subjects of commits are the questions, each asked of the tree before its commit, and the
    lines that the commit changed are the answers. A build can watch its own history this way: keep the --json
    file of one run, and hold later ones against it with --gate.
    """
    if past:
        _refuse_beside_past(golden=golden_path, model=model, html=flags["html_file"])
        _evaluate_past(root, settings_of(**common_flags(flags)), past, baseline, flags)
        return
    from retrieval.training.evaluation import cross_validation, tables

    require_golden(golden_path, root, instead="ask the repository's commits: goldrank eval --past")
    installation.require("train", "goldrank eval (all but --past)", TrainingError)
    settings = settings_of(**common_flags(flags), model=model)
    before = tables.from_json(text_of(baseline), source=str(baseline)) if baseline else None
    repository = refreshed(root, settings)
    with stages() as progress:
        found = cross_validation.measure(
            load_golden(golden_path, repository),
            repository.view(),
            served_models(repository, settings),
            depth=settings.rerank_depth,
            first=learned_order.serving(settings.models, repository.root),
            watch=cross_validation.Watch(progress),
        )
    show(found, flags, title=f"goldrank on {repository.root.name}", view=repository.view())
    if before:
        hold_against(before, found)


def _refuse_beside_past(**flags: object) -> None:
    """Refuse what the evaluation on commits would ignore."""
    for name, value in flags.items():
        if value is not None:
            raise ArgumentError(
                f"--{name} has no meaning beside --past, which asks commits, and the first stage alone",
                remedy="leave out one of them",
            )


def _evaluate_past(
    root: Path, settings: Settings, most: int, baseline: Path | None, flags: dict[str, Any]
) -> None:
    """Evaluate the first stage on the newest questions of the past, and hold it against a baseline."""
    from retrieval.training.evaluation import past_report

    before = past_report.from_json(text_of(baseline), source=str(baseline)) if baseline else None
    repository = opened(root, settings)  # today's index is not asked
    head = head_of(repository.root)
    order = learned_order.serving(settings.models, repository.root)
    mined = mine(repository.root, head, most)
    questions = mined.questions
    if not questions:
        raise ArgumentError(
            f"the commits of {repository.root} ask no question",
            remedy="goldrank learn says why, commit by commit",
        )
    click.echo(described(mined))
    with working(repository, settings) as places:
        lessons = ask_past(questions, places)
    if not lessons:
        raise TrainingError(
            f"none of {counted(len(questions), 'question')} could be asked",
            remedy="run it again: it continues",
        )
    facts = {"commit": head, "order": order.name or "shipped"}
    found = past_report.measured(lessons, order.weights, facts)
    title = (
        f"{counted(len(lessons), 'question')} from commits of {repository.root.name}, order: {facts['order']}"
    )
    table = f"{title}\n\n{past_report.as_markdown(found)}"
    click.echo(replies.clean(table))
    for name, text in (
        ("json_file", past_report.as_json(found)),
        ("markdown_file", replies.clean(f"# {table}")),
    ):
        if flags[name]:
            write(flags[name], text)
    if order.name:
        click.echo(_taught(repository, settings, order.name, [lesson.question.commit for lesson in lessons]))
    if before:
        _hold_past_against(before, found)


def _taught(repository: Repository, settings: Settings, order: str, commits: list[str]) -> str:
    """Say how many of the questions the order that serves may have learned from."""
    from retrieval.training.past.hermetic_git import git_in
    from retrieval.training.past.split import contains, newer_than

    version = learned_order.read(learned_order.store(settings.models, repository.root), order)
    git = git_in(repository.root, trusted=repository.root)
    newer = newer_than(git, version.commit, "HEAD") if contains(git, version.commit, "HEAD") else ()
    old = sum(commit not in newer for commit in commits)
    return f"the learning of this order knew {old} of them: on those, it scores too well"


def _hold_past_against(before: "PastReport", found: "PastReport") -> None:
    """Fail when a measure got significantly worse on the questions that both evaluations know."""
    from retrieval.training.evaluation import past_report

    gains = past_report.since(before, found)
    if not gains:
        click.echo("the baseline and this evaluation share no question: nothing to compare")
        return
    click.echo(f"since the baseline, on {counted(past_report.common(before, found), 'question')} of both:")
    for item in gains:
        click.echo(
            f"  {item.measure}: {item.before:.3f}, {item.gain:+.3f} [{item.low:+.3f}, {item.high:+.3f}]"
        )
    lost = ", ".join(item.measure for item in gains if item.high < 0)
    if lost:
        raise CheckError(f"significantly worse than the baseline: {lost}")


def promoted_model(repository: Repository, settings: Settings) -> "Served | None":
    """Describe the model that was promoted for the repository, if one was."""
    from retrieval.training.evaluation.cross_validation import Served

    where = model_versions.store(settings.models, repository.root)
    name = model_versions.current(where)
    if name is None:
        return None
    version = model_versions.read_version(where, name)
    return Served("current", name, str(version.folder), "", version.facts.weight, version.facts.out_of_fold)


def served_models(repository: Repository, settings: Settings) -> list["Served"]:
    """Describe the models to judge: the base where it is at hand, then the promoted one."""
    from retrieval.training.evaluation.cross_validation import Served

    found = []
    if settings.model and is_on_disk(settings.model, revision=settings.model_revision):
        name = Path(settings.model).name
        found.append(Served("base", name, settings.model, settings.model_revision, settings.rerank_weight))
    else:
        click.echo(f"no base model: {settings.model or 'none is set'} is not on this machine", err=True)
    promoted = promoted_model(repository, settings)
    return [*found, promoted] if promoted else found
