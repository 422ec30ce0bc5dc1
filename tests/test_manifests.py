"""What registries and hosts of bundles read must say what is true of this release."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from example_repository import MakeWorkspace
from mcp import Client

from mcp_server.protocol.tools import build_server

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SERVER: dict[str, Any] = json.loads((ROOT / "server.json").read_text(encoding="utf-8"))
MANIFEST: dict[str, Any] = json.loads((ROOT / "mcpb/manifest.json").read_text(encoding="utf-8"))
BUNDLE = tomllib.loads((ROOT / "mcpb/pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_manifest_has_the_version_of_the_package() -> None:
    """A registry that names another version installs another program."""
    version = PROJECT["version"]
    assert SERVER["version"] == version
    assert [package["version"] for package in SERVER["packages"]] == [version]
    assert MANIFEST["version"] == BUNDLE["version"] == version
    assert BUNDLE["dependencies"] == [f"goldrank=={version}"]


def test_the_manifests_say_what_the_package_says() -> None:
    """Python and licence are asked of each by another program."""
    assert [package["identifier"] for package in SERVER["packages"]] == [PROJECT["name"]]
    assert MANIFEST["name"] == PROJECT["name"]
    assert MANIFEST["license"] == PROJECT["license"]
    assert MANIFEST["compatibility"]["runtimes"]["python"] == PROJECT["requires-python"]
    assert BUNDLE["requires-python"] == PROJECT["requires-python"]
    assert (ROOT / "mcpb" / MANIFEST["server"]["entry_point"]).is_file()


def test_the_registry_accepts_the_name_and_finds_it_in_the_readme() -> None:
    """The registry proves by a comment in the published README that the package is of who names it."""
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", SERVER["name"])
    assert len(SERVER["description"]) <= 100
    assert f"<!-- mcp-name: {SERVER['name']} -->" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.anyio
async def test_the_bundle_lists_the_tools_that_are_served(workspace: MakeWorkspace) -> None:
    """A host shows them before it has ever started the server."""
    async with Client(build_server(workspace(), version="0")) as client:
        served = [tool.name for tool in (await client.list_tools()).tools]
    assert [tool["name"] for tool in MANIFEST["tools"]] == served
