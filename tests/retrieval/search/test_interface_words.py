"""A question in the language of a user is answered by the code, through the project's own translations."""

import json
from pathlib import Path

import pytest
from fakes import repository, searched, write

from retrieval.rank.need import read_need
from retrieval.search import first_stage
from retrieval.search.searcher import Request, best_chunks, ranking
from retrieval.sync.view import View

ENGLISH = {
    "trash": "Trash",
    "purge": "Permanently delete",
    "invite": "Invite people",
    "share": "Share link",
    "edit": "Edit document",
}
TEXTS = {
    "ja": dict(zip(ENGLISH, ["ゴミ箱", "完全に削除", "招待する", "リンクを共有", "文書を編集"], strict=True)),
    "de": dict(
        zip(
            ENGLISH,
            ["Papierkorb", "Endgültig löschen", "Personen einladen", "Freigabelink", "Dokument bearbeiten"],
            strict=True,
        )
    ),
    "en": ENGLISH,
}
CODE = {
    "server/cleanup.py": (
        "def remove_expired(documents):\n"
        "    # Permanently delete what has been in the trash for thirty days.\n"
        "    return [purge(document) for document in documents if document.in_trash]\n"
    ),
    "server/invite.py": "def invite(people):\n    # Send mail to invited people.\n    return people\n",
    "server/share.py": "def share(document):\n    # Make a link to share.\n    return document.link\n",
    "server/edit.py": "def edit(document):\n    # Change the text of a document.\n    return document\n",
}
QUESTIONS = [
    ("ゴミ箱に入れた文書はいつ完全に削除されますか", "server/cleanup.py"),
    ("Wo wird der Papierkorb endgueltig geleert und gelöscht", "server/cleanup.py"),
    ("wie werden Personen eingeladen", "server/invite.py"),
    ("リンクを共有する処理", "server/share.py"),
]


@pytest.fixture
def view(tmp_path: Path) -> View:
    """Index an application with its catalogues."""
    catalogues = {
        f"web/locales/{language}.json": json.dumps(texts, ensure_ascii=False, indent=2)
        for language, texts in TEXTS.items()
    }
    return repository(write(tmp_path / "app", CODE | catalogues), tmp_path / "cache").view()


@pytest.mark.parametrize(("question", "answer"), QUESTIONS)
def test_a_question_in_another_language_finds_the_code(view: View, question: str, answer: str) -> None:
    """It shares no word with the code; the catalogue under its words would be all that is found."""
    assert ranking(view, Request(question, 5))[0].chunk.path == answer
    assert next(iter(best_chunks(view, read_need(question)))) == answer


def test_a_filter_that_leaves_the_catalogues_out_changes_nothing(view: View) -> None:
    """The dictionary is read wherever the answer may stand."""
    found = ranking(view, Request("ゴミ箱を完全に削除", 5, globs=("server/",)))
    assert found[0].chunk.path == "server/cleanup.py"


@pytest.mark.parametrize(
    "question", ["where is the trash emptied", "permanently delete", "share link", "remove_expired"]
)
def test_a_question_in_the_words_of_the_code_is_left_alone(view: View, question: str) -> None:
    """An English question must not change because there are catalogues."""
    measured = first_stage.measure(view, read_need(question))
    assert measured.reading is None
    assert measured.need == read_need(question)


def test_a_question_whose_words_only_english_texts_have_is_left_alone(tmp_path: Path) -> None:
    """English texts of an interface are no translation of an English question."""
    files = {"a.py": "def f(x):\n    return x\n"} | {
        f"locales/{name}.json": '{\n  "k1": "Reticulating splines"\n}' for name in ("en", "de")
    }
    opened = repository(write(tmp_path / "r", files), tmp_path / "cache")
    assert first_stage.measure(opened.view(), read_need("reticulating splines now")).reading is None


def test_guesses_take_the_place_of_a_reading(view: View) -> None:
    """A caller who guesses names has translated the question itself."""
    need = read_need("ゴミ箱を完全に削除", ["remove_expired"])
    assert first_stage.measure(view, need).reading is None


def test_the_reply_says_how_the_question_was_read(tmp_path: Path, view: View) -> None:
    """You see what was searched for, and by which file, so that you can ask better."""
    answer = searched(repository(view.root, tmp_path / "cache"), Request("ゴミ箱を完全に削除", 5))
    assert any("Permanently delete" in note and "locales/ja.json" in note for note in answer.notes)


def test_gettext_needs_no_english_catalogue(tmp_path: Path) -> None:
    """Its keys are the English texts."""
    texts = {"Permanently delete": "Endgültig löschen", "Trash": "Papierkorb"}
    lines = (f'msgid "{english}"\nmsgstr "{german}"\n\n' for english, german in texts.items())
    files = CODE | {"po/de.po": "".join(lines)}
    opened = repository(write(tmp_path / "r", files), tmp_path / "cache")
    assert ranking(opened.view(), Request("Papierkorb endgültig löschen", 5))[0].chunk.path == (
        "server/cleanup.py"
    )
