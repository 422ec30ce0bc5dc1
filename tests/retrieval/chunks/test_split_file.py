"""What is kept of a file by content: it comes back as it went in, or not at all."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunks.chunker import chunk_file
from retrieval.chunks.split_file import SplitFile, content_key, split
from retrieval.chunks.stored_chunk import StoredChunk, unspaced
from retrieval.records import Chunk


@given(st.text(max_size=300))
def test_what_is_kept_comes_back(text: str) -> None:
    """A cache that changes what it holds ranks differently the second time."""
    made = split("a.py", text.encode())
    assert SplitFile.from_bytes(made.to_bytes()) == made


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign", "no chunk"])
def test_damage_is_noticed(damage: str) -> None:
    """Half a chunk must not be searched as a whole one."""
    data = split("a.py", b"def alpha():\n    return beta\n").to_bytes()
    broken = {
        "cut": data[:-3],
        "flipped": bytes([*data[:-1], data[-1] ^ 1]),
        "empty": b"",
        "foreign": SplitFile((StoredChunk(Chunk("", 1, 2), b" b ", b" c\x01d "),)).to_bytes(),
        "no chunk": zlib.compress(b"\x02a\x01b\x01c"),
    }[damage]
    with pytest.raises(ValueError, match="not a split file"):
        SplitFile.from_bytes(broken)


def test_a_file_is_split_as_the_chunker_splits_it() -> None:
    """Two ways to split would give two answers."""
    text = "class Cart:\n    def total(self):\n        return 1\n"
    (stored,) = split("src/cart.py", text.encode()).chunks
    assert stored.in_file("src/cart.py", ()).chunk == chunk_file("src/cart.py", text)[0]
    assert unspaced(stored.names).split() == ["cart", "total"]


def test_equal_content_is_kept_apart_by_grammar_alone() -> None:
    """A file that moves is not split again; one that is read as another language is."""
    assert content_key("a/b.py", "0f") == content_key("c.py", "0f")
    assert content_key("a.ts", "0f") != content_key("a.tsx", "0f")
    assert content_key("a.py", "0f") != content_key("a.py", "10")


def test_the_bytes_in_the_cache_stay_what_they_were() -> None:
    """A cache of version 3 on somebody's disk holds these; others would need another version."""
    text = 'class Cart:\n    """It holds a\'s items."""\n\n    def total(self, s):\n        return s * 2\n'
    kept = zlib.decompress(split("a.py", text.encode()).to_bytes())
    assert kept == (
        b"\x021\x005\x00class\x00Cart\x00\x005cec5384b529064cf590bb1d\x000\x00Cart\x00total\x01"
        b"class cart it hold a  item def total self  return  2\x01cart total"
    )
