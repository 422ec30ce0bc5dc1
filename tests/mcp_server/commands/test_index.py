"""Looking after the index: what it takes, and freeing what nobody needs."""

import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fakes import MAX_BYTES, git, repository, write

from mcp_server.cli import goldrank
from mcp_server.commands.options import alone
from retrieval import ownership
from retrieval.sync import chunk_cache, inventory
from retrieval.sync.repository import Repository
from retrieval.sync.store import FORMAT, Store, store_folder


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
    assert re.search(r"\d\.\d MB of at most 1,000\.0 MB in cached chunks", out)


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


def test_clean_all_frees_the_work_of_learnings_and_names_what_it_keeps(tmp_path: Path, cache: Path) -> None:
    """Checked-out trees of past questions are the larger part of a cache; a promoted model is no cache."""
    work = store_folder(cache / inventory.LEARNING, tmp_path / "r")
    write(work, {"past/tree/a.py": "x = 1\n", "lock": ""})
    ownership.claim(work, is_ours=lambda _folder: True)
    restored = write(cache / inventory.RESTORED, {"base-01234567/weights": "w"})
    ownership.claim(restored, is_ours=lambda _folder: True)
    others = write(store_folder(cache / inventory.LEARNING, tmp_path / "s"), {"thesis.tex": "years of work"})
    models = write(tmp_path / "models", {"r-1/current": "0001-01234567\n"})
    arguments = ("clean", "--all", "--cache", cache)
    assert f"work of learning in {work}" in run(*arguments, "--dry-run").output
    assert (work / "past/tree/a.py").exists()
    result = CliRunner().invoke(goldrank, [*map(str, arguments)], env={"GOLDRANK_MODELS": str(models)})
    assert result.exit_code == 0
    assert f"promoted models and orders ({models})" in result.output.splitlines()[-1]
    assert not work.exists()
    assert not restored.exists()
    assert (others / "thesis.tex").exists()
    assert (models / "r-1/current").exists()


def test_clean_all_keeps_the_work_of_a_learning_that_runs(tmp_path: Path, cache: Path) -> None:
    """Trees that vanish under a learning would make it judge by nothing."""
    work = store_folder(cache / inventory.LEARNING, tmp_path / "r")
    with alone(work):
        said = run("clean", "--all", "--cache", cache).output
        assert f"kept: another goldrank process works in {work}" in said
        assert ownership.is_marked(work)
    run("clean", "--all", "--cache", cache)
    assert not (cache / inventory.LEARNING).exists()


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


def test_status_advises_no_line_that_stands_there_or_would_do_nothing(tmp_path: Path, cache: Path) -> None:
    """You would add the line, and nothing would change."""
    files = {
        ".gitignore": "build/\nout/\nlocal.py\nnode_modules/\n.env\n",
        ".goldrankignore": "!build/gen/**\n!/local.py\n!.env\n",
        "build/gen/a.py": "a = 1\n",
        "build/b.py": "b = 1\n",
        "out/c.py": "c = 1\n",
        "local.py": "d = 1\n",
        "node_modules/e/e.js": "e = 1\n",
        ".env": "TOKEN=1\n",
    }
    root = write(tmp_path / "r", files)
    git(root, "init", "-q")
    said = run("status", root, "--excluded", "--cache", cache).output.splitlines()
    assert "no effect .goldrankignore:3: !.env: may hold secrets" in said
    lets = "in .goldrankignore lets it in"
    assert [line for line in said if "git ignores" in line] == [
        f"build/\tgit ignores it, except for what .goldrankignore lets in; !/build/ {lets}",
        "node_modules/\tgit ignores it; dependencies, not this repository's code",
        f"out/\tgit ignores it; !/out/ {lets}",
    ]


def test_a_line_that_status_advises_lets_in_that_path_alone(tmp_path: Path, cache: Path) -> None:
    """A name may hold what is special in a pattern."""
    write(tmp_path / "r", {".gitignore": "*.gen.py\n", "a[1].gen.py": "a = 1\n", "b/a[1].gen.py": "b = 1\n"})
    root = tmp_path / "r"
    git(root, "init", "-q")
    said = run("status", root, "--excluded", "--cache", cache).output
    (line,) = re.findall(r"^a\[1\]\.gen\.py\t.*; (\S+) in \.goldrankignore", said, re.MULTILINE)
    write(root, {".goldrankignore": f"{line}\n"})
    assert repository(root, cache).view().paths == [".gitignore", ".goldrankignore", "a[1].gen.py"]


def test_status_says_what_becomes_of_each_link(tmp_path: Path, cache: Path) -> None:
    """By choice, links inside are followed; a link to outside names the rule."""
    write(tmp_path / "outside", {"o.py": "o = 1\n"})
    root = write(tmp_path / "r", {".gitignore": "built/\n", "built/a.py": "a = 1\n"})
    git(root, "init", "-q")
    (root / "made").symlink_to("built")
    (root / "out").symlink_to("../outside")
    assert "files     1\n" in run("status", root, "--cache", cache).output
    said = run("status", root, "--cache", cache, "--follow-links", "--excluded").output
    assert "files     2\n" in said
    assert "out\ta link that leaves the served roots; follow_links follows those inside alone\n" in said
