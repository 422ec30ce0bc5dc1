"""Candidates as tools print them and callers hold them; one that is wrong costs itself and nothing else."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from example_repository import MakeWorkspace
from fakes import write
from mcp_client import call, connected

pytestmark = pytest.mark.anyio

BODY = "".join(f"    total_{i} = price_{i} * amount_{i} + shipping_{i}\n" for i in range(1, 16))
CODE = f"def render_cart():\n{BODY}\n\ndef render_page():\n{BODY}"
CART, PAGE = "lib.py:1-16", "lib.py:19-34"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Make a repository of one file, two functions long."""
    return write(tmp_path / "shop", {"lib.py": CODE, "src/other.py": "def other(): pass\n"})


async def test_many_hits_in_one_function_are_one_place_and_one_sentence(
    workspace: MakeWorkspace, shop: Path
) -> None:
    """The lines of a grep are pasted as they are; what they share must not be longer than the ranking."""
    hits = [f"lib.py:{line}" for line in range(2, 15)]
    async with connected(workspace(shop)) as client:
        reply = await call(client, "rag_rerank", query="render cart", candidates=[*hits, "src/other.py"])
        few = await call(client, "rag_rerank", query="render cart", candidates=hits[:3])
    assert "not ranked (1):\n- 12 lie in places that are ranked already" in reply
    assert few.count("ranked once") == 2


async def test_a_folder_is_ranked_by_its_best_chunk(workspace: MakeWorkspace, tmp_path: Path) -> None:
    """Who holds a folder wants to know whether the answer is in it; the reply names the lines."""
    files = {
        "ui/cart.py": CODE,
        "ui/menu.py": "def open_menu(): pass\n",
        "lib/tax.py": "def add_tax(): pass\n",
    }
    root = write(tmp_path / "shop", files)
    async with connected(workspace(root)) as client:
        for folder in ("ui", "ui/", "./ui/", f"{root}/ui", "shop/ui"):
            reply = await call(client, "rag_rerank", query="render page", candidates=[folder, "lib/tax.py"])
            assert f"1. ui/cart.py:19-34  (best of {folder})" in reply
            assert "not ranked" not in reply
        reply = await call(client, "rag_rerank", query="zxqv", candidates=["ui/", "lib/tax.py"])
        assert "ui/: a folder of 2 files, of which none matches the query" in reply


@pytest.mark.parametrize(
    ("candidate", "span"),
    [
        ("lib.py:1-3  function render_cart  (score 1.000)", "lib.py:1-3"),
        ("1. lib.py:1-3  function render_cart  (score 1.000; 2 results)", "lib.py:1-3"),
        ("12. lib.py:2-3  (score 0.1)  [gone from disk this moment]", "lib.py:2-3"),
        ("- lib.py:2-3", "lib.py:2-3"),
        ("`lib.py:2-3`", "lib.py:2-3"),
        ("lib.py#L1", CART),
        ("lib.py#L1-L2", "lib.py:1-2"),
        ("lib.py#L1-2", "lib.py:1-2"),
        ("lib.py#L1C2-L2C5", "lib.py:1-2"),
        ("lib.py:L1-L2", "lib.py:1-2"),
        ("lib.py(25)", PAGE),
        ("lib.py(1,5)", CART),
        ("lib.py(1,5): error TS2322: no", CART),
        ("lib.py(1,5,2,7)", "lib.py:1-2"),
        ("lib.py:2:5: error: no", CART),
        ('File "lib.py", line 25', PAGE),
        ('  File "lib.py", line 3, in render_cart', CART),
        ("lib.py, line 3", CART),
        ("lib.py line 25", PAGE),
        ("lib.py, lines 2-3", "lib.py:2-3"),
        ("lib.py on line 3", CART),
        ("at render_cart (lib.py:2:5)", CART),
        ("lib.py:2:    total = other.py:1", CART),
        ("lib.py-25-    total = 1", PAGE),
        ("lib.py:def render_cart():", CART),
        ("./lib.py:1-2", "lib.py:1-2"),
        (".\\src\\other.py:1-1", "src/other.py:1-1"),
        ("shop/lib.py:1-2", "lib.py:1-2"),
        ("{root}/lib.py:1-2", "lib.py:1-2"),
        ("file://{root}/lib.py#L1-L2", "lib.py:1-2"),
        ({"path": "lib.py", "line": 25}, PAGE),
        ({"path": "lib.py", "line": "3"}, CART),
        ({"path": "lib.py", "line_number": 3.0, "text": "    return total"}, CART),
        ({"path": "lib.py", "start_line": 1, "end_line": 2}, "lib.py:1-2"),
        ({"path": "lib.py", "startLine": 1, "endLine": None}, CART),
        ({"path": "lib.py:1-2"}, "lib.py:1-2"),
        ({"path": "lib.py"}, CART),
        ({"file": "lib.py"}, CART),
        ('{"path": "lib.py", "line": 3}', CART),
    ],
)
async def test_a_place_is_found_in_any_form_that_tools_print(
    workspace: MakeWorkspace, shop: Path, candidate: Any, span: str
) -> None:
    """An agent passes on what it holds, and rewriting two hundred lines of it costs more than the ranking."""
    held = candidate.replace("{root}", str(shop)) if isinstance(candidate, str) else candidate
    async with connected(workspace(shop)) as client:
        reply = await call(client, "rag_rerank", query="render cart total 1", candidates=[held])
    assert f"\n1. {span}  (score" in reply
    assert "not ranked" not in reply


