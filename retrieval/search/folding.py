"""Which results only repeat another: copies of the same code, and the files of one catalogue.

A vendored copy, a generated client or the fortieth translation says nothing that the first did not, and takes
the place of what would. The best of them stays and says how many there are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from retrieval.paths.catalogue_paths import without_language
from retrieval.paths.file_kinds import kind_of
from retrieval.records import Candidate, Chunk

LOOKED_AT = 40  # candidates that are compared with each other
ALIKE = 0.9  # share of their stems that two copies have in common
LEAST_STEMS = 12  # shorter chunks are alike by chance

Stems = Callable[[Chunk], frozenset[bytes]]
"""Reads the distinct stems of a chunk's text."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A candidate, with those that only repeat it.

    Attributes:
        candidate: The best of them, with its rank among those that are kept.
        alike: The places of the others, best first.
    """

    candidate: Candidate
    alike: tuple[str, ...] = ()


def fold(
    candidates: Sequence[Candidate], stems: Stems, *, keeps_data: bool, keeps_copies: bool = False
) -> list[Folded]:
    """Fold candidates that repeat a better one.

    Args:
        candidates: Best first; of more than LOOKED_AT, the others are kept as they are.
        stems: Reads the stems of a chunk.
        keeps_data: Whether files of one catalogue are kept apart, because the caller asks for them.
        keeps_copies: Whether nothing is folded, because the caller asks for a path.
    """
    kept: list[Folded] = []
    seen = _Seen()
    for place, candidate in enumerate(candidates):
        chunk = candidate.chunk
        if keeps_copies or place >= LOOKED_AT:
            kept.append(Folded(candidate))
            continue
        words = stems(chunk)
        catalogue = "" if keeps_data or kind_of(chunk.path) != "data" else _catalogue(chunk.path)
        number = seen.find(chunk, words, catalogue)
        if number is None:
            seen.add(chunk, words, catalogue)
            kept.append(Folded(candidate))
        else:
            kept[number] = replace(kept[number], alike=(*kept[number].alike, chunk.span))
    return [replace(one, candidate=replace(one.candidate, rank=rank)) for rank, one in enumerate(kept, 1)]


class _Seen:
    """The candidates that repeat no better one, best first."""

    def __init__(self) -> None:
        self._chunks: list[Chunk] = []
        self._words: list[frozenset[bytes]] = []
        self._sizes = np.zeros(LOOKED_AT)  # of _words; a size of 0 is like none
        self._catalogues: list[str] = []

    def add(self, chunk: Chunk, words: frozenset[bytes], catalogue: str) -> None:
        """Add a candidate."""
        self._sizes[len(self._chunks)] = len(words) if len(words) >= LEAST_STEMS else 0
        self._chunks.append(chunk)
        self._words.append(words)
        self._catalogues.append(catalogue)

    def find(self, chunk: Chunk, words: frozenset[bytes], catalogue: str) -> int | None:
        """Return the number of the best candidate of another file that says the same, or None."""
        numbers: list[int] = []
        if len(words) >= LEAST_STEMS:
            least, most = ALIKE * len(words), len(words) / ALIKE
            near = np.flatnonzero((self._sizes >= least) & (self._sizes <= most)).tolist()
            numbers += [i for i in near if self._overlaps(i, words)]
        if chunk.digest:
            numbers += [i for i, other in enumerate(self._chunks) if other.digest == chunk.digest]
        if catalogue:
            numbers += [i for i, other in enumerate(self._catalogues) if other == catalogue]
        return min((i for i in numbers if self._chunks[i].path != chunk.path), default=None)

    def _overlaps(self, number: int, words: frozenset[bytes]) -> bool:
        others = self._words[number]
        return len(words & others) >= ALIKE * len(words | others)


def _catalogue(path: str) -> str:
    """Name the catalogue that a file of data belongs to: its path without the language, or its folder.

    >>> _catalogue("app/locales/de_DE/menu.json") == _catalogue("app/locales/fr/menu.json")
    True
    >>> _catalogue("locale/de/LC_MESSAGES/app.po") == _catalogue("locale/fr/LC_MESSAGES/app.po")
    True
    """
    return without_language(path) or ("" if _is_manual(path) else f"{path.rpartition('/')[0]}/")


def _is_manual(path: str) -> bool:
    return path.rpartition(".")[2].isdigit()  # each page of a manual is about something else
