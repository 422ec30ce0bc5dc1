"""Nothing is deleted that goldrank did not make: a cache folder may be shared with every other program."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest
from fakes import found, repository, write

from retrieval import ownership
from retrieval.errors import CacheError, TrainingError
from retrieval.rerank import model_versions
from retrieval.sync import chunk_cache, inventory
from retrieval.sync.store import FORMAT, Store, store_folder
from retrieval.training.fit import checkpoints

OTHERS = "Signature: 8a477f597d28d172789f06886806bc55\n# made by another program\n"


def tree(folder: Path) -> Mapping[str, bytes]:
    """Read every file below a folder."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_mark_is_ours_only_with_our_name_in_it(tmp_path: Path) -> None:
    """Cargo, ccache and others write a CACHEDIR.TAG too."""
    theirs, ours = write(tmp_path / "theirs", {ownership.MARK: OTHERS}), tmp_path / "ours"
    ours.mkdir()
    ownership.claim(ours)
    assert ownership.is_marked(ours)
    assert (ours / ownership.MARK).read_text(encoding="ascii").startswith(OTHERS.partition("\n")[0])
    assert not ownership.is_marked(theirs)
    assert not ownership.is_marked(tmp_path / "nowhere")


def test_a_folder_with_files_of_others_is_never_claimed(tmp_path: Path) -> None:
    """What is claimed may be emptied later."""
    folder = write(tmp_path / "f", {"letters/1.txt": "dear"})
    with pytest.raises(CacheError, match="contains files that goldrank did not write, such as letters"):
        ownership.claim(folder)
    assert tree(folder) == {str(folder / "letters/1.txt"): b"dear"}


def test_a_store_of_an_earlier_release_is_known_by_all_its_parts(tmp_path: Path) -> None:
    """Its indexes take space that nobody else frees; whatever misses a part or holds more stays."""
    root, cache = tmp_path / "root", tmp_path / "cache"
    parts = {"root": str(root), "fingerprint": "f", "files.sqlite": "", "chunks/meta.json": "{}"}
    name = store_folder(cache, root).name
    old = write(cache / "v1" / name, parts)
    write(cache / "v2" / name, {part: text for part, text in parts.items() if part != "fingerprint"})
    write(cache / "v3" / name, {**parts, "thesis.tex": "years of work"})
    write(cache / "v4" / name, {**parts, "root": "/elsewhere"})
    write(cache / "video" / name, parts)
    assert [store.folder for store in inventory.foreign(cache)] == [old]
    assert inventory.unclaimed(cache) == [cache / version / name for version in ("v2", "v3", "v4")]
    with pytest.raises(CacheError, match=r"lacks goldrank's CACHEDIR\.TAG"):
        Store(cache / "v3" / name).remove()
    assert (cache / "v3" / name / "thesis.tex").exists()


def test_an_unmarked_store_is_taken_over_and_marked(tmp_path: Path) -> None:
    """An upgrade must not lose an index, nor refuse one that a kill left half-made."""
    root = write(tmp_path / "root", {"a.py": "def alpha(): pass\n"})
    folder = repository(root, tmp_path / "cache").store_folder
    (folder / ownership.MARK).unlink()
    (folder / "fingerprint").unlink()
    assert found(repository(root, tmp_path / "cache"), "alpha") == ["a.py"]
    assert ownership.is_marked(folder)


def test_an_index_is_not_made_where_somebody_else_has_files(tmp_path: Path) -> None:
    """However unlikely its name: making an index empties its folder."""
    root, cache = write(tmp_path / "root", {"a.py": "x = 1\n"}), tmp_path / "cache"
    folder = write(store_folder(cache, root), {"chunks/mine.txt": "mine", "notes.txt": "mine"})
    before = tree(folder)
    with pytest.raises(CacheError, match=r"such as (chunks|notes\.txt)"), Store(folder).writing(patience_s=0):
        pass
    assert tree(folder) == before


def test_another_programs_database_is_neither_changed_nor_deleted(tmp_path: Path) -> None:
    """`documents.sqlite` is a name that anybody may choose, also for what is no database."""
    root, cache = write(tmp_path / "root", {"a.py": "x = 1\n"}), tmp_path / "cache"
    cache.mkdir()
    with closing(sqlite3.connect(cache / "documents.sqlite")) as table, table:
        table.execute("CREATE TABLE documents (title TEXT)")
    write(cache, {"documents/documents.sqlite": "no database: a letter"})
    before = tree(cache)
    repository(root, cache)
    chunk_cache.remove(cache)
    assert {path: content for path, content in tree(cache).items() if f"/{FORMAT}/" not in path} == before
    assert chunk_cache.size_bytes(cache) == 0


def test_the_database_of_an_earlier_release_is_freed(tmp_path: Path) -> None:
    """It may take a gigabyte and is never read again."""
    with chunk_cache.ChunkCache(tmp_path, fingerprint="f", limit_bytes=10**9).run():
        pass
    (tmp_path / chunk_cache.FILE).rename(tmp_path / "documents.sqlite")
    assert chunk_cache.size_bytes(tmp_path) > 0
    chunk_cache.remove(tmp_path)
    assert not (tmp_path / "documents.sqlite").exists()


def test_a_folder_that_is_named_like_a_training_is_not_emptied(tmp_path: Path) -> None:
    """`--out model` must not cost anybody their `model.partial`."""
    partial = write(tmp_path / "model.partial", {"fingerprint": "of a finger", "photo.jpg": "x"})
    with pytest.raises(TrainingError, match="holds no interrupted training; move it away"):
        checkpoints.resume(partial, "mark")
    assert (partial / "photo.jpg").exists()
    own = tmp_path / "own.partial"
    assert checkpoints.resume(own, "one") is None
    write(own, {"checkpoint-1/x": "x"})
    assert checkpoints.resume(own, "another") is None
    assert sorted(path.name for path in own.iterdir()) == [ownership.MARK, "fingerprint"]


def test_a_folder_with_a_file_called_root_is_no_store_of_models(tmp_path: Path) -> None:
    """The doctor must not take a neighbour's folder for a repository's models."""
    write(tmp_path, {"x/root": "/home", "y/root/file": "x"})
    assert model_versions.stores(tmp_path) == []