@pytest.mark.parametrize(
    "name", ["lib.py:1", "lib.py#L1", "lib.py(1)", "lib.py-2-old", "1. lib.py", "lib.py, line 3", "`lib.py`"]
)
async def test_a_file_that_is_called_like_a_form_counts_as_itself(
    workspace: MakeWorkspace, shop: Path, name: str
) -> None:
    """Its name is what its caller knows it by."""
    write(shop, {name: "def odd(): pass\n"})
    async with connected(workspace(shop)) as client:
        whole = await call(client, "rag_rerank", query="odd", candidates=[name])
        first = await call(client, "rag_rerank", query="odd", candidates=[f"{name}:1-1"])
    assert f"\n1. {name}:1-1  (score" in whole
    assert f"\n1. {name}:1-1  (score" in first


async def test_a_line_of_grep_names_a_file_only_if_it_is_listed(workspace: MakeWorkspace, shop: Path) -> None:
    """`release-2024-notes` is a name with a number in it, and no line of the file `release`."""
    async with connected(workspace(shop)) as client:
        reply = await call(client, "rag_rerank", query="x", candidates=["release-2024-notes"])
    assert "- release-2024-notes: no such file in shop" in reply


BAD: list[tuple[Any, str]] = [
    (7, "(got 7)"),
    (None, "(got None)"),
    (True, "(got True)"),
    ("", "(got '')"),
    ("  ", "(got '  ')"),
    (["lib.py", 3], "(got ['lib.py', 3])"),
    ({}, "it names neither a path nor a text (got {})"),
    ({"text": ""}, "its text is empty or no text"),
    ({"text": " ", "id": "a"}, "its text is empty or no text"),
    ({"text": 7}, "its text is empty or no text"),
    ({"text": "x" * 20_001}, "its text has 20,001 characters; at most 20,000 are read"),
    ({"text": "x", "id": "y" * 201}, "its id has 201 characters; at most 200 are read"),
    ({"text": "x", "id": ["y"]}, "its id is no text (got ['y'])"),
    ({"text": "x", "id": "a", "zebra": 1}, "zebra is no part of a candidate"),
    ({"path": "lib.py", "file": "lib.py"}, "file means path, which is given twice"),
    ({"path": 3}, "path is no text (got 3)"),
    ({"path": "lib.py", "line": "three"}, "line is no line number (got 'three')"),
    ({"path": "lib.py", "end": 3}, "it has a last line and no first"),
    ({"line": 3}, "it names neither a path nor a text (got {'line': 3})"),
]


@pytest.mark.parametrize(("candidate", "said"), BAD)
async def test_a_bad_candidate_is_told_and_the_others_are_ranked(
    workspace: MakeWorkspace, shop: Path, candidate: Any, said: str
) -> None:
    """One slip among two hundred must not cost the ranking of the rest."""
    async with connected(workspace(shop)) as client:
        reply = await call(client, "rag_rerank", query="cart", candidates=["lib.py:1-2", candidate])
    assert "\n1. lib.py:1-2  (score" in reply
    assert "\nnot ranked (1):\n- candidate 2: " in reply
    assert said in reply


