"""One place for every knob: which source wins, and what a wrong value says."""

from pathlib import Path

import pytest

from retrieval.errors import ArgumentError
from retrieval.settings import Settings, load_settings


def test_flags_win_over_the_environment_over_the_file_over_defaults(tmp_path: Path) -> None:
    """What is said closest to the call holds."""
    file = tmp_path / "config.toml"
    file.write_text('model = "from-file"\nrerank_depth = 7\nrerank_weight = 0.1\n', encoding="utf-8")
    settings = load_settings(
        {"model": "from-flag", "rerank_depth": None},
        environment={"GOLDRANK_MODEL": "from-env", "GOLDRANK_RERANK_WEIGHT": "0.2"},
        file=file,
    )
    assert (settings.model, settings.rerank_weight, settings.rerank_depth) == ("from-flag", 0.2, 7)
    assert settings.max_file_bytes == Settings().max_file_bytes


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("rerank_weight", "2", r"GOLDRANK_RERANK_WEIGHT is '2'; it takes a number from 0 to 1"),
        ("rerank_depth", "ten", r"GOLDRANK_RERANK_DEPTH is 'ten'; it takes a whole number from 1 to 200"),
        ("log_level", "loud", r"GOLDRANK_LOG_LEVEL is 'loud'; it takes one of DEBUG, INFO, WARNING, ERROR"),
    ],
)
def test_a_wrong_value_names_its_source_and_what_is_accepted(
    tmp_path: Path, name: str, value: str, said: str
) -> None:
    """Configuration that is silently ignored is found out months later."""
    environment = {f"GOLDRANK_{name.upper()}": value}
    with pytest.raises(ArgumentError, match=said):
        load_settings({}, environment=environment, file=tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "said"),
    [("modle = 1", "unknown setting 'modle'; known are cache"), ("model =", "cannot be read")],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    """A misspelt setting must not be a default in disguise."""
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ArgumentError, match=said):
        load_settings({}, environment={}, file=file)


def test_a_long_wrong_value_is_not_echoed_whole(tmp_path: Path) -> None:
    """A variable that holds a whole file by mistake must not fill the terminal."""
    with pytest.raises(ArgumentError, match=r"\(50,002 characters\); it takes one of DEBUG") as caught:
        load_settings({"log_level": "y" * 50_000}, environment={}, file=tmp_path / "none.toml")
    assert len(str(caught.value)) < 300


def test_paths_and_levels_are_made_ready(tmp_path: Path) -> None:
    """~ is a folder to people, a letter to programs."""
    settings = load_settings(
        {"cache": "~/x", "log_level": "info"}, environment={}, file=tmp_path / "none.toml"
    )
    assert settings.cache == Path.home() / "x"
    assert settings.log_level == "INFO"
