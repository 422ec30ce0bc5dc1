"""What is kept of a file by content: it comes back as it went in, or not at all."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunks import stored_chunk
from retrieval.chunks.chunker import chunk_file
from retrieval.chunks.stored_chunk import (
    CutFile,
    Document,
    cut,
    decode,
    encode,
    pack,
    read_record,
    spaced,
    unpack,
    write_record,
)
from retrieval.records import Chunk

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.text(max_size=300))
def test_what_is_packed_comes_back(text: str) -> None:
    """A cache that changes what it holds ranks differently the second time."""
    made = cut("a.py", text.encode())
    assert unpack(pack(made)) == made


@given(WORDS, WORDS, st.lists(WORDS, max_size=3), st.integers(1, 10**9))
def test_a_chunk_comes_back_but_for_what_no_name_holds(
    symbol: str, scope: str, names: list[str], line: int
) -> None:
    """Names come from any file that somebody once wrote."""
    chunk = Chunk("p", line, line + 1, "function", symbol, scope, tuple(names), "0f")
    cleaned = [stored_chunk.clean(name) for name in names]
    assert decode("p", encode(chunk)) == Chunk(
        "p",
        line,
        line + 1,
        "function",
        stored_chunk.clean(symbol),
        stored_chunk.clean(scope),
        tuple(cleaned),
        "0f",
    )


@given(st.binary(min_size=1, max_size=20).filter(lambda path: b"\0" not in path))
def test_what_is_stored_comes_back_whatever_the_file_is_called(path: bytes) -> None:
    """A file name may hold any byte but one, and what the parts of a record are joined by is among them."""
    chunk = Chunk(os.fsdecode(path), 1, 2, names=("get",), digest="0f")
    stored = read_record(write_record(chunk.path, Document(encode(chunk), "set set get", "get")))
    assert stored.chunk == chunk
    assert stored.texts == {"body": spaced("set set get"), "names": spaced("get")}


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
def test_damage_is_noticed(damage: str) -> None:
    """Half a chunk must not be searched as a whole one."""
    data = pack(cut("a.py", b"def alpha():\n    return beta\n"))
    broken = {
        "cut": data[:-3],
        "flipped": bytes([*data[:-1], data[-1] ^ 1]),
        "empty": b"",
        "foreign": pack(CutFile([Document("a", "b", "c\x01d")])),
    }[damage]
    with pytest.raises(ValueError, match="not packed documents"):
        unpack(broken)


def test_a_file_is_cut_as_the_chunker_cuts_it() -> None:
    """Two ways to cut would give two answers."""
    text = "class Cart:\n    def total(self):\n        return 1\n"
    (document,) = cut("src/cart.py", text.encode()).documents
    assert decode("src/cart.py", document.record) == chunk_file("src/cart.py", text)[0]
    assert document.names.split() == ["cart", "total"]


def test_equal_content_is_kept_apart_by_grammar_alone() -> None:
    """A file that moves is not cut again; one that is read as another language is."""
    assert stored_chunk.key("a/b.py", "0f") == stored_chunk.key("c.py", "0f")
    assert stored_chunk.key("a.ts", "0f") != stored_chunk.key("a.tsx", "0f")
    assert stored_chunk.key("a.py", "0f") != stored_chunk.key("a.py", "10")
