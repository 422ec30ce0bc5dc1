"""`man goldrank` says what `goldrank --help` says."""

import shutil
import subprocess

import pytest

from mcp_server.cli import COMMANDS
from tools import man_page


def test_the_committed_page_is_what_the_help_says() -> None:
    """Wheels carry the committed page."""
    assert man_page.PAGE.read_text(encoding="utf-8") == man_page.man_page(), "run make man"


def test_the_page_describes_every_command_and_its_options() -> None:
    """A page that leaves one out is worse than none: people look nowhere else."""
    page = man_page.man_page()
    for name in COMMANDS:
        assert f'.SS "goldrank {name} ' in page
    for words in (
        r"\fB\-k\fR, \fB\-\-top\-k\fR",
        '.SS "goldrank golden add ',
        "goldrank search where are retries",
    ):
        assert words in page


@pytest.mark.skipif(not shutil.which("groff"), reason="no groff on this machine")
def test_the_page_can_be_typeset_without_a_warning() -> None:
    """A line that begins with a dot would vanish."""
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww"],
        input=man_page.man_page(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert "goldrank search" in done.stdout
