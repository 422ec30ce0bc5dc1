"""The command that judges what a search finds today, and what every evaluation prints and writes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcp_server.commands.options import (
    FILE,
    Command,
    common_flags,
    load_golden,
    refreshed,
    settings_of,
    text_of,
    with_golden,
)
from mcp_server.messages import replies
from mcp_server.terminal.progress import stages, timed
from mcp_server.terminal.usage import examples
from retrieval import installation
from retrieval.errors import CheckError, TrainingError
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


def with_outputs(command: Command) -> Command:
    """Give a command the options of the files that `show` writes."""
    for option in (
        click.option(
            "--html", "html_file", type=FILE, callback=_drawable, help="Write a page with plots to this file."
        ),
        click.option("--markdown", "markdown_file", type=FILE, help="Write the tables to this file."),
        click.option("--json", "json_file", type=FILE, help="Write the evaluation to this file, as JSON."),
    ):
        command = option(command)
    return command


def show(found: "Report", flags: dict[str, Any], *, title: str, view: View) -> None:
    """Print the tables, and write what was asked for; the page also shows what is indexed."""
    from retrieval.training.evaluation import html_report, offline_search, tables

    table = tables.as_markdown(found)
    click.echo(replies.clean(table))
    writers: dict[str, Callable[[], str]] = {
        "json_file": lambda: tables.as_json(found),
        "markdown_file": lambda: f"# {title}\n\n{table}",
        "html_file": lambda: html_report.as_html(
            found,
            title=title,
            more=offline_search.search_section(view, [item.text for item in found.asked])
            + offline_search.index_section(view),
        ),
    }
    for name, write in writers.items():
        if flags[name]:
            flags[name].write_text(write(), encoding="utf-8")
            click.echo(f"written: {flags[name]}")


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


def _drawable(_context: click.Context, _parameter: click.Parameter, page: Path | None) -> Path | None:
    """Fail before minutes of work, not after them."""
    if page and "matplotlib" in installation.missing("train"):
        remedy = installation.with_extra("train")
        raise click.BadParameter(f"its plots need matplotlib; --markdown does not. Add it with: {remedy}")
    return page


@click.command(
    "eval",
    epilog=examples("goldrank eval", "goldrank eval --json today.json", "goldrank eval --gate today.json"),
)
@click.option(
    "--gate",
    "baseline",
    metavar="BASELINE",
    type=FILE,
    help="Fail if a search got worse since this --json file.",
)
@click.option("--model", help="Evaluate this cross-encoder in place of the base.")
@with_outputs
@with_golden
@timed("the evaluation")
def evaluate(
    root: Path, golden_path: Path | None, baseline: Path | None, model: str | None, **flags: Any
) -> None:
    """Evaluate today's search on the golden file: first stage, base model, promoted model.

    On questions that a promoted model learned from, its recorded out-of-fold scores count. A --model that
    learned from these questions scores too well.
    """
    from retrieval.training.evaluation import cross_validation, tables

    installation.require("train", "goldrank eval", TrainingError)
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
