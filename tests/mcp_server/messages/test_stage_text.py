"""How a reply says which stages ran: nothing degrades in silence, and each reason has its words."""

import pytest

from mcp_server.messages.stage_text import stage_text
from retrieval.search.second_stage import FirstStage, SecondStageReport, StageReport

READ = SecondStageReport(model="house", read=2, weight=0.9)


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        ("index", READ, "bm25 + house on 2 candidates, weight 0.9"),
        (
            "index",
            SecondStageReport(model="house", read=2, weight=1.0, cut_short="out of time", model_note="why"),
            "bm25 + house on 2 candidates, weight 1 (out of time) (why)",
        ),
        ("index", SecondStageReport(skipped="not asked for"), "bm25 (reranking was not requested)"),
        ("index", SecondStageReport(skipped="a name alone"), "bm25 (single names are not reranked)"),
        ("candidates", SecondStageReport(skipped="no model"), "bm25 (reranking is off: no model is set)"),
        (
            "index",
            SecondStageReport(skipped="weight zero", model_note="why"),
            "bm25 (reranking is off in searches: rerank_weight is 0) (why)",
        ),
        ("index", SecondStageReport(failure="torn weights"), "bm25 (no reranking: torn weights)"),
        ("index", SecondStageReport(), "bm25"),
        (
            "file names",
            None,
            "no index yet: only files with matching names were read",
        ),
        ("repositories", None, "bm25 in 3 repositories, weighted by confidence; `repo` selects one"),
    ],
)
def test_each_report_has_its_words(first: FirstStage, second: SecondStageReport | None, text: str) -> None:
    """An assistant that reads why the model did not run can tell its person what to set."""
    assert stage_text(StageReport(first, 10, 1.5, second, repositories=3)) == text
