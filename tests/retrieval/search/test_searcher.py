"""Both stages composed: what ran is told, and each stage can be seen to matter."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import MAX_BYTES, KeywordScorer, git, repository, searched, write

from retrieval.chunks.chunk_text import ChunkText
from retrieval.errors import ArgumentError
from retrieval.rank.confidence import Confidence
from retrieval.rank.need import read_need
from retrieval.records import Candidate, Chunk
from retrieval.rerank.fusion import PairScorer
from retrieval.rerank.model_thread import ModelThread
from retrieval.search.searcher import Request, rerank, search
from retrieval.search.second_stage import QUESTIONS, SecondStage, SecondStageReport, is_sure
from retrieval.sync.repository import Repository
from retrieval.sync.sync import Refresh

FILES = {
    "a.py": "def retry(job):\n    retry_job(job)\n    return retry\n",
    "b.py": "def again(job):\n    # retry, with golden backoff\n    return job\n",
    "c.py": "def other(): pass\n",
}


@pytest.fixture
def opened(tmp_path: Path) -> Repository:
    """Index the files."""
    return repository(write(tmp_path / "r", FILES), tmp_path / "cache")


def second(scorer: PairScorer, *, weight: float = 0.9, depth: int = 10) -> SecondStage:
    """Trust a scorer."""
    return SecondStage(ModelThread(lambda: scorer), "fake", weight, weight, depth, 10)


def paths(answer: object) -> list[str]:
    """Name an answer's files in order."""
    return [result.passage.chunk.path for result in answer.results]  # type: ignore[attr-defined]  # Answer


def test_the_second_stage_changes_the_order_and_says_so(opened: Repository) -> None:
    """Disconnect the reranker and this test fails."""
    request = Request("retry a job", 5)
    assert paths(searched(opened, request)) == ["a.py", "b.py"]
    answer = searched(opened, request, second(KeywordScorer("golden")))
    assert paths(answer) == ["b.py", "a.py"]
    assert answer.stages.second == SecondStageReport(model="fake", read=2, weight=0.9)
    assert [result.ranked.logit for result in answer.results] == [5.0, -5.0]


def test_the_model_reads_path_and_code(opened: Repository) -> None:
    """The pair text of serving is that of training."""
    answer = search(
        opened.view(), Request("retry a job", 5), second(KeywordScorer("b.py function again\ndef again"))
    )
    assert paths(answer)[0] == "b.py"


def test_each_reason_for_bm25_alone_is_told(opened: Repository) -> None:
    """Nothing degrades in silence."""

    def broken() -> PairScorer:
        raise ValueError("torn weights")

    request = Request("retry a job", 5)
    scorer = KeywordScorer("golden")
    broken_stage = SecondStage(ModelThread(broken), "fake", 0.5, 0.5, 9, 9)
    reports = {
        "asked": searched(opened, Request("retry a job", 5, rerank="no"), second(scorer)).stages.second,
        "name": searched(opened, Request("retry", 5), second(scorer)).stages.second,
        "off": searched(opened, request, second(scorer, weight=0)).stages.second,
        "none": searched(opened, request).stages.second,
        "broken": searched(opened, request, broken_stage).stages.second,
    }
    assert reports == {
        "asked": SecondStageReport(skipped="not asked for"),
        "name": SecondStageReport(skipped="a name alone"),
        "off": SecondStageReport(skipped="weight zero"),
        "none": SecondStageReport(skipped="no model"),
        "broken": SecondStageReport(failure="the cross-encoder failed to load: torn weights"),
    }
    assert scorer.batches == []


def test_only_the_best_candidates_are_read(opened: Repository) -> None:
    """Reading costs tens of milliseconds a candidate."""
    scorer = KeywordScorer("golden")
    answer = searched(opened, Request("retry a job", 5), second(scorer, depth=1))
    assert sum(scorer.batches) == 1
    assert paths(answer) == ["a.py", "b.py"]


def test_the_index_adds_what_it_knows_of_a_callers_passages(tmp_path: Path) -> None:
    """Of two passages that say the same, the one whose function is called so is meant."""
    body = "    again = job\n    return again(job, retry)\n"
    files = {"lib/a.py": f"def helper(job):\n{body}", "lib/b.py": f"def retry_job(job):\n{body}"}
    there = repository(write(tmp_path / "r", files), tmp_path / "other")
    view = there.view()
    held = [view.chunk_texts(view.snapshot.chunks_of(path))[0] for path in files]
    bodies = [ChunkText(replace(one.chunk, start_line=2), one.lines[1:], is_current=True) for one in held]
    assert paths(rerank(read_need("retry job"), bodies, None)) == list(files)
    assert paths(rerank(read_need("retry job"), bodies, None, view=view)) == list(reversed(files))
    free = ChunkText(Chunk("note", 1, 1, "text"), ("retry the job",), is_current=True)
    mixed = rerank(read_need("retry job"), [*bodies, free], None, view=view)
    assert set(paths(mixed)) == {*files, "note"}


