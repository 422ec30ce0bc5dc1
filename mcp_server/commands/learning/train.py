"""The commands that train a model step by step: mine pairs, then fine-tune on them."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcp_server.commands.options import (
    FILE,
    FOLDER,
    Command,
    common_flags,
    counted,
    load_golden,
    refreshed,
    settings_of,
    with_common,
    with_golden,
)
from mcp_server.messages import replies
from mcp_server.terminal.progress import stages, timed, waiting
from mcp_server.terminal.usage import examples
from retrieval import installation
from retrieval.errors import ArgumentError, TrainingError
from retrieval.rerank import model_versions
from retrieval.search import feedback_log
from retrieval.settings import Settings, read_model
from retrieval.sync.repository import Repository

if TYPE_CHECKING:
    from retrieval.training.fit.recipe import Recipe
    from retrieval.training.fit.training_record import Trained
    from retrieval.training.golden.golden_file import Golden
    from retrieval.training.pairs.labeled_pairs import Mined


def with_recipe(command: Command) -> Command:
    """Add the options of a training."""
    for option in (
        click.option("--seed", type=int, help="Seed of order, dropout and splits."),
        click.option(
            "--keep", type=float, help="Share of the tuned weights in the result; the rest are the base's."
        ),
        click.option("--learning-rate", type=float, help="The peak learning rate."),
        click.option(
            "--loss",
            type=click.Choice(["bce", "listnet", "marginmse"]),
            help="bce scores each pair alone; listnet compares the passages of a question, marginmse each "
            "answer with each other passage.",
        ),
        click.option("--epochs", type=int, help="The most passes over the pairs."),
        click.option("--revision", help="Commit of a hub base."),
        click.option("--base", help="Cross-encoder to start from. [default: the configured model]"),
        click.option(
            "--preset",
            type=click.Choice(["default", "legacy-70"]),
            default="default",
            show_default=True,
            help="Defaults of the options below; legacy-70 is the recipe of the first reranker.",
        ),
    ):
        command = option(command)
    return command


@click.command(epilog=examples("goldrank mine", "goldrank mine --feedback --out pairs.jsonl"))
@click.option(
    "--feedback", "use_feedback", is_flag=True, help="Also use what rag_feedback logged, as weak labels."
)
@click.option(
    "--out", type=FILE, default="pairs.jsonl", show_default=True, help="The file to write the pairs to."
)
@click.option(
    "--preset",
    type=click.Choice(["default", "legacy-70"]),
    default="default",
    show_default=True,
    help="legacy-70 mines 70 pairs, a fifth of them positive, as for the first reranker.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the choice of negatives.")
@with_golden
def mine(
    root: Path,
    golden_path: Path | None,
    out: Path,
    preset: str,
    seed: int,
    use_feedback: bool,
    **flags: Any,
) -> None:
    """Mine labelled (question, passage) pairs from the golden file and the index, as JSON lines.

    The first line records their sources. The file holds text of your code: keep it where you keep the code.
    """
    from retrieval.training.pairs import labeled_pairs

    settings = settings_of(**flags)
    if out.exists() and out.stat().st_size and not labeled_pairs.is_ours(out):
        raise ArgumentError(f"{out} does not hold mined pairs", remedy="name another file: --out FILE")
    repository = refreshed(root, settings)
    asked = load_golden(golden_path, repository)
    mined = mined_pairs(asked, repository, preset=preset, seed=seed)
    mined = with_feedback(mined, asked, repository, settings) if use_feedback else mined
    labeled_pairs.write(mined, out)
    click.echo(f"written to {out}; next: goldrank train {out} --out DIR")


@click.command(epilog=examples("goldrank train pairs.jsonl --out models/mine"))
@click.argument("pairs_file", metavar="PAIRS", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="The model folder to create.")
@with_recipe
@with_common
@timed("training")
def train(pairs_file: Path, out: Path, **flags: Any) -> None:
    """Fine-tune a cross-encoder on PAIRS, as `goldrank mine` writes them.

    The folder appears when it is complete; after an interruption, the same command continues. Only
    `goldrank learn` measures what the model is worth: it judges each question by a model that did not see it.
    """
    from retrieval.training.fit import trainer
    from retrieval.training.pairs import labeled_pairs
    from retrieval.training.release import model_card

    installation.require("train", "goldrank train", TrainingError)
    recipe = recipe_of(settings_of(**common_flags(flags)), flags)
    mined = labeled_pairs.read(pairs_file)
    with stages() as report:
        trained = trainer.train(
            mined.pairs, recipe, out, progress=lambda done, total: report("learning", done, total)
        )
    facts = model_card.Facts(
        name=out.name, trained=trained, data=model_card.describe(mined.pairs, mined.provenance)
    )
    (out / "README.md").write_text(model_card.write_card(facts), encoding="utf-8")
    tell_trained(trained)
    click.echo(f"{out}: a CrossEncoder folder; its README.md is its card. Serve it with --model {out}")


COMMANDS = (mine, train)


def recipe_of(settings: Settings, flags: dict[str, Any]) -> "Recipe":
    """Read the recipe: the preset, then what was given; its base is what would be served."""
    from retrieval.training.fit.recipe import PRESETS

    recipe = PRESETS[flags["preset"]]
    if flags["preset"] == "default":
        recipe = replace(recipe, base=settings.model, revision=settings.model_revision)
    return _changed(recipe, settings, flags)


def past_recipe(settings: Settings, flags: dict[str, Any]) -> "Recipe":
    """Read the recipe of a model that commits teach: the one that a benchmark chose, then what was given."""
    from retrieval.training.tuning.learning import RECIPE

    recipe = replace(RECIPE, base=settings.model, revision=settings.model_revision)
    return _changed(recipe, settings, flags)


def _changed(recipe: "Recipe", settings: Settings, flags: dict[str, Any]) -> "Recipe":
    """Change a recipe by what was given, and let it start from what can be trained."""
    from retrieval.training.export.export import trainable

    names = ("epochs", "learning_rate", "loss", "keep", "seed")
    given = {name: flags[name] for name in names if flags[name] is not None}
    if flags["base"]:
        base = read_model(flags["base"], source="--base")
        given |= {"base": base, "revision": flags["revision"] or ""}
    recipe = replace(recipe, **given)
    return replace(recipe, base=trainable(recipe.base, settings.cache))


def mined_pairs(asked: "Golden", repository: Repository, *, preset: str, seed: int) -> "Mined":
    """Mine the pairs of a preset, and say how many there are."""
    from retrieval.training.pairs import mining

    with waiting("mining pairs"):
        mined = mining.mine(asked, repository.view(), seed=seed)
    if preset == "legacy-70":
        mined = mining.like_card(mined)
    _tell_mined(mined)
    return mined


def with_feedback(mined: "Mined", asked: "Golden", repository: Repository, settings: Settings) -> "Mined":
    """Add the pairs that rag_feedback logged, and say how many there are."""
    from retrieval.training.pairs import feedback_labels

    log = feedback_log.read(model_versions.store(settings.models, repository.root).folder)
    more = feedback_labels.with_feedback(mined, asked, log.entries, repository.view())
    click.echo(
        f"feedback: {counted(len(log.entries), 'entry', 'entries')}, "
        f"{counted(len(more.pairs) - len(mined.pairs), 'pair')}"
    )
    for fault in log.faults:
        click.echo(replies.clean(f"  left out: {feedback_log.FILE}, {fault}"))
    return more


def _tell_mined(mined: "Mined") -> None:
    positives = sum(pair.label for pair in mined.pairs)
    click.echo(
        f"mined {counted(len(mined.pairs), 'pair')} ({positives} positive) of "
        f"{counted(len({pair.question_id for pair in mined.pairs}), 'question')} in "
        f"{counted(len({pair.group for pair in mined.pairs}), 'group')}"
    )
    for note in mined.notes:
        click.echo(replies.clean(f"  {note}"))


def tell_trained(trained: "Trained") -> None:
    """Print how long a training took, and which epoch it kept."""
    lost = ", ".join(f"{epoch.training_loss:.3f}" for epoch in trained.epochs)
    click.echo(
        f"{counted(trained.steps, 'step')} in {trained.seconds:.0f} s on {trained.device}; "
        f"loss by epoch {lost}; kept epoch {trained.best_epoch}"
    )
