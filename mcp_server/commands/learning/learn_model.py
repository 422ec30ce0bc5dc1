"""How `goldrank learn` tunes the model of a repository on the repository's own commits."""

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mcp_server.commands.learning.learn_order import Learning, tell_gains
from mcp_server.commands.learning.models import is_refused, let_serve
from mcp_server.commands.learning.past_questions import (
    Past,
    head_of,
    measured,
    questions_of,
    seen_by,
    working,
)
from mcp_server.commands.learning.train import tell_trained
from mcp_server.commands.options import alone, counted
from mcp_server.serving.model_choice import base_stage, trusted
from mcp_server.terminal.progress import duration, stages, waiting
from retrieval import installation
from retrieval.rank import learned_order
from retrieval.rank.need import NeedKind
from retrieval.rank.weights import Weights
from retrieval.rerank import exported_model, model_versions
from retrieval.rerank.model_loading import open_scorer
from retrieval.settings import Settings
from retrieval.sync.inventory import LEARNING
from retrieval.sync.repository import Repository
from retrieval.sync.store import store_folder

if TYPE_CHECKING:
    from retrieval.training.evaluation.pages.model_section import ModelChange
    from retrieval.training.fit.recipe import Recipe
    from retrieval.training.fit.training_record import Trained
    from retrieval.training.golden.golden_file import Golden
    from retrieval.training.order.evidence import Pool
    from retrieval.training.order.gate import OrderDecision
    from retrieval.training.order.lessons import Lesson
    from retrieval.training.order.readings import Readings
    from retrieval.training.release.past_draft import PastModel
    from retrieval.training.tuning.first_order import Asked
    from retrieval.training.tuning.learning import Judges, Serving
    from retrieval.training.tuning.past_pairs import Lessons

PAIR_S, READ_S = 0.15, 0.15
"""Seconds of one core that a pair takes in each epoch, as every answer is compared with every other passage,
and that a model takes to read a later question (benchmarks/runs/2026-11-28-history-model)."""
LEAST_GAIN = 0.12
"""Divided by the root of the number of later questions, the gain that their interval tells from chance: half
of its width in benchmarks/runs/2026-11-28-history-model."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a model is learned with.

    Attributes:
        recipe: The recipe, with its base.
        asked: The golden file, which must not get worse; None without one.
        force: Whether a model is promoted that the gate refuses.
    """

    recipe: "Recipe"
    asked: "Golden | None"
    force: bool


def can_train(settings: Settings) -> bool:
    """Return whether there is a model to train and the extra that does it; say what is missing."""
    if not settings.model or not settings.rerank_weight:
        click.echo("no model is learned: reranking is off")
        return False
    if not installation.missing("train"):
        return True
    click.echo(f"the model stays as it is; to learn it from commits too: {installation.with_extra('train')}")
    return False


def past_of(
    repository: Repository, settings: Settings, learning: Learning | None, *, since_last: bool
) -> Past | None:
    """Return the past that may teach a model; None if too little of it is new.

    Args:
        repository: The repository, indexed.
        settings: Where models and work are kept.
        learning: The learning of the order, if there was one; its past serves if the same commits judge.
        since_last: Whether only commits judge that no learning of a model has seen.

    Raises:
        ArgumentError: The root has no history that can be asked.
    """
    from retrieval.training.release import versions

    where = model_versions.store(settings.models, repository.root)
    last = versions.last_learned(where) if since_last else None
    if learning and learning.began_after == (last[1] if last else ""):
        if learning.past is None:
            click.echo("The model stays as it is, too.")
        return learning.past
    head = head_of(repository.root)
    with working(repository, settings) as places:
        seen = seen_by("model", last, repository.root, head) if since_last else ""
        parts = questions_of("model", repository.root, head, seen)
        return measured(parts, places, head, teaches="model") if parts else None


def learn_model(repository: Repository, settings: Settings, past: Past, given: Given) -> "ModelChange | None":
    """Tune the model on the past, and promote it if it gains on later commits; say what was found.

    Args:
        repository: The repository, indexed.
        settings: Where models and work are kept.
        past: What was measured of the past.
        given: The recipe and the second judge.

    Returns:
        What was learned, for a page; None where there is too little to learn from.

    Raises:
        ModelError: The base is unavailable, or the store of models cannot be written.
        TrainingError: The training diverged.
    """
    from retrieval.training.order import lessons
    from retrieval.training.tuning.past_pairs import lessons_of

    weights = learned_order.serving(settings.models, repository.root).weights
    older = _asked(past.teach)
    taught = lessons_of([*older, *_asked(past.judge)], weights, depth=settings.rerank_depth, older=len(older))
    if not _may_prove(taught, given):
        return None
    golden = lessons.of_golden(given.asked, repository.view()) if given.asked else []
    work = _work(repository, settings)
    with alone(work):
        return _learn(repository, settings, given, _Taught(past.head, taught, weights, _golden(golden), work))


@dataclass(frozen=True, slots=True)
class _Taught:
    """A past that may teach a model."""

    head: str
    lessons: "Lessons"
    weights: Mapping[NeedKind, Weights]
    golden: Sequence["Asked"]
    work: Path

    def judges(self, depth: int) -> "Judges":
        """Put the questions that judge in the order that serves."""
        from retrieval.training.tuning.learning import Judges
        from retrieval.training.tuning.served import in_order

        golden = in_order(self.golden, self.weights, depth=depth) if self.golden else None
        return Judges(in_order(self.lessons.later, self.weights, depth=depth), golden)


