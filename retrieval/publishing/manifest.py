"""What a published index consists of: one canonical JSON object, named by its own digest.

A manifest comes from a place that others write, so it is checked before anything in it is used. If one name,
size or digest is not valid, the whole manifest is refused.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from retrieval.errors import DamagedIndexError, shorten

VERSION = 1
MANIFEST_BYTES = 4_000_000  # an index has 6 or 7 files a segment, and some ten segments
OBJECTS = "objects"
RECORDS = "records.jsonl.gz"
META = "chunks/meta.json"
_NAME = re.compile(r"chunks/[0-9a-f]{32}\.(?:idx|pos|term|store|fast|fieldnorm|[0-9]{1,20}\.del)")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a published index.

    Attributes:
        name: Its path in the store.
        size: Its size in bytes.
        sha256: The SHA-256 of its content, hexadecimal; the content is the object of that name.
    """

    name: str
    size: int
    sha256: str

    @property
    def object(self) -> str:
        """The name of the object with its content."""
        return object_name(self.sha256)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A published index; it never changes.

    Attributes:
        source: Where the repository is, without credentials: `host/owner/name`.
        commit: The commit whose files are indexed.
        fingerprint: What built the index.
        files: Its files, sorted by name.
    """

    source: str
    commit: str
    fingerprint: str
    files: tuple[PublishedFile, ...]

    @property
    def size_bytes(self) -> int:
        """The size of all files."""
        return sum(file.size for file in self.files)

    def to_bytes(self) -> bytes:
        """Write the manifest; equal manifests give equal bytes."""
        content = {"version": VERSION, **asdict(self)}
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")

    @property
    def digest(self) -> str:
        """The SHA-256 of the written manifest, which is its name."""
        return sha256(self.to_bytes()).hexdigest()


def object_name(digest: str) -> str:
    """Return the name of the object with a content.

    >>> object_name("ab12")
    'objects/ab/12'
    """
    return f"{OBJECTS}/{digest[:2]}/{digest[2:]}"


def is_digest(text: str) -> bool:
    """Return whether a text is a SHA-256 in hexadecimal."""
    return bool(_DIGEST.fullmatch(text))


def read_manifest(data: bytes, *, name: str) -> Manifest:
    """Read a manifest, and verify that it is the one that its name says.

    Args:
        data: Its bytes.
        name: Its digest.

    Raises:
        DamagedIndexError: It is damaged, of another version, or names what is no file of an index.
    """
    if sha256(data).hexdigest() != name:
        raise _refused(name, "its content has another digest")
    try:
        content = json.loads(data)
        version = content["version"]
        if version != VERSION:
            raise _refused(
                name, f"it has version {shorten(repr(version))}, and this goldrank reads {VERSION}"
            )
        manifest = Manifest(
            _text(content, "source"),
            _text(content, "commit"),
            _text(content, "fingerprint"),
            tuple(_files(content["files"], name)),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _refused(name, f"it is no manifest: {type(error).__name__}") from error
    if not _COMMIT.fullmatch(manifest.commit):
        raise _refused(name, f"{shorten(repr(manifest.commit))} is no commit")
    names = [file.name for file in manifest.files]
    if len({*names}) != len(names) or not {RECORDS, META} <= {*names}:
        raise _refused(name, "it names a file twice, or lacks the records or the list of segments")
    return manifest


def _files(rows: list[Mapping[str, Any]], name: str) -> Iterator[PublishedFile]:
    for row in rows:
        file = PublishedFile(_text(row, "name"), row["size"], _text(row, "sha256"))
        if file.name not in {RECORDS, META} and not _NAME.fullmatch(file.name):
            raise _refused(name, f"{shorten(repr(file.name))} is no file of an index")
        if type(file.size) is not int or file.size < 0 or not is_digest(file.sha256):
            raise _refused(name, f"the size or the digest of {file.name} is none")
        yield file


def _text(content: Mapping[str, Any], key: str) -> str:
    value = content[key]
    if not isinstance(value, str):
        raise TypeError(key)
    return value


def _refused(name: str, why: str) -> DamagedIndexError:
    return DamagedIndexError(f"the manifest {name} is refused: {why}")
