"""A place takes no credential, is never written in halves, and says what is wrong with it."""

import threading
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from retrieval.errors import ArgumentError, DamagedIndexError, SharedIndexError
from retrieval.publishing import probe
from retrieval.publishing.place import Place

SECRET = "hunter2-of-the-bucket"  # noqa: S105 - of a test


@pytest.mark.parametrize(
    "url",
    [
        f"s3://key:{SECRET}@bucket/x",
        f"s3://{SECRET}@bucket/x",
        f"https://user:{SECRET}@example.com/x",
        f"sftp://user:{SECRET}@example.com/x",
        f"https://example.com/x?token={SECRET}",
        f"https://example.com/x#{SECRET}",
        f"simplecache::s3://{SECRET}/x",
        f"filecache::https://user:{SECRET}@example.com",
        f"zip://{SECRET}::s3://bucket",
    ],
)
def test_a_url_with_a_credential_is_refused_and_not_repeated(url: str) -> None:
    """It would be in a configuration file, in a process list and in logs."""
    with pytest.raises(ArgumentError) as refused:
        Place(url)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "package"), [("s3://bucket/x", "s3fs"), ("gs://bucket/x", "gcsfs"), ("az://box/x", "adlfs")]
)
def test_a_storage_whose_package_is_missing_says_how_to_add_it(url: str, package: str) -> None:
    """The extra brings folders; each object store needs a package of its own."""
    with pytest.raises(SharedIndexError) as refused:
        Place(url).read("x")
    assert f"needs {package}" in str(refused.value)
    assert (
        f"install {package}" in refused.value.remedy or f"inject goldrank {package}" in refused.value.remedy
    )


def test_an_unknown_scheme_is_said() -> None:
    """A slip in a URL is the user's to mend."""
    with pytest.raises(SharedIndexError, match="no storage that fsspec knows"):
        Place("ss3://bucket").read("x")


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_objects_are_written_read_listed_and_removed(tmp_path: Path, kind: str) -> None:
    """Folders and object stores must behave alike."""
    place = Place(str(tmp_path) if kind == "folder" else "memory://place")
    try:
        assert place.read("a/b") is None
        assert place.size("a/b") is None
        assert place.modified("a/b") == 0
        assert place.names("a") == []
        place.write("a/b", b"1")
        place.write("a/b", b"22")
        assert place.read("a/b") == b"22"
        assert place.size("a/b") == 2
        assert place.modified("a/b") > 0
        assert not place.create("a/b", b"3")
        assert place.create("a/c", b"3")
        assert place.names("a") == ["a/b", "a/c"]
        place.remove("a/b")
        place.remove("a/b")
        assert place.names("") == ["a/c"]
        assert probe.round_trip(place) >= 0
        assert place.names("") == ["a/c"]
        place.write("big", b"12")
        with pytest.raises(SharedIndexError, match="more than 1 bytes"):
            place.read("big", most_bytes=1)
        with pytest.raises(DamagedIndexError, match="is missing"):
            place.download("none", tmp_path / "file", most_bytes=5)
    finally:
        MemoryFileSystem().rm("/place", recursive=True) if kind == "memory" else None


def test_one_of_many_creates_an_object_and_all_see_it_whole(tmp_path: Path) -> None:
    """A lease that two machines hold builds twice; one that is read empty looks free."""
    place, won = Place(str(tmp_path)), []

    def race(number: int) -> None:
        if place.create("leases/x", f"{number}".encode() * 100):
            won.append(number)
        assert len(place.read("leases/x") or b"") == 100

    threads = [threading.Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert place.names("") == ["leases/x"]


def test_a_download_stops_at_the_size_that_was_promised(tmp_path: Path) -> None:
    """A place that others write must not fill this machine's disk."""
    place = Place(str(tmp_path))
    place.write("object", b"x" * 10_000_000)
    size, _ = place.download("object", tmp_path / "file", most_bytes=5)
    assert size == 6
    assert (tmp_path / "file").stat().st_size == 6
