"""Which results only repeat another: copies of the same code, and the files of one catalogue.

A vendored copy, a generated client or the fortieth translation says nothing that the first did not, and takes
the place of what would. The best of them stays and says how many there are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
    seen: list[tuple[Chunk, frozenset[bytes], str]] = []
    for place, candidate in enumerate(candidates):
        chunk = candidate.chunk
        if keeps_copies or place >= LOOKED_AT:
            kept.append(Folded(candidate))
            continue
        words = stems(chunk)
        catalogue = "" if keeps_data or kind_of(chunk.path) != "data" else _catalogue(chunk.path)
        number = next((i for i, known in enumerate(seen) if _repeats(chunk, words, catalogue, known)), None)
        if number is None:
            seen.append((chunk, words, catalogue))
            kept.append(Folded(candidate))
        else:
            kept[number] = replace(kept[number], alike=(*kept[number].alike, chunk.span))
    return [replace(one, candidate=replace(one.candidate, rank=rank)) for rank, one in enumerate(kept, 1)]


def _repeats(
    chunk: Chunk, words: frozenset[bytes], catalogue: str, known: tuple[Chunk, frozenset[bytes], str]
) -> bool:
    other, others, its_catalogue = known
    if chunk.path == other.path:
        return False
    if catalogue and catalogue == its_catalogue:
        return True
    if chunk.digest and chunk.digest == other.digest:
        return True
    if min(len(words), len(others)) < LEAST_STEMS:
        return False
    if min(len(words), len(others)) < ALIKE * max(len(words), len(others)):
        return False
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
