"""Which kind of file a path names: what floods a whole repository is known by its name and place."""

import doctest

import pytest

from retrieval.paths import file_kinds
from retrieval.paths.file_kinds import kind_of, kind_within


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("src/client.py", "code"),
        ("src/i18n/translate.ts", "code"),
        ("src/themes/apply.rs", "code"),
        ("lang/parser.go", "code"),
        ("src/messages/replies.py", "code"),
        ("LicenseChecker.java", "code"),
        ("src/history.rs", "code"),
        ("app/news.py", "code"),
        ("shared/i18n/locales/ja_JP/translation.json", "data"),
        ("lang-de.json", "data"),
        ("po/fr.po", "data"),
        ("runtime/themes/gruvbox.toml", "data"),
        ("src/locale/pt-br.js", "data"),
        ("assets/syntaxes/TypeScript.sublime-syntax", "data"),
        ("api/__snapshots__/users.test.ts.snap", "data"),
        ("man/man1/jq.1", "data"),
        ("training/questions.jsonl", "data"),
        ("tests/rankings/golden.tsv", "data"),
        ("src/sales.CSV", "data"),
        ("LICENSE", "legal"),
        ("COPYING", "legal"),
        ("CHANGELOG.md", "legal"),
        ("runtime/themes/licenses/kanagawa.LICENSE", "legal"),
        ("tests/test_client.py", "test"),
        ("src/client_test.go", "test"),
        ("docs/guide.md", "prose"),
        ("README.md", "prose"),
        ("examples/server.c", "example"),
        ("vendor/zlib/inflate.c", "example"),
    ],
)
def test_a_kind_is_read_from_name_and_place(path: str, kind: str) -> None:
    """A theme is data, the code that applies it is not."""
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    ("path", "scopes", "kind"),
    [
        ("src/input.rs", ["tests"], "test"),
        ("src/input.rs", ["reader", "registry_tests"], "test"),
        ("src/input.rs", ["testing"], "code"),
        ("src/input.rs", [""], "code"),
        ("src/exam.py", ["tests"], "code"),
        ("docs/guide.md", ["tests"], "prose"),
    ],
)
def test_a_module_of_tests_in_a_rust_file_is_a_test(path: str, scopes: list[str], kind: str) -> None:
    """In other languages, a definition called tests is what the code is about."""
    assert kind_within(path, scopes) == kind


def test_the_examples_in_the_docstrings_hold() -> None:
    """An example that lies is worse than none."""
    assert doctest.testmod(file_kinds).failed == 0
