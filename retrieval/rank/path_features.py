"""What a path contributes to a score: the query words that it contains, and the name of its file."""

from collections.abc import Mapping
from functools import lru_cache

from retrieval.chunks import tokenizer
from retrieval.rank.query import name_key

KEPT = (
    20_000  # paths whose words are cached: splitting them again took a third of a query (runs/2026-11-24-dev)
)
FOLDER_SHARE = 0.5  # weight of a word in a folder's name, relative to the file's name
SHORTEST_PREFIX = 3  # letters of the shortest prefix that counts as a match
_CALLED_BY_FOLDER = frozenset({"__init__", "index", "mod"})  # such files are named after their folder


def coverage(path: str, idf: Mapping[str, float]) -> float:
    """Sum the idf of the stems that a path contains: full weight in the file's name, half in its folders.

    Args:
        path: A file.
        idf: The weight of each stem to look for.
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
    """Return the name of a file in the form of `query.name_key`; for an index file, its folder's name.

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
    """Return the stems in a file's name or its folders, each surrounded by spaces; folders are shared."""
    return f" {' '.join(dict.fromkeys(tokenizer.stems(tokenizer.terms(words))))} "


def _overlap(stem: str, spelled: str) -> float:
    """Return 1 for an equal stem; for a prefix, in either direction, the share of common letters."""
    if f" {stem[:SHORTEST_PREFIX]}" not in spelled:  # nearly always
        return 0.0
    if f" {stem} " in spelled:
        return 1.0
    return max(_common(stem, term) for term in spelled.split())


def _common(stem: str, term: str) -> float:
    short, long = (stem, term) if len(stem) < len(term) else (term, stem)
    return len(short) / len(long) if len(short) >= SHORTEST_PREFIX and long.startswith(short) else 0.0
