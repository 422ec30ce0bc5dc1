"""What a command shows of an evaluation: tables, files for people and programs, and whether it got worse."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcp_server.commands.options import FILE, Command
from mcp_server.messages import replies
from retrieval import installation
from retrieval.errors import CheckError

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrieval.training.evaluation.comparison import Report


def with_outputs(command: Command) -> Command:
    """Give a command the options of the files that `show` writes."""
    for option in (
        click.option(
            "--html", "html_file", type=FILE, callback=_drawable, help="Write one page with plots here."
        ),
        click.option("--markdown", "markdown_file", type=FILE, help="Write the tables here."),
        click.option("--json", "json_file", type=FILE, help="Write the evaluation here, for programs."),
    ):
        command = option(command)
    return command


def show(found: "Report", flags: dict[str, Any], *, title: str) -> None:
    """Print the tables, and write what was asked for."""
    from retrieval.training.evaluation import html_report, tables

    table = tables.as_markdown(found)
    click.echo(replies.clean(table))
    writers: dict[str, Callable[[], str]] = {
        "json_file": lambda: tables.as_json(found),
        "markdown_file": lambda: f"# {title}\n\n{table}",
        "html_file": lambda: html_report.as_html(found, title=title),
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
    """Say before minutes of work what would fail after them."""
    if page and importlib.util.find_spec("matplotlib") is None:
        raise click.BadParameter(f"its plots need {installation.with_extra('train')}; --markdown does not")
    return page
