"""The embedded model's lessons: who may teach, and that no question stands beside its answer."""

import json
from pathlib import Path

import pytest

from embedded_model import asking, packages

SOURCES = {
    "pkg/retry.py": '''
class Backoff:
    """Wait longer after each failure of the same host."""

    def delay(self, attempt):
        """Return the seconds until the next attempt is made.

        Args:
            attempt: How many were made.
        """
        seconds = self.first * 2**attempt
        if seconds > self.most:
            raise ValueError("the delay of attempt %d is beyond the limit" % attempt)
        return seconds
''',
    "src/Parser.java": """
package a;

public class Parser {
    /**
     * Skips the blanks and comments before the next token.
     *
     * @param in where to read
     */
    @Override
    public void skipBlanks(Reader in) {
        while (in.isBlank()) {
            in.read();
        }
    }
}
""",
    "store/store.go": """
package store

// Flush writes the pending rows to the disk and waits for it.
// It may be called twice.
func (s *Store) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write(s.rows)
}
""",
    "src/lib.rs": """
/// Finds the shortest path between two nodes of the graph.
///
/// # Panics
#[inline]
pub fn shortest_path(graph: &Graph, from: usize, to: usize) -> Option<Path> {
    let mut heap = BinaryHeap::new();
    heap.push(from);
    None
}
""",
}
TOLD = {
    "pkg/retry.py": "longer after each failure",
    "src/Parser.java": "blanks and comments before",
    "store/store.go": "pending rows",
    "src/lib.rs": "shortest path between",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Lay out a package of four languages."""
    for path, text in SOURCES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.lstrip("\n"), encoding="utf-8")
    return tmp_path


def test_a_comment_is_asked_of_the_code_it_stood_at_and_stands_there_no_more(package: Path) -> None:
    """Else the model would learn to find a question by its own words."""
    asked = asking.strip(package, seed="a")
    commented = [item for item in asked if item.kind == "comment"]
    assert {item.path for item in commented} == set(SOURCES)
    for path, told in TOLD.items():
        assert told not in (package / path).read_text(encoding="utf-8")
    flush = next(item for item in commented if item.path == "store/store.go")
    assert "pending rows" in flush.text
    lines = (package / flush.path).read_text(encoding="utf-8").splitlines()
    assert flush.start_line is not None
    assert lines[flush.start_line - 1].startswith("func (s *Store) Flush")


def test_lines_are_those_of_the_package_without_its_comments(package: Path) -> None:
    """A line that a removed comment moved would make another line the answer."""
    asked = asking.strip(package, seed="a")
    for item in asked:
        lines = (package / item.path).read_text(encoding="utf-8").splitlines()
        assert item.end_line is None or item.end_line <= len(lines)
    (error,) = (item for item in asked if item.kind == "error")
    assert error.start_line is not None
    assert "raise ValueError" in (package / error.path).read_text().splitlines()[error.start_line - 1]
    assert "%d" not in error.text


def test_the_same_seed_draws_the_same_questions(package: Path, tmp_path: Path) -> None:
    """The manifest says what was learned from; the same program must say the same."""
    originals = {path: (package / path).read_text(encoding="utf-8") for path in SOURCES}
    first = asking.strip(package, seed="a")
    for path, text in originals.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert asking.strip(package, seed="a") == first


def test_nobody_teaches_whom_search_is_compared_on_and_none_without_a_free_licence() -> None:
    """The list, the rule and the manifest agree."""
    names = {package.name for package in packages.listed()}
    assert names
    assert not [name for name in names if packages.EXCLUDED.search(name.lower())]
    for row in json.loads(packages.NAMES.with_name("manifest.json").read_text(encoding="utf-8")):
        assert row["package"] in names
        assert "left_out" in row or (packages.is_free(row["licence"]) and row["sha256"] and row["version"])


@pytest.mark.parametrize(
    ("licence", "is_free"),
    [
        ("MIT", True),
        ("Apache-2.0 and BSD-3-clause", True),
        ("GPL-2+ or MIT", True),
        ("Apache License, Version 2.0", True),
        ("GPL-3", False),
        ("MIT and LGPL-2.1+", False),
        ("MPL-2.0", False),
        ("", False),
    ],
)
def test_a_licence_is_read(licence: str, is_free: bool) -> None:
    """Of alternatives one is enough; of several at once each must do."""
    assert packages.is_free(licence) == is_free
