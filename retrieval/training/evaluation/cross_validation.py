"""How a recipe is evaluated before a model is kept: every question is ranked by a model that never saw it.

The questions are split into folds; for each fold, a model is trained on the other folds and scores this
fold's candidates. The scores therefore measure the recipe on unseen questions; the model that is kept is
trained on all questions with the same recipe. The model's weight is chosen the same way: for each fold, by
the scores of the other folds.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from retrieval.errors import ArgumentError
from retrieval.progress import IsCancelled
from retrieval.rank.learned_order import SHIPPED, Order
from retrieval.rerank.model_loading import open_scorer
from retrieval.sync.view import View
from retrieval.text import digest
from retrieval.training.evaluation import comparison, systems
from retrieval.training.evaluation.comparison import Asked, Report, Scores
from retrieval.training.evaluation.saved_logits import Said, kept
from retrieval.training.evaluation.systems import Found
from retrieval.training.fit.identity import identity
from retrieval.training.fit.recipe import Recipe
from retrieval.training.fit.trainer import train
from retrieval.training.golden.golden_file import Golden
from retrieval.training.pairs import mining, splits
from retrieval.training.pairs.labeled_pairs import LabeledPair, Mined
from retrieval.training.pairs.splits import Fold

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much is."""

LEAST_GROUPS = 2  # one to train on and one to test on


