"""What a router knows of the repositories while their profiles are being read."""

from pathlib import Path

import numpy as np
import pytest
from storages import failing

from mcp_server.fleet.router import ByProfiles
from retrieval.errors import SharedIndexError
from retrieval.publishing.place import Place
from retrieval.publishing.shelf import Shelf
from retrieval.routing.profile import Profile
from retrieval.sync.sync import fingerprint

SOURCES = [f"example.com/team/r{number}" for number in range(4)]


def test_profiles_that_were_read_before_a_failure_count_and_the_next_look_goes_on(tmp_path: Path) -> None:
    """Of ten thousand reads, one fails at every look: a router that began anew would never know any."""
    place = Place(str(tmp_path / "shared"))
    (tmp_path / "shared").mkdir()
    terms, levels = np.array([7], dtype=np.uint32), np.ones(1, dtype=np.uint8)
    for source in SOURCES:
        shelf = Shelf(place, source, fingerprint())
        shelf.put_profile(Profile(source, "ab" * 20, 1, 1, terms, levels, levels))
    broken = Shelf(place, SOURCES[2], fingerprint()).profile_name

    with failing(tmp_path / "shared", lambda _number, asked, path: asked == "read" and broken in path) as cut:
        routing = ByProfiles(cut.url)
        with pytest.raises(SharedIndexError):
            routing.update(SOURCES)
        assert [source for source in SOURCES if routing.knows(source)] == SOURCES[:2]
    routing.update(SOURCES)
    assert all(map(routing.knows, SOURCES))
    routing.update(SOURCES[1:])
    assert not routing.knows(SOURCES[0])
