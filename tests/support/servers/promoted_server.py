"""A server whose model is promoted, rolled back and broken, and what a test waits for."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
from damage import change_in_place
from mcp import Client, StdioServerParameters
from tiny_model import KEYWORD

from mcp_server.serving.model_choice import ModelChoice
from retrieval.rerank.model_versions import Version

FILES = {
    "a.py": "def open_door(door):\n    door.open()\n    return door\n",
    "b.py": "def open_window(door):\n    door.handle()\n    return door\n",
    "c.py": f"def handle(self):\n    call({KEYWORD})\n    return door\n",
    "d.py": "def close(door):\n    return lock(key)\n",
}


QUERY = "how does the door open"
PATIENCE_S = 60


def until(condition: Callable[[], bool]) -> None:
    """Poll, but not for ever."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def break_weights(version: Version) -> None:
    """Change the last weight of a version, as a bad disk does."""
    file = version.folder / "model.safetensors"
    file.chmod(0o644)
    change_in_place(file, at=file.stat().st_size - 1, by=lambda last: bytes([last[0] ^ 1]))


def serving(models: ModelChoice, root: Path) -> str:
    """Name what answers now."""
    with models.acquire(root) as second:
        assert second is not None
        return second.name


def note(models: ModelChoice, root: Path) -> str:
    """Read what a reply would say of it."""
    with models.acquire(root) as second:
        assert second is not None
        return second.note


def flat(model: Path, folder: Path) -> Path:
    """Copy a model and let it say 0 to everything, as one does whose training collapsed."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    loaded = AutoModelForSequenceClassification.from_pretrained(model)
    loaded.classifier.weight.data.zero_()
    loaded.classifier.bias.data.zero_()
    loaded.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def server_of(root: Path, home: Path) -> StdioServerParameters:
    """Serve with everything in a folder of its own: no hub cache, no configuration."""
    environment = {
        "HF_HOME": str(home / "hf"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "GOLDRANK_CACHE": str(home / "cache"),
        "GOLDRANK_MODELS": str(home / "models"),
    }
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "mcp_server", "serve", str(root), "--rerank-deadline-s", str(PATIENCE_S)],
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )


async def ask(client: Client, replies: list[str]) -> None:
    """Ask the search that every test here asks."""
    result = await client.call_tool("rag_search", {"query": QUERY})
    assert not result.is_error
    replies.append(str(result.content))


async def ask_for_ever(client: Client, replies: list[str]) -> None:
    """Ask until the scope is cancelled."""
    while True:
        await ask(client, replies)


async def until_said(replies: list[str], text: str) -> None:
    """Ask until a reply holds a text."""
    with anyio.fail_after(PATIENCE_S):
        while text not in replies[-1]:  # noqa: ASYNC110 - another process decides when
            await anyio.sleep(0.01)


def deadline(models: ModelChoice, root: Path) -> float:
    """Return the deadline of the model that answers for a root, in seconds."""
    with models.acquire(root) as second:
        assert second is not None
        return second.deadline_s
