"""The index follows the disk: what is returned is true now, whatever happened in between."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import MAX_BYTES, found, git, ordinary_user, repository, searched, write

from retrieval.errors import ArgumentError, CacheError, CancelledError, IndexLockedError, RootError
from retrieval.paths.path_filter import Filter
from retrieval.search.searcher import DAMAGED, REPLACED, Request, search
from retrieval.sync.repository import Repository
from retrieval.sync.store import FORMAT, Store, store_folder
from retrieval.sync.sync import Refresh


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a small repository."""
    return write(tmp_path / "root", {"a.py": "def alpha(): pass\n", "b.py": "def beta(): pass\n"})


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Name a cache folder of the test's own."""
    return tmp_path / "cache"


def test_an_edit_is_found_and_the_old_text_is_not(root: Path, cache: Path) -> None:
    """Stale answers are the first complaint about every code search."""
    opened = repository(root, cache)
    write(root, {"a.py": "def gamma(): pass\n"})
    done = opened.refresh()
    assert (done.changed, done.removed) == (1, 0)
    assert found(opened, "gamma") == ["a.py"]
    assert found(opened, "alpha") == []


def test_an_edit_of_equal_size_that_keeps_the_time_is_found(root: Path, cache: Path) -> None:
    """Tools restore modification times; the change time gives them away."""
    opened = repository(root, cache)
    before = (root / "a.py").stat()
    write(root, {"a.py": "def omega(): pass\n"})
    os.utime(root / "a.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert opened.refresh().changed == 1
    assert found(opened, "omega") == ["a.py"]


def test_new_and_deleted_files_are_found_and_gone(root: Path, cache: Path) -> None:
    """A deleted file that is still cited sends an agent after a ghost."""
    opened = repository(root, cache)
    (root / "a.py").unlink()
    write(root, {"c.py": "def delta(): pass\n"})
    done = opened.refresh()
    assert (done.changed, done.removed) == (1, 1)
    assert found(opened, "alpha") == []
    assert found(opened, "delta") == ["c.py"]
    assert opened.view().paths == ["b.py", "c.py"]


def test_a_touched_file_is_not_indexed_again(root: Path, cache: Path) -> None:
    """A checkout touches thousands of files and changes a few."""
    opened = repository(root, cache)
    os.utime(root / "a.py")
    assert opened.refresh().changed == 0
    assert opened.refresh() == type(opened.refresh())()


def test_a_second_process_uses_what_the_first_indexed(root: Path, cache: Path) -> None:
    """Assistants start a server a session; indexing is paid once."""
    repository(root, cache)
    again = Repository(root, cache=cache, max_bytes=MAX_BYTES)
    assert again.refresh().changed == 0
    assert found(again, "alpha") == ["a.py"]


def _segments(store: Path) -> list[Path]:
    return [path for path in (store / "chunks").iterdir() if path.suffix in {".pos", ".store"}]


DAMAGES: dict[str, Callable[[Path], object]] = {
    "fingerprint": lambda store: (store / "fingerprint").write_text("another analyzer", encoding="utf-8"),
    "table": lambda store: (store / "files.sqlite").write_bytes(b"not a database" * 100),
    "table lost": lambda store: list(map(os.unlink, store.glob("files.sqlite*"))),
    "list": lambda store: (store / "chunks" / "meta.json").write_text("{", encoding="utf-8"),
    "list lost": lambda store: (store / "chunks" / "meta.json").unlink(),
    "index lost": lambda store: shutil.rmtree(store / "chunks"),
    "segment cut": lambda store: [path.write_bytes(path.read_bytes()[:-5]) for path in _segments(store)],
    "segment lost": lambda store: list(map(os.unlink, _segments(store))),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_index_is_made_anew(root: Path, cache: Path, damage: str) -> None:
    """A wrong answer from a broken index is worse than a second of indexing."""
    DAMAGES[damage](repository(root, cache).store_folder)
    again = repository(root, cache)
    assert found(again, "alpha") == ["a.py"]
    assert again.view().paths == ["a.py", "b.py"]


@pytest.mark.parametrize("kind", ["idx", "pos", "term", "store", "fast", "fieldnorm"])
def test_a_flipped_bit_is_found_by_whoever_reads_the_whole_index(root: Path, cache: Path, kind: str) -> None:
    """Nothing tells of it at first, and answers get strange."""
    opened = repository(root, cache)
    assert opened.discard_if_damaged() == []
    (segment,) = (opened.store_folder / "chunks").glob(f"*.{kind}")
    data = segment.read_bytes()
    segment.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    again = Repository(root, cache=cache, max_bytes=MAX_BYTES)
    assert again.discard_if_damaged() == [segment.name]
    assert again.refresh().changed == 2
    assert found(again, "alpha") == ["a.py"]


def test_a_search_over_a_damaged_index_says_so_and_the_next_one_is_right(root: Path, cache: Path) -> None:
    """The disk may fail under a server that opened its index long ago."""
    opened = repository(root, cache)
    for segment in (opened.store_folder / "chunks").glob("*.store"):
        segment.write_bytes(b"\0" * 40 + segment.read_bytes()[40:])
    request = Request("alpha", 5, rerank="no")
    answer = search(opened.view(), request, None)
    assert answer.notes == (DAMAGED,)
    (result,) = searched(opened, request).results
    assert result.passage.chunk.path == "a.py"


def test_a_search_while_another_process_makes_the_index_anew_says_so(root: Path, cache: Path) -> None:
    """An empty index would else look like a repository without an answer."""
    opened = repository(root, cache)
    request = Request("alpha", 5, rerank="no")
    Repository(root, cache=cache, max_bytes=MAX_BYTES).rebuild()
    assert search(opened.view(), request, None).notes == (REPLACED,)
    shutil.rmtree(opened.store_folder / "chunks")
    assert search(opened.view(), request, None).notes == (REPLACED,)
    (result,) = searched(opened, request).results
    assert result.passage.chunk.path == "a.py"


def test_an_index_that_another_process_makes_anew_is_not_thrown_away_again(root: Path, cache: Path) -> None:
    """Eight servers that find the same damage would throw away one another's work."""
    opened = repository(root, cache)
    meta = opened.store_folder / "chunks" / "meta.json"
    whole = meta.read_bytes()
    meta.unlink()
    with Store(opened.store_folder).writing(patience_s=1):
        assert opened.discard_if_damaged() == ["meta.json"]
        meta.write_bytes(whole)
    assert Repository(root, cache=cache, max_bytes=MAX_BYTES).refresh() == Refresh(), "it was kept"


def test_a_full_disk_is_named_and_what_was_indexed_is_searched(root: Path, cache: Path) -> None:
    """The rest of an answer is worth having, and why it is not whole."""
    script = (
        "import resource, sys; from pathlib import Path; from retrieval.sync.repository import Repository\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"  # as good as full: no file may grow
        f"opened = Repository(Path(sys.argv[1]), cache=Path(sys.argv[2]), max_bytes={MAX_BYTES})\n"
        "done = opened.refresh()\n"
        "print(len(opened.view().snapshot), done.pending, done.note)\n"
    )
    repository(root, cache)
    write(root, {f"n{n}.py": f"def gamma_{n}():\n" + "    x = yes\n" * 2_000 for n in range(30)})
    done = subprocess.run(
        [sys.executable, "-c", script, str(root), str(cache)], capture_output=True, text=True, check=True
    )
    assert re.match(r"2 \d+ the index in .* cannot be written: ", done.stdout), done
    assert repository(root, cache).refresh() == Refresh()
    assert len(repository(root, cache).view().snapshot) > 30


def test_work_that_was_cut_off_before_its_commit_is_done_again(root: Path, cache: Path) -> None:
    """Kill -9 between two writes must leave files that look changed, never files that look done."""
    opened = repository(root, cache)
    store = Store(opened.store_folder)
    store.table.mark(["a.py"])  # as if killed after marking, before the commit
    assert Repository(root, cache=cache, max_bytes=MAX_BYTES).refresh().changed == 1


def test_a_marked_file_that_vanished_leaves_the_index(root: Path, cache: Path) -> None:
    """Its chunks may have been committed before the process was killed."""
    opened = repository(root, cache)
    Store(opened.store_folder).table.mark(["a.py"])
    (root / "a.py").unlink()
    again = repository(root, cache)
    assert found(again, "alpha") == []


def test_a_cancelled_refresh_changes_nothing(root: Path, cache: Path) -> None:
    """Ctrl-C in the middle of indexing must cost nothing."""
    opened = repository(root, cache)
    write(root, {"a.py": "def gamma(): pass\n"})
    with pytest.raises(CancelledError):
        opened.refresh(is_cancelled=lambda: True)
    assert found(opened, "alpha") == ["a.py"]
    assert opened.refresh().changed == 1


def test_while_another_process_writes_the_last_commit_is_searched(root: Path, cache: Path) -> None:
    """Waiting for somebody else's indexing would run into the client's time-out."""
    opened = repository(root, cache)
    write(root, {"a.py": "def gamma(): pass\n"})
    with Store(opened.store_folder).writing(patience_s=1):
        done = opened.refresh(patience_s=0.1)
        assert f"another goldrank process ({os.getpid()})" in done.note
        assert done.pending == 1
        assert found(opened, "alpha") == ["a.py"]
    other = write(root.parent / "other", {"a.py": "x = 1\n"})
    with (
        Store(store_folder(cache, other.resolve())).writing(patience_s=1),
        pytest.raises(IndexLockedError, match="another goldrank process"),
    ):
        Repository(other, cache=cache, max_bytes=MAX_BYTES).refresh(patience_s=0.1)


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
    with pytest.raises(ArgumentError, match=r"no indexed file matches path \['lib/'\]"):
        selected(opened, "lib/")
    with pytest.raises(ArgumentError, match=r"language 'klingon' is unknown; known are .*python"):
        selected(opened, language="klingon")


def selected(opened: Repository, *globs: str, language: str = "") -> list[str]:
    """List the files that pass a filter."""
    selection = opened.view().select(Filter(globs, (language,) if language else ()))
    return selection.paths if selection else opened.view().paths


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


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """Make a folder that every user may write; pytest's own belong to one."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


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
