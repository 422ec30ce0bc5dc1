"""What a question says: the identifiers in it."""

import doctest

import pytest

from retrieval.paths import path_roles
from retrieval.rank import query
from retrieval.rank.query import read_query


@pytest.mark.parametrize(
    ("text", "identifiers", "is_symbol"),
    [
        ("HttpClient", ("httpclient",), True),
        ("Sinatra::Base", ("base",), True),
        ("client.send()", ("send",), True),
        ("retry", ("retry",), True),
        ("where is HttpClient.send called", ("send",), False),
        ("how does parse_header work", ("parse_header",), False),
        ("what calls flush()", ("flush",), False),
        ("How are requests sent?", (), False),
        ("dependencies/utils", ("utils",), False),
        ("encoder.go", ("go",), False),
        ("", (), False),
    ],
)
def test_identifiers_in_a_query_are_recognised(
    text: str, identifiers: tuple[str, ...], is_symbol: bool
) -> None:
    """A name in a question is worth more than a word; a path is no name."""
    read = read_query(text)
    assert (read.identifiers, read.is_symbol) == (identifiers, is_symbol)


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("how does parse_header work", True),
        ("Where's the door opened", True),
        ("does it open the door?", True),
        ("ゴミ箱の文書はいつ削除されますか\uff1f", True),
        ("open the door", False),
        ("somehow the whole door opens", False),
        ("HttpClient", False),
        ("", False),
    ],
)
def test_a_query_that_asks_is_told_from_a_request(text: str, *, asks: bool) -> None:
    """Only a question is compared with what files say that they are for."""
    assert read_query(text).asks == asks


def test_the_examples_in_the_docstrings_hold() -> None:
    """An example that lies is worse than none."""
    for module in (path_roles, query):
        assert doctest.testmod(module).failed == 0