def test_filters_hold_and_a_filter_that_nothing_passes_is_an_error(opened: Repository) -> None:
    """An agent that filters wrongly must learn it, not conclude that the code is not there."""
    assert paths(searched(opened, Request("retry", 5, globs=("b.py",)))) == ["b.py"]
    with pytest.raises(ArgumentError, match="no indexed file matches"):
        searched(opened, Request("retry", 5, language="rust"))


def test_filters_hold_while_the_files_are_still_being_listed(opened: Repository, tmp_path: Path) -> None:
    """After a start a large tree takes seconds to list, and what was asked for must not change meanwhile."""
    git(opened.root, "init", "-q")
    os.mkfifo(opened.root / ".gitignore")  # git waits at it until somebody writes
    late = Repository(opened.root, cache=tmp_path / "cache", max_bytes=MAX_BYTES)
    thread = threading.Thread(target=late.refresh)
    thread.start()
    try:
        wait_for(lambda: late.view().is_indexed)
        assert not late.is_listed
        for request in (
            Request("retry", 5, globs=("./b.py",)),
            Request("retry", 5, globs=("!a.py",), language="python"),
        ):
            answer = search(late.view(), request, None, refresh=LISTING)
            assert paths(answer) == ["b.py"]
        assert (
            "path ./b.py was read as /b.py"
            in search(late.view(), Request("retry", 5, globs=("./b.py",)), None, refresh=LISTING).notes
        )
    finally:
        wait_for(lambda: _let_through(opened.root / ".gitignore", thread))


LISTING = Refresh(pending=1, note="the index is being made: the files are being listed")


def _let_through(pipe: Path, thread: threading.Thread) -> bool:
    """Open a pipe for whoever waits at it; tell whether a thread that did is done."""
    with suppress(OSError):
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    return not thread.is_alive()


def wait_for(is_done: Callable[[], bool], *, patience_s: float = 30.0) -> None:
    """Look again and again until something is so."""
    deadline = time.monotonic() + patience_s
    while not is_done():
        assert time.monotonic() < deadline, "in vain"
        threading.Event().wait(0.01)


def test_a_search_sees_an_edit_made_just_before_it(opened: Repository) -> None:
    """Assistants edit between two questions."""
    write(opened.root, {"c.py": "def fresh_retry(): pass\n"})
    assert "c.py" in paths(searched(opened, Request("fresh retry", 5)))


def test_nothing_found_is_an_empty_answer(opened: Repository) -> None:
    """The model must not be asked about nothing."""
    scorer = KeywordScorer("golden")
    answer = searched(opened, Request("zxqvbn", 5), second(scorer))
    assert answer.results == ()
    assert scorer.batches == []


def passage(path: str, text: str) -> ChunkText:
    """Make a passage that is in no index."""
    lines = tuple(text.split("\n"))
    return ChunkText(Chunk(path, 1, len(lines)), lines, is_current=True)


def test_held_passages_are_ordered_by_bm25_then_by_the_model() -> None:
    """rag_rerank's candidates are in no index: rank-bm25 ranks them among themselves."""
    held = [passage("x.py", "nothing"), passage("y.py", "golden retry"), passage("z.py", "retry retry job")]
    assert paths(rerank(read_need("retry a job"), held, None)) == ["z.py", "y.py", "x.py"]
    assert paths(rerank(read_need("retry a job"), held, second(KeywordScorer("golden"))))[0] == "y.py"
    assert rerank(read_need("retry"), [], None).results == ()


def test_held_passages_without_a_common_word_keep_the_order_of_their_paths() -> None:
    """A ranking without evidence must at least be the same each time."""
    held = [passage("b.py", "x"), passage("a.py", "y")]
    assert paths(rerank(read_need("zxqvbn"), held, None)) == ["a.py", "b.py"]


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (Request("where is the job tried again", 5), None),
        (Request("where is the job tried again", 5, expect=("again",)), "guesses"),
        (Request("lib/a.py", 5), "a path"),
        (Request("where does retry_job(job) wait", 5), None),
        (Request("def retry_job(self, job: Job, after: int = 3) -> bool:", 5), "code"),
        (Request("Jobs are lost\n\nAfter a restart the queue is empty.\n" * 20, 5), "pasted text"),
    ],
)
def test_the_embedded_model_is_asked_where_it_gains(request_: Request, why: str | None) -> None:
    """It takes a hundred milliseconds, and where it gains nothing nobody should wait for it."""
    spared = replace(second(KeywordScorer("golden")), kinds=QUESTIONS, is_spared=True)
    assert spared.skips(request_.need) == why
    assert second(KeywordScorer("golden")).skips(request_.need) is None


def test_the_first_stage_is_sure_where_no_other_file_comes_near() -> None:
    """Its own further chunks are no rivals."""
    best = Candidate(Chunk("a.py", 1, 9), 2.0, 1, {})
    same, near, far = (
        Candidate(Chunk(path, 10, 19), score, 2, {})
        for path, score in (("a.py", 1.9), ("b.py", 1.1), ("b.py", 1.0))
    )
    sure = Confidence(0.95, is_low=False)
    assert is_sure(sure, [best, same, far])
    assert not is_sure(sure, [best, near])
    assert not is_sure(Confidence(0.9, is_low=False), [best])
    assert not is_sure(sure, [])
