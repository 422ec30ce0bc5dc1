"""How text becomes terms: one analyzer for indexing and querying, with a fingerprint.

An identifier becomes the whole name, in lower case and without separators, and each of its parts:
`parseHTTPHeader` and `parse_http_header` both become `parsehttpheader`, `parse`, `http`, `header`.
Terms are then stemmed (Porter) or left as they are, depending on the field. Unicode variants of a text,
composed or not, full or half width, are normalized to one form (NFKC).
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

import Stemmer

from retrieval.text import unified

VERSION = 2
"""Increment when the terms of any text change: every index is then rebuilt."""

LONGEST_TERM = 64
"""Nobody searches for longer words (hashes, base64); their parts, if any, are still terms."""

# Words, with hyphens only between parts that start with a letter (kebab-case, not subtraction).
_WORD = re.compile(r"[^\W\d]\w*(?:-[^\W\d]\w*)+|\w+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SEPARATOR = re.compile(r"[_-]+")
# Vowel signs and other marks, which `re` does not count as letters, so words of Indic scripts would be split.
_MARKS = "".join(
    character for character in map(chr, range(0x300, 0x1E00)) if unicodedata.category(character)[0] == "M"
)
_MARKED_WORD = re.compile(_WORD.pattern.replace(r"\w", rf"[\w{_MARKS}]"))
# Written without spaces: Thai, Lao, Burmese, Khmer; Japanese, Chinese, Korean.
_UNSPACED = re.compile(
    r"[\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff"
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
)

QUERY_STOP_WORDS = frozenset(
    # Function words of a question. They stay in the index, because code may be named after them.
    "a about all an and any are as at be been being but by can could did do does doing for from had has have "
    "having how i if in into is it its me my of off on once onto or our out over should so some such than "
    "that the their them then there these they this those through to under until up upon us used uses using "
    "via was we were what when where whether which while who whose why will with would you your".split()
)

# Without the cache of words, which costs more than it saves (benchmarks/runs/2026-11-27-server/memory.txt).
_stemmer = Stemmer.Stemmer("porter", 0)


def fingerprint() -> str:
    """Identify this analyzer: an index built by another one must be rebuilt."""
    parts = (
        str(VERSION),
        Stemmer.version(),
        str(LONGEST_TERM),
        _WORD.pattern,
        _PART.pattern,
        _UNSPACED.pattern,
    )
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def terms(text: str) -> list[str]:
    """Split `text` into lower-case terms, in order, with repetitions.

    >>> terms("parseHTTPHeader")
    ['parsehttpheader', 'parse', 'http', 'header']
    """
    text = unified(text)
    found: list[str] = []
    for word in (_WORD if text.isascii() else _MARKED_WORD).findall(text):
        found.extend(_word_terms(word))
    return found


def parts(text: str) -> list[str]:
    """Split `text` into the smallest parts of its identifiers, in lower case, in order.

    >>> parts("parse HTTPHeader_2")
    ['parse', 'http', 'header', '2']
    """
    return [part.lower() for part in _PART.findall(unified(text))]


def stems(words: Iterable[str]) -> list[str]:
    """Stem each term (Porter 1980, Snowball's implementation), in order.

    >>> stems(["parsing", "headers"])
    ['pars', 'header']
    """
    stemmed: list[str] = _stemmer.stemWords(list(words))
    return stemmed


def name_stems(names: Iterable[str]) -> list[str]:
    """Stem the terms of defined names, in order."""
    return stems(term for name in names for term in terms(name))


def query_terms(query: str) -> list[str]:
    """Split a query into its distinct terms without stop words, in order of first use.

    A query of only stop words keeps them: you may be searching for "this".
    """
    distinct = list(dict.fromkeys(terms(query)))
    return [term for term in distinct if term not in QUERY_STOP_WORDS] or distinct


def _word_terms(word: str) -> list[str]:
    if word.islower() and word.isascii() and word.isalpha():  # most words: nothing to split
        return [word] if len(word) <= LONGEST_TERM else []
    parts: list[str] = []
    for piece in _SEPARATOR.split(word):
        parts.extend(_piece_terms(piece))
    whole = _SEPARATOR.sub("", word).lower()
    if len(parts) == 1 and parts[0] == whole:
        whole = ""
    found = [whole, *parts] if whole and not _UNSPACED.search(whole) else parts
    return [term for term in dict.fromkeys(found) if 0 < len(term) <= LONGEST_TERM]


def _piece_terms(piece: str) -> list[str]:
    if piece.isascii():
        return _camel_terms(piece)
    found: list[str] = []
    end = 0
    for run in _UNSPACED.finditer(piece):
        found.extend(_camel_terms(piece[end : run.start()]))
        found.extend(_bigrams(run.group()))
        end = run.end()
    found.extend(_camel_terms(piece[end:]))
    return found


def _camel_terms(piece: str) -> list[str]:
    if not piece.isascii():  # other alphabets have no camelCase worth splitting
        return [piece.lower()]
    parts = _PART.findall(piece)
    found = [part.lower() for part in parts]
    for left, right in pairwise(parts):
        # `OAuth`, `iPhone` and `sha256` are words: a lone letter or a number also belongs to its neighbour.
        if (len(left) == 1 and left.isalpha()) or right.isdigit():
            found.append((left + right).lower())
    return found


def _bigrams(run: str) -> list[str]:
    """Split text without spaces into overlapping pairs."""
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
