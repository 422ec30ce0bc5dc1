"""An explanation says what is so, for any chunk of a ranking, and what would be asked next."""

import re
from pathlib import Path

import pytest
from fakes import first_stage, repository, write

from mcp_server.messages.explanation import line_of, of_line
from retrieval.errors import ArgumentError
from retrieval.records import Candidate
from retrieval.sync.view import View

FILES = {
    "src/session.py": "def renew_session(token):\n    return token.later()\n",
    "src/notes.py": "def note():\n    # a session\n    pass\n",
    "src/other.py": "def other():\n    pass\n",
    ".env": "TOKEN=1\n",
}


@pytest.fixture
def there(tmp_path: Path) -> View:
    """Index the files."""
    return repository(write(tmp_path / "r", FILES), tmp_path / "cache").view()


@pytest.fixture
def ranking(tmp_path: Path, there: View) -> list[Candidate]:
    """Rank the files for a question."""
    return first_stage(repository(there.root, tmp_path / "cache"), "renew a session")


def told(ranking: list[Candidate], place: str, view: View) -> str:
    """Explain a line."""
    line = line_of(place, view)
    return "\n".join(of_line(ranking, line, view.snapshot.chunks_of(line.path)))


def test_a_line_is_explained_by_its_shares_and_its_neighbours(ranking: list[Candidate], there: View) -> None:
    """Whoever asks why a chunk is second wants to hear what the first has."""
    text = told(ranking, "src/notes.py:2", there)
    assert "  2. src/notes.py:1-3" in text
    assert "body +" in text
    assert "1 above 2 by" in text


def test_a_line_that_is_no_candidate_is_told_as_such(ranking: list[Candidate], there: View) -> None:
    """Silence would read as a bug."""
    text = told(ranking, "src/other.py:1", there)
    assert f"none of the {len(ranking)} candidates: no field of its chunk, lines 1-2" in text


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("src/session.py:99", "src/session.py has no line 99; it has 2"),
        ("lib/notes.py:1", "lib/notes.py is no file of r; did you mean src/notes.py?"),
        ("nowhere.py:1", "nowhere.py is no file of r; paths are relative to its root"),
        (".env:1", ".env is not searched: may hold secrets"),
    ],
)
def test_a_line_that_is_not_searched_says_why(there: View, place: str, why: str) -> None:
    """Six different reasons once had one sentence."""
    with pytest.raises(ArgumentError, match=re.escape(why)):
        line_of(place, there)


@pytest.mark.parametrize(
    "place",
    [
        "src/notes.py",
        "src/notes.py:x",
        ":3",
        "src/notes.py:²",
        "src/notes.py:0",
        f"src/notes.py:{'9' * 5000}",
    ],
)
def test_an_address_that_is_none_is_an_error_that_names_it(there: View, place: str) -> None:
    """The form of an address is easily mistaken."""
    with pytest.raises(ArgumentError, match="PATH:LINE"):
        line_of(place, there)
