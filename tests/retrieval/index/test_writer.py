"""A file is in the index once, whatever merges run while it is replaced."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from retrieval.chunks.split_file import split
from retrieval.chunks.stored_chunk import StoredChunk
from retrieval.index import integrity
from retrieval.index.reader import Index
from retrieval.index.writer import IndexWriter, make

SEGMENTS = 12  # tantivy merges eight
TRIES = 25  # without the writer's first operation, about one in six loses a removal


@pytest.fixture(scope="module")
def chunks() -> Sequence[StoredChunk]:
    """Split a file of many chunks."""
    methods = "".join(
        f'    def m{number}(self):\n        return "{"word " * 40}"\n\n' for number in range(30)
    )
    return split("a.py", "".join(f"class C{number}:\n{methods}\n" for number in range(4)).encode()).chunks


@pytest.fixture(scope="module")
def unmerged(tmp_path_factory: pytest.TempPathFactory, chunks: Sequence[StoredChunk]) -> Path:
    """Make an index whose merges have not run: one that a process left when it ended."""
    parts = []
    for number in range(SEGMENTS):
        part = tmp_path_factory.mktemp("part")
        make(part)
        with IndexWriter(part) as writer:
            for name in ("old", "gone", "kept"):
                writer.add(f"{name}{number}.py", chunks)
            writer.commit()
            # The first has no removal of its own last commit; the others are up to date with it.
            writer.remove(f"gone{number}.py" if number else "nothing.py")
            writer.commit()
        parts.append(part)
    return _joined(parts, tmp_path_factory.mktemp("whole"))


def test_replacing_a_file_first_while_segments_merge_leaves_it_once(
    unmerged: Path, tmp_path: Path, chunks: Sequence[StoredChunk]
) -> None:
    """It was there twice now and then, and every search that met it failed."""
    for number in range(TRIES):
        folder = tmp_path / str(number)
        shutil.copytree(unmerged, folder)
        with IndexWriter(folder) as writer:
            for replaced in (3, 0, 5):
                writer.remove(f"old{replaced}.py")
                writer.add(f"old{replaced}.py", chunks)
            writer.commit()
        assert Index(folder).snapshot().repeated() == []


def test_a_file_that_is_there_twice_is_damage(tmp_path: Path, chunks: Sequence[StoredChunk]) -> None:
    """An index that an earlier release damaged is made anew."""
    make(tmp_path)
    with IndexWriter(tmp_path) as writer:
        writer.add("once.py", chunks)
        for _ in range(2):
            writer.add("twice.py", chunks)
        writer.commit()
    assert integrity.damaged(tmp_path) == ["twice.py"]


def _joined(parts: Sequence[Path], whole: Path) -> Path:
    """Put the segments of several indexes into one."""
    states = [json.loads((part / "meta.json").read_bytes()) for part in parts]
    for part in parts:
        for file in _segments(part):
            shutil.copy(file, whole)
    segments = [segment for state in states for segment in state["segments"]]
    (whole / "meta.json").write_text(json.dumps({**states[0], "segments": segments}), encoding="utf-8")
    managed = sorted(file.name for file in whole.iterdir())
    (whole / ".managed.json").write_text(json.dumps(managed), encoding="utf-8")
    return whole


def _segments(part: Path) -> Iterator[Path]:
    return (file for file in part.iterdir() if file.suffix not in {".json", ".lock"})
