"""What a repository sees of a tree that changes: filters, stale lines, git's state."""

import os
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from fakes import MAX_BYTES, found, git, ordinary_user, repository, write

from retrieval.errors import ArgumentError, CacheError, RootError
from retrieval.paths.path_filter import Filter
from retrieval.sync.repository import Repository
from retrieval.sync.store import FORMAT
from retrieval.sync.sync import Refresh


def selected(opened: Repository, *globs: str, language: str = "") -> list[str]:
    """List the files that pass a filter."""
    selection = opened.view().select(Filter(globs, (language,) if language else ()))
    return selection.paths if selection else opened.view().paths


def test_a_passage_that_changed_since_it_was_indexed_is_marked(root: Path, cache: Path) -> None:
    """Every returned span is checked against the disk: nothing is silently old."""
    opened = repository(root, cache)
    chunks = [chunk for path in opened.view().paths for chunk in opened.view().snapshot.chunks_of(path)]
    write(root, {"a.py": "def altered(): pass\n"})
    (root / "b.py").unlink()
    changed, gone = opened.view().chunk_texts(chunks)
    assert (changed.is_current, changed.lines) == (False, ("def altered(): pass",))
    assert (gone.is_current, gone.lines) == (False, ())
    write(root, {"a.py": "def alpha(): pass\n"})
    (same,) = opened.view().chunk_texts(chunks[:1])
    assert same.is_current
    assert same.text == "def alpha(): pass"


def test_filters_choose_files_as_gitignore_patterns_do(tmp_path: Path, cache: Path) -> None:
    """A pattern language that everybody knows needs no documentation."""
    files = {"src/a.py": "x", "src/b.ts": "x", "tests/c.py": "x", "d.h": "x"}
    opened = repository(write(tmp_path / "r", files), cache)
    assert opened.view().select(Filter()) is None
    assert selected(opened, "src/") == ["src/a.py", "src/b.ts"]
    assert selected(opened, "*.py", "!tests/") == ["src/a.py"]
    assert selected(opened, "!tests/") == ["d.h", "src/a.py", "src/b.ts"]
    assert selected(opened, language="python") == ["src/a.py", "tests/c.py"]
    assert selected(opened, "src/**", language="TypeScript") == ["src/b.ts"]
    assert selected(opened, language="c++") == selected(opened, language="c") == ["d.h"]
    with pytest.raises(ArgumentError, match=r"no indexed file matches path lib/;"):
        selected(opened, "lib/")
    with pytest.raises(ArgumentError, match=r"language 'klingon' is unknown; known are .*python"):
        selected(opened, language="klingon")


def test_files_that_are_not_searched_are_listed_with_reasons(tmp_path: Path, cache: Path) -> None:
    """Nobody should have to guess why a file is never found."""
    files: dict[str, str | bytes] = {
        "a.py": "x = 1",
        "logo.png": b"\x89PNG\0",
        ".env": "TOKEN=1",
        "b.lock": "x",
    }
    opened = repository(write(tmp_path / "r", files), cache)
    assert [(item.path, item.reason) for item in opened.view().excluded] == [
        (".env", "may hold secrets"),
        ("logo.png", "binary"),
    ]


def test_the_commit_of_the_work_tree_is_told(root: Path, cache: Path) -> None:
    """A reply says what state it is about."""
    opened = repository(root, cache)
    assert opened.view().commit == "not a git repository"
    git(root, "init", "-q")
    assert opened.view().commit == "no commit yet"
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "one")
    short = git(root, "rev-parse", "--short", "HEAD").strip()
    assert opened.view().commit == f"commit {short}, clean"
    write(root, {"a.py": "def edited(): pass\n"})
    assert opened.view().commit == f"commit {short}, dirty"
    (root / ".git/index").write_bytes(b"damaged")
    assert opened.view().commit == f"commit {short}, state unknown"
    (root / ".git/config").write_text("[core\n", encoding="utf-8")
    assert opened.view().commit.startswith("git refused: bad config line 1")


@pytest.mark.parametrize("glob", ["!", "\\", "a\\"])
def test_a_pattern_that_is_none_is_named(root: Path, cache: Path, glob: str) -> None:
    """Git passes over such a line in silence; whoever wrote it here meant something."""
    opened = repository(root, cache)
    with pytest.raises(ArgumentError, match=f"path {re.escape(repr(glob))} is not a gitignore pattern"):
        selected(opened, "src/", glob)


def test_long_filters_are_not_echoed_whole(root: Path, cache: Path) -> None:
    """An error that repeats 200 kB costs an agent more than the answer."""
    opened = repository(root, cache)
    for wanted in (Filter(("x" * 200_000,)), Filter(("!" + "\\" * 50_001,)), Filter((), ("y" * 50_000,))):
        with pytest.raises(ArgumentError, match="characters") as caught:
            opened.view().select(wanted)
        assert len(str(caught.value)) < 800


def test_a_file_that_may_not_be_read_is_left_out_with_its_reason(shared_folder: Path) -> None:
    """One file of another user must not end the indexing of a repository."""
    with ordinary_user():
        root = write(shared_folder / "r", {"a.py": "def alpha(): pass\n", "b.py": "def beta(): pass\n"})
        (root / "a.py").chmod(0)
        opened = repository(root, shared_folder / "cache")
        assert found(opened, "alpha") == []
        assert found(opened, "beta") == ["b.py"]
        assert [(item.path, item.reason) for item in opened.view().excluded] == [
            ("a.py", "unreadable: Permission denied")
        ]
        (root / "a.py").chmod(0o600)
        opened.refresh()
        assert found(opened, "alpha") == ["a.py"]


