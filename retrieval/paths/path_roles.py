"""What a file's place says of it: the words its path spells, what it is called, if answers lie there."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice, takewhile

from retrieval import tokenizer
from retrieval.languages import suffix_of, suffixes
from retrieval.query import name_key

KEPT = 20_000  # paths whose words are kept: splitting them anew was a third of a query (runs/2026-11-24-dev)
NAMESAKES = 3  # files that a message names beside the one that is not there
FOLDER_SHARE = 0.5  # what a word counts that a folder spells, and not the file's name
SHORTEST_PREFIX = 3  # letters that a path part must share with a query word to count as its beginning

_MINOR_FOLDERS = frozenset(
    "test tests testing __tests__ spec specs e2e fixture fixtures testdata mocks __mocks__ example examples "
    "sample samples demo demos doc docs bench benchmark benchmarks vendor vendored third_party thirdparty "
    "external deps compat legacy deprecated deprecations".split()
)
# What a test is called, by suffix: a file test_functions.bash is no test, a test_functions.py is.
_TEST_NAMES = {
    ".py": re.compile(r"test_.*|.*_test|conftest|tests?"),
    ".rb": re.compile(r"test_.*|.*_(test|spec)"),
    ".go": re.compile(r".*_test"),
}
_OTHER_TEST_NAME = re.compile(r".*[._-](test|spec|bench|benchmark|mock)s?|.*(Tests?|Spec|Mock)")
# By suffix: the language "text" is also that of every file whose name says nothing, scripts among them.
_PROSE = frozenset(
    suffix
    for language in "asciidoc html latex markdown rst text xml".split()
    for suffix in suffixes(language)
) | {"authors", "changelog", "contributing", "copying", "license", "notice", "readme"}
_CALLED_BY_FOLDER = frozenset({"__init__", "index", "mod"})  # the folder has the name, the file only a role
_VERSION_FOLDER = re.compile(r"v(\d+)")


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


@lru_cache(KEPT)
def is_minor(path: str) -> bool:
    """Tell whether a file is seldom the answer: tests, examples, docs, prose, vendored and deprecated code.

    >>> is_minor("src/client.py"), is_minor("tests/test_client.py"), is_minor("README.md")
    (False, True, True)
    """
    folder, _, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    is_test = _TEST_NAMES.get(dot + ending, _OTHER_TEST_NAME).fullmatch(stem or name)
    return bool(is_test) or _is_minor_folder(folder) or suffix_of(path) in _PROSE


def older(paths: Iterable[str]) -> set[str]:
    """Pick the files below a version folder whose parent has a newer one: `v3/` beside `v4/`.

    >>> older(["src/v3/types.ts", "src/v4/types.ts", "api/v1/app.ts"])
    {'src/v3/types.ts'}
    """
    versions = {path: found for path in paths if (found := _versions(path.rpartition("/")[0]))}
    newest: dict[str, int] = {}
    for parent, number in (version for found in versions.values() for version in found):
        newest[parent] = max(number, newest.get(parent, number))
    return {
        path for path, found in versions.items() if any(number < newest[parent] for parent, number in found)
    }


def namesakes(path: str, paths: Iterable[str]) -> list[str]:
    """List the first few of `paths` whose files are called like that of `path`, in their order.

    >>> namesakes("lib/run.py", ["src/run.py", "src/walk.py"])
    ['src/run.py']
    """
    name = path.rpartition("/")[2]
    return list(islice((known for known in paths if known.rpartition("/")[2] == name), NAMESAKES))


def common_tail(path: str, written: str) -> int:
    """Count how many last parts two paths share: they may lie below different roots.

    >>> common_tail("src/app/cart.py", "/usr/lib/app/cart.py")
    2
    """
    parts = zip(reversed(path.split("/")), reversed(written.split("/")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], parts))


@lru_cache(KEPT)
def _is_minor_folder(folder: str) -> bool:
    lower = folder.lower().split("/")
    return not _MINOR_FOLDERS.isdisjoint(lower) or not _MINOR_FOLDERS.isdisjoint(
        part.strip("_.") for part in lower
    )


@lru_cache(KEPT)
def _versions(folder: str) -> tuple[tuple[str, int], ...]:
    """Find the version folders that a folder lies in: what each lies in, and its number."""
    parts = folder.split("/")
    matches = enumerate(_VERSION_FOLDER.fullmatch(part.lower()) for part in parts)
    return tuple(("/".join(parts[:depth]), int(match[1])) for depth, match in matches if match)


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
