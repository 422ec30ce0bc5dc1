"""A question meets the texts of an interface whatever its inflections, accents and spaces."""

import pytest

from retrieval.chunks.catalogue import Entry
from retrieval.rank.catalogue_match import MOST_TEXTS, matching

GERMAN = [
    Entry(("delete",), "Löschen"),
    Entry(("trash",), "Papierkorb"),
    Entry(("document",), "Dokument"),
    Entry(("invite",), "Mitglieder einladen"),
    Entry(("settings",), "Einstellungen der Dokumente und der Mitglieder"),
]
JAPANESE = [
    Entry(("trash",), "ゴミ箱"),
    Entry(("purge",), "完全に削除"),
    Entry(("edit",), "編集"),
    Entry(("share",), "共有"),
]


def keys(question: str, entries: list[Entry]) -> list[str]:
    """Name the chosen entries."""
    return [entry.key[0] for entry in matching(question, entries)]


@pytest.mark.parametrize("question", ["wo werden Dokumente gelöscht", "WO WERDEN DOKUMENTE GELOSCHT"])
def test_endings_and_accents_do_not_matter(question: str) -> None:
    """People inflect, and type without accents."""
    assert keys(question, GERMAN)[0] == "document"


def test_a_text_that_says_little_else_comes_first() -> None:
    """A sentence that contains the word among many others says less of the question."""
    assert keys("alle Dokumente", GERMAN)[0] == "document"
    assert keys("die Mitglieder", GERMAN)[0] == "invite"


def test_a_short_word_is_no_beginning_of_a_long_one() -> None:
    """`ein` begins half of all German verbs."""
    assert keys("ein und", GERMAN) == ["settings"]


def test_text_without_spaces_is_matched() -> None:
    """Nobody puts spaces between Japanese words."""
    assert set(keys("ゴミ箱に入れた文書はいつ完全に削除されますか", JAPANESE)) == {"trash", "purge"}


def test_each_entry_adds_to_those_before_it() -> None:
    """The same text under ten keys is one reading."""
    repeated = [Entry((f"trash{n}",), "Papierkorb") for n in range(10)]
    assert len(matching("Papierkorb", repeated)) == 1
    many = [Entry((f"k{n}",), f"{chr(97 + n) * 5} Wort") for n in range(20)]
    assert len(matching(" ".join(chr(97 + n) * 5 for n in range(20)), many)) <= MOST_TEXTS


def test_a_question_without_a_shared_word_matches_nothing() -> None:
    """Then the question stays as it is."""
    assert keys("wetter morgen", GERMAN) == []
    assert matching("", GERMAN) == []
    assert matching("wetter", []) == []
