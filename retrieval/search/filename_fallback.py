"""Which files answer a query before there is an index: those whose names match, read on demand."""

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from retrieval.chunks.chunk_text import ChunkText, chunk_texts_of
from retrieval.chunks.tokenizer import stems
from retrieval.errors import shorten
from retrieval.files import secret_masking
from retrieval.paths import file_kinds
from retrieval.paths.path_filter import Filter
from retrieval.rank import path_features
from retrieval.rank.need import Need
from retrieval.sync.view import View

FILES = 20  # most files that are read
CHUNKS = 150  # after this many chunks, no further file is read: splitting and ranking them takes 0.1 s
MOST = 5_000  # most names that are analysed
NAMED = 5  # names that the reply lists while no code can be shown
DETECTOR_S = 1.0
"""How long a query waits for the secret detector, which takes half a second to load, and five seconds the
first time on a machine."""
MINOR = 0.5  # weight of the name of a test or document: enough to be read if nothing else matches
NO_DETECTOR = (
    "code is shown once the secret detector is loaded, which takes some seconds the first time on a machine"
)


@dataclass(frozen=True, slots=True)
class FilenameMatches:
    """The matches for a query before there is an index.

    Attributes:
        passages: Chunks of the files whose names match.
        notes: What is missing from the answer, one sentence each.
    """

    passages: list[ChunkText]
    notes: tuple[str, ...] = ()


def match_filenames(view: View, need: Need, wanted: Filter) -> FilenameMatches:
    """Read the files whose paths contain words of a query, and split them into chunks.

    Args:
        view: The view to search; it needs no index.
        need: What the caller wants; a guess may name a file.
        wanted: The filter of the files.

    Raises:
        ArgumentError: A pattern is invalid, or the language is unknown.
    """
    named = [name for wording in need.wordings for name in wording.query.identifiers]
    words = dict.fromkeys((*need.stems, *stems(named), *need.guessed), 1.0)
    scored = ((_score(path, words), path) for path in _alike(view.names(wanted), words))
    best = [path for _, path in heapq.nlargest(FILES, (item for item in scored if item[0] > 0))]
    if best and not secret_masking.is_ready(DETECTOR_S):
        alike = ", ".join(map(shorten, best[:NAMED]))
        return FilenameMatches([], (f"{NO_DETECTOR}; files whose names match: {alike}",))
    found: list[ChunkText] = []
    for path in best:
        if len(found) >= CHUNKS:
            break
        lines = view.lines_before_listing(path)
        if lines is not None:
            found.extend(chunk_texts_of(path, lines))
    return FilenameMatches(found)


def _alike(names: Iterable[str], words: Iterable[str]) -> list[str]:
    """Select the paths that contain a word literally: analysing 100,000 paths would take seconds."""
    looked_for = [word for word in words if len(word) >= path_features.SHORTEST_PREFIX]
    alike = []
    for path in names:
        lower = path.lower()
        if any(word in lower for word in looked_for):
            alike.append(path)
    return alike[:MOST]


def _score(path: str, words: Mapping[str, float]) -> float:
    return path_features.coverage(path, words) * (MINOR if file_kinds.is_minor(path) else 1.0)
