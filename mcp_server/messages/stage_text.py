"""How a reply says which stages ranked its results, and why one did not."""

from retrieval.search.second_stage import SecondStageReport, Skipped, StageReport

_SKIPPED: dict[Skipped, str] = {
    "not asked for": "reranking was not requested",
    "a name alone": "single names are not reranked",
    "a path": "paths are not reranked",
    "guesses": "with guesses, the model adds nothing",
    "pasted text": "pasted texts are not reranked",
    "code": "the question is code",
    "sure": "the first stage is sure",
    "no model": "reranking is off: no model is set",
    "weight zero": "reranking is off in searches: rerank_weight is 0",
}


def stage_text(report: StageReport) -> str:
    """Write a report as the part of a reply's first line that says how the answer was made."""
    if report.first == "file names":
        return "no index yet: only files with matching names were read"
    if report.first == "repositories":
        return f"bm25 in {report.repositories} repositories, weighted by confidence; `repo` selects one"
    learned = f", order learned from {report.lessons} commits" if report.lessons else ""
    if report.second is None:
        return f"bm25{learned}"
    text, note = _both_stages(report.second), report.second.model_note
    return f"{text} ({note}){learned}" if note else f"{text}{learned}"


def _both_stages(second: SecondStageReport) -> str:
    if second.skipped:
        return f"bm25 ({_SKIPPED[second.skipped]})"
    if second.failure is not None:
        return f"bm25 (no reranking: {second.failure})"
    if not second.read:  # there was nothing to read
        return "bm25"
    text = f"bm25 + {second.model} on {second.read} candidates, weight {second.weight:g}"
    return f"{text} ({second.cut_short})" if second.cut_short else text
