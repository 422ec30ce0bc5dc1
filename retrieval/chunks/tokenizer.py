"""How text becomes terms: one analyzer for indexing and querying, with a fingerprint.

An identifier gives itself, lower-cased and without its separators, and each of its parts:
`parseHTTPHeader` gives `parsehttpheader`, `parse`, `http`, `header`, and so does `parse_http_header`.
A term is then stemmed (Porter) or kept as it is, by field. Text that Unicode can write in several ways,
composed or not, in full or half width, has one form here (NFKC).
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

import Stemmer

from retrieval.text import unified

VERSION = 2
"""Raise it whenever the terms of any text change: every index is then rebuilt."""

LONGEST_TERM = 64
"""Longer runs (hashes, base64) are nobody's query; their parts, if any, are still terms."""

# Words, with inner hyphens only between names that start with a letter (kebab-case, not subtraction).
_WORD = re.compile(r"[^\W\d]\w*(?:-[^\W\d]\w*)+|\w+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")
_SEPARATOR = re.compile(r"[_-]+")
# Vowel signs and other marks, which are no letters to `re` and would part the words of Indic scripts.
_MARKS = "".join(
    character for character in map(chr, range(0x300, 0x1E00)) if unicodedata.category(character)[0] == "M"
)
_MARKED_WORD = re.compile(_WORD.pattern.replace(r"\w", rf"[\w{_MARKS}]"))
# Written without blanks: Thai, Lao, Burmese, Khmer; Japanese, Chinese, Korean.
_UNSPACED = re.compile(
    r"[\u0e00-\u0e7f\u0e80-\u0eff\u1000-\u109f\u1780-\u17ff"
    r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
)

QUERY_STOP_WORDS = frozenset(
    # Function words of a question, never left out of the index: code may be named after them.
    "a about all an and any are as at be been being but by can could did do does doing for from had has have "
    "having how i if in into is it its me my of off on once onto or our out over should so some such than "
    "that the their them then there these they this those through to under until up upon us used uses using "
    "via was we were what when where whether which while who whose why will with would you your".split()
)

# Without its cache of words, which costs more than it saves (benchmarks/runs/2026-11-27-server/memory.txt).
_stemmer = Stemmer.Stemmer("porter", 0)


def fingerprint() -> str:
    """Identify this analyzer: an index made by another one must be rebuilt."""
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
    """Split `text` into lower-case terms, in order, repeats included.

    >>> terms("parseHTTPHeader")
    ['parsehttpheader', 'parse', 'http', 'header']
    """
    text = unified(text)
    found: list[str] = []
    for word in (_WORD if text.isascii() else _MARKED_WORD).findall(text):
        found.extend(_word_terms(word))
    return found


def parts(text: str) -> list[str]:
    """Split `text` into the smallest words that identifiers are made of, lower-cased, in order.

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
    """Split a query into its distinct terms, stop words left out, in order of first use.

    A query of stop words only keeps them: "this" may be just what is looked for.
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
    """Cut a run of text that has no spaces into overlapping pairs."""
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]