def _learn(repository: Repository, settings: Settings, given: Given, past: _Taught) -> "ModelChange":
    """Train, judge, and promote or refuse."""
    from retrieval.training.evaluation.pages.learned_section import Learned
    from retrieval.training.evaluation.pages.model_section import ModelChange
    from retrieval.training.release import versions
    from retrieval.training.release.past_draft import PastModel
    from retrieval.training.tuning import learning
    from retrieval.training.tuning.learning import Serving, Watch
    from retrieval.training.tuning.served import Trust

    with stages("learning") as report:
        watch = Watch(report)
        trained = learning.train(past.lessons.pairs, given.recipe, past.work / "past-tuned", watch=watch)
    tell_trained(trained)
    judges = past.judges(settings.rerank_depth)
    trust = Trust(settings.rerank_weight, settings.rerank_depth)
    folder = _servable(trained, settings, past.work / "past-graph")
    after = Serving(open_scorer(str(folder)), trust)
    before = _serving(repository, settings)
    with stages("judging") as report:
        judgement = learning.judge(judges, before, after, watch=Watch(report))
    decision = judgement.decision
    tell_gains(decision)
    model = PastModel(
        repository.root.name,
        past.head,
        repository.fingerprint,
        past.lessons,
        trained,
        folder,
        trust,
        given.asked.digest if given.asked else "",
    )
    name = _promoted(repository, settings, model, decision, force=given.force)
    if decision.questions:  # else no question was seen, and all may judge the next time
        where = model_versions.store(settings.models, repository.root)
        versions.record(
            where,
            decision,
            lessons=past.lessons.questions,
            commit=past.head,
            now=datetime.now(UTC),
            version=name,
        )
    learned = Learned("model", decision, name, judgement.questions, past.lessons.questions)
    return ModelChange(learned, trained, trust.weight, judgement.unasked)


def _promoted(
    repository: Repository, settings: Settings, model: "PastModel", decision: "OrderDecision", *, force: bool
) -> str | None:
    """Promote a model or say why not; return its name."""
    from retrieval.training.release.past_draft import draft_of

    if is_refused(decision, force=force, what="the model"):
        return None
    return let_serve(repository, settings, draft_of(model, decision), decision, force=force)


def _asked(found: Sequence["Lesson"]) -> list["Asked"]:
    from retrieval.training.tuning.first_order import Asked

    return [
        Asked(lesson.question.commit, lesson.question.subject, lesson.pool, lesson.readings)
        for lesson in found
        if lesson.readings
    ]


def _golden(found: Sequence[tuple["Pool", "Readings"]]) -> list["Asked"]:
    from retrieval.training.tuning.first_order import Asked

    return [
        Asked(f"golden {number}", readings.query, pool, readings)
        for number, (pool, readings) in enumerate(found, 1)
    ]


def _serving(repository: Repository, settings: Settings) -> "Serving":
    """Return the model that serves the repository now, and how far a search trusts it."""
    from retrieval.training.tuning.learning import Serving
    from retrieval.training.tuning.served import Trust

    stage, scorer = base_stage(settings), open_scorer(settings.model, revision=settings.model_revision)
    where = model_versions.store(settings.models, repository.root)
    name = model_versions.current(where)
    if stage and name is not None:
        version = model_versions.read_version(where, name)
        model_versions.verify(version)
        stage, scorer = trusted(version, stage.reader, settings), open_scorer(str(version.folder))
    if stage is None:
        return Serving(scorer, Trust(0, settings.rerank_depth))
    return Serving(scorer, Trust(stage.weight, stage.depth, kinds=stage.kinds, is_spared=stage.is_spared))


def _servable(trained: "Trained", settings: Settings, out: Path) -> Path:
    """Return what is judged and serves: a graph, if the base serves as one, else the training's folder."""
    from retrieval.training.export.export import export, origin

    exported = exported_model.folder_of(settings.model)
    if not exported or not origin(Path(trained.recipe.base)):
        return trained.folder
    shutil.rmtree(out, ignore_errors=True)  # of an earlier learning
    longest = exported_model.read_manifest(exported).max_tokens
    with waiting("writing the graph"):
        return export(trained.folder, out, name="learned from commits", max_tokens=longest)


def _may_prove(taught: "Lessons", given: Given) -> bool:
    """Say what there is, how long it takes and what it can prove; return whether that is anything."""
    from retrieval.training.order.gate import LEAST_LATER

    later = len(taught.later)
    found = f"{counted(taught.questions, 'lesson')} of {counted(taught.older, 'older commit')}"
    if not taught.questions or (later < LEAST_LATER and not given.force):
        click.echo(
            f"{found} and {counted(later, 'later question')} cannot prove that another model is better: "
            f"{LEAST_LATER} later ones are needed. The model stays as it is."
        )
        return False
    seconds = PAIR_S * len(taught.pairs) * given.recipe.epochs + 2 * READ_S * later
    click.echo(
        f"the model learns from {found}, and {later} newer ones judge; that takes about {duration(seconds)}. "
        f"They cannot tell a gain below about {LEAST_GAIN / math.sqrt(max(later, 1)):.2f} from chance"
    )
    return True


def _work(repository: Repository, settings: Settings) -> Path:
    return store_folder(settings.cache / LEARNING, repository.root)
