"""One place for every knob: which source wins, and what a wrong value says."""

from pathlib import Path

import pytest

from retrieval.errors import ArgumentError
from retrieval.settings import RENAMED, Settings, load_settings


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
        ("follow_links", "maybe", r"GOLDRANK_FOLLOW_LINKS is 'maybe'; it takes true or false"),
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rerank_depth = 20.7", r"rerank_depth is 20\.7; it takes a whole number from 1 to 200"),
        ("rerank_depth = true", r"rerank_depth is True; it takes a whole number"),
        ('follow_links = "true"', r"follow_links is 'true'; it takes true or false"),
        ("follow_links = 1", r"follow_links is 1; it takes true or false"),
        ('rerank_depth = "20"', r"rerank_depth is '20'; it takes a whole number"),
        ("rerank_weight = true", r"rerank_weight is True; it takes a number from 0 to 1"),
        ("rerank_weight = nan", r"rerank_weight is nan; it takes a number from 0 to 1"),
        ("idle_unload_s = inf", r"idle_unload_s is inf; it takes a number from 1 to 1e\+09"),
        ("max_open_repositories = 1979-05-27", r"max_open_repositories is datetime"),
        ("model = 7", r"model is 7; it takes text"),
        ("model = ['a']", r"model is \['a'\]; it takes text"),
        ("cache = ''", r"cache is ''; it takes a path"),
        ("cache = '  '", r"cache is '  '; it takes a path"),
        ('cache = "/a\\u0000b"', r"it takes a path"),
        ("cache = 3", r"cache is 3; it takes a path"),
        ("cache = 'here'", r"cache is 'here'; it takes an absolute path, or one that begins with ~/"),
        ("log_file = 'log'", r"log_file is 'log'; it takes an absolute path"),
        ("model = './here'", r"model is '\./here'; it takes an absolute path"),
        ("model = '/nowhere/at/all'", r"model is '/nowhere/at/all': there is no folder /nowhere/at/all"),
        ("cache = '~nobody-of-this-name/x'", r"there is no such home; write an absolute path"),
        ("rerank_depth = 1" + "0" * 5_000, r"cannot be read"),
        ("[[a]]\n" * 2, r"unknown setting 'a'"),
        ("held_weight = 0.5", r"held_weight is now called rerank_tool_weight; rename it"),
    ],
)
def test_a_value_of_the_file_is_taken_as_it_stands_or_refused(tmp_path: Path, text: str, said: str) -> None:
    """A number that is silently rounded is a setting that nobody made."""
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ArgumentError, match=said):
        load_settings({}, environment={}, file=tmp_path / "config.toml")


@pytest.mark.parametrize("value", ["20.7", "true", "nan", "inf", "1e3", "1_0", "\u0665", "9" * 5_000, " "])
def test_a_variable_is_not_rounded_either(tmp_path: Path, value: str) -> None:
    """What a shell hands over is text; it still is a whole number or none."""
    with pytest.raises(ArgumentError, match=r"GOLDRANK_RERANK_DEPTH is .*; it takes a whole number"):
        load_settings({}, environment={"GOLDRANK_RERANK_DEPTH": value}, file=tmp_path / "none.toml")


@pytest.mark.parametrize(("value", "is_on"), [("true", True), ("1", True), ("No", False), ("off", False)])
def test_a_switch_is_a_word_or_a_digit_in_a_variable(tmp_path: Path, value: str, is_on: bool) -> None:
    """A shell knows text alone."""
    environment = {"GOLDRANK_FOLLOW_LINKS": value}
    assert load_settings({}, environment=environment, file=tmp_path / "none.toml").follow_links is is_on
    flags = {"follow_links": not is_on}
    assert (
        load_settings(flags, environment=environment, file=tmp_path / "none.toml").follow_links is not is_on
    )


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    """An editor on Windows may save it so."""
    (tmp_path / "config.toml").write_bytes(b'model = "\xff"\n')
    with pytest.raises(ArgumentError, match=r"config\.toml is not UTF-8"):
        load_settings({}, environment={}, file=tmp_path / "config.toml")


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    """Shell scripts write `GOLDRANK_CACHE=$UNSET` without a thought; an index here would be a surprise."""
    environment = {"GOLDRANK_CACHE": "", "GOLDRANK_RERANK_DEPTH": "", "GOLDRANK_MODEL": ""}
    assert load_settings({}, environment=environment, file=tmp_path / "none.toml") == Settings()


def test_relative_paths_belong_to_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that changes its meaning when a thread changes folders is none."""
    (tmp_path / "tuned").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = load_settings(
        {"cache": Path("c/../d"), "model": "tuned"},
        environment={"GOLDRANK_LOG_FILE": "log", "GOLDRANK_MODELS": "m"},
        file=tmp_path / "none.toml",
    )
    assert settings.cache == tmp_path / "d"
    assert settings.models == tmp_path / "m"
    assert (settings.model, settings.log_file) == (str(tmp_path / "tuned"), str(tmp_path / "log"))


def test_a_folder_of_the_repository_is_not_taken_for_a_model_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone that holds owner/name must not put its model in place of the one that was set."""
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match="the working folder has a folder of that name"):
        load_settings({}, environment={"GOLDRANK_MODEL": "owner/name"}, file=tmp_path / "none.toml")
    other = load_settings({}, environment={"GOLDRANK_MODEL": "owner/other"}, file=tmp_path / "none.toml")
    assert other.model == "owner/other"


@pytest.mark.parametrize("model", ["./gone", "~/gone/by/name", "a/b/c", "../x", "gone\\model"])
def test_a_model_that_looks_like_a_folder_must_be_one(tmp_path: Path, model: str) -> None:
    """A misspelt folder would otherwise rank by BM25 alone, with a note that few people read."""
    with pytest.raises(ArgumentError, match=r"there is no folder .*name a CrossEncoder folder, or a hub id"):
        load_settings({"model": model}, environment={}, file=tmp_path / "none.toml")


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


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_a_variable_that_was_renamed_is_told_its_new_name(old: str, new: str, tmp_path: Path) -> None:
    """A setting that silently stops working is found weeks later."""
    with pytest.raises(ArgumentError, match=f"GOLDRANK_{old.upper()} is now called GOLDRANK_{new.upper()}"):
        load_settings({}, environment={f"GOLDRANK_{old.upper()}": "1"}, file=tmp_path / "none.toml")


def test_a_place_of_shared_indexes_is_a_folder_or_a_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative folder means the working folder's; a URL is taken as it is written."""
    monkeypatch.chdir(tmp_path)
    for written, read in (("shared", str(tmp_path / "shared")), ("s3://bucket/x", "s3://bucket/x"), ("", "")):
        settings = load_settings({"shared_indexes": written}, environment={}, file=tmp_path / "none")
        assert settings.shared_indexes == read
