"""What one machine has indexed, no other machine indexes again, and answers are the same."""

import json
import threading
from pathlib import Path

import pytest
from fake_secrets import secrets
from fakes import MAX_BYTES, found, git, write
from fsspec.implementations.memory import MemoryFileSystem
from remotes import Remote
from storages import Machine, objects, shelf_of

from mcp_server.serving.repository_pool import open_repository
from retrieval.publishing.place import Place
from retrieval.publishing.shared_index import Origin
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.sync.store import Store


def test_a_second_machine_indexes_nothing_and_answers_the_same(
    origin: Remote, place: Place, tmp_path: Path
) -> None:
    """Twenty replicas that start together must not parse one repository twenty times."""
    first, second = (Machine(origin, tmp_path / name, place) for name in ("one", "two"))
    assert first.index().changed == 13
    assert second.index().changed == 0
    assert second.told.startswith("took up the index of commit ")
    assert "built on this machine; published commit " in first.told
    for question in ("retry_7", "when are uploads retried", "wait before retry"):
        assert found(first.repository, question) == found(second.repository, question)
        assert found(second.repository, question)
    assert second.repository.discard_if_damaged() == []


def test_memory_is_a_place_too(origin: Remote, tmp_path: Path) -> None:
    """An object store is no folder: what works only because paths are files would fail there."""
    place = Place("memory://shared")
    try:
        first, second = (Machine(origin, tmp_path / name, place) for name in ("one", "two"))
        assert first.index().changed == 13
        assert second.index().changed == 0
    finally:
        MemoryFileSystem().rm("/shared", recursive=True)


def test_the_next_commit_sends_only_what_it_changed(
    origin: Remote, place: Place, folder: Path, tmp_path: Path
) -> None:
    """Publishing costs what a push changed, or nobody publishes every commit."""
    first = Machine(origin, tmp_path / "one", place)
    first.index()
    before = objects(folder)
    origin.push({"src/m3.py": "def entirely_new_name():\n    return 1\n"})
    assert first.index().changed == 1
    after = objects(folder)
    assert before.items() <= after.items()
    origin_of = Origin(**json.loads(Store(first.repository.store_folder).read_origin()))
    assert origin_of.sent_bytes == sum(after.values()) - sum(before.values())
    assert 0 < origin_of.sent_bytes < origin_of.published_bytes
    second = Machine(origin, tmp_path / "two", place)
    assert second.index().changed == 0
    assert found(second.repository, "entirely_new_name") == ["src/m3.py"]
    assert found(second.repository, "retry_3") == found(first.repository, "retry_3")


def test_a_commit_that_nobody_published_begins_as_the_latest_one(
    origin: Remote, place: Place, tmp_path: Path
) -> None:
    """After a push, a new machine indexes the push and not the repository."""
    Machine(origin, tmp_path / "one", place).index()
    origin.push({"src/new.py": "def entirely_new_name():\n    return 1\n"})
    second, third = (Machine(origin, tmp_path / name, place) for name in ("two", "three"))
    assert second.index().changed == 1
    assert third.index().changed == 0
    assert found(third.repository, "entirely_new_name") == ["src/new.py"]


def test_a_taken_up_index_can_be_updated_and_replaces_its_segments(
    origin: Remote, place: Place, tmp_path: Path
) -> None:
    """Segments that the engine cannot delete would fill the disk, push by push."""
    Machine(origin, tmp_path / "one", place).index()
    second = Machine(origin, tmp_path / "two", place)
    second.index()
    chunks = second.repository.store_folder / "chunks"
    taken = {path.name for path in chunks.glob("*.store")}
    origin.push(
        {f"src/m{n}.py": f"def other_{n}():\n    return {n}\n" for n in range(12)} | {"docs/a.md": "# B\n"}
    )
    assert second.index().changed == 13
    assert found(second.repository, "other_4")[0] == "src/m4.py"
    second.repository.view().snapshot  # noqa: B018 - opens the newest state
    managed = json.loads((chunks / ".managed.json").read_text(encoding="utf-8"))
    assert taken <= {*managed} or not any((chunks / name).exists() for name in taken)


