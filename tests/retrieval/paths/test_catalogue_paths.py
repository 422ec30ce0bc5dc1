"""Which file holds the English texts follows from the path, in every layout that projects use."""

import pytest

from retrieval.paths import catalogue_paths

LAYOUTS = [
    ("i18n/locales/ja_JP/translation.json", "i18n/locales/en_US/translation.json", "ja"),
    ("src/lang/de-CH.json", "src/lang/en.json", "de"),
    ("lib/l10n/app_pt.arb", "lib/l10n/app_en.arb", "pt"),
    ("config/messages_fr.properties", "config/messages.properties", "fr"),
    ("app/res/values-pt-rBR/strings.xml", "app/res/values/strings.xml", "pt"),
    ("App/de.lproj/Localizable.strings", "App/Base.lproj/Localizable.strings", "de"),
    ("web/locales/zh-Hant.json", "web/locales/en.json", "zh"),
]


@pytest.mark.parametrize(("path", "english", "language"), LAYOUTS)
def test_the_english_catalogue_of_another_one_is_found(path: str, english: str, language: str) -> None:
    """Without it, a key such as `a12` says nothing."""
    assert catalogue_paths.english_of(path, {path, english}) == english
    assert catalogue_paths.language(path) == language
    assert catalogue_paths.is_catalogue(path)


def test_a_catalogue_without_an_english_one_has_none() -> None:
    """A file of another language is not taken for it."""
    assert catalogue_paths.english_of("i18n/ja.json", {"i18n/ja.json", "i18n/de.json"}) == ""


def test_code_and_man_pages_are_not_catalogues() -> None:
    """A man page is data, and has no keys."""
    assert not catalogue_paths.is_catalogue("src/client.py")
    assert not catalogue_paths.is_catalogue("man/man1/tool.1")
