"""How a model is learned from a repository's past, and judged on newer questions as a search would use it."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from retrieval.progress import IsCancelled
from retrieval.rerank.fusion import PairScorer
from retrieval.training.fit import trainer
from retrieval.training.fit.recipe import Recipe
from retrieval.training.fit.training_record import Trained
from retrieval.training.order.changes import Change, Ranking, outcomes
from retrieval.training.order.evidence import Evidence, joined
from retrieval.training.order.gate import OrderDecision, decide
from retrieval.training.order.learning import gains_elsewhere
from retrieval.training.pairs.labeled_pairs import LabeledPair
from retrieval.training.tuning.served import Logits, Questions, Trust, judge_of, order_of, read_all

RECIPE = Recipe(
    base="",
    loss="marginmse",
    epochs=1,
    batch_size=16,
    learning_rate=3e-4,
    validation_share=0,  # the newer questions judge, and nothing stops early
    keep=0.5,
    max_tokens=136,  # an excerpt has less, and a longer tail costs every pair of its batch
)
"""What just, hexo and fzf chose (benchmarks/runs/2026-11-28-history-model): in quality of their later
questions, MarginMSE gains .011, .005 and .006, and ListNet in four passes .014, .000 and .008: alike, but one
gains in each. Rates of 1e-4 and less gain nothing. The tuned weights alone gain .015, .012 and .011, with
wider intervals; half of them is kept because commits judge nothing of what people ask otherwise, and a mean
forgets less of it (decisions/0028)."""

Stage = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Serving:
    """A model that orders later questions.

    Attributes:
        scorer: The model.
        trust: How far a search trusts it.
    """

    scorer: PairScorer
    trust: Trust


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how far learning is, and may end it."""

    stage: Stage = lambda _what, _done, _total: None
    is_cancelled: IsCancelled = lambda: False


@dataclass(frozen=True, slots=True)
class Judges:
    """The questions that judge a model, in the first-stage order that serves.

    Attributes:
        later: The newer questions of the past.
        golden: The questions of a golden file, if there is one.
    """

    later: Questions
    golden: Questions | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """How the later questions judge a model.

    Attributes:
        decision: Whether it may serve.
        questions: What became of each question, oldest first.
        unasked: How many of them a search asks neither this model nor the one that serves.
    """

    decision: OrderDecision
    questions: tuple[Change, ...] = ()
    unasked: int = 0


def train(pairs: Sequence[LabeledPair], recipe: Recipe, out: Path, *, watch: Watch | None = None) -> Trained:
    """Train on pairs of the past; `out` is made anew, and an interrupted training goes on.

    Raises:
        TrainingError: As `trainer.train`.
        CancelledError: The watch cancelled it.
    """
    watch = watch or Watch()
    if out.exists():  # of an earlier learning
        shutil.rmtree(out)
    return trainer.train(
        pairs,
        recipe,
        out,
        progress=lambda done, total: watch.stage("learning", done, total),
        is_cancelled=watch.is_cancelled,
    )


def judge(judges: Judges, before: Serving, after: Serving, *, watch: Watch | None = None) -> Judgement:
    """Judge a model by the questions that an order is judged by, and decide whether it may serve.

    Args:
        judges: The questions.
        before: The model that serves.
        after: The model that was learned.
        watch: Who is told.

    Raises:
        CancelledError: The watch cancelled it.
    """
    watch = watch or Watch()
    read = [_read(judges.later, one, watch) for one in (before, after)]
    golden = _golden(judges.golden, before, after, watch) if judges.golden else None
    return judged(judges.later, (read[0], before.trust.weight), (read[1], after.trust.weight), golden=golden)


def judged(
    later: Questions,
    before: tuple[Sequence[Logits | None], float],
    after: tuple[Sequence[Logits | None], float],
    *,
    golden: tuple[float, float] | None = None,
) -> Judgement:
    """Judge by what two models read of the later questions: logits, and the weight of each model."""
    if not later.asked:
        return Judgement(OrderDecision(False, ("No later question is there to judge by.",), 0, golden=golden))
    evidence = evidence_of(later)
    by_before, by_after = (judge_of(later, *one) for one in (before, after))
    old, new = (
        Ranking(order_of(later, *one), by(evidence)) for one, by in ((before, by_before), (after, by_after))
    )
    elsewhere = gains_elsewhere([item.pool for item in later.asked], by_before, by_after)
    changes = (
        Change(item.identity, item.text, item.pool.answers, *outcome)
        for item, outcome in zip(later.asked, outcomes(evidence, old, new), strict=True)
    )
    return Judgement(
        decide(old.judged, new.judged, elsewhere=elsewhere, golden=golden),
        tuple(changes),
        sum(one is None and other is None for one, other in zip(before[0], after[0], strict=True)),
    )


def evidence_of(questions: Questions) -> Evidence:
    """Join the pools of questions, of which there is at least one."""
    return joined([item.pool for item in questions.asked])


def _read(questions: Questions, model: Serving, watch: Watch) -> list[Logits | None]:
    return read_all(
        questions,
        model.scorer,
        model.trust,
        progress=lambda done, total: watch.stage("judging", done, total),
        is_cancelled=watch.is_cancelled,
    )


def _golden(questions: Questions, before: Serving, after: Serving, watch: Watch) -> tuple[float, float]:
    """Return the mean nDCG@10 of a golden file's files with both models."""
    evidence = evidence_of(questions)
    first, second = (
        judge_of(questions, _read(questions, one, watch), one.trust.weight)(evidence).measures["ndcg10"]
        for one in (before, after)
    )
    return float(first.mean()), float(second.mean())