async def test_bad_candidates_alone_are_no_error(workspace: MakeWorkspace, shop: Path) -> None:
    """Nothing was ranked, and every reason is told."""
    async with connected(workspace(shop)) as client:
        reply = await call(client, "rag_rerank", query="cart", candidates=[bad for bad, _ in BAD])
    assert '\nnothing was ranked for "cart"\nnot ranked (19):\n' in reply


async def test_a_bad_line_of_an_object_is_told(workspace: MakeWorkspace, shop: Path) -> None:
    """The same words as for a place that is written as text."""
    write(shop, {"empty.py": ""})
    candidates = [{"path": "lib.py", "line": 99}, {"path": "lib.py", "line": 3, "end": 2}, {"path": "no.py"}]
    async with connected(workspace(shop)) as client:
        reply = await call(client, "rag_rerank", query="cart", candidates=[*candidates, "empty.py:1"])
    assert "- lib.py: lib.py has lines 1-34" in reply
    assert "- lib.py: the span ends before it starts" in reply
    assert "- no.py: no such file in shop" in reply
    assert "1-0" not in reply


async def test_texts_without_an_id_are_named_by_their_place_in_the_list(workspace: MakeWorkspace) -> None:
    """A caller that keeps no ids still knows the order in which it sent them."""
    texts = [{"text": "limit"}, {"text": "retry"}, {"text": "retry"}, {"text": "x", "id": 4}]
    async with connected(workspace()) as client:
        reply = await call(client, "rag_rerank", query="retry", candidates=["README.md", *texts])
    assert "not ranked" not in reply
    for label in ("text 2", "text 3", "text 4", 'text "4"'):
        assert f". {label}  (score" in reply


async def test_candidates_as_json_text_are_read(workspace: MakeWorkspace) -> None:
    """Some clients send every list and object as text."""
    candidates = json.dumps([{"path": "src/client.py", "line": 1}, json.dumps({"text": "retry", "id": "a"})])
    async with connected(workspace()) as client:
        reply = await call(client, "rag_rerank", query="retry", candidates=candidates)
        one = await call(client, "rag_rerank", query="retry", candidates={"path": "src/client.py", "line": 1})
    assert ". src/client.py:1-9  (" in reply
    assert '. text "a"  (' in reply
    assert "1. src/client.py:1-9  (" in one


@pytest.mark.parametrize("listed", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
async def test_a_name_is_found_in_whichever_form_it_is_written(
    workspace: MakeWorkspace, tmp_path: Path, listed: Any, written: Any
) -> None:
    """MacOS and keyboards write `é` differently, and no person sees it."""
    name = unicodedata.normalize(listed, "café/menü.py")
    root = write(tmp_path / "shop", {name: CODE, "Ｃａｒｔ.py": CODE, "b.py": CODE})  # noqa: RUF001 - full width
    asked = unicodedata.normalize(written, "café/menü.py")
    async with connected(workspace(root)) as client:
        reply = await call(client, "rag_rerank", query="cart", candidates=[f"{asked}:1-2", "Cart.py:1-2"])
    assert f"{name}:1-2  (score" in reply
    assert "Ｃａｒｔ.py:1-2  (score" in reply  # noqa: RUF001


async def test_an_exact_name_wins_over_another_spelling(workspace: MakeWorkspace, tmp_path: Path) -> None:
    """Linux holds both side by side."""
    one, two = (f"{unicodedata.normalize(form, 'é')}.py" for form in ("NFC", "NFD"))
    root = write(tmp_path / "shop", {one: "def one(): pass\n", two: "def two(): pass\n"})
    async with connected(workspace(root)) as client:
        for name in (one, two):
            assert f"\n1. {name}:1-1" in await call(client, "rag_rerank", query="one", candidates=[name])


async def test_candidates_name_their_root_by_its_path(workspace: MakeWorkspace, tmp_path: Path) -> None:
    """Whoever serves several repositories holds absolute paths of one of them."""
    one, two = (write(tmp_path / name, {"lib.py": CODE}) for name in ("one", "two"))
    candidates: list[Any] = [f"{two}/lib.py:1-2", {"path": f"{two}/lib.py", "line": 25}, {"text": "cart"}, 7]
    async with connected(workspace(one, two)) as client:
        reply = await call(client, "rag_rerank", query="cart", candidates=candidates)
    assert reply.startswith("two ")
    assert "lib.py:1-2  (" in reply
    assert f"{PAGE}  (" in reply
