"""What a version records about its tuned model: the model card, and the facts that serving needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from retrieval.errors import ArgumentError
from retrieval.rerank.model_versions import VersionFacts
from retrieval.training.evaluation import comparison
from retrieval.training.evaluation.comparison import Report, Scores
from retrieval.training.evaluation.cross_validation import Judged
from retrieval.training.export import export
from retrieval.training.fit.training_record import Trained
from retrieval.training.pairs.labeled_pairs import Mined
from retrieval.training.release import model_card
from retrieval.training.release.gate import Decision
from retrieval.training.release.versions import Draft

SHOWN = ("hit@1", "hit@5", "MRR@10", "nDCG@10", "recall@50")
LIMITS = (
    "It was tuned to one repository and judged on that repository's questions only.",
    "It was judged by models of the same recipe that did not see the question; it itself learned from all.",
    "It reads the best candidates of goldrank's first stage, written as goldrank writes them.",
)


@dataclass(frozen=True, slots=True)
class Learned:
    """One learning run, from its pairs to its model.

    Attributes:
        name: Name of the repository.
        mined: The training pairs.
        judged: The out-of-fold evaluation of the recipe.
        trained: The model trained on all questions.
        depth: Number of candidates that the model reads.
    """

    name: str
    mined: Mined
    judged: Judged
    trained: Trained
    depth: int


def draft(learned: Learned, decision: Decision) -> Draft:
    """Write a draft of a version, its card included."""
    recipe, provenance = learned.trained.recipe, learned.mined.provenance
    return Draft(
        folder=learned.trained.folder,
        card=model_card.write_card(_card(learned, decision)),
        facts=VersionFacts(
            base=recipe.base,
            base_revision=recipe.revision,
            weight=learned.judged.weight,
            depth=learned.depth,
            pair_text_version=int(provenance["pair_text_version"]),
            golden_sha256=str(provenance["golden_sha256"]),
            commit=str(provenance["commit"]),
            index_fingerprint=str(provenance["index"]),
            learned_from=tuple(dict.fromkeys(pair.question_id for pair in learned.mined.pairs)),
            out_of_fold=out_of_fold(learned.judged.report),
        ),
    )


def out_of_fold(report: Report) -> dict[str, Mapping[str, float]]:
    """Return the tuned system's out-of-fold scores for each question.

    Raises:
        ArgumentError: The evaluation has no tuned system.
    """
    for scores in report.systems:
        if scores.name == "tuned":
            return dict(scores.by_question)
    raise ArgumentError(
        "the evaluation judges no tuned model", remedy="make one with: goldrank learn --json FILE"
    )


def _card(learned: Learned, decision: Decision) -> model_card.Facts:
    base, report = Path(learned.trained.recipe.base).expanduser(), learned.judged.report
    return model_card.Facts(
        name=f"goldrank reranker for {learned.name}",
        trained=learned.trained,
        data=model_card.describe(learned.mined.pairs, learned.mined.provenance),
        base=export.origin(base) if base.is_dir() else learned.trained.recipe.base,
        split=model_card.Split(
            folds=int(str(report.facts["folds"])),
            repeats=int(str(report.facts["repeats"])),
            groups=len({item.group for item in report.asked}),
        ),
        rows=tuple(model_card.Row(scores.name, _measured(scores, report)) for scores in report.systems),
        decision="promoted" if decision.promote else "refused, and promoted by force",
        reasons=decision.reasons,
        limits=LIMITS,
    )


def _measured(scores: Scores, report: Report) -> dict[str, model_card.Measured]:
    return {
        metric: model_card.Measured(
            scores.mean(metric), *comparison.mean_interval(scores, report.asked, metric)
        )
        for metric in SHOWN
    }
