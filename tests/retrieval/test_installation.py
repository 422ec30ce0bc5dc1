"""Advice to install something names the program that made this environment."""

from pathlib import Path

import pytest
from fakes import write

from retrieval import installation


@pytest.mark.parametrize(
    ("file", "said", "again"),
    [
        ("tool/uv-receipt.toml", "uv tool install 'goldrank[train]'", "uv tool install --reinstall goldrank"),
        ("tool/pipx_metadata.json", "pipx inject goldrank 'goldrank[train]'", "pipx reinstall goldrank"),
        ("archive-v0/x/y", "uvx --from 'goldrank[train]' goldrank", "uvx --refresh goldrank"),
        ("x/pyvenv.cfg", "uv pip install --python ", "uv pip install --python "),
        ("x/y", "-m pip install 'goldrank[train]'", "-m pip install --force-reinstall goldrank"),
    ],
)
def test_each_kind_of_environment_has_its_own_command(
    tmp_path: Path, file: str, said: str, again: str
) -> None:
    """`pip install` inside a uv tool fails, or is gone with the next upgrade."""
    prefix = (write(tmp_path, {file: "home = /usr\nuv = 0.9.1\n"}) / file).parent
    assert said in installation.with_extra("train", prefix=prefix)
    assert again in installation.again(prefix=prefix)
