"""A name is found as it is written, before everything that the index takes for the same word."""

from pathlib import Path

import pytest
from fakes import repository, searched, write

from retrieval.search.searcher import Request

FILES = {
    **{f"src/m{i}.py": f"# it cannot be undone, test class {i}\ntestClass = cannot({i})\n" for i in range(9)},
    "src/z_last.py": "def undo():\n    return CANNOT\n",
    "src/z_test.py": "def keep(item):\n    return test_class(item)\n",
}


@pytest.mark.parametrize(("name", "path"), [("CANNOT", "src/z_last.py"), ("test_class", "src/z_test.py")])
def test_the_spelling_that_is_asked_for_comes_first(tmp_path: Path, name: str, path: str) -> None:
    """The index has one term for all spellings; the caller means one of them."""
    opened = repository(write(tmp_path / "r", FILES), tmp_path / "cache")
    first = searched(opened, Request(name, 8)).results[0]
    assert first.passage.chunk.path == path
    parts = first.ranked.candidate.parts
    assert sum(parts.values()) == pytest.approx(first.ranked.candidate.score)


def test_another_spelling_is_found_where_none_is_as_written(tmp_path: Path) -> None:
    """`testclass` is written nowhere, and `testClass` is what is meant."""
    opened = repository(write(tmp_path / "r", FILES), tmp_path / "cache")
    assert searched(opened, Request("testclass", 8)).results
