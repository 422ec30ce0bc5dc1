"""A question in British spelling finds code in American spelling, and the reverse."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from fakes import repository, searched, write

from retrieval.chunks import tokenizer
from retrieval.rank.need import read_need
from retrieval.rank.spelling import respelled, slips, spellings
from retrieval.search.searcher import Request, rerank
from retrieval.sync.repository import Repository

FILES = {
    "theme/palette.py": "def pick(theme):\n    # The color of a gutter.\n    return theme.color\n",
    "theme/marks.py": "def gutter_color(line):\n    return palette[line]\n",
    "theme/paint.py": "def paint(color):\n    screen.fill(color)\n",
    "io/serialise.py": "def serialise_all(rows):\n    return [serialise(row) for row in rows]\n",
    "io/rows.py": "def rows_of(table):\n    return table.rows\n",
}


@pytest.fixture
def opened(tmp_path: Path) -> Repository:
    """Index code that says `color` and `serialise`."""
    return repository(write(tmp_path / "r", FILES), tmp_path / "cache")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("where is the colour of a gutter picked", "theme/palette.py"),
        ("how are rows serialized", "io/serialise.py"),
        ("serializeAll", "io/serialise.py"),
        ("gutterColour", "theme/marks.py"),
        ("GUTTER COLOUR", "theme/marks.py"),
    ],
)
def test_the_repositorys_spelling_is_read_and_said(opened: Repository, question: str, answer: str) -> None:
    """Else half of the English-speaking world finds nothing, and is not told why."""
    found = searched(opened, Request(question, 5))
    assert found.results[0].passage.chunk.path == answer
    assert any(note.startswith("This repository's spelling is used:") for note in found.notes)


def test_a_guess_is_read_in_the_repositorys_spelling_and_shown_as_it_was_made(opened: Repository) -> None:
    """The caller recognises what it wrote."""
    found = searched(opened, Request("what fills the screen", 5, expect=("gutterColour",)))
    assert found.vocabulary.found == ("gutterColour",)


def test_a_callers_passages_are_read_the_same_way(opened: Repository) -> None:
    """`rag_rerank` orders grep hits of either spelling."""
    passages = [result.passage for result in searched(opened, Request("color rows", 9)).results]
    best = rerank(read_need("colour"), passages, None).results[0].passage.text
    assert "color" in best


@pytest.mark.parametrize(
    ("word", "counts", "read"),
    [
        ("colour", {"colour": 1, "color": 3}, {"colour": "color"}),
        ("colour", {"colour": 2, "color": 5}, {}),
        ("colour", {}, {}),
        ("behavior", {"behaviour": 1}, {"behavior": "behaviour"}),
        ("textColour", {"textcolour": 1, "colour": 1, "color": 90}, {}),
        ("textColour", {"color": 1}, {"colour": "color"}),
        ("four", {"for": 900}, {}),
        ("filling", {"file": 900}, {}),
        ("Organisation", {"organ": 7}, {"organisation": "organization"}),
    ],
)
def test_a_word_is_read_otherwise_only_where_that_is_far_more_common(
    word: str, counts: Mapping[str, int], read: Mapping[str, str]
) -> None:
    """A word that the repository uses is meant, and so is a name that it has."""
    found, spelled = respelled(read_need(f"where is {word} set"), lambda stem: counts.get(stem, 0))
    assert spelled == read
    text = f"where is {word} set"
    for written, usual in read.items():
        text = text.replace(written, usual).replace(written.capitalize(), usual.capitalize())
    assert found.query.text == text


@pytest.mark.parametrize(
    ("british", "american"),
    [
        *(("colours", "colors"), ("organisation", "organization"), ("analysed", "analyzed")),
        *(("centre", "center"), ("centred", "centered"), ("fibres", "fibers"), ("dialogue", "dialog")),
        *(("licence", "license"), ("grey", "gray"), ("artefacts", "artifacts"), ("judgement", "judgment")),
        *(
            ("colourised", "colorized"),
            ("neighbouring", "neighboring"),
            ("favourite", "favorite"),
            ("programmes", "programs"),
        ),
    ],
)
def test_spellings_go_both_ways(british: str, american: str) -> None:
    """Repositories of both kinds exist."""
    assert american in spellings(british)
    assert british in spellings(american)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *(
            ("sesion", "session"),
            ("downlod", "download"),
            ("donwload", "download"),
            ("dispayed", "displayed"),
        ),
        *(
            ("recieve", "receive"),
            ("authentification", ""),
            ("leading", ""),
            ("throughput", ""),
            ("emerge", ""),
        ),
        *(("shortly", ""), ("clang", ""), ("session", "")),
    ],
)
def test_a_typing_error_is_named_and_another_english_word_is_not(word: str, meant: str) -> None:
    """A wrong "did you mean" teaches the reader to overlook the right ones."""
    words = "session download displayed receive loading throughout merge short change authentication".split()
    stems = dict.fromkeys(tokenizer.stems(words), 5)
    found = slips(read_need(f"where is {word} handled"), lambda stem: stems.get(stem, 0))
    assert dict(found) == ({word: meant} if meant else {})


def test_a_search_that_found_nothing_says_which_word_may_be_misspelled(opened: Repository) -> None:
    """Nothing else tells the reader that the question is at fault, not the code."""
    assert searched(opened, Request("palete", 5)).vocabulary.slips == {"palete": "palette"}
    assert not searched(opened, Request("palette", 5)).vocabulary.slips


def test_inflections_have_the_same_stem_in_both_spellings() -> None:
    """Doubled letters need no rule, because the stemmer undoes them."""
    for british, american in (("cancelled", "canceled"), ("labelling", "labeling"), ("fulfil", "fulfill")):
        assert tokenizer.stems([british]) == tokenizer.stems([american])
