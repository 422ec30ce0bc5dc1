"""How a word is read that the repository spells otherwise: British where it is American, or the reverse.

`colour` and `color` have different stems, so a question in one spelling finds nothing in code that is written
in the other. Other words are read as they are written: of 115 words of people's questions that occur nowhere
in the repository and differ by one letter from a word that does, most are English and mean something else
(`trace` is no `track`, `clang` no `change`). `slips` names those that may be typing errors, for a reply that
has found nothing.
"""

import re
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from retrieval.chunks import tokenizer
from retrieval.rank.need import Guess, Need, Wording, read_guess
from retrieval.rank.query import read_query, whole_stem

USUAL = 3
"""How many times as many chunks must hold the other spelling. In 599 questions of people about whole
repositories, this reads nine words otherwise, all of them rightly."""

ChunkCount = Callable[[str], int]
"""Returns how many chunks hold a stem."""

SHORTEST_SLIP = 6  # letters; shorter words are near too many others
MOST_SLIPS = 2

_WORD = re.compile(r"\w+")
_PART = re.compile(r"[A-Z]?[a-z]{4,}|[A-Z]{5,}")
_END = r"(?=(?:e|es|ed|er|ers|ing|ings|able|ation|ations)\b)"
# Of each pair, the British form and the American one, in lower case.
_FORMS = (
    ("our", "or", r"(?<=..){}"),
    ("is", "iz", r"(?<=..){}" + _END),
    ("ys", "yz", r"(?<=.){}" + _END),
    ("ogue", "og", r"(?<=.){}(?=s?\b|ed\b)"),
    ("ence", "ense", r"(?<=.){}(?=[sd]?\b)"),
    ("tre", "ter", r"(?<=.){}(?=s?\b)"),
    ("tred", "tered", r"(?<=.){}\b"),
    ("bre", "ber", r"(?<=.){}(?=s?\b)"),
    ("grey", "gray", "{}"),
    ("artef", "artif", "{}"),
    ("dgement", "dgment", "{}"),
    ("programme", "program", r"{}(?=s?\b)"),
)
_AMERICAN = tuple((re.compile(pattern.format(form)), other) for form, other, pattern in _FORMS)
_BRITISH = tuple((re.compile(pattern.format(form)), other) for other, form, pattern in _FORMS)


def respelled(need: Need, chunk_count: ChunkCount) -> tuple[Need, Mapping[str, str]]:
    """Spell the words of a need as the repository does.

    Args:
        need: What the caller wants.
        chunk_count: Counts the chunks that hold a stem.

    Returns:
        The need, and each word that was read otherwise with what it was read as.
    """
    read: dict[str, str] = {}
    wordings = tuple(_wording(wording, chunk_count, read) for wording in need.wordings)
    guesses = tuple(_guess(guess, chunk_count, read) for guess in need.guesses)
    return replace(need, wordings=wordings, guesses=guesses) if read else need, read


def spellings(word: str) -> Iterator[str]:
    """Yield the other spellings of a word in lower case, British or American.

    >>> list(spellings("colours")), list(spellings("center")), list(spellings("analyzed"))
    (['colors'], ['centre'], ['analysed'])
    >>> "colorized" in spellings("colourised")
    True
    """
    for rules in (_AMERICAN, _BRITISH):
        found = [rule for rule in rules if rule[0].search(word)]
        whole = word
        for pattern, other in found:
            yield pattern.sub(other, word, count=1)
            whole = pattern.sub(other, whole, count=1)
        if len(found) > 1:
            yield whole


def slips(need: Need, chunk_count: ChunkCount) -> Mapping[str, str]:
    """Find words that may be typing errors: nothing holds them, and one letter less, more or swapped is held.

    Args:
        need: What the caller wants.
        chunk_count: Counts the chunks that hold a stem.

    Returns:
        At most MOST_SLIPS words in lower case, in order, each with the word that may be meant.
    """
    said = (part for wording in need.wordings for part in tokenizer.parts(wording.query.text))
    found: dict[str, str] = {}
    for word in dict.fromkeys(said):
        if len(word) >= SHORTEST_SLIP and (meant := _meant(word, chunk_count)):
            found[word] = meant
        if len(found) == MOST_SLIPS:
            break
    return found


def _meant(word: str, chunk_count: ChunkCount) -> str:
    """Return the most frequent word that a typing error may have made this one, or ""."""
    (own,) = tokenizer.stems([word])
    if chunk_count(own):
        return ""
    others = sorted(_near(word))
    near = _near(own)  # a stem may be far from that of a word nearby: `shortely` has that of `short`
    counts = {
        other: chunk_count(stem)
        for other, stem in zip(others, tokenizer.stems(others), strict=True)
        if stem in near
    }
    best = max(counts, key=lambda other: counts[other], default="")
    return best if best and counts[best] else ""


def _near(word: str) -> set[str]:
    """Return the words with the same first letter and one letter more or less, or two neighbours swapped."""
    cuts = range(1, len(word) + 1)
    more = {word[:i] + letter + word[i:] for i in cuts for letter in string.ascii_lowercase}
    less = {word[:i] + word[i + 1 :] for i in cuts[:-1]}
    swapped = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in cuts[:-2]}
    return (more | less | swapped) - {word}


def _wording(wording: Wording, chunk_count: ChunkCount, read: dict[str, str]) -> Wording:
    text = _spelled(wording.query.text, chunk_count, read)
    return wording if text == wording.query.text else replace(wording, query=read_query(text))


def _guess(guess: Guess, chunk_count: ChunkCount, read: dict[str, str]) -> Guess:
    text = _spelled(guess.text, chunk_count, read)
    return guess if text == guess.text else replace(read_guess(text, guess.weight), text=guess.text)


def _spelled(text: str, chunk_count: ChunkCount, read: dict[str, str]) -> str:
    def word(match: re.Match[str]) -> str:
        written = match[0]
        if not written.isascii() or not _PART.search(written):
            return written
        is_compound = _PART.fullmatch(written) is None
        if is_compound and chunk_count(whole_stem(written)):
            return written  # a name that exists is spelled rightly, however the rest of the code is
        return _PART.sub(part, written)

    def part(match: re.Match[str]) -> str:
        written = match[0]
        lower = written.lower()
        usual = _usual(lower, chunk_count)
        if not usual:
            return written
        read[lower] = usual
        return usual.upper() if written.isupper() else usual.capitalize() if written[0].isupper() else usual

    return _WORD.sub(word, text)


def _usual(word: str, chunk_count: ChunkCount) -> str:
    """Return the spelling of a word that is far more common in the repository, or ""."""
    others = list(spellings(word))
    if not others or word in tokenizer.QUERY_STOP_WORDS:
        return ""
    own, *stems = tokenizer.stems([word, *others])
    least = USUAL * chunk_count(own)
    counts = {other: chunk_count(stem) for other, stem in zip(others, stems, strict=True) if stem != own}
    best = max(counts, key=lambda other: counts[other], default="")
    return best if best and counts[best] >= max(1, least) else ""
