"""What `git log` says of each commit, read as it comes: a commit may be of any size and hold any bytes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MOST_FILES = 50
"""A commit of more files says little about each. Of six repositories, 0.1 to 1.8 % of the commits change more
(benchmarks/runs/2026-11-28-lines/history.txt)."""
MOST_RENAMES = 20_000  # of one commit: a large repository that moves as a whole
LONGEST_FIELD = 1 << 16  # bytes of a message or path; the rest is dropped
LATEST = 1 << 40  # seconds: a commit may name any time

_HASH = re.compile(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_FIELDS = 5  # after the hash: parents, time, author, e-mail, message


@dataclass(slots=True)
class Commit:
    """One commit, as git lists it.

    Attributes:
        hash: The hash, as bytes.
        parents: The parents' hashes.
        time: When it was committed, in seconds.
        author: Name and e-mail.
        message: Decoded; at most `LONGEST_FIELD` bytes.
        paths: The files that it left changed, relative to the root; the first `MOST_FILES`.
        file_count: How many files it changed, deleted ones included.
        renames: Old and new paths.
    """

    hash: bytes
    parents: list[bytes] = field(default_factory=list)
    time: int = 0
    author: str = ""
    message: str = ""
    paths: list[bytes] = field(default_factory=list)
    file_count: int = 0
    renames: list[tuple[bytes, bytes]] = field(default_factory=list)


def commits(blocks: Iterable[bytes]) -> Iterator[Commit]:
    """Read the output of `git_history.log`."""
    pieces = _fields(blocks)
    commit: Commit | None = None
    for piece in pieces:
        status = piece.strip(b"\n")
        if _HASH.fullmatch(status):
            if commit:
                yield commit
            commit = _commit(status, [next(pieces, b"") for _ in range(_FIELDS)])
        elif status and commit:
            _add_file(commit, status, pieces)
    if commit:
        yield commit


def _fields(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Split blocks at each NUL; the rest of a field that is too long is dropped."""
    rest = b""
    for block in blocks:
        first, *others = block.split(b"\0")
        if len(rest) < LONGEST_FIELD:
            rest = (rest + first)[:LONGEST_FIELD]
        for piece in others:
            yield rest
            rest = piece[:LONGEST_FIELD]
    if rest:
        yield rest


def _commit(name: bytes, fields: list[bytes]) -> Commit:
    parents, time, author, email, message = fields
    return Commit(
        bytes.fromhex(name.decode()),
        [bytes.fromhex(parent.decode()) for parent in parents.split() if _HASH.fullmatch(parent)],
        min(int(time), LATEST) if time.isdigit() else 0,
        f"{author.decode('utf-8', 'replace')} {email.decode('utf-8', 'replace')}",
        message.decode("utf-8", "replace"),
    )


def _add_file(commit: Commit, status: bytes, pieces: Iterator[bytes]) -> None:
    path = next(pieces, b"")
    if status[:1] in b"RC":
        old, path = path, next(pieces, b"")
        if status[:1] == b"R" and len(commit.renames) < MOST_RENAMES:
            commit.renames.append((old, path))
    commit.file_count += 1
    if status[:1] != b"D" and len(commit.paths) < MOST_FILES:
        commit.paths.append(path)
