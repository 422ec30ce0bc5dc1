"""The commands that decide which model serves a repository: promote, rollback, models."""

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
from retrieval import installation
from retrieval.errors import ModelError
from retrieval.rerank import model_versions
from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.rerank.model_loading import CrossEncoderScorer, probe
from retrieval.settings import Settings
from retrieval.sync.repository import Repository

if TYPE_CHECKING:
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


@click.command(epilog=examples("goldrank rollback", 'goldrank rollback --reason "slower, and no better"'))
@click.option("--repo", "root", type=ROOT, default=".", help="The repository. [default: the one around here]")
@click.option("--reason", default="", help="Why; the history keeps it.")
@with_models
@with_common
def rollback(root: Path, reason: str, **flags: Any) -> None:
    """Roll back to the previous model; running servers pick it up."""
    from retrieval.training.release import versions

    where = model_versions.store(settings_of(**flags).models, root)
    event = versions.rollback(where, now=datetime.now(UTC), reason=reason)
    click.echo(f"rolled back from {event.before} to {event.after or 'the base model'}")
    if event.reason:
        click.echo(replies.clean(event.reason))


@click.command("models", epilog=examples("goldrank models"))
@click.option("--repo", "root", type=ROOT, default=".", help="The repository. [default: the one around here]")
@with_models
@with_common
def list_models(root: Path, **flags: Any) -> None:
    """List the promoted models of the repository, the one that serves, and their history."""
    where = model_versions.store(settings_of(**flags).models, root)
    serving = model_versions.current(where)
    names = model_versions.versions(where)
    click.echo(f"{where.folder}: {counted(len(names), 'version')}; {serving or 'the base model'} serves")
    for name in names:
        click.echo(replies.clean(f"{'*' if name == serving else ' '} {_described(where, name)}"))
    for event in model_versions.history(where):
        said = f" ({event.reason})" if event.reason else ""
        click.echo(replies.clean(
            f"  {event.time[:16]}  {event.action}: {event.before or 'base'} -> {event.after or 'base'}{said}"
        ))  # fmt: skip


COMMANDS = (promote, rollback, list_models)


def _described(where: model_versions.ModelStore, name: str) -> str:
    """Describe a version: when it was made and what it gained, or why it cannot be used."""
    try:
        version = model_versions.read_version(where, name)
    except ModelError as error:
        return f"{name}  {error}"
    gains = "; ".join(
        f"{item['gain']:+.3f} [{item['low']:+.3f}, {item['high']:+.3f}] over {item['opponent']}"
        for item in version.decision.get("comparisons", [])
    )
    forced = ", forced" if version.decision.get("forced") else ""
    return f"{name}  {version.created[:16]}  weight {version.facts.weight:g}{forced}  nDCG@10 {gains}"


def let_serve(
    repository: Repository, settings: Settings, drafted: "Draft", decision: "Decision", *, force: bool
) -> None:
    """Promote a model after checking that it loads and scores.

    Raises:
        ModelError: It cannot, or the store cannot be written.
    """
    from retrieval.training.release import versions

    with waiting("trying the model"):
        probe(CrossEncoderScorer(str(drafted.folder)))
    where = model_versions.store(settings.models, repository.root)
    version = versions.promote(
        where, drafted, decision, now=datetime.now(UTC), force="yes" if force else "no"
    )
    click.echo(
        f"promoted {version.name}; running servers pick it up. "
        f"Undo it with: goldrank rollback --repo {repository.root}"
    )


def is_refused(decision: "Decision", *, force: bool) -> bool:
    """Return whether the gate refuses a model, after printing its reasons."""
    if decision.promote or force:
        return False
    click.echo("not promoted; nothing has changed:")
    for reason in decision.reasons:
        click.echo(replies.clean(f"  {reason}"))
    return True
