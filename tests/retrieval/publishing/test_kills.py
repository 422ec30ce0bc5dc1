"""A machine that is killed at any request leaves the place and its own cache usable."""

import subprocess
import sys
from pathlib import Path

import pytest
from fakes import found
from remotes import Remote
from storages import Machine

from retrieval.publishing.place import Place

SUPPORT = Path(__file__).parents[2] / "support"
PROGRAM = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1].split(":")
from storages import Machine, dies_at, failing

class Origin:
    def source(self, ref=""):
        from retrieval.mirrors.source import read_source
        return read_source(sys.argv[2])

with failing(Path(sys.argv[3]), dies_at(int(sys.argv[5]))) as place:
    Machine(Origin(), Path(sys.argv[4]), place).index()
    print("alive")
"""


def run(origin: Remote, folder: Path, cache: Path, dies: int) -> bool:
    """Index in a process that kills itself at a request; return whether it reached its end."""
    paths = f"{SUPPORT.parents[1]}:{SUPPORT}:{SUPPORT}/servers"
    command = [sys.executable, "-c", PROGRAM, paths, origin.url, str(folder), str(cache), str(dies)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert done.returncode in {0, -9}, done.stderr.decode()
    return done.returncode == 0


@pytest.mark.slow(reason="eight processes, each killed at another request")
@pytest.mark.parametrize("dies", [4, 11, 16, 22])
def test_a_publisher_that_is_killed_leaves_nothing_half_published(
    origin: Remote, folder: Path, tmp_path: Path, dies: int
) -> None:
    """The objects come first and the pointers last, so what can be found is whole."""
    assert not run(origin, folder, tmp_path / "one", dies)
    for lease in folder.glob("sources/*/*/leases/*"):
        lease.unlink()  # as if its term were over
    second, third = (Machine(origin, tmp_path / name, Place(str(folder))) for name in ("two", "three"))
    second.index()
    assert third.index().changed == 0
    for machine in (second, third):
        assert found(machine.repository, "retry_7")[0] == "src/m7.py"


@pytest.mark.slow(reason="eight processes, each killed at another request")
@pytest.mark.parametrize("dies", [1, 4, 8, 12])
def test_a_machine_that_is_killed_while_it_takes_up_continues(
    origin: Remote, folder: Path, tmp_path: Path, dies: int
) -> None:
    """After a kill the store is the old one or the new one, never a mixture."""
    Machine(origin, tmp_path / "publisher", Place(str(folder))).index()
    cache = tmp_path / "two"
    assert not run(origin, folder, cache, dies)
    again = Machine(origin, cache, Place(str(folder)))
    assert again.index().changed == 0
    assert found(again.repository, "retry_7")[0] == "src/m7.py"
    assert again.repository.discard_if_damaged() == []
    assert not (again.repository.store_folder / "incoming").exists()
