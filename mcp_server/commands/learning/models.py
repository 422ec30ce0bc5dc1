"""The commands that decide which model and which order serve a repository: promote and rollback."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcp_server.commands.options import (
    FILE,
    FOLDER,
    ROOT,
    load_golden,
    refreshed,
    settings_of,
    text_of,
    with_common,
    with_golden,
    with_models,
)
from mcp_server.messages import replies
from mcp_server.terminal.progress import waiting
from mcp_server.terminal.usage import examples
from retrieval import installation, version_log
from retrieval.errors import ArgumentError, ModelError, shorten
from retrieval.rank import learned_order
from retrieval.rerank import model_versions
from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.rerank.model_loading import open_scorer, probe
from retrieval.settings import Settings
from retrieval.sync.repository import Repository

if TYPE_CHECKING:
    from retrieval.training.golden.golden_file import Golden
    from retrieval.training.order.gate import OrderDecision
    from retrieval.training.release.gate import Decision
    from retrieval.training.release.succession import Shelf
    from retrieval.training.release.versions import Draft


@click.command(
    epilog=examples(
        "goldrank promote --order",
        "goldrank promote 0002",
        "goldrank promote models/mine --evaluation judged.json --weight 0.3",
    )
)
@click.argument("what", required=False, metavar="[VERSION|FOLDER]")
@click.option("--order", is_flag=True, help="Bring back a learned order, not a model.")
@click.option("--evaluation", type=FILE, help="The file that `goldrank learn --json` wrote.")
@click.option("--weight", type=click.FloatRange(0, 1), help="The model's share in the score of a search.")
@click.option("--force", is_flag=True, help="Promote a model that is refused; the history records it.")
@with_golden
def promote(  # noqa: PLR0913, PLR0917 - one parameter an option
    what: str | None,
    order: bool,
    evaluation: Path | None,
    weight: float | None,
    force: bool,
    root: Path,
    golden_path: Path | None,
    **flags: Any,
) -> None:
    """Let a model or an order serve again, or promote the model in a FOLDER.

    VERSION is a version that `goldrank models` lists, or its number. Without one, this brings back the model
    that was last rolled back; with --order, the order.

    A model in a FOLDER was trained elsewhere, such as on a GPU: it is promoted only if its --evaluation shows
    a gain beyond chance. `goldrank learn` promotes by itself.
    """
    settings = settings_of(**flags)
    if evaluation is None and weight is None and (order or not _is_folder(what)):
        if force:
            raise click.UsageError("--force is for a model in a folder; a version was judged already")
        from retrieval.training.release import succession

        shelf = _shelf(settings, root, order=order)
        event = succession.bring_back(shelf, what or "", now=datetime.now(UTC))
        click.echo(
            replies.clean(f"{shelf.kind} {event.after} serves instead of {event.before or shelf.shipped}")
        )
        click.echo(f"undo it with: goldrank rollback{_order_flag(order)} --repo {shelf.root}")
        return
    if order:
        raise click.UsageError("--order takes a version, and neither --evaluation nor --weight")
    if what and not Path(what).is_dir():
        raise ArgumentError(
            f"{shorten(what)} is neither a folder nor a version",
            remedy="`goldrank models` lists the versions",
        )
    if not what or evaluation is None or weight is None:
        raise click.UsageError("a model in a folder is promoted with FOLDER, --evaluation and --weight")
    repository = refreshed(root, settings)
    asked = load_golden(golden_path, repository)
    _promote_folder(
        FOLDER.convert(what, None, None), evaluation, weight, _Place(repository, settings, asked), force=force
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a model is promoted: the repository, the settings, and its golden file."""

    repository: Repository
    settings: Settings
    asked: "Golden"


