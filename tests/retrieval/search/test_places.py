"""Neighbouring results are one place, repeated ones count once, and other names of their file are known."""

import doctest
from pathlib import Path

import pytest
from fakes import repository, searched, write

from retrieval.records import Chunk
from retrieval.search import folding, places
from retrieval.search.beside import Definition, constants_of, definitions_beside
from retrieval.search.places import MOST_LINES, spans_of
from retrieval.search.searcher import Request

BODY = "".join(f"    total += price_{i} * quantity_{i}\n" for i in range(60))
SHOP = {
    "shop/total.py": (
        f"RATE_LIMIT = 3\n\n\ndef sum_basket(basket):\n    total = RATE_LIMIT\n{BODY}    return total\n"
    ),
}
MENU = '{\n  "basket": "BASKET",\n  "checkout": "CHECKOUT of the basket"\n}\n'


def test_neighbours_are_one_place_up_to_a_screenful() -> None:
    """Two halves of a function are one answer; a whole file is not."""
    near = [Chunk("a.py", 1, 30), Chunk("b.py", 1, 9), Chunk("a.py", 33, 60)]
    assert spans_of(near) == [("a.py", 1, 60), ("b.py", 1, 9)]
    far = [Chunk("a.py", 1, 30), Chunk("a.py", 35, 60), Chunk("a.py", 61, MOST_LINES + 1)]
    assert spans_of(far) == [("a.py", 1, 30), ("a.py", 35, MOST_LINES + 1)]


def test_a_search_counts_places(tmp_path: Path) -> None:
    """Two of two results must not be the two halves of one function."""
    other = {"shop/basket.py": "def basket_total(basket):\n    return sum_basket(basket)\n"}
    opened = repository(write(tmp_path / "r", SHOP | other), tmp_path / "cache")
    chunks = [
        result.passage.chunk for result in searched(opened, Request("sum basket total price", 2)).results
    ]
    assert {path for path, _, _ in spans_of(chunks)} == {"shop/total.py", "shop/basket.py"}


def test_translations_count_once_and_say_how_many(tmp_path: Path) -> None:
    """Eight catalogues are one place, and the code behind them is the second."""
    catalogues = {
        f"app/locales/{tag}.json": MENU.replace("BASKET", f"basket {tag}") for tag in ("de", "fr", "ja", "pl")
    }
    files = catalogues | {"app/basket.ts": "export function openBasket() {}\n"}
    opened = repository(write(tmp_path / "r", files), tmp_path / "cache")
    first, second, *rest = searched(opened, Request("basket checkout", 8)).results
    found = {first.passage.chunk.path: first, second.passage.chunk.path: second}
    assert "app/basket.ts" in found
    assert rest == []
    (catalogue,) = (result for path, result in found.items() if path.endswith(".json"))
    assert len(catalogue.alike) == len(catalogues) - 1
    asked = searched(opened, Request("translation of basket checkout", 8)).results
    assert len({result.passage.chunk.path for result in asked}) == len(files)


def test_copies_count_once(tmp_path: Path) -> None:
    """A vendored copy says nothing that the original did not."""
    code = SHOP["shop/total.py"].replace("RATE_LIMIT", "rate")
    files = {"shop/total.py": code, "vendored/shop/total.py": code, "zoo/keeper.py": "def basket(): ...\n"}
    opened = repository(write(tmp_path / "r", files), tmp_path / "cache")
    results = searched(opened, Request("sum basket total", 8)).results
    assert {result.passage.chunk.path for result in results} == {"shop/total.py", "zoo/keeper.py"}


def test_a_class_in_capitals_is_not_shown_as_a_constant(tmp_path: Path) -> None:
    """Its first line says nothing that the reader needs; the value of a constant does."""
    text = "MOST_ROWS = 4\n\n\nclass IERS(Table):\n    pass\n\n\ndef read():\n    return IERS(MOST_ROWS)\n"
    opened = repository(write(tmp_path / "r", {"a.py": text}), tmp_path / "cache")
    siblings = opened.view().snapshot.chunks_of("a.py")
    assert constants_of(8, 9, siblings, text.split("\n")) == [(1, "MOST_ROWS = 4")]


CHUNKS = {
    "header": Chunk("a.py", 1, 9),
    "class": Chunk("a.py", 11, 20, kind="class", symbol="Basket"),
    "method": Chunk("a.py", 22, 40, kind="method", symbol="add", scope="Basket"),
    "rest": Chunk("a.py", 41, 60, scope="Basket.add"),
    "end": Chunk("a.py", 61, 61, scope="Basket.add"),
    "last": Chunk("a.py", 62, 64, scope="Basket"),
    "version": Chunk("a.md", 66, 70, scope="Changes.[1.2.0]"),
    "constant": Chunk("a.py", 66, 66, kind="constant", symbol="LIMIT"),
    "function": Chunk("a.py", 68, 90, kind="function", symbol="total"),
}


@pytest.mark.parametrize(
    ("found", "shown", "named"),
    [
        ("header class method rest last constant function", "header", "Basket 11-20, add 22-60, total 68-90"),
        ("function rest", "header", "total 68-90, add 41-60"),
        ("rest method function", "header", "add 22-60, total 68-90"),
        ("method rest function", "rest", "total 68-90"),
        ("class method rest last", "last", "add 22-60"),
        ("end method rest", "header", "add 22-61"),
        ("header constant", "function", ""),
        ("version", "header", "Changes.[1.2.0] 66-70"),
    ],
    ids=[
        "in line order",
        "as found",
        "joined",
        "not what is shown",
        "members of a class",
        "from its end",
        "not values",
        "a heading with dots",
    ],
)
def test_definitions_are_named_beside_what_is_shown(found: str, shown: str, named: str) -> None:
    """The right file often comes first with the wrong lines; its other names spare the next look."""
    beside = definitions_beside([CHUNKS[name] for name in found.split()], [CHUNKS[shown]])
    assert beside == [_definition(one) for one in filter(None, named.split(", "))]


def _definition(written: str) -> Definition:
    name, lines = written.split()
    first, last = map(int, lines.split("-"))
    return Definition(name, first, last)


def test_the_examples_in_the_docstrings_hold() -> None:
    """An example that lies is worse than none."""
    for module in (places, folding):
        assert doctest.testmod(module).failed == 0
