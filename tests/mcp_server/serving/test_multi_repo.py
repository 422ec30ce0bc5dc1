"""Several served roots: one ranking of all, folders of one, and what a merged result is good for next."""

from dataclasses import replace
from pathlib import Path

import pytest
from example_repository import MakeWorkspace
from fakes import write
from mcp_client import call, connected, refused

from mcp_server.serving import multi_repo
from mcp_server.serving.workspace import Workspace
from retrieval.progress import no_progress
from retrieval.search.searcher import Request
from retrieval.settings import Settings

pytestmark = pytest.mark.anyio

BACKOFF = """def backoff(attempt):
    # Wait longer before each retry of a failed upload.
    return 2**attempt
"""
COLOURS = "def colour(name):\n    '''Look a colour up before it is drawn.'''\n    return PALETTE[name]\n"

OLDER = """def wait(attempt):
    # how long to wait before each retry of a failed upload, without any jitter or ceiling
    return seconds_of(attempt) * doubling_factor
"""


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Make a root that answers the question below, and one that has but a word of it."""
    uploads = write(tmp_path / "uploads", {"src/backoff.py": BACKOFF, "lib/backoff.py": OLDER})
    return write(tmp_path / "drawing", {"colours.py": COLOURS}), uploads


QUESTION = "how long to wait before each retry of a failed upload"


async def test_a_question_that_names_no_root_is_asked_of_all(
    workspace: MakeWorkspace, two: tuple[Path, Path]
) -> None:
    """An agent over two repositories seldom knows which of them has the answer."""
    async with connected(workspace(*two)) as client:
        reply = await call(client, "rag_search", query=QUESTION)
    first = reply.split("\n")[0]
    assert first.startswith(
        "2 repositories: uploads (not a git repository), drawing (not a git repository) |"
    )
    assert "| 3 chunks | bm25 in 2 repositories, weighted by confidence" in first
    assert "\n1. uploads/lib/backoff.py:1-3" in reply
    assert reply.index("uploads/src/backoff.py:") < reply.index("drawing/colours.py:")


async def test_the_head_says_which_of_the_repositories_have_results(
    workspace: MakeWorkspace, two: tuple[Path, Path]
) -> None:
    """One name after "2 repositories" reads as if the other had not been searched."""
    async with connected(workspace(*two)) as client:
        reply = await call(client, "rag_search", query=QUESTION, top_k=1)
    assert reply.startswith("2 repositories, results from uploads (not a git repository) |")


async def test_a_merged_result_can_be_pasted_into_the_next_call(
    workspace: MakeWorkspace, two: tuple[Path, Path]
) -> None:
    """A span that no call takes is a dead end."""
    async with connected(workspace(*two)) as client:
        spans = ["uploads/src/backoff.py:1-3", {"text": "def wait(): pass", "id": "mine"}]
        ranked = await call(client, "rag_rerank", query=QUESTION, candidates=spans)
        mixed = await refused(client, "rag_rerank", query=QUESTION, candidates=["uploads/a", "drawing/b"])
    assert "1. src/backoff.py:1-3" in ranked
    assert "several repositories are served: drawing, uploads" in mixed


async def test_a_folder_of_a_root_is_a_repository_to_who_names_it(
    workspace: MakeWorkspace, two: tuple[Path, Path]
) -> None:
    """In a monorepo an agent works on one project."""
    async with connected(workspace(*two)) as client:
        inside = await call(client, "rag_search", query=QUESTION, repo="uploads/src")
        python = await call(client, "rag_search", query=QUESTION, repo="uploads/src", path=["*.py"])
        nothing = await refused(client, "rag_search", query=QUESTION, repo="uploads/src", path=["lib/"])
        unknown = await refused(client, "rag_search", query=QUESTION, repo="uploads/nowhere")
    for reply in (inside, python):
        assert "src/backoff.py:1-3" in reply
        assert "lib/backoff.py" not in reply
    assert "no indexed file matches" in nothing
    assert "no indexed file matches" in unknown


async def test_a_root_that_cannot_be_searched_costs_the_others_nothing(
    workspace: MakeWorkspace, two: tuple[Path, Path], tmp_path: Path
) -> None:
    """Nothing degrades in silence: the reply says which root is missing."""
    async with connected(workspace(*two, tmp_path / "gone")) as client:
        reply = await call(client, "rag_search", query=QUESTION)
    assert "note: gone was not searched: " in reply
    assert "\n1. uploads/lib/backoff.py:1-3" in reply


async def test_more_roots_than_may_be_open_are_all_searched(tmp_path: Path) -> None:
    """A bound on memory must not become a bound on what is found."""
    roots = [write(tmp_path / f"r{i}", {"a.py": f"def only_in_{i}(): pass\n"}) for i in range(5)]
    settings = Settings(cache=tmp_path / "cache", model="", index_wait_s=60, max_open_repositories=2)
    async with connected(Workspace(roots, settings)) as client:
        for i in range(5):
            assert f"\n1. r{i}/a.py:1-1" in await call(client, "rag_search", query=f"only_in_{i}")


async def test_progress_tells_how_many_roots_are_searched(
    workspace: MakeWorkspace, two: tuple[Path, Path], tmp_path: Path
) -> None:
    """A company's hundred repositories take longer than a client waits for a word."""
    seen: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async with connected(workspace(tmp_path / "gone", *two)) as client:
        await client.call_tool("rag_search", {"query": QUESTION}, progress_callback=note)
    # Quick repositories are done between two reports, so only the first is certain.
    assert any(str(message).endswith("of 3 repositories") for _, _, message in seen)


