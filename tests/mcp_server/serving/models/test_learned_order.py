"""A learned order behind the real server: who is ranked by it, and how one takes over from another."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from fakes import write
from mcp import Client
from order_factory import learned
from promoted_server import until_said

from mcp_server.protocol.tools import build_server
from mcp_server.serving.workspace import Workspace
from retrieval.settings import Settings
from retrieval.training.release import orders
from retrieval.training.release.orders import OrderStore

NOW = datetime(2026, 11, 28, tzinfo=UTC)
QUERY = "how is the price of an order rounded"
# Two chunks of one file answer, which the shipped order keeps apart.
FILES = {
    "src/a.py": "def round_price(order):\n    # the price of an order, rounded\n    return order.price\n\n\n"
    "def price_of_order_rounded(order):\n    # how the price is rounded\n    return order\n",
    "src/b.py": "def order_price(order):\n    return order.price\n",
    **{f"src/c{n}.py": f"def part_{n}(order):\n    return order.line({n})\n" for n in range(5)},
}
LEARNED = ", order learned from 146 commits"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make the repository that is served."""
    return write(tmp_path / "shop", FILES)


@pytest.fixture
def where(tmp_path: Path, root: Path) -> OrderStore:
    """Name the store of its orders."""
    return orders.store(tmp_path / "models", root)


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Workspace]:
    """Serve roots without a model."""
    settings = Settings(index_wait_s=60, cache=tmp_path / "cache", models=tmp_path / "models", model="")
    return lambda *roots: Workspace(roots, settings)


def promote(where: OrderStore, **weights: float) -> str:
    """Promote an order."""
    return orders.promote(where, learned(**weights), commit="c0ffee", now=NOW)


async def search(client: Client, **arguments: object) -> str:
    """Call rag_search, and return its reply without the time it took."""
    result = await client.call_tool("rag_search", {"query": QUERY, "format": "paths", **arguments})
    assert not result.is_error
    head, _, rest = result.content[0].text.partition("\n")  # type: ignore[union-attr]  # the tools return text
    return f"{head.rpartition(' | ')[0]}\n{rest}"


@pytest.mark.anyio
async def test_a_promotion_and_a_rollback_take_hold_in_a_running_server(
    serve: Callable[..., Workspace], root: Path, where: OrderStore
) -> None:
    """Nobody restarts a server to get the order that was learned a minute ago."""
    async with Client(build_server(serve(root), version="0")) as client:
        before = await search(client)
        assert "learned" not in before
        promote(where, title=0.0, body=3.0)
        after = await search(client)
        assert f"{LEARNED}\n" in after
        assert after.partition("\n")[2] != before.partition("\n")[2], "the scores are those of the new order"
        orders.rollback(where, now=NOW)
        assert await search(client) == before


@pytest.mark.anyio
async def test_only_questions_are_ranked_by_it_and_say_so(
    serve: Callable[..., Workspace], root: Path, where: OrderStore
) -> None:
    """Names, paths and guesses were not learned, so nothing of them may change."""
    asked: list[dict[str, object]] = [
        {"query": "round_price"},
        {"query": "src/a.py"},
        {"expect": ["round_price"]},
    ]
    async with Client(build_server(serve(root), version="0")) as client:
        before = [await search(client, **arguments) for arguments in asked]
        promote(where, title=0.0, body=3.0)
        assert [await search(client, **arguments) for arguments in asked] == before
        assert LEARNED in await search(client)


@pytest.mark.anyio
async def test_candidates_are_ranked_by_what_the_learned_order_knows(
    serve: Callable[..., Workspace], root: Path, where: OrderStore
) -> None:
    """Both tools answer with one order, or an assistant sees two truths."""
    call = {"query": QUERY, "candidates": ["src/a.py", "src/b.py", "src/c1.py"]}
    async with Client(build_server(serve(root), version="0")) as client:
        await search(client)
        before = str((await client.call_tool("rag_rerank", call)).content)
        promote(where, names=0.0, definition=0.0)
        after = str((await client.call_tool("rag_rerank", call)).content)
    assert "learned" not in before
    assert LEARNED in after


@pytest.mark.anyio
async def test_each_of_several_repositories_is_ranked_by_its_own_order(
    serve: Callable[..., Workspace], tmp_path: Path, root: Path, where: OrderStore
) -> None:
    """What one repository taught says nothing of another."""
    other = write(tmp_path / "other", FILES)
    async with Client(build_server(serve(root, other), version="0")) as client:
        promote(where)
        assert LEARNED in await search(client, repo="shop")
        assert LEARNED not in await search(client, repo="other")
        (where.folder / "current").write_text("nonsense\n", encoding="utf-8")
        both = await search(client)
    assert "note: shop: the learned order is not used: 'nonsense' names no order" in both


@pytest.mark.anyio
async def test_both_tools_say_that_a_broken_order_is_not_used(
    serve: Callable[..., Workspace], root: Path, where: OrderStore
) -> None:
    """Somebody who learned an order must not wonder for weeks why nothing got better."""
    async with Client(build_server(serve(root), version="0")) as client:
        before = await search(client)
        file = where.folder / "versions" / f"{promote(where)}.json"
        file.chmod(0o644)
        file.write_text("{}", encoding="utf-8")
        found = await search(client)
        call = {"query": QUERY, "candidates": ["src/a.py", "src/b.py"]}
        ranked = str((await client.call_tool("rag_rerank", call)).content)
    said = f"the learned order is not used: {file.stem} is broken: it is not a record of an order; "
    for reply in (found, ranked):
        assert said in reply
        assert "`goldrank rollback --order` returns" in reply
    places = [line for line in found.splitlines() if line[:1].isdigit()]
    assert places == [line for line in before.splitlines() if line[:1].isdigit()]


@pytest.mark.anyio
async def test_orders_change_under_concurrent_queries_and_fail_none(
    serve: Callable[..., Workspace], root: Path, where: OrderStore
) -> None:
    """A promotion in the middle of a search must not mix two orders in one reply."""
    replies: list[str] = []

    async def ask_for_ever(client: Client) -> None:
        while True:
            replies.append(await search(client))

    async with Client(build_server(serve(root), version="0")) as client, anyio.create_task_group() as askers:
        shipped = await search(client)
        promote(where, body=3.0)
        taught = await search(client)
        orders.rollback(where, now=NOW)
        replies.append(shipped)
        for _ in range(3):
            askers.start_soon(ask_for_ever, client)
        for _ in range(4):
            await anyio.to_thread.run_sync(lambda: promote(where, body=3.0))
            await until_said(replies, LEARNED)
            await anyio.to_thread.run_sync(lambda: orders.rollback(where, now=NOW))
            await until_said(replies, "bm25 (reranking is off: no model is set)\n")
        askers.cancel_scope.cancel()
    assert set(replies) == {shipped, taught}