def test_segments_of_another_ref_on_this_machine_are_not_downloaded(
    origin: Remote, place: Place, tmp_path: Path
) -> None:
    """Two branches share most of their index; a machine that has one needs little for the other."""
    first = Machine(origin, tmp_path / "one", place)
    first.index()
    git(origin.work, "tag", "v1")
    git(origin.work, "push", "-q", "origin", "v1")
    other = Machine(origin, tmp_path / "one", place, ref="v1")
    assert other.index().changed == 0
    chunks, theirs = (one.repository.store_folder / "chunks" for one in (other, first))
    for path in chunks.glob("*.store"):
        assert path.stat().st_ino == (theirs / path.name).stat().st_ino


def test_two_machines_that_start_at_once_build_once(origin: Remote, place: Place, tmp_path: Path) -> None:
    """The lease is there for the morning on which a fleet is rolled out."""
    machines = [Machine(origin, tmp_path / f"m{n}", place) for n in range(3)]
    changed: list[int] = []
    threads = [
        threading.Thread(target=lambda one=one: changed.append(one.index().changed)) for one in machines
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(changed) == [0, 0, 13]
    assert not list(place.names(f"{shelf_of(origin, place).folder}/leases"))


def test_a_secret_stays_masked_on_a_machine_that_never_parsed_its_file(
    origin: Remote, place: Place, tmp_path: Path
) -> None:
    """Masking happens while files are split, which the second machine skips."""
    secret, line = next(iter(secrets(1).values()))
    origin.push({"src/key.py": f"{line}\n"})
    first, second = (Machine(origin, tmp_path / name, place) for name in ("one", "two"))
    first.index()
    second.index()
    assert secret not in str(second.repository.view().lines("src/key.py"))
    assert second.repository.view().lines("src/key.py") == first.repository.view().lines("src/key.py")


def test_a_work_tree_is_never_published(tmp_path: Path, folder: Path) -> None:
    """A folder on disk may hold what nobody pushed."""
    root = write(tmp_path / "root", {"a.py": "private = 1\n"})
    settings = Settings(cache=tmp_path / "cache", shared_indexes=str(folder))
    opened = open_repository(root, settings)
    opened.refresh()
    opened.publish()
    assert not opened.is_shared
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("max_bytes", [MAX_BYTES, 60])
def test_another_size_limit_indexes_only_the_files_that_it_lets_in(
    origin: Remote, place: Place, tmp_path: Path, max_bytes: int
) -> None:
    """What a machine searches is decided by its own settings, never by the publisher's."""
    origin.push({"src/long.py": "def long_function():\n    return 1\n" + "# a comment\n" * 10})
    Machine(origin, tmp_path / "one", place).index()
    second = Machine(origin, tmp_path / "two", place)
    own = Repository(origin.source(), cache=second.cache, max_bytes=max_bytes)
    own.share(second.sharing)
    own.refresh()
    alone = Repository(origin.source(), cache=tmp_path / "alone", max_bytes=max_bytes)
    alone.refresh()
    assert own.view().paths == alone.view().paths
    assert found(own, "long_function") == found(alone, "long_function")


def test_an_index_that_has_moved_on_is_not_published_as_the_commit_before(
    origin: Remote, place: Place, tmp_path: Path
) -> None:
    """Publishing runs beside indexing: what is published must be of the commit that it says."""
    machine = Machine(origin, tmp_path / "one", place)
    mirror = machine.repository.mirror
    assert mirror is not None
    mirror.refresh()
    machine.repository.refresh()
    before = machine.repository.view().look.listing
    assert before is not None
    origin.push({"src/new.py": "def entirely_new_name():\n    return 1\n"})
    mirror.refresh()
    machine.repository.refresh()
    machine.sharing.publish(Store(machine.repository.store_folder), before, is_cancelled=lambda: False)
    shelf = shelf_of(origin, place)
    assert shelf.find(shelf.commit_pointer(before.commit)) is None
    assert place.names("sources") == []