@dataclass(frozen=True, slots=True)
class Served:
    """A model as a search uses it.

    Attributes:
        system: Its name in a report: "base" or "current". name: Name of the model or its version, for people.
        model: Folder or hub id. revision: Commit of a hub model, or "". weight: Its share in the fused score.
        out_of_fold: By question id, the metrics recorded out of fold when it was trained; only these are
        valid
            for questions that it was trained on.
    """

    system: str
    name: str
    model: str
    revision: str
    weight: float
    out_of_fold: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a recipe is evaluated.

    Attributes:
        recipe: How each model is trained.
        folds: Number of folds.
        repeats: Number of repeats, each with another split and seed.
        depth: Number of candidates that a model reads.
        order: "shuffled", or "by time": training questions are older than test questions, by the dates of
            the golden file.
        current: The model that serves today, which the new one must also beat, or None.
        first: The first-stage order that serves today.
    """

    recipe: Recipe
    folds: int = 5
    repeats: int = 1
    depth: int = 20
    order: Literal["shuffled", "by time"] = "shuffled"
    current: Served | None = None
    first: Order = SHIPPED


@dataclass(frozen=True, slots=True)
class Judged:
    """The result of evaluating a recipe.

    Attributes:
        report: All systems compared.
        weight: The tuned model's share in the fused score, chosen on all questions.
    """

    report: Report
    weight: float


@dataclass(frozen=True, slots=True)
class Watch:
    """How a long run reports its progress and learns that it was cancelled.

    Attributes:
        progress: Called with the current step.
        is_cancelled: Called between steps.
    """

    progress: Progress = lambda _what, _done, _total: None
    is_cancelled: IsCancelled = lambda: False

    def named(self, what: str) -> Callable[[int, int], None]:
        """Forward progress under a name."""
        return lambda done, total: self.progress(what, done, total)


@dataclass(frozen=True, slots=True)
class _Task:
    """The inputs of every step: the questions, the first-stage results, the number of candidates to read."""

    questions: Sequence[Asked]
    found: Mapping[str, Found]
    depth: int
    watch: Watch


def measure(
    asked: Golden,
    view: View,
    served: Sequence[Served],
    *,
    depth: int = 20,
    first: Order = SHIPPED,
    watch: Watch | None = None,
) -> Report:
    """Evaluate the current search, without training anything.

    Args:
        asked: The golden file.
        view: Refreshed.
        served: Models to compare with the first stage, each with its weight; the last is compared with all.
        depth: How many candidates a model reads.
        first: The first-stage order that serves.
        watch: Who is told, and who may stop it.

    Raises:
        ArgumentError: No question has an answer in an indexed file.
        ModelError: A model is unavailable.
        CancelledError: `watch.is_cancelled` returned true.
    """
    questions = systems.judged(asked, view, mining.grouped(asked, view))
    if not questions:
        raise ArgumentError(
            f"{asked.path} has no question that can be judged",
            remedy="`goldrank golden lint` says what is wrong",
        )
    task = _Task(questions, systems.first_stage(questions, view, first), depth, watch or Watch())
    floors, readers = _floors(task, view), [_as_served(item, task) for item in served]
    *opponents, last = [floors[-1], *readers]
    facts = {"golden_sha256": asked.digest, "commit": view.commit, "index": view.fingerprint}
    return Report(
        asked=tuple(questions),
        systems=(*floors, *readers),
        comparisons=tuple(comparison.compare(questions, last, opponent) for opponent in opponents),
        confidence={identity: item.confidence for identity, item in task.found.items()},
        facts={**facts, "depth": depth},
    )


def judge(
    asked: Golden,
    view: View,
    mined: Mined,
    plan: Plan,
    work: Path,
    *,
    watch: Watch | None = None,
) -> Judged:
    """Evaluate a recipe out of fold, together with the systems that it has to beat.

    Results are saved below `work`: the same evaluation, started again after an interruption, resumes there.

    Args:
        asked: The golden file.
        view: Refreshed.
        mined: The pairs of the same golden file.
        plan: The recipe and how it is evaluated.
        work: A folder for intermediate results.
        watch: Who is told, and who may stop it.

    Raises:
        ArgumentError: There are fewer than two groups of questions.
        CancelledError: The watch said so.
        ModelError, TrainingError: As `trainer.train` raises them.
    """
    known = systems.judged(asked, view, mined.groups)
    parted = _parted(asked, known, plan)
    tested = {identity for fold in parted[0] for identity in fold.testing}
    questions = [item for item in known if item.question_id in tested]
    work.mkdir(parents=True, exist_ok=True)
    task = _Task(questions, systems.first_stage(questions, view, plan.first), plan.depth, watch or Watch())
    base, _ = _weighed("base", task, _read_by_base(task, plan.recipe, work), parted[0])
    tuned = [
        _weighed("tuned", task, _out_of_fold(task, mined, _again(plan.recipe, repeat), folds, work), folds)
        for repeat, folds in enumerate(parted)
    ]
    floors = _floors(task, view)
    served = [_as_served(plan.current, task)] if plan.current else []
    best = comparison.average("tuned", [scores for scores, _ in tuned], note="out of fold")
    opponents = [floors[-1], base, *served]
    report = Report(
        asked=tuple(questions),
        systems=(*floors, base, *served, best),
        comparisons=tuple(comparison.compare(questions, best, opponent) for opponent in opponents),
        confidence={identity: item.confidence for identity, item in task.found.items()},
        facts={**mined.provenance, "folds": len(parted[0]), "repeats": plan.repeats, "depth": plan.depth},
    )
    return Judged(report, float(np.median([weight for _, weight in tuned])))


def _parted(asked: Golden, questions: Sequence[Asked], plan: Plan) -> list[list[Fold]]:
    """Split the questions into folds, once per repeat."""
    groups = {item.question_id: item.group for item in questions}
    if len(set(groups.values())) < LEAST_GROUPS:
        raise ArgumentError(
            f"{asked.path}: questions that can be judged: {len(questions)}, in groups: "
            f"{len(set(groups.values()))}",
            remedy=f"learning needs {LEAST_GROUPS}: goldrank golden suggest drafts more",
        )
    if plan.order == "by time":
        dates = {question.question_id: question.date for question in asked.questions}
        return [splits.folds_by_time(groups, dates, plan.folds)] * plan.repeats
    return [
        splits.folds(groups, plan.folds, seed=plan.recipe.seed + repeat) for repeat in range(plan.repeats)
    ]


def _again(recipe: Recipe, repeat: int) -> Recipe:
    """Plan a repeat: the same recipe with another seed."""
    return replace(recipe, seed=recipe.seed + repeat)


def _read_by_base(task: _Task, recipe: Recipe, work: Path) -> Said:
    return kept(
        work / f"base-{_key([identity(recipe.base, revision=recipe.revision)], task, task.questions)}.json",
        lambda: _read(task, task.questions, recipe.base, recipe.revision, "the base reads"),
    )


def _out_of_fold(task: _Task, mined: Mined, recipe: Recipe, folds: Sequence[Fold], work: Path) -> Said:
    """Score each question with the model of the fold that tests it."""
    said: dict[str, tuple[tuple[float, ...], float]] = {}
    for number, fold in enumerate(folds, 1):
        lessons = mining.learnable(mined.pairs, fold)
        said |= _read_fold(task, lessons, recipe, fold, work, f"fold {number} of {len(folds)}")
    return said


def _read_fold(
    task: _Task, lessons: Sequence[LabeledPair], recipe: Recipe, fold: Fold, work: Path, what: str
) -> Said:
    tested = [item for item in task.questions if item.question_id in set(fold.testing)]
    base = identity(recipe.base, revision=recipe.revision)
    recipe_said = repr(replace(recipe, base=base, revision=""))  # the same base in another folder is the same
    learned = [recipe_said, *((pair.query, pair.passage, pair.label) for pair in lessons)]
    key = _key(learned, task, tested)

    def learn_and_read() -> Said:
        folder = work / f"model-{key}"
        if not folder.exists():
            progress = task.watch.named(f"{what}, learning")
            train(lessons, recipe, folder, progress=progress, is_cancelled=task.watch.is_cancelled)
        said = _read(task, tested, str(folder), "", f"{what}, reading")
        shutil.rmtree(folder, ignore_errors=True)  # some 90 MB each, and only its scores are needed
        return said

    return kept(work / f"fold-{key}.json", learn_and_read)


def _read(task: _Task, tested: Sequence[Asked], model: str, revision: str, what: str) -> Said:
    return systems.read(
        tested,
        task.found,
        open_scorer(model, revision=revision),
        depth=task.depth,
        is_cancelled=task.watch.is_cancelled,
        report=task.watch.named(what),
    )


def _key(model: Sequence[object], task: _Task, tested: Sequence[Asked]) -> str:
    """Build the cache key of a model's scores from everything that they depend on."""
    shown = [
        (item.question_id, item.text, task.found[item.question_id].passages[: task.depth]) for item in tested
    ]
    return digest(json.dumps([model, shown]).encode("utf-8", "surrogatepass"))[:16]


