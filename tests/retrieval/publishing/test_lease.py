"""One machine builds and the others wait, but never for a machine that died."""

import json
from pathlib import Path

from remotes import Remote
from storages import Machine, shelf_of

from retrieval.publishing.lease import Lease
from retrieval.publishing.place import Place


def test_a_lease_has_one_owner_until_it_is_released(place: Place) -> None:
    """Two owners build twice."""
    one, two = Lease(place, "leases/x"), Lease(place, "leases/x")
    assert one.take()
    assert one.take()
    assert not two.take()
    one.release()
    assert two.take()
    two.release()
    assert place.names("leases") == []


def test_the_lease_of_a_machine_that_died_expires(place: Place) -> None:
    """Else nobody would ever build the index of that commit."""
    now = 1_000.0
    dead, living = (Lease(place, "leases/x", term_s=60, clock=lambda: now) for _ in range(2))
    assert dead.take()
    dead._is_over.set()  # noqa: SLF001 - as a kill does, it renews no more
    assert not living.take()
    now += 61
    assert living.take()
    living.release()


def test_a_lease_that_is_damaged_or_of_a_wrong_clock_holds_nobody_up(place: Place) -> None:
    """A machine whose clock is a year ahead must not stop the others for a year."""
    for held in (
        b"",
        b"[]",
        b"\xff",
        b'{"owner": "x"}',
        json.dumps({"owner": "x", "expires_at": 9e12}).encode(),
    ):
        place.write("leases/x", held)
        lease = Lease(place, "leases/x")
        assert lease.take()
        lease.release()


def test_who_waits_too_long_builds_the_index_itself(origin: Remote, place: Place, tmp_path: Path) -> None:
    """A builder that hangs costs a bounded time, and no answer."""
    machine = Machine(origin, tmp_path / "one", place, wait_s=0.1)
    mirror = machine.repository.mirror
    assert mirror is not None
    mirror.refresh()
    lease = Lease(place, shelf_of(origin, place).lease_name(mirror.commit()))
    assert lease.take()
    assert machine.index().changed == 13
    assert "another machine has been building the index for 0.1 seconds" in machine.told
    lease.release()


def test_a_lease_is_renewed_while_its_owner_works(place: Place) -> None:
    """A build may take longer than a term."""
    lease = Lease(place, "leases/x", term_s=0.4)
    assert lease.take()
    first = place.read("leases/x")
    while place.read("leases/x") == first:
        assert lease.is_held
    assert lease.holder()
    lease.release()
