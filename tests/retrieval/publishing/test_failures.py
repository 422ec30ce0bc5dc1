"""Whatever happens to a shared place, answers are right and the index is built on this machine instead."""

import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import found
from remotes import Remote
from storages import Machine, failing, shelf_of

from retrieval.errors import SharedIndexError
from retrieval.publishing.manifest import META, Manifest
from retrieval.publishing.place import Place


def published(origin: Remote, place: Place, tmp_path: Path) -> Manifest:
    """Publish the first commit, and return its manifest."""
    Machine(origin, tmp_path / "publisher", place).index()
    manifest = shelf_of(origin, place).find(shelf_of(origin, place).latest_pointer)
    assert manifest is not None
    return manifest


def truncate(folder: Path, manifest: Manifest) -> str:
    """Cut an object short, as a full disk does."""
    name = max(manifest.files, key=lambda file: file.size).object
    os.truncate(folder / name, 10)
    return f"{name} in "


def flip(folder: Path, manifest: Manifest) -> str:
    """Change one byte of an object, as a bad disk does."""
    name = next(file.object for file in manifest.files if file.name.endswith(".idx"))
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    return f"{name} in "


def lengthen(folder: Path, manifest: Manifest) -> str:
    """Add to an object, which must not fill this machine's disk."""
    name = next(file.object for file in manifest.files if file.name == META)
    with (folder / name).open("ab") as file:
        file.write(b" " * 5_000)
    return "it has more than "


def lose(folder: Path, manifest: Manifest) -> str:
    """Delete an object."""
    name = manifest.files[0].object
    (folder / name).unlink()
    return f"{name} in "


def lose_manifest(folder: Path, manifest: Manifest) -> str:
    """Leave pointers to nothing."""
    next(folder.rglob(f"{manifest.digest}.json")).unlink()
    return "is missing, although a pointer names it"


def damage_manifest(folder: Path, manifest: Manifest) -> str:
    """Change a manifest without its name."""
    file = next(folder.rglob(f"{manifest.digest}.json"))
    file.write_bytes(file.read_bytes().replace(b'"commit"', b'"commiT"'))
    return "its content has another digest"


def damage_pointer(folder: Path, _manifest: Manifest) -> str:
    """Write something else into every pointer."""
    for file in (*folder.rglob("latest"), *folder.glob("sources/*/*/commits/*")):
        file.write_text("../../../etc/passwd")
    return "it names no manifest"


DAMAGE = (truncate, flip, lengthen, lose, lose_manifest, damage_manifest, damage_pointer)


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda one: one.__name__)
def test_a_damaged_index_is_refused_built_here_and_published_whole(
    origin: Remote,
    place: Place,
    folder: Path,
    tmp_path: Path,
    damage: Callable[[Path, Manifest], str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One bad object must not be a wrong answer, nor every machine's problem from then on."""
    said = damage(folder, published(origin, place, tmp_path))
    second, third = (Machine(origin, tmp_path / name, place) for name in ("two", "three"))
    assert second.index().changed == 13
    assert said in caplog.text
    assert found(second.repository, "retry_7")[0] == "src/m7.py"
    assert third.index().changed == 0
    assert found(third.repository, "retry_7")[0] == "src/m7.py"


def test_an_index_of_another_fingerprint_is_never_looked_at(
    origin: Remote, place: Place, folder: Path, tmp_path: Path
) -> None:
    """Chunks that another release split are other chunks."""
    manifest = published(origin, place, tmp_path)
    shelf = shelf_of(origin, place)
    other = Manifest(manifest.source, manifest.commit, "another release", manifest.files)
    shelf.put(other)  # where only a fault could put it
    second = Machine(origin, tmp_path / "two", place)
    assert second.index().changed == 13
    assert "built otherwise" not in second.told  # it has been published anew since
    assert Machine(origin, tmp_path / "three", place).index().changed == 0
    assert (folder / "objects").is_dir()


@pytest.mark.parametrize("seed", range(3))
def test_one_request_in_ten_fails(origin: Remote, tmp_path: Path, seed: int) -> None:
    """A network that drops requests costs time; it never costs a file of the answer."""
    chance = random.Random(seed)
    with failing(tmp_path / "shared", lambda _number, _operation, _path: chance.random() < 0.1) as place:
        for name in ("one", "two", "three"):
            machine = Machine(origin, tmp_path / f"{seed}-{name}", place)
            machine.index()
            assert found(machine.repository, "retry_7")[0] == "src/m7.py"
            assert len(machine.repository.view().paths) == 13


@pytest.mark.parametrize("operation", ["read", "write", "info"])
def test_a_kind_of_request_that_always_fails_is_said_and_the_index_is_built(
    origin: Remote, tmp_path: Path, operation: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Who may only read, or only write, gets answers and learns what is missing."""
    with failing(tmp_path / "shared", lambda _number, asked, _path: asked == operation) as place:
        machine = Machine(origin, tmp_path / "one", place)
        assert machine.index().changed == 13
    assert "cannot be used" in caplog.text
    assert "cannot be used" in machine.told


def test_a_folder_that_is_not_mounted_is_said_and_not_made(origin: Remote, tmp_path: Path) -> None:
    """Writing to an empty mount point would fill this machine's own disk, and share nothing."""
    place = Place(str(tmp_path / "mnt"))
    machine = Machine(origin, tmp_path / "one", place)
    assert machine.index().changed == 13
    assert "there is no folder" in machine.told
    assert not (tmp_path / "mnt").exists()


def test_a_place_that_may_only_be_read_is_taken_up_from(
    origin: Remote, place: Place, folder: Path, tmp_path: Path
) -> None:
    """Replicas get what a builder published, and need no right to write."""
    published(origin, place, tmp_path)
    with failing(folder, lambda _number, operation, _path: operation in {"write", "remove"}) as read_only:
        second = Machine(origin, tmp_path / "two", read_only)
        assert second.index().changed == 0
        assert second.told.startswith("took up the index")
        assert "cannot be used" not in second.told


def test_a_storage_that_never_answers_is_given_up(origin: Remote, tmp_path: Path) -> None:
    """A dead network disk blocks for ever; a server must not."""
    over = threading.Event()

    def hang(_number: int, _operation: str, _path: str) -> bool:
        return not over.wait(60)

    with failing(tmp_path / "shared", hang) as place:
        patient = Place(place.url, silent_s=0.3)
        machine = Machine(origin, tmp_path / "one", patient)
        assert machine.index().changed == 13
        assert "no answer for 0.3 seconds" in machine.told
        over.set()


def test_a_listing_that_fails_half_way_is_an_error_and_nothing_is_collected(tmp_path: Path) -> None:
    """What a listing lacks looks like what nobody needs: objects would be deleted, and profiles forgotten."""
    folder = tmp_path / "shared"
    for name in ("sources/a/one", "sources/b/two"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(b"x")
    with failing(folder, lambda _number, asked, path: asked == "info" and "two" in path) as place:
        with pytest.raises(SharedIndexError):
            place.names("sources")
        with pytest.raises(SharedIndexError):
            place.marks("sources")
        assert place.names("objects") == []
    assert Place(str(folder)).names("sources") == ["sources/a/one", "sources/b/two"]
