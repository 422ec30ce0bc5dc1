"""What commits teach in one run, the order and the model, and the page that shows what both change."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mcp_server.commands.evaluate import write
from mcp_server.commands.learning.learn_model import Given, learn_model, past_of
from mcp_server.commands.learning.learn_order import learn_order
from mcp_server.messages import replies
from retrieval.settings import Settings
from retrieval.sync.repository import Repository

if TYPE_CHECKING:
    from retrieval.training.fit.recipe import Recipe
    from retrieval.training.golden.golden_file import Golden


@dataclass(frozen=True, slots=True)
class Wanted:
    """What commits are to teach, and how it is judged.

    Attributes:
        order: Whether they teach an order.
        recipe: Makes the recipe of the model, once it is needed; None if they teach no model.
        asked: The golden file, which must not get worse; None without one.
        since_last: Whether only commits judge that no earlier learning has seen.
        force: Whether what the gate refuses is promoted.
    """

    order: bool
    recipe: Callable[[], "Recipe"] | None
    asked: "Golden | None"
    since_last: bool
    force: bool


def learn_commits(repository: Repository, settings: Settings, wanted: Wanted, page: Path | None) -> str:
    """Learn from commits what is wanted; return the sections of a page about it, as HTML.

    Args:
        repository: The repository, indexed.
        settings: Where work, orders and models are kept.
        wanted: What to learn.
        page: The file to write the page to, or None.

    Raises:
        ArgumentError: The root has no history that can be asked, or the page cannot be written.
        ModelError: A base is unavailable, or a store cannot be written.
        TrainingError: The training diverged.
    """
    from retrieval.training.evaluation.pages.model_section import model_section
    from retrieval.training.evaluation.pages.order_section import order_section

    order = None
    with _page(page, title_of(repository)) as sections:
        if wanted.order:
            order = learn_order(
                repository,
                settings,
                wanted.asked,
                force=wanted.force,
                since_last=wanted.since_last,
                teaches="model" if wanted.recipe else "order",
            )
            if order.change:
                sections.append(order_section(order.change))
        if wanted.recipe:
            past = past_of(repository, settings, order, since_last=wanted.since_last)
            model = None
            if past:
                given = Given(wanted.recipe(), wanted.asked, wanted.force)
                model = learn_model(repository, settings, past, given)
            if model:
                sections.append(model_section(model))
    return "\n".join(sections)


def title_of(repository: Repository) -> str:
    """Return the title of the page about a learning."""
    return f"goldrank learns {repository.root.name}"


@contextmanager
def _page(file: Path | None, title: str) -> Iterator[list[str]]:
    """Write a page of the sections that are collected; an error or Ctrl-C keeps those of what was done."""
    from retrieval.training.evaluation.pages.html_page import framed

    sections: list[str] = []
    try:
        yield sections
    finally:
        if file and sections:
            write(file, replies.clean(framed(title, "\n".join(sections))))
    if file and not sections:
        click.echo(f"nothing was learned from commits to show in {file}")
