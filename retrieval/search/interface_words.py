"""How a question in another language is read in English: by the translations that the repository has itself.

The texts of an interface, with the keys that the code knows them by, are a dictionary from every language
that the interface speaks to the words of the code. A question whose words occur mostly in catalogues is
matched with their texts; the English texts of the matching entries, and their keys, become its first wording.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from retrieval.chunks import catalogue, tokenizer
from retrieval.chunks.catalogue import Entry
from retrieval.errors import shorten
from retrieval.paths import catalogue_paths, file_kinds
from retrieval.rank.catalogue_match import matching
from retrieval.rank.features import Features
from retrieval.rank.need import Need, Wording
from retrieval.rank.query import read_query
from retrieval.records import Chunk
from retrieval.sync.view import View

SPOKEN = 0.5  # share of a question's words that only catalogues contain, from which on it is read in English
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

    @property
    def note(self) -> str:
        """One sentence for the reader of the answer."""
        return f"The question was also read as {json.dumps(shorten(self.text))}, by the texts in {self.path}."


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
    if not is_filtered and not _in_catalogues(chunks):
        return None
    known = {stem: features.idf[stem] for stem in need.query.stems if view.snapshot.df("body", stem)}
    enough = SPOKEN * math.fsum(known.values())
    foreign = _not_in_code(view, known, chunks)
    if is_filtered and math.fsum(foreign.values()) >= enough:
        chunks = view.snapshot.chunks(view.snapshot.top("body", need.query.stems, EVIDENCE))
        foreign = _not_in_code(view, foreign, chunks)
    own = _in_catalogues(chunks)
    if not own or math.fsum(foreign[stem] for stem in view.snapshot.holding(foreign, list(own))) < enough:
        return None
    found = {path: _entries(view, path) for path in _catalogues(view, features.idf, chunks)}
    path_of = {id(entry): path for path, read in found.items() for entry in read}
    chosen = matching(need.query.text, [entry for read in found.values() for entry in read])
    said = {path: _english(view, path) for path in {path_of[id(entry)] for entry in chosen}}
    parts = (part for entry in chosen for part in _said(entry, said[path_of[id(entry)]]))
    telling = dict.fromkeys(part for part in parts if _is_telling(part))
    return Reading(". ".join(telling), path_of[id(chosen[0])]) if telling else None


def with_reading(need: Need, reading: Reading) -> Need:
    """Add a question's reading in English to its wordings, as the first."""
    kept = (replace(wording, share=(1 - READ_SHARE) * wording.share) for wording in need.wordings)
    return replace(need, wordings=(Wording(read_query(reading.text), READ_SHARE), *kept))


def _not_in_code(view: View, idf: Mapping[str, float], chunks: Mapping[int, Chunk]) -> dict[str, float]:
    """Leave out the stems that code contains; prose is translated as well, and does not count."""
    code = [uid for uid, chunk in chunks.items() if file_kinds.kind_of(chunk.path) in _CODE]
    held = view.snapshot.holding(idf, code)
    return {stem: weight for stem, weight in idf.items() if stem not in held}


def _in_catalogues(chunks: Mapping[int, Chunk]) -> dict[int, str]:
    """Return the chunks of catalogues, with their paths."""
    return {uid: chunk.path for uid, chunk in chunks.items() if catalogue_paths.is_catalogue(chunk.path)}


def _catalogues(view: View, idf: Mapping[str, float], chunks: Mapping[int, Chunk]) -> list[str]:
    """Return the catalogues of the question's language: that with most of its words, and its siblings."""
    by_path: dict[str, list[int]] = defaultdict(list)
    for uid, path in _in_catalogues(chunks).items():
        by_path[path].append(uid)
    held = {
        path: math.fsum(idf[stem] for stem in view.snapshot.holding(idf, uids))
        for path, uids in by_path.items()
    }
    # A question that the English texts meet as well is English; its words stand in texts only.
    best = sorted(held, key=lambda path: (-held[path], not catalogue_paths.is_english(path), path))
    if not best or catalogue_paths.is_english(best[0]):
        return []
    spoken = catalogue_paths.language(best[0])
    return [path for path in best if catalogue_paths.language(path) == spoken][:MOST_CATALOGUES]


def _entries(view: View, path: str) -> list[Entry]:
    """Read the entries of a catalogue, without the language that some catalogues put around all keys."""
    own = catalogue_paths.language(path)
    return [
        Entry(entry.key[1:], entry.text)
        if len(entry.key) > 1 and catalogue_paths.language(f"{entry.key[0]}.") == own
        else entry
        for entry in catalogue.entries(path, view.lines(path) or ())
    ]


def _english(view: View, path: str) -> dict[tuple[str, ...], str]:
    """Return the English texts by key; empty where the keys are the texts, or the code holds them."""
    source = catalogue_paths.english_of(path, view.contents.records)
    if not source or view.reason(source):
        return {}
    return {entry.key: entry.text for entry in _entries(view, source)}


def _said(entry: Entry, english: Mapping[tuple[str, ...], str]) -> Iterator[str]:
    """Yield the English text of an entry, and the last part of its key if code may name it."""
    text = english.get(entry.key, "")
    if text:
        yield text
    if not text or _NAME.fullmatch(entry.key[-1]):
        yield entry.key[-1]


def _is_telling(text: str) -> bool:
    return not tokenizer.QUERY_STOP_WORDS.issuperset(tokenizer.terms(text))
