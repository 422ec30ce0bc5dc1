"""Whether a question has only everyday words, which say nothing about where to look."""

from dataclasses import dataclass

from retrieval.chunks import tokenizer
from retrieval.index.reader import Snapshot
from retrieval.rank.need import Need

# In goldrank's own 7,728 chunks, words that it does not define and that are in a tenth of the chunks are
# keywords (`def`, `return`, `str`, `import`) and words of prose; names of libraries (`pytest`) are in fewer.
EVERYDAY_SHARE = 0.1
EVERYDAY_CHUNKS = 50  # in a small repository, a tenth of the chunks are few


@dataclass(frozen=True, slots=True)
class Everyday:
    """The most frequent word of a question of everyday words, and in how many chunks it is."""

    word: str
    chunks: int


def everyday(need: Need, snapshot: Snapshot) -> Everyday | None:
    """Return the most frequent word of a need that has only everyday words, or None.

    These are stop words, or a single word that much of the repository contains. A word that the repository
    defines is a name, and guesses say where to look whatever the question says.
    """
    if need.guesses or need.kind == "path" or any(item.query.locations for item in need.wordings):
        return None
    words = {term for item in need.wordings for term in tokenizer.query_terms(item.query.text)}
    are_stop_words = words <= tokenizer.QUERY_STOP_WORDS
    if not are_stop_words and len(words) > 1:
        return None  # most questions
    found = [Everyday(word, snapshot.df("body", tokenizer.stems([word])[0])) for word in sorted(words)]
    if not found or (need.is_symbol and snapshot.defining(need.query.identifiers, 1)):
        return None
    most = max(found, key=lambda one: one.chunks)
    if are_stop_words:
        return most
    is_frequent = most.chunks >= max(EVERYDAY_CHUNKS, EVERYDAY_SHARE * len(snapshot))
    return most if is_frequent else None
