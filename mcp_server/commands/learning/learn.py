"""The command that learns a repository: it mines, judges out of fold, trains, and promotes or refuses."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mcp_server.commands.evaluate import promoted_model, served_models, show, with_outputs
from mcp_server.commands.learning.learn_commits import Wanted, learn_commits, title_of
from mcp_server.commands.learning.learn_model import can_train
from mcp_server.commands.learning.models import is_refused, let_serve
from mcp_server.commands.learning.past_questions import has_history
from mcp_server.commands.learning.train import (
    mined_pairs,
    past_recipe,
    recipe_of,
    tell_trained,
    with_feedback,
    with_recipe,
)
from mcp_server.commands.options import (
    GOLDEN,
    alone,
    common_flags,
    counted,
    load_golden,
    refreshed,
    repository_around,
    require_golden,
    settings_of,
    with_golden,
)
from mcp_server.messages import replies
from mcp_server.terminal.progress import stages, timed
from mcp_server.terminal.usage import examples
from retrieval import installation
from retrieval.errors import ArgumentError, TrainingError
from retrieval.rank import learned_order
from retrieval.settings import Settings
from retrieval.sync.inventory import LEARNING
from retrieval.sync.repository import Repository
from retrieval.sync.store import store_folder

if TYPE_CHECKING:
    from retrieval.training.evaluation.cross_validation import Judged, Plan
    from retrieval.training.fit.recipe import Recipe
    from retrieval.training.fit.training_record import Trained
    from retrieval.training.golden.golden_file import Golden
    from retrieval.training.pairs.labeled_pairs import Mined
    from retrieval.training.release.gate import Guard


@click.command(
    epilog=examples(
        "goldrank learn",
        "goldrank learn --from commits",
        "goldrank learn --since-last",
    )
)
@click.option(
    "--only",
    type=click.Choice(["order", "model"]),
    help="Learn the order alone, or the model alone.",
)
@click.option(
    "--from",
    "source",
    type=click.Choice(["golden", "commits"]),
    help="What teaches the model. [default: the golden file where there is one, else commits]",
)
@click.option(
    "--since-last",
    is_flag=True,
    help="Learn from commits, and judge only on those that no earlier learning of the same kind has seen.",
)
@click.option(
    "--folds",
    type=click.IntRange(2),
    default=5,
    show_default=True,
    help="How many folds to split the questions into.",
)
@click.option(
    "--repeats", type=click.IntRange(1), default=1, show_default=True, help="How often to split them anew."
)
@click.option(
    "--by-time", is_flag=True, help="Learn from older questions and test on newer ones, by their dates."
)
@click.option(
    "--guard",
    "guards",
    multiple=True,
    metavar="REPO=GOLDEN",
    help="Another repository that must not get worse; repeatable.",
)
@click.option("--feedback", "use_feedback", is_flag=True, help="Also learn from what rag_feedback logged.")
@click.option("--force", is_flag=True, help="Promote what is refused; the history records it.")
@with_outputs
@with_recipe
@with_golden
@timed("learning")
def learn(
    root: Path,
    golden_path: Path | None,
    only: str | None,
    source: str | None,
    since_last: bool,
    force: bool,
    **flags: Any,
) -> None:
    """Learn the repository: its order and its model, from its commits or a golden file.

    The subjects of commits are questions, asked of the tree before each; the lines that the commit changed
    are the answers. The oldest teach an order, the newest judge it. This needs no golden file and no extra.

    With the extra `train`, goldrank then tunes the model on the same commits, and the newest judge it too.
    With a golden file, it tunes the model on that file's questions instead, unless you name --from commits:
    then the file is a second judge. Each golden question is judged by a model that did not learn from it, and
    the gain over the first stage, the base and the model that serves now must be beyond chance.

    Both are promoted or refused each by itself. After an interruption, the same command continues.

    With --since-last, questions newer than the last learning judge, and older ones teach; the order and the
    model each have a last learning of their own. Run it from a weekly job or a hook: as long as too few are
    new, it says how many, changes nothing and ends with 0. A golden file is then a second judge.
    """
    if since_last and source == "golden":
        raise ArgumentError(
            "--since-last learns from commits, not from golden questions",
            remedy="leave out one of --since-last and --from golden",
        )
    settings = settings_of(**common_flags(flags))
    has_golden = golden_path is not None or (root / GOLDEN).is_file()
    by_commits = since_last or source == "commits" or (source is None and not has_golden)
    if source == "golden":
        require_golden(golden_path, root, instead="learn from commits: goldrank learn --from commits")
    if (only == "order" or by_commits) and (flags["json_file"] or flags["markdown_file"]):
        raise ArgumentError(
            "--json and --markdown write how golden questions were answered, and none are asked here",
            remedy="--html shows what a learned order or model changes",
        )
    if only == "model" or (has_golden and not only and not since_last):  # before minutes of work
        command = "goldrank learn --only model" if only else "goldrank learn (all but --only order)"
        installation.require("train", command, TrainingError)
    if by_commits and only != "order":
        _reject_golden_options(flags)
    repository = refreshed(root, settings)
    asked = load_golden(golden_path, repository) if has_golden or source == "golden" else None
    if asked:
        _lint_or_stop(asked, repository)
    trains = only != "order" and by_commits and can_train(settings)
    orders = only != "model" and (asked is None or only or by_commits or has_history(repository.root))
    first = ""
    if by_commits or orders:
        recipe = (lambda: past_recipe(settings, flags)) if trains else None
        wanted = Wanted(bool(orders), recipe, asked, since_last, force)
        first = learn_commits(repository, settings, wanted, flags["html_file"])
    if asked and only != "order" and not by_commits:
        _learn_model(repository, settings, asked, {**flags, "first": first}, force=force)


def _reject_golden_options(flags: dict[str, Any]) -> None:
    """Reject options that say how golden questions teach a model, when commits teach it."""
    only_golden = {
        "--guard": flags["guards"],
        "--feedback": flags["use_feedback"],
        "--by-time": flags["by_time"],
        "--preset": flags["preset"] != "default",
    }
    for name, value in only_golden.items():
        if value:
            raise ArgumentError(
                f"{name} is for a model that a golden file teaches, and commits teach this one",
                remedy=f"leave {name} out, or write a golden file and name --from golden",
            )


def _learn_model(
    repository: Repository, settings: Settings, asked: "Golden", flags: dict[str, Any], *, force: bool
) -> None:
    """Mine pairs from the golden file, judge a model out of fold, train on all, and promote or refuse."""
    from retrieval.training.release import draft, gate

    recipe = recipe_of(settings, flags)
    mined = mined_pairs(asked, repository, preset=flags["preset"], seed=recipe.seed)
    mined = with_feedback(mined, asked, repository, settings) if flags["use_feedback"] else mined
    plan = _plan(recipe, repository, settings, flags)
    work = store_folder(settings.cache / LEARNING, repository.root)
    with alone(work):
        judged = _judge(asked, repository, mined, plan, work)
        show(judged.report, flags, title=title_of(repository), view=repository.view(), first=flags["first"])
        decision = gate.decide(judged.report, weight=judged.weight, questions=len(judged.report.asked))
        if is_refused(decision, force=force):
            return
        trained = _train_on_all(mined, recipe, work)
        guarded = [_guard(pair, trained.folder, judged.weight, settings) for pair in flags["guards"]]
        decision = gate.decide(
            judged.report, weight=judged.weight, questions=len(judged.report.asked), guards=guarded
        )
        if is_refused(decision, force=force):
            return
        learned = draft.Learned(repository.root.name, mined, judged, trained, settings.rerank_depth)
        let_serve(repository, settings, draft.draft(learned, decision), decision, force=force)


def _plan(recipe: "Recipe", repository: Repository, settings: Settings, flags: dict[str, Any]) -> "Plan":
    from retrieval.training.evaluation.cross_validation import Plan

    return Plan(
        recipe=recipe,
        folds=flags["folds"],
        repeats=flags["repeats"],
        depth=settings.rerank_depth,
        order="by time" if flags["by_time"] else "shuffled",
        current=promoted_model(repository, settings),
        first=learned_order.serving(settings.models, repository.root),
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
    tell_trained(trained)
    return trained


def _guard(pair: str, folder: Path, weight: float, settings: Settings) -> "Guard":
    """Judge the tuned model on another repository's golden file."""
    from retrieval.training.evaluation import comparison, cross_validation
    from retrieval.training.release import gate

    root, equals, file = pair.partition("=")
    if not equals:
        raise ArgumentError(
            f"--guard {pair} is not REPO=GOLDEN", remedy="name a repository and its golden file"
        )
    repository = refreshed(repository_around(Path(root)), settings)
    asked = load_golden(Path(file) if file else None, repository)
    today = served_models(repository, settings)[-1:]
    tuned = cross_validation.Served("tuned", "tuned", str(folder), "", weight)
    with stages() as progress:
        found = cross_validation.measure(
            asked,
            repository.view(),
            [*today, tuned],
            depth=settings.rerank_depth,
            first=learned_order.serving(settings.models, repository.root),
            watch=cross_validation.Watch(progress),
        )
    before, after = found.systems[-2:]
    compared = comparison.compare(found.asked, after, before)
    return gate.Guard(
        repository.root.name, before.mean("nDCG@10"), after.mean("nDCG@10"), compared.low, compared.high
    )
