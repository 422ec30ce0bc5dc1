"""Which objects of a place belong to one source and one fingerprint: its manifests, pointers and leases."""

import re
from dataclasses import dataclass
from hashlib import sha256

from retrieval.errors import DamagedIndexError
from retrieval.publishing.manifest import MANIFEST_BYTES, Manifest, is_digest, read_manifest
from retrieval.publishing.place import Place

SOURCES = "sources"
LATEST = "latest"
_HASH_CHARS = 16


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
        readable = re.sub(r"[^A-Za-z0-9._-]+", "_", self.source.rpartition("/")[2])[:40] or "source"
        return f"{SOURCES}/{readable}-{_hash(self.source)}/{_hash(self.fingerprint)}"

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


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_CHARS]
