"""Which files are message catalogues, and which file holds the English texts of a catalogue."""

import re
from collections.abc import Container

from retrieval.paths.file_kinds import kind_of

_SUFFIXES = frozenset(
    "json json5 yml yaml toml properties po ftl arb ini strings xml xlf xliff resx".split()
    + "js mjs ts php rb py lua dart".split()
)
_ENGLISH = ("en", "en-US", "en_US", "en-us", "en_us", "en-GB", "en_GB", "Base", "english", "default")
# A part of a path that may name a language: `de` in `app_de.arb`, `ja_JP` in `locales/ja_JP/texts.json`.
_LANGUAGE = re.compile(r"(?<![^/._-])(?:[a-z]{2}(?:[-_@][A-Za-z]{2,10})?|[a-z]{3})(?=[/.])")
_ENGLISH_TAG = re.compile(r"(?i)en(?:[-_@][a-z]{2,10})?")


def is_catalogue(path: str) -> bool:
    """Return whether a file holds texts of an interface with their keys.

    >>> is_catalogue("locales/ja.json"), is_catalogue("man/man1/tool.1"), is_catalogue("src/client.py")
    (True, False, False)
    """
    return path.rpartition(".")[2].lower() in _SUFFIXES and kind_of(path) == "data"


def is_english(path: str) -> bool:
    """Return whether a part of a catalogue's path says that its texts are English.

    >>> is_english("locales/en_US/texts.json"), is_english("locales/de/texts.json")
    (True, False)
    """
    return any(_ENGLISH_TAG.fullmatch(tag[0]) for tag in _LANGUAGE.finditer(path))


def language(path: str) -> str:
    """Return the language that a catalogue's path names, without region or script, or "".

    >>> language("locales/zh-Hant.json"), language("locale/de/LC_MESSAGES/app.po")
    ('zh', 'de')
    """
    tags = [re.split("[-_@]", tag[0])[0] for tag in _LANGUAGE.finditer(path)]
    return next((tag for tag in reversed(tags) if len(tag) == len("en")), tags[-1] if tags else "")


def without_language(path: str) -> str:
    """Return a catalogue's path with a star for the language that it names, or "" if it names none.

    >>> without_language("locales/de/app.json"), without_language("themes/dark.toml")
    ('locales/*/app.json', '')
    """
    tags = [tag for tag in _LANGUAGE.finditer(path) if len(re.split("[-_@]", tag[0])[0]) == len("en")]
    return f"{path[: tags[-1].start()]}*{path[tags[-1].end() :]}" if tags else ""


def english_of(path: str, known: Container[str]) -> str:
    """Return the catalogue with the English texts of another one, or "" if `known` has none.

    >>> english_of("values-de/strings.xml", {"values/strings.xml"})
    'values/strings.xml'
    """
    for tag in reversed(list(_LANGUAGE.finditer(path))):
        before, after = path[: tag.start()], path[tag.end() :]
        found = (f"{before}{english}{after}" for english in _ENGLISH)
        # A catalogue without a language is in the language that the code was written in.
        for candidate in (*found, before.rstrip("-_.") + after):
            if candidate != path and candidate in known:
                return candidate
    return ""
