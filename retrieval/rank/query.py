"""What a query contains: terms, code names, names spelled as several words, and locations."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from retrieval.chunks import tokenizer
from retrieval.files.languages import language_of
from retrieval.text import unified

LONGEST_SPELLING = 6  # most words of a question that together may spell one name


@dataclass(frozen=True, slots=True)
class Location:
    """A line of a file, as in a stack trace or a compiler message.

    Attributes:
        path: As written, with `/`; often only the end of a path, or below another root.
        line: 1-based.
    """

    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Query:
    """A query as the first stage reads it.

    Attributes:
        text: The query as asked.
        stems: Distinct stems of its terms, without stop words.
        identifiers: Words that look like code, in lower case; for a symbol query, its last name.
        is_symbol: Whether the whole query is one identifier.
        is_path: Whether the whole query is a path, or the end of one.
        pairs: Adjacent, distinct stems, not both stop words.
        spelled: Names formed by joining consecutive words, each with its share of the query's letters.
        locations: Lines of files that the query names, in order.
        asks: Whether the query holds how, where, why or the like, or a question mark.
    """

    text: str
    stems: tuple[str, ...]
    identifiers: tuple[str, ...]
    is_symbol: bool
    is_path: bool = False
    pairs: tuple[tuple[str, str], ...] = ()
    spelled: Mapping[str, float] = field(default_factory=dict)
    locations: tuple[Location, ...] = ()
    asks: bool = False


_ASKING = re.compile(r"\b(?:how|where|why|what|when|which|who|whose)\b|[?\uff1f]", re.IGNORECASE)
_QUALIFIED = re.compile(r"[A-Za-z_]\w*(?:(?:::|->|[.#/\\])[A-Za-z_]\w*)*")
_SEPARATOR = re.compile(r"::|->|[.#/\\]")
_CODE_LIKE = re.compile(r"\w*[a-z0-9][A-Z]\w*|\w*[A-Za-z]_\w+|_\w+|[A-Z]{2,}\w*[a-z]\w*")
_NOT_IN_NAMES = re.compile(r"[\W_]+")
# `b.py", line 3` (Python), `b.js:3:7` (most), `b.php(3)` and `b.php on line 3` (PHP), `b.cs:line 3` (C#),
# `b.sh: line 3` (bash), `b.pl line 3` (Perl), `b.go#L3` (a link). The lookbehind keeps every letter of a
# long word from being tried as the start of a path.
_LOCATION = re.compile(
    r"(?<![\w./\\@+-])(?P<path>[\w./\\@+-]*\w\.\w+)"
    r'(?:", line |:line |: line | on line | line |#L|[:(])(?P<line>\d{1,7})\b'
)


def read_query(text: str) -> Query:
    """Parse a query.

    >>> query = read_query("how does parseBody call http.client")
    >>> query.identifiers, query.asks
    (('parsebody', 'client'), True)
    """
    is_symbol = _is_symbol(text)
    return Query(
        text=text,
        stems=tuple(dict.fromkeys(filter(None, tokenizer.stems(tokenizer.query_terms(text))))),
        identifiers=tuple(dict.fromkeys(_identifiers(text, is_symbol=is_symbol))),
        is_symbol=is_symbol,
        is_path=_is_path(text),
        pairs=tuple(dict.fromkeys(_pairs(text))),
        spelled=_spelled(text),
        locations=tuple(dict.fromkeys(_locations(text))),
        asks=bool(_ASKING.search(text)),
    )


def name_key(name: str) -> str:
    """Normalize a name so that `http_client`, `HttpClient` and `http-client` are equal.

    >>> name_key("http_client"), name_key("HttpClient")
    ('httpclient', 'httpclient')
    """
    return _NOT_IN_NAMES.sub("", unified(name)).lower()


def whole_stem(identifier: str) -> str:
    """Return the term that stands for a whole identifier in the body field, or "".

    >>> whole_stem("parse_headers"), whole_stem("flush")
    ('parsehead', 'flush')
    """
    first, *_ = tokenizer.stems(tokenizer.terms(identifier)) or [""]
    return first


def _is_symbol(text: str) -> bool:
    stripped = text.strip().removesuffix("()")
    return not _is_path(stripped) and _QUALIFIED.fullmatch(stripped) is not None


def _is_path(text: str) -> bool:
    stripped = text.strip()
    if len(stripped.split()) != 1:
        return False
    return "/" in stripped or ("." in stripped and language_of(stripped) != "text")


def _identifiers(text: str, *, is_symbol: bool) -> Iterator[str]:
    for match in _QUALIFIED.finditer(text):
        *scopes, name = _SEPARATOR.split(match.group())
        called = text.startswith("(", match.end())
        if is_symbol or scopes or called or _CODE_LIKE.fullmatch(name):
            yield name.lower()


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    words = tokenizer.terms(text)
    stems = tokenizer.stems(words)
    for (first, left), (second, right) in pairwise(zip(words, stems, strict=True)):
        if left != right and not {first, second} <= tokenizer.QUERY_STOP_WORDS:
            yield left, right


def _spelled(text: str) -> dict[str, float]:
    """Join consecutive words, in singular and plural: "any invocable" spells `AnyInvocable`."""
    words = tokenizer.parts(text)
    letters = sum(len(word) for word in words if word not in tokenizer.QUERY_STOP_WORDS)
    found: dict[str, float] = {}
    for first in range(len(words)):
        for run in _runs(words[first : first + LONGEST_SPELLING]):
            name = "".join(run)
            for spelling in filter(None, (name, name.removesuffix("s"), f"{name}s")):
                share = min(1.0, len(name) / letters) if letters else 0.0
                found[spelling] = max(found.get(spelling, 0.0), share)
    return found


def _runs(words: Sequence[str]) -> Iterator[Sequence[str]]:
    for length in range(1, len(words) + 1):
        if not tokenizer.QUERY_STOP_WORDS.issuperset(words[:length]):
            yield words[:length]


def _locations(text: str) -> Iterator[Location]:
    for match in _LOCATION.finditer(text):
        yield Location(match["path"].replace("\\", "/"), int(match["line"]))
