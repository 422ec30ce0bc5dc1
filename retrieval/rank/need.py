"""What a caller wants to find: a question in one wording or several, and guesses at what the code is called.

A wording is read by itself, and its features are averaged with those of the others. A pasted text, such as
an issue, is two wordings: its first line, which says what it is about, and the whole without the words of the
template.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from retrieval.chunks import tokenizer
from retrieval.rank.query import Query, name_key, read_query

NeedKind = Literal["name", "path", "guessed", "pasted", "question"]

LONG_CHARS = 200  # a text of several lines that is longer than this is pasted
TITLE_WORDS = 3  # a shorter first line is a greeting or a heading
MAX_WORDINGS = 3  # of one question
MOST_GUESSES = 8
LONGEST_GUESS = 200  # characters; more is no name
KEPT = 32  # needs: one call reads its own several times
ORDER = 0.85  # weight of a guess, relative to the guess before it

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"https?://\S+")
# A heading, a line in bold, or a box to tick: the template's words, not the writer's.
_TEMPLATE_LINE = re.compile(r"#+\s.*|\*\*[^*]*\*\*:?|[-*] ?\[[ xX]\].*")
_VERSION_LINE = re.compile(r"[\w.-]+(?: [\w.-]+){0,3}[:=]? ?v?\d+(?:\.\d+)+\S*")  # "Python: 3.7.4"
LONGEST_TEMPLATE_LINE = 120  # characters; the writer's own sentences are longer
_FILE_NAME = re.compile(r"(?:.*/)?([\w.+-]*\w)\.\w{1,6}")
_WORD = re.compile(r"[A-Za-z_]\w+")


@dataclass(frozen=True, slots=True)
class Guess:
    """One word or name that the answering code may contain.

    Attributes:
        text: As the caller wrote it.
        stems: Distinct stems of its terms.
        identifiers: The words in it that may be names, in lower case.
        keys: These and the whole text, in the form of `name_key`.
        title: The name of the file that it may mean, in the form of `name_key`.
        weight: 1 for the first guess, ORDER times the weight before for each other.
    """

    text: str
    stems: tuple[str, ...]
    identifiers: tuple[str, ...]
    keys: frozenset[str]
    title: str
    weight: float


@dataclass(frozen=True, slots=True)
class Wording:
    """One way of asking, with its share of the features; the shares of a need add up to 1."""

    query: Query
    share: float


@dataclass(frozen=True, slots=True)
class Need:
    """What a caller wants to find.

    Attributes:
        wordings: At least one, the caller's first wording first.
        guesses: Most likely first, at most MOST_GUESSES.
        is_pasted: Whether a wording is a pasted text.
    """

    wordings: tuple[Wording, ...]
    guesses: tuple[Guess, ...] = ()
    is_pasted: bool = False

    @property
    def query(self) -> Query:
        """The first wording."""
        return self.wordings[0].query

    @property
    def is_symbol(self) -> bool:
        """Whether every wording is one identifier."""
        return all(wording.query.is_symbol for wording in self.wordings)

    @property
    def kind(self) -> NeedKind:
        """The kind that has weights and a calibration of its own."""
        if self.is_symbol:
            return "name"
        if self.guesses:
            return "guessed"
        if all(wording.query.is_path for wording in self.wordings):
            return "path"
        return "pasted" if self.is_pasted else "question"

    @property
    def stems(self) -> tuple[str, ...]:
        """Distinct stems of all wordings, in order."""
        return tuple(dict.fromkeys(stem for wording in self.wordings for stem in wording.query.stems))

    @property
    def guessed(self) -> tuple[str, ...]:
        """Distinct stems of all guesses, in order."""
        return tuple(dict.fromkeys(stem for guess in self.guesses for stem in guess.stems))


def read_need(asked: str | Sequence[str], expect: Sequence[str] = ()) -> Need:
    """Parse a call: one wording or several, and guesses, most likely first.

    >>> [wording.share for wording in read_need(["retry a request", "backoff"]).wordings]
    [0.5, 0.5]
    >>> read_need("where are requests retried", ["http/retry.py"]).guesses[0].title
    'retry'
    """
    return _read((asked,) if isinstance(asked, str) else tuple(asked), tuple(expect))


@lru_cache(KEPT)
def _read(texts: tuple[str, ...], expect: tuple[str, ...]) -> Need:
    split = [_parts(text) for text in texts]
    wordings = [Wording(read_query(part), 1 / (len(texts) * len(parts))) for parts in split for part in parts]
    said = list(dict.fromkeys(text.strip()[:LONGEST_GUESS] for text in expect if text.strip()))[:MOST_GUESSES]
    return Need(
        wordings=tuple(wordings),
        guesses=tuple(read_guess(text, ORDER**place) for place, text in enumerate(said)),
        is_pasted=any(len(parts) > 1 for parts in split),
    )


def _parts(text: str) -> list[str]:
    """Split a pasted text into its first line and the whole without template; any other is one part."""
    title, _, rest = text.strip().partition("\n")
    if len(text) <= LONG_CHARS or not rest.strip() or len(title.split()) < TITLE_WORDS:
        return [text]
    return [title, _own_words(text)]


def _own_words(text: str) -> str:
    """Remove comments, links, headings and lists of versions: words that every such text has."""
    lines = _LINK.sub(" ", _COMMENT.sub(" ", text)).split("\n")
    return "\n".join(line for line in lines if not _is_template(line.strip()))


def _is_template(line: str) -> bool:
    if len(line) > LONGEST_TEMPLATE_LINE:
        return False
    return bool(_TEMPLATE_LINE.fullmatch(line) or _VERSION_LINE.fullmatch(line))


def read_guess(text: str, weight: float) -> Guess:
    """Parse a guess."""
    file = _FILE_NAME.fullmatch(text)
    words = [word for word in _WORD.findall(text) if word.lower() not in tokenizer.QUERY_STOP_WORDS]
    return Guess(
        text=text,
        stems=tuple(dict.fromkeys(filter(None, tokenizer.stems(tokenizer.query_terms(text))))),
        identifiers=tuple(dict.fromkeys(word.lower() for word in words)),
        keys=frozenset(filter(None, map(name_key, (text, *words)))),
        title=name_key(file[1].partition(".")[0] if file else text),
        weight=weight,
    )
