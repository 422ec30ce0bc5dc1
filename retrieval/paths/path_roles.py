"""Which role a file plays, told by its path: a test, prose, an older version, a namesake of another."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice, takewhile

from retrieval.files.languages import suffix_of, suffixes

KEPT = 20_000  # paths whose words are kept: splitting them anew was a third of a query (runs/2026-11-24-dev)
NAMESAKES = 3  # files that a message names beside the one that is not there

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
_VERSION_FOLDER = re.compile(r"v(\d+)")


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
