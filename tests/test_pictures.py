"""The pictures of README and docs show goldrank, not the machine that drew them."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PICTURES = sorted(DOCS.glob("*.svg"))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_shows_no_path_of_a_machine_and_loads_nothing(picture: Path) -> None:
    """A home folder names a person; a font from the network tells somebody who reads the page."""
    drawn = picture.read_text(encoding="utf-8")
    assert not re.search(r"/(tmp|root|var|Users|work)\b|/home/(?!you\b)", drawn)
    assert set(re.findall(r"https?://[^\s\"'<]+", drawn)) <= {"http://www.w3.org/2000/svg"}


def test_every_picture_is_shown_somewhere() -> None:
    """One that no page shows is out of date before anybody notices."""
    pages = "".join(
        page.read_text(encoding="utf-8") for page in (*DOCS.glob("*.md"), DOCS.parent / "README.md")
    )
    for picture in PICTURES:
        assert f"{picture.name})" in pages
