"""A search always finds something; a question that says nothing must not look answered."""

from pathlib import Path

import pytest
from fakes import repository, searched, write

from retrieval.rank.confidence import Confidence
from retrieval.rank.everyday import EVERYDAY_CHUNKS, Everyday, everyday
from retrieval.rank.need import read_need
from retrieval.search.searcher import Request
from retrieval.sync.repository import Repository

COUNT = EVERYDAY_CHUNKS + 10


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Index many small files that share a few words."""
    home = tmp_path_factory.mktemp("everyday")
    files: dict[str, str | bytes] = {
        f"part{number}.py": f"# The part of number {number}\ndef p{number}(ledger):\n    return ledger\n"
        for number in range(COUNT)
    }
    files["src/rare.py"] = "# What is rare\ndef ledger():\n    return beacon()\n"
    return repository(write(home / "r", files), home / "cache")


@pytest.mark.parametrize(
    ("asked", "word"),
    [("the", "the"), ("of the", "of"), ("what is it", "is"), ("return", "return"), ("number", "number")],
)
def test_everyday_words_alone_have_no_confidence_and_are_counted(
    opened: Repository, asked: str, word: str
) -> None:
    """Eight confident results for "the" would be believed."""
    answer = searched(opened, Request(asked, 8))
    assert answer.results, "the nearest are shown all the same"
    assert answer.confidence == Confidence(0.0, is_low=True)
    assert answer.vocabulary.everyday
    assert answer.vocabulary.everyday.word == word


def test_the_word_is_counted_in_chunks(opened: Repository) -> None:
    """The number says why it is of no use."""
    assert everyday(read_need("of the"), opened.view().snapshot) == Everyday("of", COUNT)


@pytest.mark.parametrize(
    ("asked", "expect"),
    [("ledger", ()), ("beacon", ()), ("rare", ()), ("number of the beacon", ()), ("the", ("beacon",))],
)
def test_a_question_with_a_telling_word_is_judged_as_before(
    opened: Repository, asked: str, expect: tuple[str, ...]
) -> None:
    """A name that is defined here, a rare word and a guess each say where to look."""
    answer = searched(opened, Request(asked, 8, expect=expect))
    assert answer.vocabulary.everyday is None
    assert answer.confidence
    assert answer.confidence.value > 0


def test_in_a_small_repository_only_stop_words_are_everyday_words(tmp_path: Path) -> None:
    """Of four files, one is a quarter."""
    opened = repository(
        write(tmp_path / "r", {"a.py": "total = price\n", "b.py": "# the\n"}), tmp_path / "cache"
    )
    assert everyday(read_need("price"), opened.view().snapshot) is None
    assert everyday(read_need("the"), opened.view().snapshot) == Everyday("the", 1)
