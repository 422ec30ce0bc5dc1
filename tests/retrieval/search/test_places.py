"""Neighbouring results are one place, repeated ones count once, and the best is shown whole."""

import doctest
from pathlib import Path

from fakes import repository, searched, write

from retrieval.records import Chunk
from retrieval.search import folding, places
from retrieval.search.definition_span import constants_of, definition_span
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


def test_a_definition_is_shown_whole_where_it_is_short(tmp_path: Path) -> None:
    """The middle of a function makes its reader open the file again."""
    body = "".join(f"    step_{i} = prepare(option_{i}, default_{i})\n" for i in range(24))
    after = "def other(first, second):\n    return first.compute(second) + second.compute(first)\n"
    text = f"LIMIT_OF_STEPS = 3\n\n\ndef prepare_all():\n{body}    return LIMIT_OF_STEPS\n\n\n{after}"
    opened = repository(write(tmp_path / "r", {"a.py": text}), tmp_path / "cache")
    siblings, lines = opened.view().snapshot.chunks_of("a.py"), text.split("\n")
    middle = next(chunk for chunk in siblings if chunk.start_line > 5 and chunk.scope == "prepare_all")
    first, last = definition_span(middle, siblings, lines)
    assert lines[first - 1] == "def prepare_all():"
    assert lines[last - 1] == "    return LIMIT_OF_STEPS"
    assert constants_of(first, last, siblings, lines) == [(1, "LIMIT_OF_STEPS = 3")]


def test_a_class_in_capitals_is_not_shown_as_a_constant(tmp_path: Path) -> None:
    """Its first line says nothing that the reader needs; the value of a constant does."""
    text = "MOST_ROWS = 4\n\n\nclass IERS(Table):\n    pass\n\n\ndef read():\n    return IERS(MOST_ROWS)\n"
    opened = repository(write(tmp_path / "r", {"a.py": text}), tmp_path / "cache")
    siblings = opened.view().snapshot.chunks_of("a.py")
    assert constants_of(8, 9, siblings, text.split("\n")) == [(1, "MOST_ROWS = 4")]


def test_of_a_long_definition_one_chunk_is_shown(tmp_path: Path) -> None:
    """Nobody wants a function of a thousand lines in a reply."""
    body = "".join(f"    step_{i} = prepare(option_{i}, default_{i})\n" for i in range(900))
    text = f"def prepare_all():\n{body}"
    opened = repository(write(tmp_path / "r", {"a.py": text}), tmp_path / "cache")
    siblings, lines = opened.view().snapshot.chunks_of("a.py"), text.split("\n")
    for chunk in siblings:
        first, last = definition_span(chunk, siblings, lines)
        assert (first, last) == (chunk.start_line, chunk.end_line)


def test_the_examples_in_the_docstrings_hold() -> None:
    """An example that lies is worse than none."""
    for module in (places, folding):
        assert doctest.testmod(module).failed == 0
