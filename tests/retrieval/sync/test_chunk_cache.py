"""What was cut once is not cut again; and a cache that fails costs time, never an answer."""

import logging
import sqlite3
from pathlib import Path

import pytest
from fakes import MAX_BYTES, found, ordinary_user, repository, write

from retrieval.chunks import split_file
from retrieval.chunks.split_file import SplitFile
from retrieval.sync import chunk_cache, indexer
from retrieval.sync.chunk_cache import ChunkCache
from retrieval.sync.repository import Repository
from retrieval.text import digest

DATA = b"def alpha(): pass\n"


def cut(cache: ChunkCache, data: bytes = DATA, path: str = "a.py") -> SplitFile:
    """Cut a file in a run of its own."""
    with cache.run() as run:
        made = run.get(path, digest(data)) or split_file.split(path, data)
        run.put(path, digest(data), made)
        run.flush()
    return made


def opened(folder: Path, *, fingerprint: str = "one", limit_bytes: int = 10**9) -> ChunkCache:
    """Open the cache in a folder."""
    return ChunkCache(folder, fingerprint=fingerprint, limit_bytes=limit_bytes)


def forge(folder: Path, path: str = "a.py", data: bytes = DATA) -> SplitFile:
    """Write something else over what is kept of a content, so that whoever takes it from there is known."""
    cut(opened(folder), data, path)
    forged = split_file.split(path, b"def forged(): pass\n")
    table = sqlite3.connect(folder / chunk_cache.FILE)
    with table:
        table.execute("UPDATE documents SET data = ?", (forged.to_bytes(),))
    table.close()
    return forged


def test_what_was_cut_once_is_taken_from_the_cache(tmp_path: Path) -> None:
    """Cutting is most of the cost of an index."""
    forged = forge(tmp_path)
    assert cut(opened(tmp_path)) == forged
    assert cut(opened(tmp_path), path="another/folder/b.py") == forged


def test_another_maker_or_content_or_grammar_finds_nothing(tmp_path: Path) -> None:
    """An index of yesterday's terms finds nothing today."""
    forged = forge(tmp_path)
    assert cut(opened(tmp_path, fingerprint="two")) != forged
    assert cut(opened(tmp_path), b"def beta(): pass\n") != forged
    assert cut(opened(tmp_path), path="a.rb") != forged


def test_a_second_copy_of_a_tree_is_indexed_from_the_cache(tmp_path: Path) -> None:
    """Agents make a work tree for each task."""
    cache = tmp_path / "cache"
    repository(write(tmp_path / "one", {"a.py": DATA}), cache)
    table = sqlite3.connect(cache / chunk_cache.FILE)
    with table:
        forged = split_file.split("a.py", b"def forged(): pass\n").to_bytes()
        table.execute("UPDATE documents SET data = ?", (forged,))
    table.close()
    two = repository(write(tmp_path / "two", {"sub/b.py": DATA}), cache)
    assert found(two, "forged") == ["sub/b.py"]


def test_a_damaged_entry_is_cut_anew(tmp_path: Path) -> None:
    """Disks flip bits."""
    expected = cut(opened(tmp_path))
    table = sqlite3.connect(tmp_path / chunk_cache.FILE)
    with table:
        table.execute("UPDATE documents SET data = substr(data, 1, 10)")
    table.close()
    assert cut(opened(tmp_path)) == expected
    assert cut(opened(tmp_path)) == expected


def test_a_damaged_database_is_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is true only there."""
    expected = cut(opened(tmp_path))
    (tmp_path / chunk_cache.FILE).write_bytes(b"not a database" * 1_000)
    with caplog.at_level(logging.WARNING):
        assert cut(opened(tmp_path)) == expected
    assert "is damaged and will be recreated" in caplog.text
    assert cut(opened(tmp_path)) == expected


def test_the_bound_is_kept_and_the_longest_unused_goes_first(tmp_path: Path) -> None:
    """A cache that grows for ever fills the disk of whoever forgot it."""
    limit = 400_000
    texts = [
        "\n".join(f"def name_{number}_{line}(): return {line * number}" for line in range(400)).encode()
        for number in range(60)
    ]
    cache = opened(tmp_path, limit_bytes=limit)
    kept = forge(tmp_path)
    for data in texts:
        assert cut(cache) == kept, "what every run uses stays"
        cut(cache, data)
        assert (tmp_path / chunk_cache.FILE).stat().st_size < 2 * limit
    table = sqlite3.connect(tmp_path / chunk_cache.FILE)
    (count,) = table.execute("SELECT count(*) FROM documents").fetchone()
    table.close()
    assert 2 < count < len(texts)
    assert cut(opened(tmp_path), texts[-1]) == cut(opened(tmp_path / "other"), texts[-1])


def test_a_bound_of_nothing_keeps_nothing(tmp_path: Path) -> None:
    """Whoever has no room for it says 0."""
    assert cut(opened(tmp_path, limit_bytes=0)) == cut(opened(tmp_path, limit_bytes=0))
    assert chunk_cache.size_bytes(tmp_path) == 0


def test_a_cache_that_may_not_be_written_is_done_without(
    tmp_path_factory: pytest.TempPathFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """A read-only home must not end a search."""
    folder = tmp_path_factory.mktemp("c")
    folder.parent.chmod(0o755)
    folder.chmod(0o555)
    with ordinary_user(), caplog.at_level(logging.WARNING):
        assert cut(opened(folder)) == split_file.split("a.py", DATA)
    assert "is disabled" in caplog.text


def test_work_that_was_cancelled_is_not_cut_again(tmp_path: Path) -> None:
    """Whoever stops an index that took minutes wants those minutes back."""
    files = {f"f{number}.py": f"def alpha_{number}(): pass\n" for number in range(20)}
    asked: list[str] = []

    def after_some() -> bool:
        asked.append("")
        return len(asked) > 12

    root = write(tmp_path / "r", files)
    half = Repository(root, cache=tmp_path / "cache", max_bytes=MAX_BYTES)
    with pytest.raises(Exception, match="stopped after 12 of 20 files"):
        half.refresh(is_cancelled=after_some)
    table = sqlite3.connect(tmp_path / "cache" / chunk_cache.FILE)
    (kept,) = table.execute("SELECT count(*) FROM documents").fetchone()
    assert kept >= 12 - indexer.AHEAD
    table.close()
