"""The store: who may write it, what another work tree takes from it, what a kill leaves."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fakes import MAX_BYTES, found, git, repository, write

from retrieval.errors import IndexLockedError
from retrieval.index.writer import make
from retrieval.records import FileStat
from retrieval.sync import file_table, inventory, record_table
from retrieval.sync.indexer import is_settled
from retrieval.sync.record_table import Changes, FileRecord, RecordTable
from retrieval.sync.repository import Repository
from retrieval.sync.store import Store, store_folder
from retrieval.sync.sync import Refresh
from retrieval.sync.write_lock import WriterInfo


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """Name a cache folder of the test's own."""
    return tmp_path / "cache"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a git work tree with two files."""
    root = write(tmp_path / "tree", {"a.py": "def alpha(): pass\n", "b.py": "def beta(): pass\n"})
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "one")
    return root


def test_a_second_work_tree_begins_with_the_index_of_the_first(tree: Path, cache: Path) -> None:
    """An agent that works in a new work tree should not wait for what is known."""
    first = repository(tree, cache)
    git(tree, "worktree", "add", "-q", "../other", "-b", "other")
    other = write(tree.parent / "other", {"b.py": "def gamma(): pass\n"})
    opened = Repository(other, cache=cache, max_bytes=MAX_BYTES)
    assert opened.refresh() == Refresh(changed=1), "a.py is as it was"
    assert found(opened, "alpha") == ["a.py"]
    assert (found(opened, "beta"), found(opened, "gamma")) == ([], ["b.py"])
    assert found(first, "beta") == ["b.py"], "the first work tree keeps its own"
    shared = {path.name for path in (first.store_folder / "chunks").iterdir() if path.stat().st_nlink > 1}
    assert shared, "segments are shared, not copied"


def test_a_second_work_tree_is_not_begun_with_a_damaged_index(tree: Path, cache: Path) -> None:
    """What is broken must not spread."""
    folder = repository(tree, cache).store_folder
    (folder / "chunks" / "meta.json").write_text("{", encoding="utf-8")
    git(tree, "worktree", "add", "-q", "../other", "-b", "other")
    assert found(repository(tree.parent / "other", cache), "alpha") == ["a.py"]


def test_a_second_work_tree_does_not_wait_for_who_writes_the_first(tree: Path, cache: Path) -> None:
    """Its own files are at hand."""
    folder = repository(tree, cache).store_folder
    git(tree, "worktree", "add", "-q", "../other", "-b", "other")
    with Store(folder).writing(patience_s=1):
        assert found(repository(tree.parent / "other", cache), "alpha") == ["a.py"]


def test_another_repository_gives_no_index_to_begin_with(tree: Path, cache: Path, tmp_path: Path) -> None:
    """Only work trees of one repository are alike for sure."""
    repository(tree, cache)
    alone = write(tmp_path / "alone", {"a.py": "def alpha(): pass\n"})
    git(alone, "init", "-q")
    assert repository(alone, cache).refresh() == Refresh()
    (mark,) = [store.family for store in inventory.stores(cache) if store.root == alone.resolve()]
    assert mark.startswith(str(alone.resolve()))
    assert [store.root for store in inventory.relatives(cache, mark)] == [alone.resolve()]
    assert inventory.relatives(cache, "") == []


def test_who_writes_is_named_with_how_far_it_is(tmp_path: Path) -> None:
    """Whoever waits wants to know for whom, and how long."""
    store, other = Store(tmp_path / "s"), Store(tmp_path / "s")
    with store.writing(patience_s=1):
        store.lock.report_progress(400, 1_000)
        assert other.lock.writer() == WriterInfo(os.getpid(), 400, 1_000)
        with pytest.raises(
            IndexLockedError,
            match=rf"process \({os.getpid()}, 400 of 1,000 files done\) is writing the index",
        ):
            other.writing(patience_s=0).__enter__()
    assert other.lock.writer() is None


def test_the_lock_of_a_killed_writer_is_taken_over(tree: Path, cache: Path) -> None:
    """Nobody should have to delete a lock file by hand."""
    folder = store_folder(cache, tree.resolve())
    script = (
        "import os, sys; from pathlib import Path; from retrieval.sync.store import Store\n"
        "with Store(Path(sys.argv[1])).writing(patience_s=1): os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(folder)], check=False)
    assert killed.returncode == -9
    assert (folder / "holder").exists()
    assert Store(folder).lock.writer() is None, "the dead hold nothing"
    assert found(repository(tree, cache), "alpha") == ["a.py"]


def test_an_index_whose_making_was_killed_is_not_taken_for_the_one_before(tree: Path, cache: Path) -> None:
    """A server that had the old one open would find nothing, and write that down."""
    opened = repository(tree, cache)
    script = (
        "import os, sys; from pathlib import Path; from retrieval.sync.repository import Repository\n"
        "from retrieval.sync.store import Store\n"
        "Store.publish = lambda self, making='': os.kill(os.getpid(), 9)\n"
        f"Repository(Path(sys.argv[1]), cache=Path(sys.argv[2]), max_bytes={MAX_BYTES}).rebuild()\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tree), str(cache)], check=False)
    assert killed.returncode == -9
    write(tree, {"b.py": "def gamma(): pass\n"})
    assert opened.refresh() == Refresh(changed=2)
    assert found(opened, "alpha") == ["a.py"]


def test_a_store_that_is_made_anew_is_read_as_it_was_or_as_it_is(tmp_path: Path) -> None:
    """SQLite finds its log by name: whoever still had a deleted table open broke the one that came after."""
    store = Store(store_folder(tmp_path / "cache", tmp_path))
    records = {f"{n}.py": FileRecord(FileStat(n, 0, 0, 0), "0f") for n in range(200)}
    sizes, failures, is_over = set(), [], threading.Event()

    def read_on() -> None:
        while not is_over.is_set():
            try:
                sizes.add(len(store.table.changes().records))
            except sqlite3.Error as error:
                failures.append(error)

    with store.writing(patience_s=1):
        store.reset(tmp_path, "made", make=make)
        store.table.remember(records, ())
    readers = [threading.Thread(target=read_on) for _ in range(2)]
    for reader in readers:
        reader.start()
    for _ in range(25):
        with store.writing(patience_s=1):
            store.reset(tmp_path, "made", make=make)
            store.table.remember(records, ())
        assert store.table.changes().records == records
    is_over.set()
    for reader in readers:
        reader.join()
    assert not failures
    assert sizes <= {0, len(records)}


def test_a_table_that_is_no_table_is_made_anew(tmp_path: Path) -> None:
    """A file can be overwritten by anything."""
    store = Store(store_folder(tmp_path / "cache", tmp_path))
    with store.writing(patience_s=1):
        (store.folder / "files.sqlite").write_bytes(b"no table " * 1_000)
        store.reset(tmp_path, "made", make=make)
    assert store.table.changes().records == {}


def test_what_is_made_anew_while_it_is_read_is_not_trusted(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else old records and an empty index would answer together."""
    opened = repository(tree, cache)
    write(tree, {"c.py": "def gamma(): pass\n"})
    repository(tree, cache)  # another process: there is news to read
    changes = RecordTable.changes

    def interrupted(self: RecordTable, since: int = 0) -> Changes:
        read = changes(self, since)
        monkeypatch.setattr(RecordTable, "changes", changes)
        repository(tree, cache).rebuild()
        return read

    monkeypatch.setattr(RecordTable, "changes", interrupted)
    assert opened.refresh().changed == 3
    assert found(opened, "alpha") == ["a.py"]