async def test_a_filter_that_nothing_passes_anywhere_is_refused(
    workspace: MakeWorkspace, two: tuple[Path, Path]
) -> None:
    """An empty reply would say that the code is not there."""
    async with connected(workspace(*two)) as client:
        assert "no indexed file matches" in await refused(
            client, "rag_search", query=QUESTION, path=["nowhere/"]
        )


async def test_a_router_that_expects_more_of_one_repository_puts_its_results_first(
    workspace: MakeWorkspace, two: tuple[Path, Path]
) -> None:
    """Twenty repositories answer a routed question, and the first of the route is mostly the right one."""
    made = workspace(*two)
    request = Request(query=QUESTION, top_k=10)
    answers = []
    for name in made.names:
        view, refresh = made.refresh(name, progress=no_progress, is_cancelled=lambda: False)
        found = multi_repo.answer(made, view, request, refresh=refresh, is_cancelled=lambda: False)
        answers.append(multi_repo.RepoAnswer(name, found))
    assert multi_repo.best_first(answers, 10)[0][0] == "uploads"
    doubted = [replace(one, prior=0.01 if one.name == "uploads" else 1.0) for one in answers]
    assert multi_repo.best_first(doubted, 10)[0][0] == "drawing"
    assert multi_repo.best_first([replace(one, prior=1.0) for one in answers], 10) == multi_repo.best_first(
        answers, 10
    )


async def test_what_one_repository_lost_to_another_is_named_beside_its_place(
    workspace: MakeWorkspace, tmp_path: Path
) -> None:
    """Two files of the same path are two places, and a merge leaves some of each out."""
    body = "".join(f"    step_{i} = prepare(option_{i}, default_{i})\n" for i in range(20))
    code = ("\n" * 6).join(f"def refund_{letter}(customer):\n{body}" for letter in "abc")
    roots = [write(tmp_path / name, {"shop/refunds.py": code}) for name in ("one", "two")]
    async with connected(workspace(*roots)) as client:
        reply = await call(client, "rag_search", query="how is refund_b prepared", top_k=2)
        following = await call(client, "rag_search", query="how is refund_b prepared", top_k=2, offset=2)
    assert "\n1. one/shop/refunds.py:28-48" in reply
    assert "\n2. two/shop/refunds.py:28-48" in reply
    assert reply.count("  also: refund_a 1-21, refund_c 55-75") == 2
    assert "offset=2 shows the next" in reply
    assert "refund_b" not in following
