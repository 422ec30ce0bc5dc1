"""Which encoding a file has, and its text: UTF-8 unless its bytes show otherwise.

If a file is not UTF-8, chardet guesses its encoding from the lines that are not ASCII, the only ones that
differ between encodings. When too few such lines leave the guess uncertain, undecodable bytes are shown as
U+FFFD, and a note says so.
"""

import codecs
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass

from retrieval.text import digest

UNCERTAIN = "not UTF-8, and the encoding is uncertain; undecodable bytes are shown as U+FFFD"

SURE = 0.07
"""Lowest accepted confidence of chardet, which is always low for the few words of comments. Of 15
snippets of 10 to 40 letters in as many encodings, nine pass both bounds, none of them wrongly
(tests/retrieval/files/test_encoding.py)."""
LEAD = 1.1  # times the confidence of the next encoding that decodes the same bytes to another text
LEAST_WIDE_BYTES = 8  # non-ASCII bytes; four bytes are two characters in each of five East Asian encodings
MOST_BYTES = 20_000  # of non-ASCII lines given to chardet: more would not change the verdict
HEAD_BYTES = 8_192  # that distinguish text from binary content
KNOWN = 1_000  # files whose encoding is cached, because a shown file is read repeatedly

_MARKS = (  # longer marks first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)
_FOREIGN_WORD = re.compile(r"\w*[^\W\x00-\x7f]\w*")
_MIXED_WORD = re.compile(r"\w*(?:[a-z][\u0370-\u052f]|[\u0370-\u052f][a-z])\w*")
_NOT_ASCII = bytes(range(0x80, 0x100))
_known: OrderedDict[str, str] = OrderedDict()
_lock = threading.Lock()  # guards `_known`


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file.

    Attributes:
        text: Lines end with a line feed, as editors and grep count them. Carriage returns end lines only in
            a file without line feeds.
        note: What is unusual about the encoding, or "".
    """

    text: str
    note: str = ""


def decode(data: bytes) -> Decoded:
    r"""Decode the bytes of a file into text; never fails.

    >>> decode("größer".encode("utf-16")).text, decode(b"old\rMac\r").text
    ('größer', 'old\nMac\n')
    """
    try:
        encoding, note = _marked(data), ""
        text = data.decode(encoding)
    except UnicodeDecodeError:
        encoding = _detected(data)
        note = f"read as {encoding}" if encoding else UNCERTAIN
        text = data.decode(encoding or "utf-8", "replace")
    if "\n" not in text:
        text = text.replace("\r", "\n")
    return Decoded(text, note)


def is_text(head: bytes) -> bool:
    """Return whether a file is text, judged by its first bytes."""
    return b"\0" not in head or _marked(head) != "utf-8"


def _marked(data: bytes) -> str:
    """Return the encoding of the byte order mark, else UTF-16 if the zero bytes suggest it, else UTF-8."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    # In UTF-16 without a mark, every other byte of Latin text is zero, always on the same side.
    head = data[:HEAD_BYTES]
    even, odd = head[::2].count(0), head[1::2].count(0)
    if min(even, odd) > 0 or max(even, odd) <= len(head) // 4:
        return "utf-8"
    return "utf-16-le" if odd else "utf-16-be"


def _detected(data: bytes) -> str:
    """Return the encoding of a file that is not UTF-8; "" when it is uncertain."""
    key = digest(data)
    with _lock:
        if key in _known:
            return _known[key]
    encoding = _judged(data)
    with _lock:
        _known[key] = encoding
        if len(_known) > KNOWN:
            _known.popitem(last=False)
    return encoding


def _judged(data: bytes) -> str:
    import chardet  # noqa: PLC0415 - most repositories are all UTF-8
    from chardet.enums import EncodingEra  # noqa: PLC0415

    lines = data.split(b"\n")
    told = [
        line for line in lines[:2] if b"coding" in line or b"charset" in line
    ]  # encoding declarations, as in Python
    foreign = b"\n".join([*told, *(line for line in lines if not line.isascii())])[:MOST_BYTES]
    first: tuple[str, float] | None = None
    for guess in chardet.detect_all(foreign, encoding_era=EncodingEra.MODERN_WEB):
        name, confidence = guess["encoding"], guess["confidence"]
        if not name or _read(data, name) is None or not _is_plausible(foreign, name):
            continue
        if first is None:
            first = (name, confidence)
        elif _read(foreign, name) != _read(foreign, first[0]):
            return first[0] if first[1] >= SURE and first[1] >= LEAD * confidence else ""
    return first[0] if first and first[1] >= SURE else ""


def _is_plausible(foreign: bytes, encoding: str) -> bool:
    """Return whether some lines, as an encoding reads them, are words that someone may have written.

    Read as Cyrillic or Greek, a word of French has letters of two alphabets. Two East Asian characters are
    words in several encodings.
    """
    text = _read(foreign, encoding) or ""
    words = len(_FOREIGN_WORD.findall(text))
    if 3 * len(_MIXED_WORD.findall(text)) > words:
        return False
    count = len(foreign) - len(foreign.translate(None, _NOT_ASCII))
    is_wide = len(text) - len(text.encode("ascii", "ignore")) < count
    return count >= LEAST_WIDE_BYTES or not is_wide


def _read(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None
