"""Which kind of file a path names: code, or one of the kinds that seldom answer a question about code.

Tests, prose and examples repeat the words of the code. Data and legal texts are what floods a whole
repository: a message catalogue has every word of the interface, in forty languages, and a licence has every
word of English.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, get_args

from retrieval.files.languages import suffix_of, suffixes

FileKind = Literal["code", "test", "prose", "example", "data", "legal"]
KINDS: tuple[FileKind, ...] = get_args(FileKind)

KEPT = 20_000  # paths whose kind is cached: splitting them again took a third of a query

_TEST_FOLDERS = frozenset(
    "test tests testing __tests__ spec specs e2e fixture fixtures testdata mocks __mocks__".split()
)
_PROSE_FOLDERS = frozenset({"doc", "docs"})
_EXAMPLE_FOLDERS = frozenset(
    "example examples sample samples demo demos bench benchmark benchmarks vendor vendored third_party "
    "thirdparty external deps compat legacy deprecated deprecations".split()
)
# Translations, message catalogues, themes and snapshots; in these folders, files of data are such a file.
_DATA_FOLDERS = frozenset(
    "locale locales lang langs i18n l10n nls po translation translations messages theme themes snapshots "
    "__snapshots__".split()
)
_DATA_SUFFIXES = frozenset(
    ".json .json5 .yml .yaml .toml .properties .xml .txt .po .pot .ftl .arb .ini .strings".split()
)
# Rows of data wherever they lie: lessons, recorded requests, tables, test results.
_ROW_SUFFIXES = frozenset(".jsonl .ndjson .csv .tsv .geojson".split())
_LEGAL_FOLDERS = frozenset({"licenses", "licences", "license", "licence"})
_MAN_FOLDERS = frozenset({"man", "man1", "man5", "man7", "man8"})

# Names of tests, by suffix: test_functions.bash is not a test, test_functions.py is.
_TEST_NAMES = {
    ".py": re.compile(r"test_.*|.*_test|conftest|tests?"),
    ".rb": re.compile(r"test_.*|.*_(test|spec)"),
    ".go": re.compile(r".*_test"),
}
_OTHER_TEST_NAME = re.compile(r".*[._-](test|spec|bench|benchmark|mock)s?|.*(Tests?|Spec|Mock)")
_LANGUAGE_TAG = r"[a-z]{2,3}([-_][A-Za-z]{2,4})?"
_DATA_NAME = re.compile(
    r".*\.(po|pot|snap|resx|arb|xlf|xliff|ftl|tmTheme|tmLanguage|sublime-syntax)"
    rf"|(lang|messages|strings|translations?|locale)[-_.]{_LANGUAGE_TAG}\.(json|ya?ml|properties|js|ts|php|xml)",
    re.IGNORECASE,
)
_LOCALE_NAME = re.compile(rf"{_LANGUAGE_TAG}\.(js|mjs|ts|php|rb|py|lua|dart)")
# Android's and Apple's folders of one language.
_LANGUAGE_FOLDER = re.compile(r"values-[a-z]{2,3}(-r[a-z]{2})?|[a-z]{2,3}([-_][a-z]{2,4})?\.lproj")
_LOCALE_FOLDERS = frozenset("locale locales lang langs i18n l10n translation translations".split())
_LEGAL_NAME = re.compile(
    r"(licen[cs]es?|copying|notices?|authors|contributors|credits|change_?logs?|changes|history|news|"
    r"release[-_]?notes|third[-_]?party.*)([-_.].*)?",
    re.IGNORECASE,
)
_TEST_MODULE = re.compile(r"(.*_)?tests?")  # of a Rust file
_MAN_NAME = re.compile(r".*\.[1-8]")
# By suffix, because every file with an unknown name, scripts included, has the language "text".
_PROSE = frozenset(
    suffix
    for language in "asciidoc html latex markdown rst text xml".split()
    for suffix in suffixes(language)
) | {"contributing", "readme"}


@lru_cache(KEPT)
def kind_of(path: str) -> FileKind:
    """Return the kind of a file, by its name and folders.

    >>> kind_of("src/client.py"), kind_of("tests/test_client.py"), kind_of("README.md")
    ('code', 'test', 'prose')
    >>> kind_of("app/locales/de/messages.json"), kind_of("CHANGELOG.md"), kind_of("bench/sort.c")
    ('data', 'legal', 'example')
    """
    folder, _, name = path.rpartition("/")
    folders = _folders(folder.lower())
    if _is_legal(name, folders, suffix_of(path)):
        return "legal"
    if _is_data(name, folders, suffix_of(path)):
        return "data"
    stem, dot, ending = name.rpartition(".")
    is_test = _TEST_NAMES.get(dot + ending, _OTHER_TEST_NAME).fullmatch(stem or name)
    if is_test or not _TEST_FOLDERS.isdisjoint(folders):
        return "test"
    if suffix_of(path) in _PROSE or not _PROSE_FOLDERS.isdisjoint(folders):
        return "prose"
    return "code" if _EXAMPLE_FOLDERS.isdisjoint(folders) else "example"


def kind_within(path: str, scopes: Iterable[str]) -> FileKind:
    """Return the kind of a place in a file: Rust keeps unit tests in a module of the file that they test.

    Args:
        path: The file.
        scopes: The names of the definitions around the place, its own included if that is a module.

    >>> kind_within("src/input.rs", ["tests"]), kind_within("src/input.rs", ["Reader"])
    ('test', 'code')
    """
    kind = kind_of(path)
    is_test = kind == "code" and path.endswith(".rs") and any(map(_TEST_MODULE.fullmatch, scopes))
    return "test" if is_test else kind


def is_minor(path: str) -> bool:
    """Return whether a file is seldom the answer: anything but code.

    >>> is_minor("src/client.py"), is_minor("tests/test_client.py"), is_minor("README.md")
    (False, True, True)
    """
    return kind_of(path) != "code"


def _is_legal(name: str, folders: frozenset[str], suffix: str) -> bool:
    """Return whether a file tells of rights, people or releases, in prose."""
    is_text = suffix in _PROSE or suffix in {name.lower(), "", ".1"} or "." not in name
    if _LEGAL_NAME.fullmatch(name) and is_text:
        return True
    return not _LEGAL_FOLDERS.isdisjoint(folders) and (is_text or suffix not in _DATA_SUFFIXES)


def _is_data(name: str, folders: frozenset[str], suffix: str) -> bool:
    """Return whether a file holds data: rows, translations, messages, a theme, a snapshot or a man page."""
    if suffix in _ROW_SUFFIXES:
        return True
    if _DATA_NAME.fullmatch(name) or (_MAN_NAME.fullmatch(name) and not _MAN_FOLDERS.isdisjoint(folders)):
        return True
    if _LOCALE_NAME.fullmatch(name) and not _LOCALE_FOLDERS.isdisjoint(folders):
        return True
    if suffix not in _DATA_SUFFIXES:
        return False
    return not _DATA_FOLDERS.isdisjoint(folders) or any(map(_LANGUAGE_FOLDER.fullmatch, folders))


@lru_cache(KEPT)
def _folders(folder: str) -> frozenset[str]:
    parts = folder.split("/")
    return frozenset(parts) | frozenset(part.strip("_.") for part in parts)
