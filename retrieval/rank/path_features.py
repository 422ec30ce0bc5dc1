"""What a path contributes to a score: the query words that it spells, and the name of its file."""

from collections.abc import Mapping
from functools import lru_cache

from retrieval.chunks import tokenizer
from retrieval.rank.query import name_key

KEPT = 20_000  # paths whose words are kept: splitting them anew was a third of a query (runs/2026-11-24-dev)
FOLDER_SHARE = 0.5  # what a word counts that a folder spells, and not the file's name
SHORTEST_PREFIX = 3  # letters that a path part must share with a query word to count as its beginning
_CALLED_BY_FOLDER = frozenset({"__init__", "index", "mod"})  # the folder has the name, the file only a role


def coverage(path: str, idf: Mapping[str, float]) -> float:
    """Add up the idf of the stems that a path spells: the file's name fully, its folders by half.

    Args:
        path: A file.
        idf: A weight for each stem that is looked for.
    """
    folder, _, name = path.rpartition("/")
    named, around = _spelled(_bare(name)), _spelled(folder)
    total = 0.0
    for stem, weight in idf.items():
        share = _overlap(stem, named)
        if share < FOLDER_SHARE:
            share = max(share, FOLDER_SHARE * _overlap(stem, around))
        total += weight * share
    return total


@lru_cache(KEPT)
def title(path: str) -> str:
    """Name what a file is called by, as `query.name_key` writes it; an index file by its folder.

    >>> title("src/any_invocable.h"), title("serde/src/ser/mod.rs")
    ('anyinvocable', 'ser')
    """
    *folders, name = path.split("/")
    bare = _bare(name)
    return name_key(folders[-1] if folders and bare in _CALLED_BY_FOLDER else bare)


def _bare(name: str) -> str:
    return name.partition(".")[0] or name


@lru_cache(KEPT)
def _spelled(words: str) -> str:
    """Spell the stems of what a file or its folders are called, a space around each; many share a folder."""
    return f" {' '.join(dict.fromkeys(tokenizer.stems(tokenizer.terms(words))))} "


def _overlap(stem: str, spelled: str) -> float:
    """1 for an equal stem; for a prefix, either way, the share of letters they have in common."""
    if f" {stem[:SHORTEST_PREFIX]}" not in spelled:  # nearly always
        return 0.0
    if f" {stem} " in spelled:
        return 1.0
    return max(_common(stem, term) for term in spelled.split())


def _common(stem: str, term: str) -> float:
    short, long = (stem, term) if len(stem) < len(term) else (term, stem)
    return len(short) / len(long) if len(short) >= SHORTEST_PREFIX and long.startswith(short) else 0.0
