"""Which listed name is meant by a name in another Unicode form.

macOS stores `é` as two characters, while most keyboards produce one; an input method may produce full-width
letters.
"""

import unicodedata
from collections.abc import Iterable
from functools import cached_property

from retrieval.text import unified


class Spellings:
    """Listed names, found by any of their Unicode forms."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset(names)

    def listed(self, name: str) -> str:
        r"""Return the listed name that `name` spells, or "" if no name or several match.

        An identical name has priority, then a canonical equivalent (NFC), then a compatible one (NFKC).

        >>> Spellings(["cafe\u0301.py"]).listed("caf\u00e9.py") == "cafe\u0301.py"
        True
        """
        if name in self._names:
            return name
        form = unified(name)
        alike = [*self._alike.get(form, ()), *([form] if form.isascii() and form in self._names else ())]
        canonical = unicodedata.normalize("NFC", name)
        same = [other for other in alike if unicodedata.normalize("NFC", other) == canonical]
        return next((found[0] for found in (same, alike) if len(found) == 1), "")

    @cached_property
    def _alike(self) -> dict[str, list[str]]:
        """The names that are not ASCII, by normalized form."""
        found: dict[str, list[str]] = {}
        for name in sorted(name for name in self._names if not name.isascii()):
            found.setdefault(unified(name), []).append(name)
        return found


def forms(text: str) -> tuple[str, ...]:
    """Return a text in every Unicode form that a file system may use, the given one first.

    >>> forms("src/*.py")
    ('src/*.py',)
    """
    written = (text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD", "NFKC")))
    return (text,) if text.isascii() else tuple(dict.fromkeys(written))