def test_a_folder_that_may_not_be_read_is_listed_with_its_reason(shared_folder: Path) -> None:
    """Half a tree that is silently missing from a search costs an afternoon."""
    with ordinary_user():
        root = write(shared_folder / "r", {"a.py": "x = 1\n", "shut/b.py": "x = 1\n"})
        (root / "shut").chmod(0)
        opened = repository(root, shared_folder / "cache")
        (root / "shut").chmod(0o700)
        assert opened.view().paths == ["a.py"]
        assert [(item.path, item.reason) for item in opened.view().excluded] == [
            ("shut", "unreadable: Permission denied")
        ]


def test_a_root_that_may_not_be_read_says_so(shared_folder: Path) -> None:
    """An empty answer would look like an empty repository."""
    with ordinary_user():
        root = write(shared_folder / "r", {"a.py": "x"})
        root.chmod(0)
        with pytest.raises(RootError, match="may not be read by this user"):
            repository(root, shared_folder / "cache")
        root.chmod(0o700)


def test_a_cache_that_is_a_file_is_named_with_the_way_out(root: Path, tmp_path: Path) -> None:
    """A mistyped --cache must not look like a failure inside."""
    cache = write(tmp_path, {"cache": "a file"}) / "cache"
    with pytest.raises(CacheError, match=r"cache/.* cannot be written: .* --cache DIR or GOLDRANK_CACHE"):
        repository(root, cache)


def test_a_cache_that_may_not_be_written_is_named_with_the_way_out(shared_folder: Path) -> None:
    """Read-only homes are common in containers, and so are caches that root once made."""
    with ordinary_user():
        root = write(shared_folder / "r", {"a.py": "x = 1\n"})
        cache = shared_folder / "cache"
        shutil.rmtree(repository(root, cache).store_folder)
        (cache / FORMAT).chmod(0o500)
        with pytest.raises(CacheError, match=r"cache/.* cannot be written: .* --cache DIR or GOLDRANK_CACHE"):
            repository(root, cache)
        (cache / FORMAT).chmod(0o700)


def test_an_index_that_may_only_be_read_is_searched(shared_folder: Path) -> None:
    """Somebody made it ahead of time and mounted it: it answers, and what it lacks is said."""
    with ordinary_user():
        root = write(shared_folder / "r", {"a.py": "def alpha(): pass\n", "b.py": "def beta(): pass\n"})
        cache = shared_folder / "cache"
        folder = repository(root, cache).store_folder
        folder.chmod(0o500)
        (folder / "chunks").chmod(0o500)
        opened = Repository(root, cache=cache, max_bytes=MAX_BYTES)
        assert opened.refresh() == Refresh()
        write(root, {"b.py": "def gamma(): pass\n"})
        done = opened.refresh()
        assert found(opened, "alpha") == ["a.py"]
        assert done.pending == 1
        assert "cannot be written" in done.note
        for below in (folder, folder / "chunks"):
            below.chmod(0o700)


def test_a_root_that_vanished_says_so(root: Path, cache: Path) -> None:
    """A work tree can be removed while its server runs."""
    opened = repository(root, cache)
    shutil.rmtree(root)
    with pytest.raises(RootError, match="does not exist"):
        opened.refresh()


def test_a_file_name_that_is_no_utf8_is_searched_and_updated(tmp_path: Path, cache: Path) -> None:
    """File names are bytes; the index speaks UTF-8."""
    name = os.fsdecode(b"bad\x80.py")
    root = write(tmp_path / "r", {name: "def alpha(): pass\n"})
    opened = repository(root, cache)
    assert found(opened, "alpha") == [name]
    write(root, {name: "def gamma(): pass\n"})
    opened.refresh()
    assert found(opened, "alpha") == []
    assert found(opened, "gamma") == [name]


def test_an_empty_folder_can_be_searched(tmp_path: Path, cache: Path) -> None:
    """Nothing to find is an answer."""
    (tmp_path / "empty").mkdir()
    opened = repository(tmp_path / "empty", cache)
    assert len(opened.view().snapshot) == 0
    assert found(opened, "anything") == []


def test_indexing_a_tree_does_not_touch_it(root: Path, cache: Path) -> None:
    """A search must not make a work tree dirty."""
    before = sorted(path.name for path in root.rglob("*"))
    repository(root, cache)
    assert sorted(path.name for path in root.rglob("*")) == before


def test_two_roots_of_one_name_have_stores_of_their_own(tmp_path: Path, cache: Path) -> None:
    """An api of today and an api of last year are two repositories."""
    one = repository(write(tmp_path / "x/api", {"a.py": "def alpha(): pass"}), cache)
    two = repository(write(tmp_path / "y/api", {"b.py": "def beta(): pass"}), cache)
    assert one.store_folder != two.store_folder
    assert found(one, "beta") == []


def test_the_table_of_files_is_a_database_that_can_be_read_while_written(root: Path, cache: Path) -> None:
    """Readers never wait for the writer."""
    folder = repository(root, cache).store_folder
    table = sqlite3.connect(folder / "files.sqlite")
    try:
        assert table.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        table.close()


def test_the_state_of_a_watched_tree_is_asked_for_after_each_touch(root: Path, cache: Path) -> None:
    """Git looks at every file for it, so it is asked again only when something was touched; then it is."""
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "one")
    opened = repository(root, cache)
    opened.refresh(touched=frozenset())
    assert opened.view().commit.endswith("clean")
    write(root, {"a.py": "def edited(): pass\n"})
    opened.refresh(touched=frozenset({"a.py"}))  # a sweep in the background, say: nobody asks for the state
    opened.refresh(touched=frozenset())
    assert opened.view().commit.endswith("dirty")
    opened.refresh(touched=frozenset())
    git(root, "commit", "-q", "-a", "-m", "two")
    opened.refresh(touched=frozenset())
    assert opened.view().commit.endswith("clean")
