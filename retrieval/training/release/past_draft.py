"""What a version records about a model that a repository's past taught: its card, and what serving needs."""

from dataclasses import dataclass
from pathlib import Path

from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.rerank.model_versions import VersionFacts
from retrieval.training.export import export
from retrieval.training.fit.training_record import Trained
from retrieval.training.order.gate import OrderDecision
from retrieval.training.release import model_card
from retrieval.training.release.model_card import Measured, Row
from retrieval.training.release.versions import Draft
from retrieval.training.tuning.past_pairs import Lessons
from retrieval.training.tuning.served import Trust

LIMITS = (
    "It was tuned to one repository and judged on that repository's commits only.",
    "It reads the best candidates of goldrank's first stage, written as goldrank writes them.",
    "A search asks it plain questions only, because commits ask no others.",
)


@dataclass(frozen=True, slots=True)
class PastModel:
    """A model that the past taught.

    Attributes:
        name: Name of the repository.
        commit: The commit that learning began at.
        fingerprint: Of the index whose candidates it learned from.
        lessons: What it learned from, and what judged it.
        trained: The training.
        folder: What serves: a CrossEncoder folder, or an exported one.
        trust: How far a search trusts it, as it was judged.
        golden_sha256: Hash of the golden file that was a second judge, or "".
    """

    name: str
    commit: str
    fingerprint: str
    lessons: Lessons
    trained: Trained
    folder: Path
    trust: Trust
    golden_sha256: str = ""


def draft_of(model: PastModel, decision: OrderDecision) -> Draft:
    """Write a draft of a version, its card included."""
    recipe = model.trained.recipe
    return Draft(
        folder=model.folder,
        card=model_card.write_card(_card(model, decision)),
        facts=VersionFacts(
            base=recipe.base,
            base_revision=recipe.revision,
            weight=model.trust.weight,
            depth=model.trust.depth,
            pair_text_version=PAIR_TEXT_VERSION,
            golden_sha256="",
            commit=model.commit,
            index_fingerprint=model.fingerprint,
            learned_from=tuple(dict.fromkeys(pair.question_id for pair in model.lessons.pairs)),
            out_of_fold={},
            lessons=model.lessons.questions,
        ),
    )


def _card(model: PastModel, decision: OrderDecision) -> model_card.Facts:
    base = Path(model.trained.recipe.base).expanduser()
    provenance: dict[str, object] = {
        "commit": model.commit,
        "index": model.fingerprint,
        "pair_text_version": PAIR_TEXT_VERSION,
    }
    if model.golden_sha256:
        provenance["golden file that judged too"] = model.golden_sha256
    return model_card.Facts(
        name=f"goldrank reranker for {model.name}",
        trained=model.trained,
        data=model_card.describe(model.lessons.pairs, provenance),
        base=export.origin(base) if base.is_dir() else model.trained.recipe.base,
        asked="commit's subject, asked of the tree before the commit,",
        judged=(
            f"It learned from {model.lessons.questions:,} commits; {len(model.lessons.later):,} later ones "
            "judged the files in this folder, as a search uses them."
        ),
        rows=tuple(_rows(decision)),
        decision="promoted" if decision.promote else "refused, and promoted by force",
        reasons=decision.reasons,
        limits=LIMITS,
    )


def _rows(decision: OrderDecision) -> list[Row]:
    gains = decision.gains
    return [
        Row("what served", {item.measure: Measured(item.before) for item in gains}),
        Row("tuned", {item.measure: Measured(item.before + item.gain) for item in gains}),
        Row("gain", {item.measure: Measured(item.gain, item.low, item.high) for item in gains}),
    ]
