"""Whether a place of shared indexes can be read and written, as `goldrank doctor` asks."""

import time
import uuid

from retrieval.errors import SharedIndexError
from retrieval.publishing.place import Place


def round_trip(place: Place) -> float:
    """Write an object, read it back and delete it; return how many seconds that took.

    Raises:
        SharedIndexError: One of the three failed, or something else came back.
    """
    start_s = time.monotonic()
    token = uuid.uuid4().hex
    name, data = f"probes/{token}", token.encode("ascii")
    place.write(name, data)
    try:
        if place.read(name) != data:
            raise SharedIndexError(
                f"what was written to {place.url} came back changed", remedy="check its cache or proxy"
            )
    finally:
        place.remove(name)
    return time.monotonic() - start_s
