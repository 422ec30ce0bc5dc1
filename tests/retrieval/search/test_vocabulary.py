"""A caller learns when its guesses were set aside, and what they would have found."""

from pathlib import Path

import pytest
from fakes import repository, searched, write

from retrieval.search.searcher import Request
from retrieval.search.vocabulary import Vocabulary
from retrieval.sync.repository import Repository

FILES = {
    "app/settings_page.py": "def typo_in_settings(page):\n    # settings file with a typo\n    return page\n",
    "app/menu.py": "def open_menu(settings):\n    return settings.menu\n",
    "core/loader.py": (
        "class ConfigError(Exception):\n    pass\n\n\ndef from_toml(raw):\n    raise ConfigError(raw)\n"
    ),
}
QUESTION = "what does the program do when the settings file has a typo"


@pytest.fixture
def opened(tmp_path: Path) -> Repository:
    """Index a page whose words mislead, and the code that is meant."""
    return repository(write(tmp_path / "r", FILES), tmp_path / "cache")


def words(opened: Repository, *expect: str, top_k: int = 1) -> Vocabulary:
    """Return what a reply to the question says of guesses."""
    return searched(opened, Request(QUESTION, top_k, expect=expect)).vocabulary


def test_guesses_that_contradict_the_question_are_said_to_be_set_aside(opened: Repository) -> None:
    """They may be right, and the question's own words may be those that mislead."""
    aside = words(opened, "ConfigError", "from_toml").aside
    assert aside is not None
    assert aside.path == "core/loader.py"


def test_nothing_is_set_aside_where_its_file_is_among_the_results(opened: Repository) -> None:
    """The caller sees it already."""
    assert words(opened, "ConfigError", "from_toml", top_k=8).aside is None


@pytest.mark.parametrize("expect", [(), ("typo_in_settings",), ("wobblefrotz",)])
def test_nothing_is_said_of_guesses_that_agree_or_occur_nowhere(
    opened: Repository, expect: tuple[str, ...]
) -> None:
    """A line that is always there says nothing."""
    assert words(opened, *expect).aside is None
