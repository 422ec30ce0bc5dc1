"""An explanation says what is so, for any chunk of a ranking, and what would be asked next."""

from pathlib import Path

import pytest
from fakes import first_stage, repository, write

from mcp_server.messages.explanation import of_line
from retrieval.errors import ArgumentError
from retrieval.records import Candidate

FILES = {
    "src/session.py": "def renew_session(token):\n    return token.later()\n",
    "src/notes.py": "def note():\n    # a session\n    pass\n",
    "src/other.py": "def other():\n    pass\n",
}


@pytest.fixture
def ranking(tmp_path: Path) -> list[Candidate]:
    """Rank the files for a question."""
    return first_stage(repository(write(tmp_path / "r", FILES), tmp_path / "cache"), "renew a session")


def test_a_line_is_explained_by_its_shares_and_its_neighbours(ranking: list[Candidate]) -> None:
    """Whoever asks why a chunk is second wants to hear what the first has."""
    text = "\n".join(of_line(ranking, "src/notes.py:2"))
    assert "  2. src/notes.py:1-3" in text
    assert "body +" in text
    assert "1 above 2 by" in text


def test_a_line_that_is_no_candidate_is_told_as_such(ranking: list[Candidate]) -> None:
    """Silence would read as a bug."""
    text = "\n".join(of_line(ranking, "src/other.py:1"))
    assert f"none of the {len(ranking)} candidates" in text


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
def test_an_address_that_is_none_is_an_error_that_names_it(ranking: list[Candidate], place: str) -> None:
    """The form of an address is easily mistaken."""
    with pytest.raises(ArgumentError, match="PATH:LINE"):
        list(of_line(ranking, place))
