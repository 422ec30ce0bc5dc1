"""The commands that decide which model serves a repository: promote, rollback, models."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcp_server.commands.options import (
    FILE,
    FOLDER,
    ROOT,
    counted,
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
from retrieval.errors import ModelError
from retrieval.rank import learned_order
from retrieval.rerank import model_versions
from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.rerank.model_loading import open_scorer, probe
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.version_log import Event

if TYPE_CHECKING:
    from retrieval.training.order.gate import Gain, OrderDecision
    from retrieval.training.release.gate import Decision
    from retrieval.training.release.versions import Draft


@click.command(epilog=examples("goldrank promote models/mine --evaluation judged.json --weight 0.3"))
@click.argument("folder", type=FOLDER)
@click.option("--evaluation", type=FILE, required=True, help="The file that `goldrank learn --json` wrote.")
@click.option(
    "--weight", type=click.FloatRange(0, 1), required=True, help="The model's share in the score of a search."
)
@click.option("--force", is_flag=True, help="Promote a model that is refused; the history records it.")
@with_golden
def promote(
    folder: Path,
    evaluation: Path,
    weight: float,
    force: bool,
    root: Path,
    golden_path: Path | None,
    **flags: Any,
) -> None:
    """Promote the model in FOLDER, if its evaluation shows a gain beyond chance.

    `goldrank learn` promotes by itself; use this for a model trained elsewhere, such as on a GPU.
    """
    installation.require(
        "train", "goldrank promote", ModelError
    )  # it judges the evaluation and probes the model
    from retrieval.training.evaluation import tables
    from retrieval.training.release import draft, gate, versions

    settings = settings_of(**flags)
    repository = refreshed(root, settings)
    asked = load_golden(golden_path, repository)
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
            depth=settings.rerank_depth,
            pair_text_version=PAIR_TEXT_VERSION,
            golden_sha256=asked.digest,
            commit=repository.view().commit,
            index_fingerprint=repository.fingerprint,
            learned_from=tuple(question.question_id for question in asked.questions),
            out_of_fold=draft.out_of_fold(judged),
        ),
    )
    if is_refused(decision, force=force):
        return
    let_serve(repository, settings, drafted, decision, force=force)


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
    """Roll back to the previous model, or with --order to the previous order; running servers pick it up."""
    from retrieval.training.release import orders, versions

    models = settings_of(**flags).models
    if order:
        undone = orders.rollback(orders.store(models, root), now=datetime.now(UTC), reason=reason)
        click.echo(f"rolled back from order {undone.before} to {undone.after or 'the shipped order'}")
        if undone.reason:
            click.echo(replies.clean(undone.reason))
        return
    where = model_versions.store(models, root)
    if not _has_pointer(where.folder) and _has_pointer(learned_order.store(models, root)):
        raise ModelError(
            f"the base model serves {where.root}, in an order that was learned from commits",
            remedy="undo the order with: goldrank rollback --order",
        )
    event = versions.rollback(where, now=datetime.now(UTC), reason=reason)
    click.echo(f"rolled back from {event.before} to {event.after or 'the base model'}")
    if event.reason:
        click.echo(replies.clean(event.reason))


@click.command("models", epilog=examples("goldrank models"))
@click.option("--repo", "root", type=ROOT, default=".", help="The repository. [default: the one around here]")
@with_models
@with_common
def list_models(root: Path, **flags: Any) -> None:
    """List the promoted models and orders of the repository, what each gained when, and their history.

    The history also has the learnings that were refused, with what they would have gained.
    """
    models = settings_of(**flags).models
    where = model_versions.store(models, root)
    serving = model_versions.current(where)
    names = model_versions.versions(where)
    click.echo(f"{where.folder}: {counted(len(names), 'version')}; {serving or 'the base model'} serves")
    for name in names:
        click.echo(replies.clean(f"{'*' if name == serving else ' '} {_described(where, name)}"))
    _list_events(model_versions.history(where), first="base", refused=_refused(where.folder))
    _list_orders(learned_order.store(models, root))


COMMANDS = (promote, rollback, list_models)


def _list_orders(folder: Path) -> None:
    serving = learned_order.current(folder)
    names = learned_order.versions(folder)
    click.echo(f"{folder}: {counted(len(names), 'order')}; {serving or 'the shipped order'} serves")
    for name in names:
        click.echo(replies.clean(f"{'*' if name == serving else ' '} {_described_order(folder, name)}"))
    _list_events(version_log.events(folder), first="shipped", refused=_refused(folder))


def _refused(folder: Path) -> list[tuple[str, str]]:
    """Describe the learnings that promoted nothing, each with its time."""
    from retrieval.training.release.learnings import learnings

    found = []
    for item in learnings(folder):
        if item.version is None:
            told = _gains(item.gains, item.questions) or " ".join(item.reasons)
            found.append((item.time, f"refused, learned from {counted(item.lessons, 'commit')}: {told}"))
    return found


def _gains(gains: Sequence["Gain"], questions: int) -> str:
    """Write what was gained on later commits; "" if nothing was compared."""
    said = "; ".join(f"{item.measure} {item.gain:+.3f} [{item.low:+.3f}, {item.high:+.3f}]" for item in gains)
    return f"on {counted(questions, 'later commit')}: {said}" if said else ""


def _described_order(folder: Path, name: str) -> str:
    """Describe an order: what taught it, what that changed and gained, or why it cannot be used."""
    try:
        version = learned_order.read(folder, name)
    except ModelError as error:
        return f"{name}  {error}"
    changes = ", ".join(f"{part} {old:g} -> {new:g}" for part, (old, new) in version.moved.items())
    forced = ", forced" if version.decision.get("forced") else ""
    return (
        f"{name}  {version.created[:16]}  {counted(version.lessons, 'commit')}{forced}  {changes}; "
        f"{_told_gains(version.decision)}"
    )


def _told_gains(decision: Mapping[str, Any]) -> str:
    """List what something gained on the later commits that judged it."""
    from retrieval.training.order.gate import Gain

    try:
        gains = [Gain(**item) for item in decision.get("gains", [])]
        return _gains(gains, int(decision.get("questions", 0)))
    except (TypeError, ValueError):
        return "what it gained cannot be read"


def _list_events(events: Sequence[Event], *, first: str, refused: Sequence[tuple[str, str]] = ()) -> None:
    """List a history, oldest first; `first` names what serves without a promotion."""
    lines = [
        (
            event.time,
            f"{event.action}: {event.before or first} -> {event.after or first}"
            + (f" ({event.reason})" if event.reason else ""),
        )
        for event in events
    ]
    for time, said in sorted((*lines, *refused), key=lambda line: line[0]):
        click.echo(replies.clean(f"  {time[:16]}  {said}"))


def _has_pointer(folder: Path) -> bool:
    return (folder / version_log.CURRENT).exists()


def _described(where: model_versions.ModelStore, name: str) -> str:
    """Describe a version: when it was made and what it gained, or why it cannot be used."""
    try:
        version = model_versions.read_version(where, name)
    except ModelError as error:
        return f"{name}  {error}"
    forced = ", forced" if version.decision.get("forced") else ""
    if version.facts.lessons:
        taught = counted(version.facts.lessons, "commit")
        return (
            f"{name}  {version.created[:16]}  weight {version.facts.weight:g}  {taught}{forced}; "
            f"{_told_gains(version.decision)}"
        )
    gains = "; ".join(
        f"{item['gain']:+.3f} [{item['low']:+.3f}, {item['high']:+.3f}] over {item['opponent']}"
        for item in version.decision.get("comparisons", [])
    )
    return f"{name}  {version.created[:16]}  weight {version.facts.weight:g}{forced}  nDCG@10 {gains}"


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
