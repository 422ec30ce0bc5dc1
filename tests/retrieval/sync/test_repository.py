"""The index follows the disk: what is returned is true now, whatever happened in between."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from damage import change_in_place, cut
from fakes import MAX_BYTES, found, repository, searched, write

from retrieval.chunks.split_file import split
from retrieval.errors import CancelledError, IndexLockedError
from retrieval.index.writer import IndexWriter
from retrieval.rank.pool import DEPTHS
from retrieval.search.searcher import DAMAGED, REPLACED, Request, search
from retrieval.sync.repository import Repository
from retrieval.sync.store import Store, store_folder
from retrieval.sync.sync import Refresh


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
    "segment cut": lambda store: [cut(path, by=5) for path in _segments(store)],
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
    change_in_place(segment, at=0, by=lambda first: bytes([first[0] ^ 1]))
    again = Repository(root, cache=cache, max_bytes=MAX_BYTES)
    assert again.discard_if_damaged() == [segment.name]
    assert again.refresh().changed == 2
    assert found(again, "alpha") == ["a.py"]


def test_a_search_over_a_damaged_index_says_so_and_the_next_one_is_right(root: Path, cache: Path) -> None:
    """The disk may fail under a server that opened its index long ago."""
    opened = repository(root, cache)
    for segment in (opened.store_folder / "chunks").glob("*.store"):
        change_in_place(segment, at=0, by=lambda _: b"\0" * 40, length=40)
    request = Request("alpha", 5, rerank="no")
    answer = search(opened.view(), request, None)
    assert answer.notes == (DAMAGED,)
    (result,) = searched(opened, request).results
    assert result.passage.chunk.path == "a.py"


def test_a_search_that_meets_a_chunk_twice_says_so_and_the_next_one_is_right(root: Path, cache: Path) -> None:
    """No file of such an index is damaged, and yet every search that met it would fail for ever."""
    write(root, {f"many/f{number:03}.py": "def delta(): pass\n" for number in range(DEPTHS["body"] + 1)})
    opened = repository(root, cache)
    with IndexWriter(opened.store_folder / "chunks") as writer:
        writer.add("many/f007.py", split("many/f007.py", b"def delta(): pass\n").chunks)
        writer.commit()
    request = Request("where is delta passed", 5, rerank="no")
    assert search(opened.view(), request, None).notes == (DAMAGED,)
    assert len(searched(opened, request).results) == 5
    assert opened.discard_if_damaged() == []


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
