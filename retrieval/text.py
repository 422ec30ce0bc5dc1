"""How text is hashed and normalized everywhere, and which lines count as data."""

import hashlib
import unicodedata

SMALL_CHARS = 5_000
"""A file with at most this many characters is read completely, even if it is a single line."""
LONG_CHARS = 500
"""A line with at most this many characters was written by a person."""
LONGEST_CHARS = 10_000  # a longer line is data, whatever it contains
PROSE_BLANKS = 0.1  # minimum share of blanks in prose: English has 0.16, minified code 0.02 to 0.06
PROSE_LETTERS = 0.1  # or minimum share of non-ASCII letters, for languages written without blanks


def digest(data: bytes) -> str:
    """Hash content (BLAKE2b, 96 bits, hexadecimal); equal digests mean equal content."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def unified(text: str) -> str:
    r"""Normalize a text to the form in which texts are compared (NFKC).

    >>> unified("\uff21\uff22"), len(unified("e\u0301"))
    ('AB', 1)
    """
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def is_data(line: str) -> bool:
    """Return whether a line is data (base64, minified code, table rows), not code or prose of any length.

    >>> is_data("x" * 2_000), is_data("a paragraph on one line " * 50)
    (True, False)
    """
    if len(line) <= LONG_CHARS:
        return False
    if len(line) > LONGEST_CHARS:
        return True
    content = line.strip()
    blanks = content.count(" ") + content.count("\t")
    foreign = len(content) - len(content.encode("ascii", "ignore"))
    return blanks < PROSE_BLANKS * len(content) and foreign < PROSE_LETTERS * len(content)
