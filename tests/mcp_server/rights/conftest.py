"""Two servers that differ by what is hidden."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from remotes import Remote
from rights_world import ANN, OPEN, OTHER, SECRET, World, move, start


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start both servers over the same repositories, one with two more that bob may not see."""
    top = tmp_path_factory.mktemp("rights")
    docs = Remote(top / "open" / "one", OPEN)
    web = Remote(top / "open" / "two", OTHER)
    # The same name as a visible one: `name`, the last part of its URL.
    for remote, name in ((docs, "docs"), (web, "web")):
        move(remote, name)
    secret = Remote(top / "closed" / "one", SECRET)
    vault = Remote(top / "closed" / "two", SECRET)
    for remote, name in ((secret, "docs"), (vault, "vault")):
        move(remote, name)
    rights = (
        'operators = ["ann"]\n[people]\nann = ["all"]\nbob = ["open"]\n[groups]\nall = ["**"]\n'
        f'open = ["file://{top}/open/**"]\nclosed = ["file://{top}/closed/**"]\n'
    )
    shown = [docs.url, web.url]
    with ExitStack() as stack:
        crowded = start(stack, top / "crowded", [secret.url, *shown, vault.url], rights)
        alone = start(stack, top / "alone", shown, rights)
        for server in (crowded, alone):
            for query in ("retry", "serve"):
                server.call("rag_search", {"query": query}, token=ANN)
        yield World(crowded, alone, secret, vault, [docs, web])
