"""Which texts of an interface a question in the same language means.

Words are compared by their beginnings, without accents: `gelöschte` meets `Gelöscht` and `GELOSCHTEN`, in any
language that inflects at the end. Texts without spaces are compared by pairs of characters.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from retrieval.chunks import tokenizer
from retrieval.chunks.catalogue import Entry

MOST_TEXTS = 6  # entries that together read a question
LEAST_GAIN = 0.05  # share of the question's weight that each entry must add
SHORTEST_STEM = 4  # letters
STEM_SHARE = 0.7  # of a word's letters; the rest is its ending
FIRST_UNSPACED = "\u0e00"  # Thai; the scripts before it put spaces between words
MOST_WORDS = 40  # of a question; a longer one is a pasted text, and every entry is compared with each
SHORTEST_WORD = 3  # shorter words of an alphabet are articles and the like

_ACCENT = re.compile(r"[\u0300-\u036f]")


def matching(question: str, entries: Sequence[Entry]) -> list[Entry]:
    """Choose the entries whose texts say most of a question, the one that says most first.

    Each next entry adds the most to what those before it say, and says little else. A word that many entries
    share counts little.
    """
    in_order = sorted(words(question))[:MOST_WORDS]  # sorted, so that sums and choices repeat
    asked = frozenset(in_order)
    stems = {word: _stem(word) for word in in_order}
    shared = ((entry, _plain(entry.text)) for entry in entries)
    texts = [
        (entry, _as_asked(words(text), stems))
        for entry, text in shared
        if any(stem in text for stem in stems.values())
    ]
    spread = Counter(word for _, own in texts for word in own)
    weights = {word: math.log1p(len(entries) / (1 + spread[word])) for word in spread}
    total = math.fsum(weights.get(word, math.log1p(len(entries))) for word in in_order)
    chosen: list[Entry] = []
    said: frozenset[str] = frozenset()
    while total and len(chosen) < MOST_TEXTS:
        gain, place = max(
            ((_gain(own, asked, said, weights), -place) for place, (_, own) in enumerate(texts)),
            default=(0.0, 0),
        )
        if gain < LEAST_GAIN * total:
            break
        entry, own = texts[-place]
        chosen.append(entry)
        said |= own
    return chosen


def words(text: str) -> frozenset[str]:
    """Return a text's words, without accents and in lower case; short ones are articles and the like.

    >>> sorted(words("Alle gelöschten Dateien"))
    ['alle', 'dateien', 'geloschten']
    """
    terms = tokenizer.terms(_plain(text))
    return frozenset(term for term in terms if len(term) >= SHORTEST_WORD or term[0] >= FIRST_UNSPACED)


def _as_asked(own: Iterable[str], asked: Mapping[str, str]) -> frozenset[str]:
    """Replace each word of a text by the word of the question that it is a form of.

    Args:
        own: The words of the text.
        asked: The words of the question, with their stems.
    """
    return frozenset(next((word for word in asked if _are_forms(word, asked[word], one)), one) for one in own)


def _are_forms(word: str, stem: str, other: str) -> bool:
    """Return whether two words begin alike; a short word has one form only."""
    if min(len(word), len(other)) < SHORTEST_STEM:
        return word == other
    return other.startswith(stem) or word.startswith(_stem(other))


def _gain(
    own: frozenset[str], asked: frozenset[str], said: frozenset[str], weights: Mapping[str, float]
) -> float:
    """Return what a text newly says of the question, times the share of the text that the question has."""
    shared = own & asked
    if not shared - said:
        return 0.0
    return _sum(shared - said, weights) * _sum(shared, weights) / _sum(own, weights)


def _sum(chosen: Iterable[str], weights: Mapping[str, float]) -> float:
    return math.fsum(weights[word] for word in chosen)


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", _ACCENT.sub("", unicodedata.normalize("NFKD", text))).lower()


def _stem(word: str) -> str:
    """Return the part of a word that its forms share."""
    return word[: max(SHORTEST_STEM, math.ceil(STEM_SHARE * len(word)))]
