"""Which repositories may answer a question: those whose chunks hold and define most of its rarer words.

The score is BM25 with a repository as the document: how many of its chunks hold a stem, plus how many define
a name with it. Only the visible repositories are counted, so a hidden one changes no score, to the last bit.
Callan, Lu and Croft 1995 (CORI) and Si and Callan 2003 (ReDDE) were measured beside it
(docs/decisions/0038-which-repositories-may-answer.md).
"""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.rank.need import Need
from retrieval.rank.query import whole_stem
from retrieval.routing.profile import Hashes, Levels, Profile, counts_of, hash_of

MOST = 20  # repositories that answer one question: benchmarks/runs/2026-11-29-fleet/routing.txt
K1 = 30.0
"""A stem in 30 chunks of a repository of mean size counts half of one in every chunk (the same run)."""
B_HELD, B_DEFINED = 0.5, 0.75  # how much a larger repository is held back (the same run)
DEFINED = 0.5
"""What a stem that names define counts, relative to one that chunks hold (the same run: this, K1 and both b
are the best on the other repositories, whichever of the 16 is left out)."""
IDENTIFIER = 2.0
"""How much more the whole of an identifier counts than a word: of 755 names that at most three of 151
repositories define, it leads 85 % instead of 76 % to the right one first (the same run)."""

BLOCK = 256  # repositories, so that a byte says which: changing one rewrites its block, in some 20 ms
SELECTIONS = 64  # sets of visible repositories that are remembered, one for each set of groups

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Route:
    """A repository that may answer.

    Attributes:
        source: Where it is: `host/owner/name`.
        score: Comparable among the repositories of one question; 0 if it has none of the words.
    """

    source: str
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """The stems of at most BLOCK repositories, in one array.

    Attributes:
        slots: The profiles' sources, lengths and commits by slot; None where one is free.
        terms: Ascending, uint32 [n_postings]; each repeated for every repository that has it.
        slot: Which repository, uint8 [n_postings].
        held: As in the profile, uint8 [n_postings].
        defined: As in the profile, uint8 [n_postings].
    """

    slots: tuple["_Slot | None", ...]
    terms: Hashes
    slot: Levels
    held: Levels
    defined: Levels


@dataclass(frozen=True, slots=True)
class _Slot:
    """What is known of one repository besides its stems."""

    source: str
    commit: str
    stems: int
    names: int


@dataclass(frozen=True, slots=True, eq=False)
class _Selection:
    """The visible repositories of one state of the router.

    Attributes:
        sources: All of them, by name; those without a profile too.
        places: For each block, the position of each slot in `sources`; -1 for a hidden or free one.
        count: How many of them have a profile.
        held_norm: BM25's length norm of each for the stems that it holds, float64 [n_sources].
        defined_norm: The same for those that it defines, float64 [n_sources].
    """

    sources: tuple[str, ...]
    places: tuple[Places, ...]
    count: int
    held_norm: Floats
    defined_norm: Floats


class Router:
    """Profiles of repositories, in memory; any thread may ask while another changes them."""

    def __init__(self, profiles: Iterable[Profile] = ()) -> None:
        """Begin with some profiles."""
        self._changing = threading.Lock()
        self._blocks: tuple[_Block, ...] = ()  # replaced as a whole
        self._homes: dict[str, int] = {}  # the block of each source
        self._selections: dict[frozenset[str], tuple[tuple[_Block, ...], _Selection]] = {}
        self.replace(profiles)

    @property
    def commits(self) -> dict[str, str]:
        """The commit of each profile, by source."""
        return {one.source: one.commit for block in self._blocks for one in block.slots if one}

    @property
    def size_bytes(self) -> int:
        """How much memory the stems take."""
        return sum(
            column.nbytes
            for block in self._blocks
            for column in (block.terms, block.slot, block.held, block.defined)
        )

    def replace(self, profiles: Iterable[Profile]) -> None:
        """Add profiles; each replaces the earlier one of its source."""
        with self._changing:
            by_block: dict[int, dict[str, Profile]] = {}
            free = [
                number for number, block in enumerate(self._blocks) for slot in block.slots if slot is None
            ]
            for profile in profiles:
                home = self._homes.get(profile.source)
                if home is None:
                    if not free:
                        start = max((*by_block, len(self._blocks) - 1), default=-1) + 1
                        free = [start] * BLOCK
                    home = self._homes[profile.source] = free.pop(0)
                by_block.setdefault(home, {})[profile.source] = profile
            self._rewrite({number: (changed, ()) for number, changed in by_block.items()})

    def remove(self, sources: Iterable[str]) -> None:
        """Forget the profiles of some sources; a source that has none is ignored."""
        with self._changing:
            by_block: dict[int, list[str]] = {}
            for source in sources:
                if (home := self._homes.pop(source, None)) is not None:
                    by_block.setdefault(home, []).append(source)
            self._rewrite({number: ({}, gone) for number, gone in by_block.items()})

    def route(self, need: Need, visible: Iterable[str], most: int = MOST) -> list[Route]:
        """Return the visible repositories that may answer best, best first; ties by name.

        Args:
            need: What the caller wants to find.
            visible: The sources that the caller may know of; one without a profile scores 0.
            most: How many to return.
        """
        blocks = self._blocks
        chosen = self._selection(blocks, frozenset(visible))
        scores = _scores(blocks, chosen, _weights(need))
        order = np.argsort(-scores, kind="stable")[:most]  # the sources are in the order of their names
        return [Route(chosen.sources[place], float(scores[place])) for place in order]

    def _rewrite(self, changes: Mapping[int, tuple[Mapping[str, Profile], Sequence[str]]]) -> None:
        blocks = list(self._blocks)
        for number, (changed, gone) in sorted(changes.items()):
            old = blocks[number] if number < len(blocks) else _EMPTY
            blocks[number : number + 1] = [_rewritten(old, changed, frozenset(gone))]
        self._blocks = tuple(blocks)
        self._selections = {}

    def _selection(self, blocks: tuple[_Block, ...], visible: frozenset[str]) -> _Selection:
        known = self._selections
        if (found := known.get(visible)) and found[0] is blocks:
            return found[1]
        chosen = _select(blocks, visible)
        if len(known) >= SELECTIONS:
            known.clear()
        known[visible] = (blocks, chosen)
        return chosen


