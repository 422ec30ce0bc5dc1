"""What is old is removed, what somebody needs stays, and so does what is being uploaded."""

import os
import time
from pathlib import Path

import pytest
from fakes import found
from remotes import Remote
from storages import Machine, objects, shelf_of

from retrieval.errors import SharedIndexError
from retrieval.publishing.collection import GRACE_S, collect
from retrieval.publishing.place import Place

LATER = 2 * GRACE_S


def later() -> float:
    """Return a time at which everything of this test is old."""
    return time.time() + LATER


def published(origin: Remote, place: Place, tmp_path: Path, *, commits: int) -> list[str]:
    """Publish the index of several commits that share nothing; return the commits."""
    pushed = []
    for number in range(commits):
        name = f"function_{number}"
        pushed.append(origin.push({"src/m0.py": f"def {name}():\n    return {number}\n"}))
        Machine(origin, tmp_path / f"m{number}", place).index()
        for file in place.names("sources"):
            made = time.time() - 100 * (commits - number) if pushed[-1] in file else None
            if made:
                os.utime(Path(place.url) / file, (made, made))
    return pushed


def test_the_newest_stay_and_the_objects_of_the_others_go(
    origin: Remote, place: Place, folder: Path, tmp_path: Path
) -> None:
    """A shared folder that only grows is full one day."""
    commits = published(origin, place, tmp_path, commits=3)
    shelf = shelf_of(origin, place)
    before = objects(folder)
    done = collect(place, keep=1, clock=later)
    assert done.manifests == 2
    assert done.objects == len(before) - len(objects(folder)) > 0
    latest = shelf.find(shelf.latest_pointer)
    assert latest is not None
    assert latest.commit == commits[-1]
    assert objects(folder).keys() == {file.sha256 for file in latest.files}
    assert [shelf.find(shelf.commit_pointer(one)) is not None for one in commits] == [False, False, True]
    machine = Machine(origin, tmp_path / "new", place)
    assert machine.index().changed == 0
    assert found(machine.repository, "function_2")[0] == "src/m0.py"


def test_an_upload_in_progress_keeps_its_objects(
    origin: Remote, place: Place, folder: Path, tmp_path: Path
) -> None:
    """Its manifest comes last: until then nobody names what is uploaded already."""
    published(origin, place, tmp_path, commits=1)
    place.write("objects/ab/" + "c" * 62, b"a segment whose manifest is not written yet")
    leases = f"{shelf_of(origin, place).folder}/leases"
    place.write(f"{leases}/{'1' * 40}", b"of a machine that was killed")
    before = objects(folder)
    assert collect(place, keep=1).objects == 0
    assert objects(folder) == before
    assert place.names(leases)
    assert collect(place, keep=1, clock=later).objects == 1
    assert place.names(leases) == []


def test_nothing_is_collected_while_a_manifest_cannot_be_read(
    origin: Remote, place: Place, folder: Path, tmp_path: Path
) -> None:
    """What a damaged manifest names is not known, so every object may be needed."""
    published(origin, place, tmp_path, commits=1)
    damaged = f"{shelf_of(origin, place).folder}/manifests/{'0' * 64}.json"
    place.write(damaged, b"{}")
    before = objects(folder)
    with pytest.raises(SharedIndexError, match="no object is collected"):
        collect(place, clock=later)
    assert objects(folder) == before


def test_old_objects_that_are_published_again_are_uploaded_again(
    origin: Remote, place: Place, folder: Path, tmp_path: Path
) -> None:
    """Else a collection that runs at this moment could remove what the new manifest is about to name."""
    machine = Machine(origin, tmp_path / "one", place)
    machine.index()
    old = time.time() - GRACE_S
    for file in folder.rglob("*"):
        if file.is_file():
            os.utime(file, (old, old))
    for pointer in (*folder.rglob("latest"), *folder.glob("sources/*/*/commits/*")):
        pointer.unlink()
    again = Machine(origin, tmp_path / "one", place)
    again.index()
    assert all(file.stat().st_mtime > old + 1 for file in (folder / "objects").glob("*/*"))
