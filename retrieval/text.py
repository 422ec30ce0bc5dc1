"""What is told of bytes and lines everywhere alike: a hash of content, and which lines are data."""

import hashlib
import unicodedata

SMALL_CHARS = 5_000
"""A file of fewer characters is read whole, be it one line."""
LONG_CHARS = 500
"""A line of fewer characters is one that people write."""
LONGEST_CHARS = 10_000  # and one of more is none, whatever it holds
PROSE_BLANKS = 0.1  # the least share of blanks in prose: English has 0.16, minified code 0.02 to 0.06
PROSE_LETTERS = 0.1  # or that of letters beyond ASCII, for languages that are written without blanks


def digest(data: bytes) -> str:
    """Hash content (BLAKE2b, 96 bits, hexadecimal); equal digests are taken as equal content."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def unified(text: str) -> str:
    r"""Write a text in the one form (NFKC) in which texts are compared.

    >>> unified("\uff21\uff22"), len(unified("e\u0301"))
    ('AB', 1)
    """
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def is_data(line: str) -> bool:
    """Tell a line of data (base64, minified code, rows of a table) from code and prose, however long.

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
