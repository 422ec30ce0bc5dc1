"""The commands by which goldrank learns a repository: mine, train, eval, learn.

What they do is in `retrieval.training`, which loads seconds of libraries: it is imported by the command that
needs it.
"""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcp_server.commands.evaluation_output import hold_against, show, with_outputs
from mcp_server.commands.models import is_refused, let_serve
from mcp_server.commands.options import (
    FILE,
    FOLDER,
    Command,
    alone,
    counted,
    load_golden,
    refreshed,
    settings_of,
    stages,
    text_of,
    with_common,
    with_golden,
)
from mcp_server.messages import replies
from retrieval.errors import ArgumentError
from retrieval.rerank import model_versions
from retrieval.rerank.model_loading import is_on_disk
from retrieval.search import feedback_log
from retrieval.settings import Settings, read_model
from retrieval.sync.repository import Repository
from retrieval.sync.store import store_folder

if TYPE_CHECKING:
    from retrieval.training.evaluation.cross_validation import Judged, Plan, Served
    from retrieval.training.fit.recipe import Recipe
    from retrieval.training.fit.training_record import Trained
    from retrieval.training.golden.golden_file import Golden
    from retrieval.training.pairs.mining import Mined
    from retrieval.training.release.gate import Guard


def _with_recipe(command: Command) -> Command:
    for option in (
        click.option("--seed", type=int, help="Of order, dropout and splits."),
        click.option(
            "--keep", type=float, help="Share of what was learned in the weights; the rest is the base's."
        ),
        click.option("--learning-rate", type=float, help="At its peak."),
        click.option(
            "--loss",
            type=click.Choice(["bce", "listnet"]),
            help="Judge each pair alone (bce), or a question's passages against each other (listnet).",
        ),
        click.option("--epochs", type=int, help="Passes over the pairs, at most."),
        click.option("--revision", help="Commit of a hub base."),
        click.option("--base", help="Cross-encoder to begin with. [default: the model that is set]"),
        click.option(
            "--preset",
            type=click.Choice(["default", "legacy-70"]),
            default="default",
            show_default=True,
            help="What the options below start from; legacy-70 is the recipe of the first reranker.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.option(
    "--feedback", "use_feedback", is_flag=True, help="Add what rag_feedback logged, as weak labels."
)
@click.option("--out", type=FILE, default="pairs.jsonl", show_default=True, help="Where to write the pairs.")
@click.option(
    "--preset",
    type=click.Choice(["default", "legacy-70"]),
    default="default",
    show_default=True,
    help="legacy-70 mines what the first fine-tuned reranker had: 70 pairs, a fifth of them positive.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the choice of negatives.")
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

    The first line says what they were made of. They hold text of your code: keep them where you keep that.
    """
    from retrieval.training.pairs import mining

    settings = settings_of(**flags)
    if out.exists() and out.stat().st_size and not mining.is_ours(out):
        raise ArgumentError(
            f"{out} holds something else than mined pairs", remedy="name another file: --out FILE"
        )
    repository = refreshed(root, settings)
    asked = load_golden(golden_path, repository)
    mined = _mined(asked, repository, preset=preset, seed=seed)
    mined = _with_feedback(mined, asked, repository, settings) if use_feedback else mined
    mining.write(mined, out)
    click.echo(f"written to {out}; next: goldrank train {out} --out DIR")


@click.command()
@click.argument("pairs_file", metavar="PAIRS", type=FILE)
@click.option("--out", type=FOLDER, required=True, help="The model folder to make.")
@_with_recipe
@with_common
def train(pairs_file: Path, out: Path, **flags: Any) -> None:
    """Fine-tune a cross-encoder on PAIRS, as `goldrank mine` writes them.

    The folder appears when it is whole; interrupted, the same command goes on where it stopped. What it is
    worth, only `goldrank learn` says: it trains as often as it takes to judge every question unseen.
    """
    from retrieval.training.fit import trainer
    from retrieval.training.pairs import mining
    from retrieval.training.release import model_card

    recipe = _recipe(settings_of(**_common(flags)), flags)
    mined = mining.read(pairs_file)
    with stages() as report:
        trained = trainer.train(
            mined.pairs, recipe, out, progress=lambda done, total: report("learning", done, total)
        )
    facts = model_card.Facts(
        name=out.name, trained=trained, data=model_card.describe(mined.pairs, mined.provenance)
    )
    (out / "README.md").write_text(model_card.write_card(facts), encoding="utf-8")
    _tell_trained(trained)
    click.echo(f"{out}: a CrossEncoder folder; its README.md is its card. Serve it with --model {out}")


@click.command("eval")
@click.option(
    "--gate", "baseline", metavar="BASELINE", type=FILE, help="Fail if a search got worse since this --json."
)
@click.option("--model", help="Judge this cross-encoder in place of the base.")
@with_outputs
@with_golden
def evaluate(
    root: Path, golden_path: Path | None, baseline: Path | None, model: str | None, **flags: Any
) -> None:
    """Judge what a search finds today on the golden file: first stage, base model, promoted model.

    A promoted model is judged on questions that it learned from by what was recorded of it out of fold. A
    --model that learned from these very questions is judged too well.
    """
    from retrieval.training.evaluation import cross_validation, tables

    settings = settings_of(**_common(flags), model=model)
    before = tables.from_json(text_of(baseline), source=str(baseline)) if baseline else None
    repository = refreshed(root, settings)
    with stages() as progress:
        found = cross_validation.measure(
            load_golden(golden_path, repository),
            repository.view(),
            _served(repository, settings),
            depth=settings.rerank_depth,
            watch=cross_validation.Watch(progress),
        )
    show(found, flags, title=f"goldrank on {repository.root.name}")
    if before:
        hold_against(before, found)


@click.command()
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Parts of the questions.")
@click.option(
    "--repeats", type=click.IntRange(1), default=1, show_default=True, help="How often they are parted anew."
)
@click.option(
    "--by-time", is_flag=True, help="Learn from older questions, test on newer ones, by their dates."
)
@click.option(
    "--guard",
    "guards",
    multiple=True,
    metavar="REPO=GOLDEN",
    help="Another repository that must not get worse; may be repeated.",
)
@click.option("--feedback", "use_feedback", is_flag=True, help="Also learn from what rag_feedback logged.")
@click.option("--force", is_flag=True, help="Promote all the same; this is recorded.")
@with_outputs
@_with_recipe
@with_golden
def learn(
    root: Path,
    golden_path: Path | None,
    guards: Sequence[str],
    force: bool,
    use_feedback: bool,
    **flags: Any,
) -> None:
    """Learn the repository: check the golden file, mine, judge out of fold, and promote or refuse.

    Every question is judged by a model that did not learn from it. Only when the gain over the first stage,
    the base and the model that serves now is beyond chance is a model trained on all questions and promoted.
    Interrupted, the same command goes on where it stopped.
    """
    from retrieval.training.release import draft, gate

    settings = settings_of(**_common(flags))
    repository = refreshed(root, settings)
    asked = load_golden(golden_path, repository)
    _lint_or_stop(asked, repository)
    recipe = _recipe(settings, flags)
    mined = _mined(asked, repository, preset=flags["preset"], seed=recipe.seed)
    mined = _with_feedback(mined, asked, repository, settings) if use_feedback else mined
    plan = _plan(recipe, repository, settings, flags)
    work = store_folder(settings.cache / "learning", repository.root)
    with alone(work):
        judged = _judge(asked, repository, mined, plan, work)
        show(judged.report, flags, title=f"goldrank learns {repository.root.name}")
        decision = gate.decide(judged.report, weight=judged.weight, questions=len(judged.report.asked))
        if is_refused(decision, force=force):
            return
        trained = _train_on_all(mined, recipe, work)
        guarded = [_guard(pair, trained.folder, judged.weight, settings) for pair in guards]
        decision = gate.decide(
            judged.report, weight=judged.weight, questions=len(judged.report.asked), guards=guarded
        )
        if is_refused(decision, force=force):
            return
        learned = draft.Learned(repository.root.name, mined, judged, trained, settings.rerank_depth)
        let_serve(repository, settings, draft.draft(learned, decision), decision, force=force)


COMMANDS = (mine, train, evaluate, learn)


def _common(flags: dict[str, Any]) -> dict[str, Any]:
    return {name: flags.get(name) for name in ("cache", "models", "log_level")}


def _recipe(settings: Settings, flags: dict[str, Any]) -> "Recipe":
    """Read the recipe: the preset, then what was given; its base is what would be served."""
    from retrieval.training.export.export import trainable
    from retrieval.training.fit.recipe import PRESETS

    recipe = PRESETS[flags["preset"]]
    if flags["preset"] == "default":
        recipe = replace(recipe, base=settings.model, revision=settings.model_revision)
    names = ("epochs", "learning_rate", "loss", "keep", "seed")
    given = {name: flags[name] for name in names if flags[name] is not None}
    if flags["base"]:
        base = read_model(flags["base"], source="--base")
        given |= {"base": base, "revision": flags["revision"] or ""}
    recipe = replace(recipe, **given)
    return replace(recipe, base=trainable(recipe.base, settings.cache))


def _plan(recipe: "Recipe", repository: Repository, settings: Settings, flags: dict[str, Any]) -> "Plan":
    from retrieval.training.evaluation.cross_validation import Plan

    return Plan(
        recipe=recipe,
        folds=flags["folds"],
        repeats=flags["repeats"],
        depth=settings.rerank_depth,
        order="by time" if flags["by_time"] else "shuffled",
        current=_promoted(repository, settings),
    )


def _promoted(repository: Repository, settings: Settings) -> "Served | None":
    """Describe the model that was promoted for the repository, if one was."""
    from retrieval.training.evaluation.cross_validation import Served

    where = model_versions.store(settings.models, repository.root)
    name = model_versions.current(where)
    if name is None:
        return None
    version = model_versions.read_version(where, name)
    return Served("current", name, str(version.folder), "", version.facts.weight, version.facts.out_of_fold)


def _served(repository: Repository, settings: Settings) -> list["Served"]:
    """Describe the models to judge: the base where it is at hand, then the promoted one."""
    from retrieval.training.evaluation.cross_validation import Served

    found = []
    if settings.model and is_on_disk(settings.model, revision=settings.model_revision):
        name = Path(settings.model).name
        found.append(Served("base", name, settings.model, settings.model_revision, settings.rerank_weight))
    else:
        click.echo(f"no base model: {settings.model or 'none is set'} is not on this machine", err=True)
    promoted = _promoted(repository, settings)
    return [*found, promoted] if promoted else found


def _mined(asked: "Golden", repository: Repository, *, preset: str, seed: int) -> "Mined":
    from retrieval.training.pairs import mining

    mined = mining.mine(asked, repository.view(), seed=seed)
    if preset == "legacy-70":
        mined = mining.like_card(mined)
    _tell_mined(mined)
    return mined


def _with_feedback(mined: "Mined", asked: "Golden", repository: Repository, settings: Settings) -> "Mined":
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


def _tell_trained(trained: "Trained") -> None:
    lost = ", ".join(f"{epoch.training_loss:.3f}" for epoch in trained.epochs)
    click.echo(
        f"{counted(trained.steps, 'step')} in {trained.seconds:.0f} s on {trained.device}; "
        f"loss by epoch {lost}; kept epoch {trained.best_epoch}"
    )


def _lint_or_stop(asked: "Golden", repository: Repository) -> None:
    from retrieval.training.golden import lint as linter

    findings = linter.lint(asked, repository.view())
    errors = [finding for finding in findings if finding.level == "error"]
    for finding in errors[:5]:
        click.echo(
            replies.clean(f"{asked.path}, row {finding.row}: {finding.kind}: {finding.text}"), err=True
        )
    if errors:
        wrong = counted(len(errors), "error")
        raise ArgumentError(f"{asked.path} has {wrong}", remedy="see them with: goldrank golden lint")
    click.echo(
        f"golden file: {counted(len(asked.questions), 'question')}, no errors, "
        f"{counted(len(findings), 'warning')}"
    )


def _judge(asked: "Golden", repository: Repository, mined: "Mined", plan: "Plan", work: Path) -> "Judged":
    from retrieval.training.evaluation import cross_validation

    with stages() as progress:
        return cross_validation.judge(
            asked, repository.view(), mined, plan, work, watch=cross_validation.Watch(progress)
        )


def _train_on_all(mined: "Mined", recipe: "Recipe", work: Path) -> "Trained":
    """Train on every question, by the recipe that was judged."""
    from retrieval.training.fit import trainer

    folder = work / "tuned"
    shutil.rmtree(folder, ignore_errors=True)  # of an earlier learning
    with stages() as report:
        trained = trainer.train(
            mined.pairs, recipe, folder, progress=lambda done, total: report("learning from all", done, total)
        )
    _tell_trained(trained)
    return trained


def _guard(pair: str, folder: Path, weight: float, settings: Settings) -> "Guard":
    """Judge the tuned model on another repository's golden file."""
    from retrieval.training.evaluation import comparison, cross_validation
    from retrieval.training.release import gate

    root, equals, file = pair.partition("=")
    if not equals:
        raise ArgumentError(
            f"--guard {pair} is no REPO=GOLDEN", remedy="name a repository and its golden file"
        )
    repository = refreshed(Path(root), settings)
    asked = load_golden(Path(file) if file else None, repository)
    today = _served(repository, settings)[-1:]
    tuned = cross_validation.Served("tuned", "tuned", str(folder), "", weight)
    with stages() as progress:
        found = cross_validation.measure(
            asked,
            repository.view(),
            [*today, tuned],
            depth=settings.rerank_depth,
            watch=cross_validation.Watch(progress),
        )
    before, after = found.systems[-2:]
    compared = comparison.compare(found.asked, after, before)
    return gate.Guard(
        repository.root.name, before.mean("nDCG@10"), after.mean("nDCG@10"), compared.low, compared.high
    )