def test_a_second_work_tree_is_not_begun_with_what_another_version_made(tree: Path, cache: Path) -> None:
    """The chunks of last year's chunker would be searched as if they were today's."""
    folder = repository(tree, cache).store_folder
    (folder / "fingerprint").write_text("another chunker", encoding="utf-8")
    git(tree, "worktree", "add", "-q", "../other", "-b", "other")
    assert repository(tree.parent / "other", cache).refresh() == Refresh()
    assert not [path for path in (folder / "chunks").iterdir() if path.stat().st_nlink > 1]


def test_readers_see_what_a_writer_published_without_opening_anew(tree: Path, cache: Path) -> None:
    """Two agents share an index; one of them writes it."""
    one, two = repository(tree, cache), repository(tree, cache)
    write(tree, {"a.py": "def gamma(): pass\n"})
    assert one.refresh() == Refresh(changed=1)
    assert two.refresh() == Refresh(), "the work is done"
    assert found(two, "gamma") == ["a.py"]


def test_who_reads_the_news_too_late_forgets_who_is_gone(
    tree: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server slept over hundreds of edits, one of them a deletion, and wakes when the file is back."""
    for module in (record_table, file_table):
        monkeypatch.setattr(module, "TOMBSTONES", 3)
    sleeper, other = repository(tree, cache), repository(tree, cache)
    (tree / "a.py").unlink()
    for number in range(4):
        write(tree, {"b.py": f"def beta_{number}(): pass\n"})
        other.refresh()
    write(tree, {"a.py": "def alpha(): pass\n"})
    assert sleeper.refresh() == Refresh(changed=1)
    assert found(sleeper, "alpha") == ["a.py"]


def test_a_takeover_does_not_trust_what_it_knew_before(tree: Path, cache: Path) -> None:
    """A writer was killed behind its commit, and the file was put back: its chunks must not stay."""
    opened = repository(tree, cache)
    script = (
        "import os, sys; from pathlib import Path; from retrieval.sync.repository import Repository\n"
        "from retrieval.sync.record_table import RecordTable\n"
        "RecordTable.remember = lambda self, records, gone: os.kill(os.getpid(), 9) if not all(\n"
        "    record.digest == '' for record in records.values()) else remember(self, records, gone)\n"
    ).replace("RecordTable.remember =", "remember = RecordTable.remember\nRecordTable.remember =", 1)
    script += f"Repository(Path(sys.argv[1]), cache=Path(sys.argv[2]), max_bytes={MAX_BYTES}).refresh()\n"
    write(tree, {"a.py": "def gamma(): pass\n"})
    killed = subprocess.run([sys.executable, "-c", script, str(tree), str(cache)], check=False)
    assert killed.returncode == -9
    assert found(opened, "gamma") == ["a.py"], "the commit was made"
    write(tree, {"a.py": "def alpha(): pass\n"})
    opened.refresh()
    assert found(opened, "gamma") == []
    assert found(opened, "alpha") == ["a.py"]


@pytest.mark.parametrize(
    ("mtime_ns", "now_ns", "settled"),
    [
        (1_000_000_001, 1_010_000_000, False),  # within a tick of a fine clock
        (1_000_000_001, 1_030_000_000, True),
        (1_000_000_000, 2_500_000_000, False),  # a clock without fractions may stand still for two seconds
        (1_000_000_000, 3_500_000_000, True),
        (9_000_000_001, 1_000_000_000, False),  # the future
    ],
)
def test_a_file_that_changed_a_moment_ago_is_not_settled(mtime_ns: int, now_ns: int, settled: bool) -> None:
    """A second change within one tick of the clock leaves size and times as they were."""
    assert is_settled(FileStat(1, mtime_ns, 0, 1), now_ns=now_ns) is settled
    assert is_settled(FileStat(1, 0, mtime_ns, 1), now_ns=now_ns) is settled
