"""How a question in another language is read in English: by the translations that the repository has itself.

The texts of an interface, with the keys that the code knows them by, are a dictionary from every language that
the interface speaks to the words of the code. A question whose words occur in catalogues only is matched with
their texts, and the English texts and the keys of those become a wording of its own.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from retrieval.chunks import catalogue
from retrieval.chunks.catalogue import Entry
from retrieval.paths import catalogue_paths, file_kinds
from retrieval.rank.catalogue_match import matching
from retrieval.rank.features import Features
from retrieval.rank.need import Need, Wording
from retrieval.rank.query import read_query
from retrieval.records import Chunk
from retrieval.sync.view import View

SPOKEN = 0.3  # share of a question's words that only catalogues contain, from which on it is read in English
MOST_CATALOGUES = 3  # an interface may keep the texts of one language in several files
EVIDENCE = 100  # chunks that show where a question's words occur, if the search is filtered
READ_SHARE = 0.8  # of the features; the rest is the question as asked, which may contain names

_CODE = frozenset({"code", "test", "example"})
_NAME = re.compile(r"[A-Za-z_][\w-]{2,}")


@dataclass(frozen=True, slots=True)
class Reading:
    """A question in the words of the code.

    Attributes:
        text: English texts and keys, the closest first.
        path: The catalogue that translates it.
    """

    text: str
    path: str


def in_english(view: View, need: Need, features: Features, *, is_filtered: bool) -> Reading | None:
    """Read a question in English, or return None where its words are the code's own.

    Args:
        view: The view to search.
        need: What the caller wants; guesses are English already.
        features: The features of the need.
        is_filtered: Whether the features are those of chosen files only, which may be without catalogues.
    """
    if need.guesses or need.is_symbol:
        return None
    chunks = dict(zip(features.pool.uids, features.pool.chunks, strict=True))
    if is_filtered:
        chunks = view.snapshot.chunks(view.snapshot.top("body", need.stems, EVIDENCE))
    if not _is_spoken(view, need, chunks):
        return None
    catalogues = _catalogues(view, need, chunks)
    found = [(path, entry) for path in catalogues for entry in _entries(view, path)]
    chosen = matching(need.query.text, [entry for _, entry in found])
    if not chosen:
        return None
    path = next(path for path, entry in found if entry is chosen[0])
    english = {path: _english(view, path) for path in catalogues}
    of = {id(entry): path for path, entry in found}
    parts = [part for entry in chosen for part in _said(entry, english[of[id(entry)]])]
    return Reading(". ".join(dict.fromkeys(parts)), path)


def with_reading(need: Need, reading: Reading) -> Need:
    """Add a question's reading in English to its wordings, as the first."""
    kept = (replace(wording, share=(1 - READ_SHARE) * wording.share) for wording in need.wordings)
    return replace(need, wordings=(Wording(read_query(reading.text), READ_SHARE), *kept))


def _is_spoken(view: View, need: Need, chunks: dict[int, Chunk]) -> bool:
    """Return whether most words of the question occur in catalogues and not in code."""
    own = [uid for uid, chunk in chunks.items() if catalogue_paths.is_catalogue(chunk.path)]
    if not own:
        return False
    snapshot = view.snapshot
    known = {stem: snapshot.idf("body", stem) for stem in need.stems if snapshot.df("body", stem)}
    # Prose may be translated as well.
    code = [uid for uid, chunk in chunks.items() if file_kinds.kind_of(chunk.path) in _CODE]
    only = snapshot.holding(known.keys() - snapshot.holding(known, code), own)
    return sum(known[stem] for stem in only) >= SPOKEN * sum(known.values())


def _catalogues(view: View, need: Need, chunks: dict[int, Chunk]) -> list[str]:
    """Return the catalogues of the question's language: that with most of its words, and its siblings."""
    by_path: dict[str, list[int]] = defaultdict(list)
    for uid, chunk in chunks.items():
        if catalogue_paths.is_catalogue(chunk.path) and not catalogue_paths.is_english(chunk.path):
            by_path[chunk.path].append(uid)
    idf = {stem: view.snapshot.idf("body", stem) for stem in need.stems}
    held = {
        path: math.fsum(idf[stem] for stem in view.snapshot.holding(idf, uids))
        for path, uids in by_path.items()
    }
    best = sorted(held, key=lambda path: (-held[path], path))
    return [path for path in best if catalogue_paths.language(path) == catalogue_paths.language(best[0])][
        :MOST_CATALOGUES
    ]


def _entries(view: View, path: str) -> list[Entry]:
    lines: Sequence[str] = view.lines(path) or ()
    return catalogue.entries(path, lines)


def _english(view: View, path: str) -> dict[tuple[str, ...], str]:
    """Return the English texts by key; empty where the keys are the texts, or the code holds them."""
    source = catalogue_paths.english_of(path, view.contents.records)
    return {_key(entry): entry.text for entry in _entries(view, source)} if source else {}


def _key(entry: Entry) -> tuple[str, ...]:
    """Return an entry's key without the language that some catalogues put around all entries."""
    return entry.key[1:] if len(entry.key) > 1 and len(entry.key[0]) <= len("zh-Hant") else entry.key


def _said(entry: Entry, english: dict[tuple[str, ...], str]) -> Iterator[str]:
    """Yield the English text of an entry, and the last part of its key if code may name it."""
    if text := english.get(_key(entry)):
        yield text
    key = entry.key[-1]
    if not text or _NAME.fullmatch(key):
        yield key
