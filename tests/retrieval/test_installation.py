"""Advice to install something names the program that made this environment, and where goldrank came from."""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes import write

from retrieval import installation
from retrieval.errors import ModelError
from retrieval.installation import LIBRARIES, Origin

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
KINDS = {
    "uv tool": "tool/uv-receipt.toml",
    "pipx": "tool/pipx_metadata.json",
    "uvx": "archive-v0/x/y",
    "uv pip": "x/pyvenv.cfg",
    "pip": "x/y",
}


def origin(
    folder: Path, kind: str, *, source: Mapping[str, Any] = {}, extras: tuple[str, ...] = ()
) -> Origin:
    """Make an environment with the traces of one installer."""
    prefix = (write(folder, {KINDS[kind]: ""}) / KINDS[kind]).parent
    return Origin(prefix, "/env/bin/python", has_pip=kind != "uv pip", source=source, extras=extras)


@pytest.mark.parametrize(
    ("kind", "said", "again"),
    [
        (
            "uv tool",
            "uv tool install --torch-backend cpu 'goldrank[train]'",
            "uv tool upgrade --reinstall goldrank",
        ),
        ("pipx", "pipx install --force 'goldrank[train]'", "pipx reinstall goldrank"),
        (
            "uvx",
            "uvx --torch-backend cpu --from 'goldrank[train]' goldrank",
            "uvx --refresh --from goldrank goldrank",
        ),
        ("uv pip", "uv pip install --torch-backend cpu --python ", "uv pip install --python "),
        (
            "pip",
            "/env/bin/python -m pip install 'goldrank[train]'",
            "/env/bin/python -m pip install --force-reinstall goldrank",
        ),
    ],
)
def test_each_kind_of_environment_has_its_own_command(
    tmp_path: Path, kind: str, said: str, again: str
) -> None:
    """`pip install` inside a uv tool fails, or is gone with the next upgrade."""
    assert installation.with_extra("train", origin=origin(tmp_path, kind)).startswith(said)
    assert installation.again(origin=origin(tmp_path, kind)).startswith(again)


def test_what_came_from_a_clone_is_extended_from_it(tmp_path: Path) -> None:
    """The name alone would install another goldrank from an index, or find none."""
    clone = tmp_path / "my clone"
    clone.mkdir()
    source = {"url": clone.as_uri(), "dir_info": {"editable": True}}
    edited = {kind: origin(tmp_path / kind, kind, source=source) for kind in KINDS}
    target = f"--editable '{clone}[export]'"
    assert installation.with_extra("export", origin=edited["pip"]).endswith(f" pip install {target}")
    assert installation.with_extra("export", origin=edited["uv tool"]) == f"uv tool install {target}"
    assert installation.with_extra("export", origin=edited["pipx"]) == f"pipx install --force {target}"
    built = origin(tmp_path, "uv tool", source={"url": clone.as_uri(), "dir_info": {}})
    assert installation.with_extra("export", origin=built) == (
        f"uv tool install 'goldrank[export] @ {clone.as_uri()}'"
    )


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ({"url": "https://example.org/g-1.whl", "archive_info": {}}, "https://example.org/g-1.whl"),
        (
            {
                "url": "https://example.org/g.git",
                "vcs_info": {"vcs": "git", "requested_revision": "main", "commit_id": "1f2e"},
                "subdirectory": "python",
            },
            "git+https://example.org/g.git@main#subdirectory=python",
        ),
        (
            {"url": "https://example.org/g.git", "vcs_info": {"vcs": "git", "commit_id": "1f2e"}},
            "git+https://example.org/g.git@1f2e",
        ),
    ],
)
def test_a_url_is_named_as_it_was(tmp_path: Path, source: Mapping[str, Any], target: str) -> None:
    """Somebody who tries a branch must not end with a release."""
    found = installation.with_extra("export", origin=origin(tmp_path, "pip", source=source))
    assert found == f"/env/bin/python -m pip install 'goldrank[export] @ {target}'"


def test_a_wheel_that_is_gone_is_not_named(tmp_path: Path) -> None:
    """Pip and uv extend what is installed when they are given its name."""
    source = {"url": (tmp_path / "gone.whl").as_uri(), "archive_info": {}}
    found = installation.with_extra("export", origin=origin(tmp_path, "pip", source=source))
    assert found.endswith("pip install 'goldrank[export]'")


def test_an_extra_that_is_there_stays(tmp_path: Path) -> None:
    """Uv and pipx replace an environment by what their command names, and pip adds to it."""
    has_hub, has_both = ("hub",), ("hub", "export")
    assert "'goldrank[export,hub]'" in installation.with_extra(
        "export", origin=origin(tmp_path / "a", "uv tool", extras=has_hub)
    )
    assert "'goldrank[export,train]'" in installation.with_extra(
        "train", origin=origin(tmp_path / "b", "pipx", extras=has_both)
    )
    assert "'goldrank[train]'" in installation.with_extra(
        "train", origin=origin(tmp_path / "c", "pip", extras=has_both)
    )


def test_the_libraries_of_each_extra_are_those_of_the_package() -> None:
    """A library that is asked for and not installed by its extra would be asked for again and again."""
    declared = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    names = {
        extra: {item.split("[")[0] if "[" in item else item.split(">")[0] for item in items}
        for extra, items in declared.items()
    }
    assert declared["all"] == [f"goldrank[{','.join(LIBRARIES)}]"]
    assert "goldrank[hub]" in declared["train"]
    assert names["hub"] == set(LIBRARIES["hub"])
    assert names["train"] - {"goldrank"} | names["hub"] == set(LIBRARIES["train"])
    assert names["export"] == set(LIBRARIES["export"])


def test_what_is_missing_is_said_with_the_command_that_adds_it(tmp_path: Path) -> None:
    """A name of a module says nothing to the person who asked for a model."""
    empty = write(tmp_path, {"torch/left-over": ""})  # a folder without a module, as an uninstall may leave
    said = subprocess.run(
        [sys.executable, "-S", "-c", SCRIPT, str(PYPROJECT.parent), str(empty)],
        capture_output=True,
        text=True,
        check=True,
        env={},
    ).stdout
    fact = "reading needs goldrank[hub], which is not installed (sentence-transformers, torch)"
    assert said.startswith(f"{fact}; add it (some 2 GB of disk) with: ")
    assert "'goldrank[hub]'" in said


SCRIPT = """
import sys
sys.path[:0] = sys.argv[1:]
from retrieval import installation
from retrieval.errors import ModelError
try:
    installation.require("hub", "reading", ModelError)
except ModelError as error:
    print(error)
"""


def test_what_is_there_is_not_asked_for() -> None:
    """The tests run with every extra."""
    for extra in LIBRARIES:
        installation.require(extra, "a test", ModelError)
    assert installation.here().extras == tuple(LIBRARIES)
