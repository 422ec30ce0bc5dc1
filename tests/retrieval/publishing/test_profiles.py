"""The profiles that routers read are published beside the indexes."""

from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from remotes import Remote
from storages import Machine, shelf_of

from retrieval.publishing.place import Place
from retrieval.publishing.shelf import profile_marks, read_profiles
from retrieval.rank.need import read_need
from retrieval.routing.profile import hash_of
from retrieval.routing.router import Router
from retrieval.sync.sync import fingerprint


def head_of(machine: Machine) -> str:
    """Return the commit that a machine has fetched."""
    assert machine.repository.mirror is not None
    return machine.repository.mirror.commit()


def test_publishing_an_index_publishes_its_profile(origin: Remote, place: Place, tmp_path: Path) -> None:
    """A router knows what a repository is about as soon as it can be searched."""
    machine = Machine(origin, tmp_path / "one", place)
    machine.index()
    shelf = shelf_of(origin, place)
    found = shelf.read_profile()
    assert found is not None
    assert (found.source, found.commit) == (shelf.source, head_of(machine))
    assert hash_of(b"retry7") in found.terms.tolist()
    assert Router([found]).route(read_need("retry attempt"), [shelf.source])[0].score > 0


def test_a_push_replaces_the_profile_and_only_that_one_is_read_again(
    origin: Remote, place: Place, tmp_path: Path
) -> None:
    """Ten thousand profiles are looked at every minute, and ten of them have changed."""
    machine = Machine(origin, tmp_path / "one", place)
    machine.index()
    sources = [shelf_of(origin, place).source, "example.com/never/published"]
    before = profile_marks(place, fingerprint(), sources)
    assert [*before] == sources[:1]
    assert [one.commit for one in read_profiles(place, fingerprint(), before, {})] == [head_of(machine)]
    assert list(read_profiles(place, fingerprint(), before, before)) == []
    origin.push({"src/m3.py": "def entirely_new_name():\n    return 1\n"})
    machine.index()
    after = profile_marks(place, fingerprint(), sources)
    assert [one.commit for one in read_profiles(place, fingerprint(), after, before)] == [head_of(machine)]


def test_an_index_that_was_published_without_a_profile_gets_one(
    origin: Remote, place: Place, tmp_path: Path
) -> None:
    """Earlier releases published none, and nobody publishes an index twice."""
    first = Machine(origin, tmp_path / "one", place)
    first.index()
    shelf = shelf_of(origin, place)
    written = place.read(shelf.profile_name, most_bytes=1_000_000)
    place.remove(shelf.profile_name)
    second = Machine(origin, tmp_path / "two", place)
    assert second.index().changed == 0
    assert place.read(shelf.profile_name, most_bytes=1_000_000) == written


def test_a_damaged_profile_is_left_out_and_the_others_are_read(
    origin: Remote, place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One bad object must not end a router."""
    machine = Machine(origin, tmp_path / "one", place)
    machine.index()
    shelf = shelf_of(origin, place)
    for damaged in (b"damaged", bytes(10_000_000)):
        place.write(shelf.profile_name, damaged)
        marks = profile_marks(place, fingerprint(), [shelf.source])
        caplog.clear()
        assert list(read_profiles(place, fingerprint(), marks, {})) == []
        assert shelf.profile_name in caplog.text or "the profile of" in caplog.text


def test_marks_tell_a_change_in_memory_too() -> None:
    """An object store tells other things of an object than a folder does."""
    place = Place("memory://marks")
    try:
        place.write("profiles/a", b"1")
        before = place.marks("profiles")
        place.write("profiles/a", b"22")
        assert [*before] == [*place.marks("profiles")] == ["profiles/a"]
        assert place.marks("profiles") != before
        assert place.marks("nothing") == {}
    finally:
        MemoryFileSystem().rm("/marks", recursive=True)
