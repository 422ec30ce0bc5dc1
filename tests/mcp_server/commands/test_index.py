"""Looking after the index: what it takes, and freeing what nobody needs."""

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes import MAX_BYTES, repository, write

from mcp_server.cli import goldrank
from retrieval.sync import chunk_cache
from retrieval.sync.repository import Repository
from retrieval.sync.store import FORMAT, Store


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Name a cache folder of the test's own."""
    return tmp_path / "cache"


def run(*arguments: str | Path) -> Result:
    """Run a command in this process; it must not fail."""
    result = CliRunner().invoke(goldrank, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


def test_status_says_what_everything_takes(example: Path, cache: Path) -> None:
    """A tool that fills a disk should say with what."""
    repository(write(example.parent / "other", {"a.py": "x = 1\n"}), cache)
    shutil.rmtree(example.parent / "other")
    out = run("status", example, "--cache", cache).output
    assert "in 2 indexes, 1 of folders that are gone; " in out
    assert re.search(r"\d\.\d MB of at most 1,000\.0 MB in chunks kept by content", out)


def test_clean_frees_indexes_of_folders_that_are_gone_and_of_other_releases(
    example: Path, cache: Path
) -> None:
    """Work trees come and go, and so do releases."""
    kept = repository(example, cache).store_folder
    gone = repository(write(example.parent / "gone", {"a.py": "x = 1\n"}), cache).store_folder
    shutil.rmtree(example.parent / "gone")
    parts = {"root": str(example), "fingerprint": "", "files.sqlite": "", "chunks/meta.json": "{}"}
    old = write(cache / "v1" / kept.name, parts)
    strange = write(cache / "v1" / "somebody-else", parts)
    similar = write(cache / "v2" / kept.name, {**parts, "thesis.tex": "years of work"})
    said = run("clean", "--dry-run", "--cache", cache).output
    assert "would free" in said
    assert gone.exists()
    assert old.exists()
    said = run("clean", "--cache", cache).output
    assert "freed" in said
    assert str(example.parent / "gone") in said
    assert not gone.exists()
    assert not old.exists()
    assert strange.exists()
    assert similar.exists()
    assert f"left: {similar} lacks goldrank's CACHEDIR.TAG" in said
    assert kept.exists()
    assert chunk_cache.size_bytes(cache)


def test_clean_frees_what_is_named_or_all(example: Path, cache: Path) -> None:
    """What is missed is made anew."""
    folder = repository(example, cache).store_folder
    run("clean", example, "--cache", cache)
    assert not folder.exists()
    assert "no index in" in run("clean", example, "--cache", cache).output
    repository(example, cache)
    run("clean", "--all", "--cache", cache)
    assert not folder.exists()
    assert chunk_cache.size_bytes(cache) == 0
    assert repository(example, cache).view().paths


def test_clean_keeps_what_is_being_written(example: Path, cache: Path) -> None:
    """An index in the making belongs to whoever makes it."""
    folder = repository(example, cache).store_folder
    with Store(folder).writing(patience_s=1):
        said = run("clean", "--all", "--cache", cache)
    assert "kept: another goldrank process" in said.output
    assert folder.exists()


def test_a_server_whose_index_was_cleaned_away_makes_it_anew(example: Path, cache: Path) -> None:
    """Freeing space must not break what runs."""
    opened = Repository(example, cache=cache, max_bytes=MAX_BYTES)
    opened.refresh()
    run("clean", "--all", "--cache", cache)
    assert opened.refresh().changed == 4
    assert len(opened.view().snapshot)
    assert (cache / FORMAT).exists()
