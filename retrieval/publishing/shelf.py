"""Which objects of a place belong to one source and one fingerprint: manifests, pointers, leases, a profile.

There is one profile of a source, that of what was published last: a router needs no other. The profiles of
one fingerprint lie together, so that one listing says which of ten thousand have changed.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from retrieval.errors import DamagedIndexError
from retrieval.publishing.manifest import MANIFEST_BYTES, Manifest, is_digest, read_manifest
from retrieval.publishing.place import Place
from retrieval.routing import profile as profiles
from retrieval.routing.profile import Profile

SOURCES = "sources"
LATEST = "latest"
PROFILES = "profiles"
_HASH_CHARS = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The published indexes of one source that were built in one way.

    Attributes:
        place: Where they are.
        source: Where the repository is, without credentials: `host/owner/name`.
        fingerprint: What builds such an index.
    """

    place: Place
    source: str
    fingerprint: str

    @property
    def folder(self) -> str:
        """The folder of the shelf in the place."""
        return f"{SOURCES}/{self._unique}/{_hash(self.fingerprint)}"

    @property
    def profile_name(self) -> str:
        """The name of the source's profile."""
        return f"{PROFILES}/{_hash(self.fingerprint)}/{self._unique}"

    @property
    def _unique(self) -> str:
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", self.source.rpartition("/")[2])[:40] or "source"
        return f"{readable}-{_hash(self.source)}"

    def manifest_name(self, digest: str) -> str:
        """Return the name of a manifest."""
        return f"{self.folder}/manifests/{digest}.json"

    def commit_pointer(self, commit: str) -> str:
        """Return the name of the pointer of a commit."""
        return f"{self.folder}/commits/{commit}"

    def lease_name(self, commit: str) -> str:
        """Return the name of the lease of a commit."""
        return f"{self.folder}/leases/{commit}"

    @property
    def latest_pointer(self) -> str:
        """The name of the pointer to the index that was published last."""
        return f"{self.folder}/{LATEST}"

    def find(self, pointer: str) -> Manifest | None:
        """Read the manifest that a pointer names; None without a pointer.

        Raises:
            DamagedIndexError: The pointer or its manifest is damaged, missing, or of another index.
        """
        told = self.place.read(pointer)
        if told is None:
            return None
        digest = told.decode("ascii", "replace").strip()
        if not is_digest(digest):
            raise DamagedIndexError(f"{pointer} is refused: it names no manifest")
        return self.read(digest)

    def read(self, digest: str) -> Manifest:
        """Read a manifest by its digest.

        Raises:
            DamagedIndexError: It is damaged, missing, or of another index.
        """
        name = self.manifest_name(digest)
        data = self.place.read(name, most_bytes=MANIFEST_BYTES)
        if data is None:
            raise DamagedIndexError(f"{name} is missing, although a pointer names it")
        manifest = read_manifest(data, name=digest)
        if (manifest.source, manifest.fingerprint) != (self.source, self.fingerprint):
            raise DamagedIndexError(f"{name} is refused: it is of another source, or was built otherwise")
        return manifest

    def put(self, manifest: Manifest) -> None:
        """Write a manifest, whose objects must be there, and move both pointers to it."""
        digest = manifest.digest
        self.place.write(self.manifest_name(digest), manifest.to_bytes())
        for pointer in (self.commit_pointer(manifest.commit), self.latest_pointer):
            self.place.write(pointer, f"{digest}\n".encode("ascii"))

    def put_profile(self, profile: Profile) -> None:
        """Write the profile of what was published; it replaces the last one."""
        self.place.write(self.profile_name, profile.to_bytes())

    def has_profile(self) -> bool:
        """Return whether there is a profile, of whichever commit."""
        return self.place.size(self.profile_name) is not None

    def read_profile(self) -> Profile | None:
        """Read the profile; None when there is none.

        Raises:
            DamagedIndexError: It is damaged, or of another source.
        """
        data = self.place.read(self.profile_name, most_bytes=profiles.MOST_BYTES)
        return None if data is None else profiles.read_profile(data, source=self.source)


def profile_marks(place: Place, fingerprint: str, sources: Iterable[str]) -> dict[str, str]:
    """Return a mark for the profile of each source that has one; it changes when the profile does."""
    shelves = {source: Shelf(place, source, fingerprint) for source in sources}
    marks = place.marks(f"{PROFILES}/{_hash(fingerprint)}")
    return {source: marks[one.profile_name] for source, one in shelves.items() if one.profile_name in marks}


def read_profiles(
    place: Place, fingerprint: str, marks: Mapping[str, str], known: Mapping[str, str]
) -> Iterator[Profile]:
    """Read the profiles whose mark is another than the known one; a damaged one is logged and left out.

    Args:
        place: Where they are.
        fingerprint: What builds such an index.
        marks: What `profile_marks` said now.
        known: What it said when they were read last; empty to read all.

    Raises:
        SharedIndexError: The place cannot be used.
    """
    for source, mark in marks.items():
        if known.get(source) == mark:
            continue
        try:
            found = Shelf(place, source, fingerprint).read_profile()
        except DamagedIndexError as error:
            log.warning("%s", error)
            continue
        if found:
            yield found


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_CHARS]
