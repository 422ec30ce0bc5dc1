"""Versions of models for tests: drafts with facts, and their promotion."""

from datetime import UTC, datetime
from pathlib import Path

from fakes import write

from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.rerank.model_versions import ModelStore, Version, VersionFacts
from retrieval.training.release.gate import Decision
from retrieval.training.release.versions import Draft, promote

APPROVED = Decision(promote=True, reasons=("It gains.",))
FACTS = VersionFacts(
    base="cross-encoder/base",
    base_revision="c5ee24c",
    weight=0.2,
    depth=20,
    pair_text_version=PAIR_TEXT_VERSION,
    golden_sha256="ab" * 32,
    commit="commit 1234567",
    index_fingerprint="cd" * 12,
    learned_from=("q1", "q2"),
    out_of_fold={"q1": {"nDCG@10": 0.5, "ms": 1.25}, "q2": {"nDCG@10": 1.0, "ms": 0.1}},
)


def draft(folder: Path, *, note: str = "", facts: VersionFacts = FACTS) -> Draft:
    """Draft a version from a folder; one that holds no model yet gets files that look like one."""
    if not (folder / "config.json").exists():
        write(folder, {"config.json": "{}", "1_extra/more.json": "{}", "model.safetensors": b"\0" * 200_000})
    return Draft(folder, f"# A model\n\n{note}\n", facts)


def promoted(where: ModelStore, folder: Path, *, note: str = "", facts: VersionFacts = FACTS) -> Version:
    """Promote what a folder holds."""
    now = datetime(2026, 11, 24, tzinfo=UTC)
    return promote(where, draft(folder, note=note, facts=facts), APPROVED, now=now)
