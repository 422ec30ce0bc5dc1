"""What an error says, and what it says to do, are two things that read as one text."""

import pickle

import pytest

from retrieval.errors import GoldrankError, RootError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RootError("a; b is a file"), "a; b is a file"),
        (RootError("a; b is a file", remedy="name a folder"), "a; b is a file; name a folder"),
        (RootError("no folder /a/b.", remedy="name another"), "no folder /a/b.; name another"),
        (RootError("Nothing was added.", remedy="Write ids.", joint=" "), "Nothing was added. Write ids."),
    ],
)
def test_a_text_names_the_fact_and_then_the_way_out(error: GoldrankError, text: str) -> None:
    """An agent reads one line; a doctor needs both parts, whatever a name in them looks like."""
    assert str(error) == f"{error}" == text


def test_an_error_keeps_its_remedy_between_processes() -> None:
    """Parsing runs in a process of its own."""
    error = pickle.loads(pickle.dumps(RootError("gone", remedy="name another")))  # noqa: S301 - our own bytes
    assert (type(error), error.fact, error.remedy) == (RootError, "gone", "name another")