def _promote_folder(folder: Path, evaluation: Path, weight: float, place: _Place, *, force: bool) -> None:
    """Promote a model that was trained elsewhere, if its evaluation shows a gain or `force` is set."""
    installation.require(
        "train", "goldrank promote", ModelError
    )  # it judges the evaluation and probes the model
    from retrieval.training.evaluation import tables
    from retrieval.training.release import draft, gate, versions

    judged = tables.from_json(text_of(evaluation), source=str(evaluation))
    decision = gate.decide(judged, weight=weight, questions=len(judged.asked))
    readme = folder / "README.md"
    drafted = versions.Draft(
        folder=folder,
        card=readme.read_text(encoding="utf-8", errors="replace")
        if readme.is_file()
        else f"# {folder.name}\n",
        facts=model_versions.VersionFacts(
            base=str(folder),
            base_revision="",
            weight=weight,
            depth=place.settings.rerank_depth,
            pair_text_version=PAIR_TEXT_VERSION,
            golden_sha256=place.asked.digest,
            commit=place.repository.view().commit,
            index_fingerprint=place.repository.fingerprint,
            learned_from=tuple(question.question_id for question in place.asked.questions),
            out_of_fold=draft.out_of_fold(judged),
        ),
    )
    if not is_refused(decision, force=force):
        let_serve(place.repository, place.settings, drafted, decision, force=force)


def _is_folder(what: str | None) -> bool:
    """Return whether what is to be promoted is a folder; a version is named by a number."""
    return what is not None and not what.isdecimal() and not version_log.NAME.fullmatch(what)


def _shelf(settings: Settings, root: Path, *, order: bool) -> "Shelf":
    from retrieval.training.release import orders, versions

    if order:
        return orders.shelf(orders.store(settings.models, root))
    return versions.shelf(model_versions.store(settings.models, root))


def _order_flag(order: bool) -> str:
    return " --order" if order else ""


@click.command(
    epilog=examples(
        "goldrank rollback",
        'goldrank rollback --reason "slower, and no better"',
        "goldrank rollback --order",
    )
)
@click.option("--repo", "root", type=ROOT, default=".", help="The repository. [default: the one around here]")
@click.option("--order", is_flag=True, help="Roll back the learned order, not the model.")
@click.option("--reason", default="", help="Why; the history keeps it.")
@with_models
@with_common
def rollback(root: Path, order: bool, reason: str, **flags: Any) -> None:
    """Roll back to the previous model, or with --order to the previous order; running servers pick it up.

    `goldrank promote` brings back what you rolled back.
    """
    from retrieval.training.release import succession

    settings = settings_of(**flags)
    shelf = _shelf(settings, root, order=order)
    if (
        not order
        and not _has_pointer(shelf.folder)
        and _has_pointer(learned_order.store(settings.models, root))
    ):
        raise ModelError(
            f"the base model serves {shelf.root}, in an order that was learned from commits",
            remedy="undo the order with: goldrank rollback --order",
        )
    event = succession.rollback(shelf, now=datetime.now(UTC), reason=reason)
    kind = f"{shelf.kind} " if order else ""
    click.echo(f"rolled back from {kind}{event.before} to {event.after or shelf.shipped}")
    if event.reason:
        click.echo(replies.clean(event.reason))
    if event.before in shelf.names():
        back = f"goldrank promote{_order_flag(order)} {event.before} --repo {shelf.root}"
        click.echo(replies.clean(f"bring it back with: {back}"))


def _has_pointer(folder: Path) -> bool:
    return (folder / version_log.CURRENT).exists()


COMMANDS = (promote, rollback)


def let_serve(
    repository: Repository,
    settings: Settings,
    drafted: "Draft",
    decision: "Decision | OrderDecision",
    *,
    force: bool,
) -> str:
    """Promote a model after checking that it loads and scores; return the name of its version.

    Raises:
        ModelError: It cannot, or the store cannot be written.
    """
    from retrieval.training.release import versions

    with waiting("trying the model"):
        probe(open_scorer(str(drafted.folder)))
    where = model_versions.store(settings.models, repository.root)
    version = versions.promote(
        where, drafted, decision, now=datetime.now(UTC), force="yes" if force else "no"
    )
    click.echo(
        f"promoted {version.name}; running servers pick it up. "
        f"Undo it with: goldrank rollback --repo {repository.root}"
    )
    return version.name


def is_refused(decision: "Decision | OrderDecision", *, force: bool, what: str = "") -> bool:
    """Return whether the gate refuses a model, after printing its reasons; `what` names it in a sentence."""
    if decision.promote or force:
        return False
    click.echo(
        f"{what} is not promoted; nothing has changed:" if what else "not promoted; nothing has changed:"
    )
    for reason in decision.reasons:
        click.echo(replies.clean(f"  {reason}"))
    return True
