"""An answer before there is an index: the files whose names speak of the question, read on the spot."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retrieval.chunks.passages import Passage, passages_of
from retrieval.chunks.tokenizer import stems
from retrieval.errors import shorten
from retrieval.files import secret_masking
from retrieval.paths import path_roles
from retrieval.paths.path_filter import Filter
from retrieval.rank import path_features
from retrieval.rank.query import read_query
from retrieval.sync.repository import Repository

FILES = 20  # that are read at most
CHUNKS = 150  # after so many no further file is read: cutting and ranking them takes some 0.1 s
MOST = 5_000  # names that are analysed
NAMED = 5  # names that are told where no code can be shown
DETECTOR_S = 1.0
"""How long a glimpse waits for the detector of secrets, which takes half a second to load, and five
seconds the first time on a machine."""
MINOR = 0.5  # what a test's or a document's name counts: enough to be read where nothing else matches
NO_DETECTOR = (
    "no code can be shown before secrets can be told from it, which takes some seconds once on a machine"
)


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What can be said before there is an index.

    Attributes:
        passages: Chunks of the files whose names match.
        notes: What is missing, a sentence each.
    """

    passages: list[Passage]
    notes: tuple[str, ...] = ()


def glimpse(repository: Repository, text: str, wanted: Filter) -> Glimpse:
    """Read the files whose paths spell words of a question, as chunks.

    Args:
        repository: It needs no index.
        text: The question.
        wanted: What the search is held to.

    Raises:
        ArgumentError: A pattern is none, or the language is unknown.
    """
    query = read_query(text)
    words = dict.fromkeys((*query.stems, *stems(query.identifiers)), 1.0)
    scored = ((_score(path, words), path) for path in _alike(repository.names(wanted), words))
    best = [path for _, path in heapq.nlargest(FILES, (item for item in scored if item[0] > 0))]
    if best and not secret_masking.is_ready(DETECTOR_S):
        alike = ", ".join(map(shorten, best[:NAMED]))
        return Glimpse([], (f"{NO_DETECTOR}; files whose names match: {alike}",))
    found: list[Passage] = []
    for path in best:
        if len(found) >= CHUNKS:
            break
        lines = repository.peek(path)
        if lines is not None:
            found.extend(passages_of(path, lines))
    return Glimpse(found)


def _alike(names: Iterable[str], words: Iterable[str]) -> list[str]:
    """Pick the paths that hold a word letter for letter: analysing a hundred thousand would take seconds."""
    looked_for = [word for word in words if len(word) >= path_features.SHORTEST_PREFIX]
    alike = []
    for path in names:
        lower = path.lower()
        if any(word in lower for word in looked_for):
            alike.append(path)
    return alike[:MOST]


def _score(path: str, words: Mapping[str, float]) -> float:
    return path_features.coverage(path, words) * (MINOR if path_roles.is_minor(path) else 1.0)
