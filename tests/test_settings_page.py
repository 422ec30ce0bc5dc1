"""The documentation of the settings is what the code says."""

from dataclasses import fields

from retrieval.settings import Settings
from tools import settings_page


def test_the_page_is_what_the_settings_say() -> None:
    """A default that moved without its page costs every reader an hour."""
    assert settings_page.PAGE.read_text(encoding="utf-8") == settings_page.page(), (
        "run python -m tools.settings_page"
    )


def test_every_setting_is_on_the_page() -> None:
    """One that is missing is one that nobody finds."""
    page = settings_page.page()
    for setting in fields(Settings):
        assert (f"| `{setting.name}` |" in page) == (setting.name != "explicit")