_NO_LEVELS: Levels = np.zeros(0, dtype=np.uint8)
_EMPTY = _Block((None,) * BLOCK, np.zeros(0, dtype=np.uint32), _NO_LEVELS, _NO_LEVELS, _NO_LEVELS)


def _rewritten(block: _Block, changed: Mapping[str, Profile], gone: frozenset[str]) -> _Block:
    """Replace, add and remove profiles of a block, which must have room for them."""
    slots = [slot and (None if slot.source in gone else slot) for slot in block.slots]
    stale = [
        s for s, slot in enumerate(block.slots) if slot and (slot.source in changed or slot.source in gone)
    ]
    kept = ~np.isin(block.slot, np.array(stale, dtype=np.uint8))
    homes = {slot.source: number for number, slot in enumerate(slots) if slot}
    free = (number for number, slot in enumerate(slots) if slot is None)
    parts = [(block.terms[kept], block.slot[kept], block.held[kept], block.defined[kept])]
    for source, one in changed.items():
        number = homes[source] if source in homes else next(free)
        slots[number] = _Slot(source, one.commit, one.stems, int(counts_of(one.defined).sum()))
        parts.append((one.terms, np.full(len(one.terms), number, dtype=np.uint8), one.held, one.defined))
    terms, slot, held, defined = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(terms, kind="stable")
    return _Block(tuple(slots), terms[order], slot[order], held[order], defined[order])


def _select(blocks: Sequence[_Block], visible: frozenset[str]) -> _Selection:
    sources = tuple(sorted(visible))
    positions = {source: place for place, source in enumerate(sources)}
    stems, names = np.zeros(len(sources)), np.zeros(len(sources))
    is_known = np.zeros(len(sources), dtype=np.bool_)
    places = []
    for block in blocks:
        of_block = np.full(BLOCK, -1, dtype=np.intp)
        for number, slot in enumerate(block.slots):
            if slot and (place := positions.get(slot.source)) is not None:
                of_block[number] = place
                stems[place], names[place], is_known[place] = slot.stems, slot.names, True
        places.append(of_block)
    count = int(np.count_nonzero(is_known))
    norms = (
        K1 * (1 - b + b * lengths / max(lengths.sum() / max(count, 1), 1.0))
        for lengths, b in ((stems, B_HELD), (names, B_DEFINED))
    )
    return _Selection(sources, tuple(places), count, *norms)


def _weights(need: Need) -> dict[int, float]:
    """Weigh the stems of a need, by hash: those of a wording by its share, of a guess by its own weight."""
    found: dict[int, float] = {}
    for wording in need.wordings:
        for stem in wording.query.stems:
            found[_hash(stem)] = found.get(_hash(stem), 0.0) + wording.share
        for whole in filter(None, map(whole_stem, wording.query.identifiers)):
            found[_hash(whole)] = found.get(_hash(whole), 0.0) + IDENTIFIER * wording.share
    guessed: dict[int, float] = {}
    for guess in need.guesses:
        for stem in guess.stems:
            guessed[_hash(stem)] = max(guessed.get(_hash(stem), 0.0), guess.weight)
    return {term: found.get(term, 0.0) + guessed.get(term, 0.0) for term in (*found, *guessed)}


def _hash(stem: str) -> int:
    return hash_of(stem.encode("utf-8", "surrogatepass"))


def _scores(blocks: Sequence[_Block], chosen: _Selection, weights: Mapping[int, float]) -> Floats:
    """Score each visible repository, float64 [n_sources].

    The postings of one repository are added up in the order of the terms, whichever others there are.
    """
    terms = np.array(sorted(weights), dtype=np.uint32)
    weight = np.array([weights[term] for term in sorted(weights)])
    found = [_postings(block, terms, places) for block, places in zip(blocks, chosen.places, strict=True)]
    if not found:
        return np.zeros(len(chosen.sources))
    term, place, held, defined = (np.concatenate(columns) for columns in zip(*found, strict=True))
    total = np.zeros(len(term))
    fields = ((1.0, held, chosen.held_norm), (DEFINED, defined, chosen.defined_norm))
    for share, levels, norm in fields:
        df = np.bincount(term[levels > 0], minlength=len(terms))
        # Kamphuis et al. 2020, Lucene's idf, as `retrieval.index.bm25` has it, over repositories.
        idf = np.log1p((chosen.count - df + 0.5) / (df + 0.5))
        tf = counts_of(levels)
        total += share * (weight * idf)[term] * tf / (tf + norm[place])
    return np.bincount(place, total, len(chosen.sources)).astype(np.float64)


def _postings(block: _Block, terms: Hashes, places: Places) -> tuple[Places, Places, Levels, Levels]:
    """Return which term and which visible repository each posting is of, and its levels."""
    first = np.searchsorted(block.terms, terms, "left")
    counts = np.searchsorted(block.terms, terms, "right") - first
    starts = np.repeat(first - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
    rows = np.arange(counts.sum()) + starts
    term = np.repeat(np.arange(len(terms)), counts)
    place = places[block.slot[rows]]
    shown = place >= 0
    rows = rows[shown]
    return term[shown], place[shown], block.held[rows], block.defined[rows]
