"""Names are compared as people see them, and an exact name wins."""

import doctest
import unicodedata

import pytest

from retrieval.paths import spellings
from retrieval.paths.spellings import Spellings, forms

NFC, NFD = (unicodedata.normalize(form, "é.py") for form in ("NFC", "NFD"))
WIDE = "\uff21.py"


@pytest.mark.parametrize(
    ("names", "name", "listed"),
    [
        ([NFC], NFD, NFC),
        ([NFD], NFC, NFD),
        ([NFC, NFD], NFC, NFC),
        ([NFC, NFD], NFD, NFD),
        ([WIDE], "A.py", WIDE),
        (["A.py"], WIDE, "A.py"),
        (["A.py", WIDE], "A.py", "A.py"),
        (["A.py", WIDE], WIDE, WIDE),
        (["a.py"], "A.py", ""),
        (["\ufb01.py", "\uff46i.py"], "fi.py", ""),  # two names are alike, and neither is meant more
        (["a\udc80.py"], "a\udc80.py", "a\udc80.py"),
        ([], NFC, ""),
    ],
)
def test_one_listed_name_is_found_or_nothing(names: list[str], name: str, listed: str) -> None:
    """A file that is only nearly meant must not be read in place of another."""
    assert Spellings(names).listed(name) == listed


def test_all_forms_of_a_name_are_written_once() -> None:
    """Patterns are matched byte by byte, so each form is a pattern of its own."""
    assert forms(NFC) == (NFC, NFD)
    assert forms(WIDE) == (WIDE, "A.py")
    assert forms("a.py") == ("a.py",)


def test_the_examples_in_the_docstrings_hold() -> None:
    """An example that does not run teaches what is not so."""
    assert doctest.testmod(spellings).failed == 0
