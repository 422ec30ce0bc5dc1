"""Which role a file has, according to its path: test, prose, older version, namesake of another file."""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice, takewhile

from retrieval.files.languages import suffix_of, suffixes

KEPT = (
    20_000  # paths whose parts are cached: splitting them again took a third of a query (runs/2026-11-24-dev)
)
NAMESAKES = 3  # files with the same name that a message suggests for a missing file

_MINOR_FOLDERS = frozenset(
    "test tests testing __tests__ spec specs e2e fixture fixtures testdata mocks __mocks__ example examples "
    "sample samples demo demos doc docs bench benchmark benchmarks vendor vendored third_party thirdparty "
    "external deps compat legacy deprecated deprecations".split()
)
# Names of tests, by suffix: test_functions.bash is not a test, test_functions.py is.
_TEST_NAMES = {
    ".py": re.compile(r"test_.*|.*_test|conftest|tests?"),
    ".rb": re.compile(r"test_.*|.*_(test|spec)"),
    ".go": re.compile(r".*_test"),
}
_OTHER_TEST_NAME = re.compile(r".*[._-](test|spec|bench|benchmark|mock)s?|.*(Tests?|Spec|Mock)")
# By suffix, because every file with an unknown name, scripts included, has the language "text".
_PROSE = frozenset(
    suffix
    for language in "asciidoc html latex markdown rst text xml".split()
    for suffix in suffixes(language)
) | {"authors", "changelog", "contributing", "copying", "license", "notice", "readme"}
_VERSION_FOLDER = re.compile(r"v(\d+)")


@lru_cache(KEPT)
def is_minor(path: str) -> bool:
    """Return whether a file is seldom the answer: tests, examples, docs, prose, vendored or deprecated code.

    >>> is_minor("src/client.py"), is_minor("tests/test_client.py"), is_minor("README.md")
    (False, True, True)
    """
    folder, _, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    is_test = _TEST_NAMES.get(dot + ending, _OTHER_TEST_NAME).fullmatch(stem or name)
    return bool(is_test) or _is_minor_folder(folder) or suffix_of(path) in _PROSE


def older(paths: Iterable[str]) -> set[str]:
    """Return the files in a version folder that has a newer sibling: `v3/` next to `v4/`.

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
    """List the first few of `paths` with the same file name as `path`, in the given order.

    >>> namesakes("lib/run.py", ["src/run.py", "src/walk.py"])
    ['src/run.py']
    """
    name = path.rpartition("/")[2]
    return list(islice((known for known in paths if known.rpartition("/")[2] == name), NAMESAKES))


def common_tail(path: str, written: str) -> int:
    """Count the trailing parts that two paths share, which may have different roots.

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
    """Find the version folders in a path: the parent and the number of each."""
    parts = folder.split("/")
    matches = enumerate(_VERSION_FOLDER.fullmatch(part.lower()) for part in parts)
    return tuple(("/".join(parts[:depth]), int(match[1])) for depth, match in matches if match)
