"""What is stored of a chunk comes back as it went in, and its bytes are those of every index on disk."""

import os
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunks import stored_chunk, tokenizer
from retrieval.chunks.split_file import split
from retrieval.chunks.stored_chunk import StoredChunk, decode, encode, spaced, unspaced
from retrieval.index.reader import path_terms
from retrieval.records import Chunk

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TEXT = 'class Cart:\n    """It holds a\'s items."""\n\n    def total(self, s):\n        return s * 2\n'


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
    """A file name may hold any byte but one, and what the parts are joined by is among them."""
    chunk = Chunk(os.fsdecode(path), 1, 2, names=("get",), digest="0f")
    stored = StoredChunk(chunk, spaced("set set get"), spaced("get"))
    assert StoredChunk.from_bytes(stored.to_bytes()) == stored


@given(st.lists(st.sampled_from(["", "a", "get", "ä"])))
def test_terms_come_back_from_how_they_are_counted(terms: list[str]) -> None:
    """A stemmer makes nothing of an "s", so a chunk may hold empty terms until it is indexed."""
    text = " ".join(terms)
    assert unspaced(spaced(text)) == text


def test_the_bytes_in_an_index_stay_what_they_were() -> None:
    """An index of format v6 on somebody's disk was written with these; others would need another format."""
    path = os.fsdecode(b"src/bad\x80/cart.py")
    (chunk,) = split("a.py", TEXT.encode()).chunks
    stored = replace(chunk, chunk=replace(chunk.chunk, digest="0f", masked=2))
    assert stored.in_file(path, tokenizer.stems(path_terms(path))).to_bytes() == (
        b"src/bad\xc2\x80/cart.py\x011\x005\x00class\x00Cart\x00\x000f\x002\x00Cart\x00total\x01"
        b" class  cart  it  hold  a  item  def  total  self  return  2  cart  cart  src  bad \x01"
        b" cart  total "
    )