def _weighed(name: str, task: _Task, said: Said, folds: Sequence[Fold]) -> tuple[Scores, float]:
    """Rank with the weight that is best on the other folds; also return the one that is best on all."""
    table = {weight: _scored(name, task, said, dict.fromkeys(said, weight)) for weight in systems.WEIGHTS}

    def best(identities: Sequence[str]) -> float:
        means = {
            weight: float(np.mean([scores.by_question[identity]["nDCG@10"] for identity in identities]))
            for weight, scores in table.items()
        }
        # the smallest weight wins a tie
        return max(means, key=lambda weight: (round(means[weight], 9), -weight))

    tested = [item.question_id for item in task.questions]
    weights = {
        identity: best([other for other in tested if other not in fold.testing] or tested)
        for fold in folds
        for identity in fold.testing
    }
    return _scored(name, task, said, weights), best(tested)


def _scored(name: str, task: _Task, said: Said, weights: Mapping[str, float], *, note: str = "") -> Scores:
    return comparison.score(name, task.questions, systems.fused(task.found, said, weights), note=note)


def _floors(task: _Task, view: View) -> list[Scores]:
    """Score the systems without a model: the constant list, ripgrep if installed, the first stage."""
    floor = comparison.score(
        "constant list",
        task.questions,
        systems.constant(task.questions, view.paths),
        note=f"the {systems.CONSTANTS} files that answer most questions, whatever is asked",
    )
    grepped = systems.ripgrep(task.questions, view)
    lines = [comparison.score("ripgrep", task.questions, grepped, note="whole files")] if grepped else []
    return [floor, *lines, comparison.score("first stage", task.questions, systems.plain(task.found))]


def _as_served(served: Served, task: _Task) -> Scores:
    """Score a model: by its recorded metrics on questions it was trained on, otherwise by running it."""
    said = _read(task, task.questions, served.model, served.revision, f"{served.name} reads")
    note = f"{served.name}, weight {served.weight:g}"
    scores = _scored(served.system, task, said, dict.fromkeys(said, served.weight), note=note)
    known = {
        identity: served.out_of_fold.get(identity, values) for identity, values in scores.by_question.items()
    }
    return replace(scores, by_question=known)
