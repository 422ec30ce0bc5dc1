"""What is kept of a repository to route questions, and which bytes pass for a profile."""

import json
import zlib
from hashlib import sha256

import numpy as np
import pytest

from retrieval.chunks.stored_chunk import StoredChunk, spaced
from retrieval.errors import DamagedIndexError
from retrieval.records import Chunk
from retrieval.routing import profile as routing_profile
from retrieval.routing.profile import (
    MAGIC,
    Profile,
    counts_of,
    hash_of,
    levels_of,
    make_profile,
    read_profile,
)

SOURCE, COMMIT = "example.com/team/ledger", "c0ffee" * 6 + "abcd"


def chunk(body: str, names: str = "", path: str = "a.py") -> StoredChunk:
    """Return a stored chunk."""
    return StoredChunk(Chunk(path, 1, 2), spaced(body), spaced(names))


def sample() -> Profile:
    """Return a profile of a few chunks."""
    return make_profile(
        SOURCE, COMMIT, [*(chunk("ledger entri post") for _ in range(9)), chunk("rare", "postentri")]
    )


def sealed(head: object, packed: bytes = b"") -> bytes:
    """Write a profile of any content whose digest is right."""
    payload = zlib.compress(json.dumps(head).encode() + b"\n" + packed)
    return MAGIC + sha256(payload).digest() + payload


def header(**changed: object) -> dict[str, object]:
    """Return the header of an empty profile, changed."""
    return {"source": SOURCE, "commit": COMMIT, "chunks": 0, "stems": 0, "terms": 0, **changed}


def test_a_profile_says_in_how_many_chunks_a_stem_is() -> None:
    """A repository that has a word everywhere is about it; one that has it once hardly is."""
    found = sample()
    at = int(np.searchsorted(found.terms, hash_of(b"ledger")))
    assert found.terms[at] == hash_of(b"ledger")
    assert counts_of(found.held)[at] == pytest.approx(9, rel=0.05)
    assert (found.chunks, found.stems) == (10, 28)


def test_a_name_that_one_chunk_defines_is_kept_and_a_rare_word_is_not() -> None:
    """Somebody asks for a function by its name; the other rare words make up half of a profile."""
    terms = sample().terms.tolist()
    assert hash_of(b"postentri") in terms
    assert hash_of(b"rare") not in terms


def test_a_profile_is_read_as_it_was_written() -> None:
    """Machines share it."""
    written = sample().to_bytes()
    read = read_profile(written, source=SOURCE)
    assert read.to_bytes() == written
    assert (read.source, read.commit, read.chunks) == (SOURCE, COMMIT, 10)


def test_equal_indexes_give_equal_bytes_in_any_order_of_their_chunks() -> None:
    """Two machines that built one index publish the same profile."""
    chunks = [chunk(f"word{number} ledger common", f"name{number}") for number in range(20)]
    first = make_profile(SOURCE, COMMIT, chunks).to_bytes()
    assert make_profile(SOURCE, COMMIT, reversed(chunks)).to_bytes() == first


def test_an_empty_repository_has_a_profile() -> None:
    """A repository is published before its first file has a word."""
    written = make_profile(SOURCE, COMMIT, []).to_bytes()
    assert len(read_profile(written, source=SOURCE).terms) == 0


def test_levels_keep_a_count_within_five_per_cent() -> None:
    """A byte says how often; a count that is a twentieth off ranks nothing differently."""
    counts = np.array([1, 2, 3, 10, 1_000, 123_456, 2**30])
    assert counts_of(levels_of(counts)) == pytest.approx(counts, rel=0.05)


@pytest.mark.parametrize("at", range(0, 120, 7))
def test_a_flipped_bit_is_refused(at: int) -> None:
    """A disk or a bucket returned other bytes."""
    written = bytearray(sample().to_bytes())
    written[at % len(written)] ^= 4
    with pytest.raises(DamagedIndexError, match="the profile of example"):
        read_profile(bytes(written), source=SOURCE)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no profile"),
        (MAGIC, "another digest"),
        (b"goldrank profile 9\n" + bytes(40), "another version"),
        (sealed([]), "refused"),
        (sealed(header(terms=10**9)), "terms is 1000000000"),
        (sealed(header(terms=-1)), "terms is -1"),
        (sealed(header(terms=True)), "terms is True"),
        (sealed(header(terms=1)), "another number of terms"),
        (sealed(header(), b"more"), "another number of terms"),
        (sealed(header(chunks=2**40)), "chunks is"),
        (sealed(header(stems="9")), "stems is '9'"),
        (sealed(header(commit="../../etc")), "is no commit"),
        (sealed(header(commit=7)), "refused"),
        (sealed(header(source="example.com/team/other")), "it is of 'example.com/team/other'"),
        (sealed(header(extra=1)), "other fields"),
        (sealed(header(terms=2), bytes(12)), "not in order"),
        (sealed(header(terms=2), b"\xff" * 12), "not in order"),
        (sealed({"source": SOURCE}), "refused"),
        (MAGIC + sha256(b"x").digest() + b"x", "refused"),
        (sealed(header(source="x" * 100_000)), "refused"),
    ],
)
def test_what_is_no_profile_of_the_source_is_refused(data: bytes, why: str) -> None:
    """Whoever writes to the place could otherwise crash a router, or speak for another repository."""
    with pytest.raises(DamagedIndexError, match=why):
        read_profile(data, source=SOURCE)


def test_a_profile_that_unpacks_to_gigabytes_is_refused_before_it_does() -> None:
    """Zeros compress a thousandfold."""
    payload = zlib.compress(json.dumps(header(terms=100)).encode() + b"\n" + bytes(50_000_000))
    with pytest.raises(DamagedIndexError, match="another number of terms"):
        read_profile(MAGIC + sha256(payload).digest() + payload, source=SOURCE)
    with pytest.raises(DamagedIndexError, match="more than"):
        read_profile(MAGIC + bytes(routing_profile.MOST_BYTES), source=SOURCE)
