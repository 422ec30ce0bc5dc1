"""Which published indexes are old, and which objects nobody needs any more.

An upload in progress has objects that no manifest names yet. They are young, and young objects stay.
"""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from retrieval.errors import SharedIndexError
from retrieval.publishing.manifest import MANIFEST_BYTES, OBJECTS, Manifest, object_name, read_manifest
from retrieval.publishing.place import Place
from retrieval.publishing.shelf import LATEST, SOURCES

KEEP = 5  # published indexes of each source and fingerprint; a branch and a rollback find theirs
GRACE_S = 86_400.0  # no upload takes a day
_LEFT = re.compile(r"/leases/[^/]*\Z|\.new\Z")
"""What a machine that was killed leaves: its lease, and a file that was not renamed yet."""

_MANIFESTS, _COMMITS = "manifests", "commits"


@dataclass(frozen=True, slots=True)
class Collected:
    """What was removed.

    Attributes:
        manifests: How many published indexes.
        objects: How many objects.
    """

    manifests: int = 0
    objects: int = 0


def collect(
    place: Place, *, keep: int = KEEP, grace_s: float = GRACE_S, clock: Callable[[], float] = time.time
) -> Collected:
    """Remove all but the newest `keep` indexes of each source and fingerprint, then what they alone needed.

    Args:
        place: Where they are.
        keep: How many stay, at least 1.
        grace_s: Objects that were written more recently stay.
        clock: Returns the seconds since 1970, as the storage's clock does.

    Raises:
        SharedIndexError: The place cannot be used, or a manifest cannot be read; no object is removed then.
    """
    now, removed = clock(), 0
    names = place.names(SOURCES)
    for name in filter(_LEFT.search, names):
        if now - place.modified(name) > grace_s:
            place.remove(name)
    for shelf, manifests in _shelves(names).items():
        old = _beyond(place, shelf, manifests, max(keep, 1))
        _forget(place, shelf, {_digest(name) for name in old})
        for name in old:
            place.remove(name)
        removed += len(old)
    candidates = [name for name in place.names(OBJECTS) if now - place.modified(name) > grace_s]
    needed = _needed(place)  # after the objects: an index may have been published meanwhile
    doomed = [name for name in candidates if name not in needed]
    for name in doomed:
        place.remove(name)
    return Collected(removed, len(doomed))


def _shelves(names: Iterable[str]) -> dict[str, list[str]]:
    """Sort the names of manifests by the folder of their source and fingerprint."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        shelf, _, rest = name.partition(f"/{_MANIFESTS}/")
        if rest and rest.endswith(".json"):
            found[shelf].append(name)
    return found


def _beyond(place: Place, shelf: str, manifests: list[str], keep: int) -> list[str]:
    """List all but the newest manifests; the latest always stays."""
    latest = (place.read(f"{shelf}/{LATEST}") or b"").decode("ascii", "replace").strip()
    newest = sorted(manifests, key=lambda name: (_digest(name) != latest, -place.modified(name), name))
    return newest[keep:]


def _forget(place: Place, shelf: str, digests: set[str]) -> None:
    """Remove the pointers to manifests before those are removed."""
    if not digests:
        return
    for name in place.names(f"{shelf}/{_COMMITS}"):
        if (place.read(name) or b"").decode("ascii", "replace").strip() in digests:
            place.remove(name)


def _needed(place: Place) -> set[str]:
    """Return the objects that a manifest names.

    Raises:
        SharedIndexError: A manifest cannot be read; what it names is not known.
    """
    found: set[str] = set()
    for manifests in _shelves(place.names(SOURCES)).values():
        for name in manifests:
            data = place.read(name, most_bytes=MANIFEST_BYTES)
            if data is None:  # removed meanwhile
                continue
            found.update(object_name(file.sha256) for file in _read(data, name).files)
    return found


def _read(data: bytes, name: str) -> Manifest:
    try:
        return read_manifest(data, name=_digest(name))
    except SharedIndexError as error:
        raise SharedIndexError(
            f"{error.fact}, so no object is collected", remedy=f"remove {name} if it is not needed"
        ) from error


def _digest(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".json")
