"""A model of the kind that comes with goldrank, behind the real server, without a network."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes import write
from mcp import Client, StdioServerParameters
from offline import EXIT
from tiny_model import train

from mcp_server.cli import goldrank
from mcp_server.commands import check_installation
from mcp_server.serving.model_choice import ModelChoice, base_stage
from retrieval.errors import ModelError
from retrieval.rerank import exported_model
from retrieval.rerank.model_lifecycle import ModelState
from retrieval.rerank.model_loading import CrossEncoderScorer, is_on_disk, open_scorer
from retrieval.rerank.model_thread import ModelThread
from retrieval.rerank.onnx_scorer import GraphScorer
from retrieval.settings import Settings
from retrieval.training.export.export import export, trainable

FILES = {
    "a.py": "def open_door(door):\n    door.open()\n    return door\n",
    "b.py": "def open_window(door):\n    door.handle()\n    return door\n",
    "c.py": "def handle(self):\n    call(sesame)\n    return door\n",
    "d.py": "def close(key):\n    return key\n",
}
QUERY = "how does the door open"
TESTS = Path(__file__).parents[3] / "support"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train and export a model once."""
    folder = tmp_path_factory.mktemp("embedded")
    return export(train(folder / "model"), folder / "tiny", name="tiny-1", max_tokens=192)


def offline(*arguments: str) -> list[str]:
    """Write a command that has no network."""
    return ["-m", "offline", *arguments]


def environment() -> dict[str, str]:
    """Let a process find the guard."""
    return {**os.environ, "PYTHONPATH": str(TESTS)}


@pytest.mark.anyio
async def test_the_real_server_reranks_without_asking_for_the_network(tmp_path: Path, exported: Path) -> None:
    """Private code is read here: nothing may leave, not even a question for an address, by any library."""
    root = write(tmp_path / "house", FILES)
    options = ["--cache", str(tmp_path / "cache"), "--model", str(exported), "--rerank-weight", "1"]
    command = StdioServerParameters(
        command=sys.executable,
        args=offline("mcp_server", "serve", str(root), *options),
        env={**environment(), "GOLDRANK_INDEX_WAIT_S": "60"},
    )
    async with Client(command) as client:
        await client.list_tools()
        plain = await client.call_tool("rag_search", {"query": QUERY, "rerank": False})
        found = await client.call_tool("rag_search", {"query": QUERY})
        again = await client.call_tool("rag_search", {"query": QUERY})
        ranked = await client.call_tool("rag_rerank", {"query": QUERY, "candidates": [*FILES]})
    assert "1. a.py:1-3" in str(plain.content)
    assert "1. c.py:1-3" in str(found.content)
    assert f"bm25 + {exported.name} on 3 candidates, weight 1" in str(found.content)
    assert "1. c.py:1-3" in str(again.content)
    assert "1. c.py:1-3" in str(ranked.content)


ASKING = {
    "python": ("import socket; socket.create_connection(('192.0.2.1', 80), 1)", EXIT),
    "a name": ("import socket; socket.getaddrinfo('example.invalid', 80)", EXIT),
    "native code": ("import ctypes; ctypes.CDLL(None).socket(2, 1, 0)", -signal.SIGSYS),
}


@pytest.mark.parametrize("how", ASKING)
def test_the_guard_sees_whoever_asks_for_the_network(how: str) -> None:
    """A guard that sees nothing would let the test above pass whatever the server does."""
    if how == "native code" and sys.platform != "linux":
        pytest.skip("only Linux's kernel can be asked to watch")
    code, ended = ASKING[how]
    done = subprocess.run(
        [sys.executable, "-c", f"import offline; offline.guard(); {code}"],
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert done.returncode in {ended, -signal.SIGSYS}


def test_the_guard_lets_the_rest_work() -> None:
    """Else the server would fail by it, and not by the network."""
    code = "import offline; offline.guard(); import asyncio; asyncio.run(asyncio.sleep(0)); print('fine')"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, check=True)
    assert done.stdout == b"fine\n"


def test_the_default_model_is_the_one_inside() -> None:
    """Who sets nothing gets what needs nothing."""
    assert Settings().model == exported_model.NAME
    assert exported_model.folder_of(Settings().model) == exported_model.FOLDER


def test_either_kind_of_model_is_opened_by_its_folder(exported: Path) -> None:
    """`--model` takes both, and nothing else needs to know which."""
    assert isinstance(open_scorer(str(exported)), GraphScorer)
    assert isinstance(open_scorer(str(exported.parent / "model")), CrossEncoderScorer)
    assert is_on_disk(str(exported), revision="")
    assert exported_model.folder_of(str(exported.parent / "model")) is None
    assert exported_model.folder_of("") is None


def test_a_training_begins_with_what_is_restored(exported: Path, tmp_path: Path) -> None:
    """The bytes that serve cannot be trained; a folder of another kind is taken as it is."""
    folder = Path(trainable(str(exported), tmp_path))
    assert isinstance(open_scorer(str(folder)), CrossEncoderScorer)
    assert folder.is_relative_to(tmp_path)
    assert trainable("somebody/something", tmp_path) == "somebody/something"


def settings(model: Path, tmp_path: Path) -> Settings:
    """Name a model."""
    return Settings(cache=tmp_path / "cache", models=tmp_path / "models", model=str(model), index_wait_s=60)


def test_an_exported_model_is_loaded_ahead_of_the_first_question(exported: Path, tmp_path: Path) -> None:
    """It costs a fifth of a second; what needs torch costs seven, and waits until it is asked."""
    for model, is_loaded in ((exported, True), (exported.parent / "model", False)):
        named = settings(model, tmp_path)
        base = base_stage(named)
        assert base is not None
        assert isinstance(base.reader, ModelThread)
        ModelChoice(named, base=base, wait_s=None).warm_up()
        assert bool(base.reader.waiting or base.reader.state is not ModelState.NOT_LOADED) == is_loaded
        if is_loaded:
            base.reader.warm_up().result(60)
            assert base.reader.state is ModelState.READY


def test_doctor_says_which_model_reads(exported: Path, tmp_path: Path) -> None:
    """One line tells which bytes rank."""
    finding = next(
        item for item in check_installation.examine(settings(exported, tmp_path)) if item.subject == "model"
    )
    assert finding.verdict == "ok"
    assert (
        f"{exported} (tiny-1, {exported_model.read_manifest(exported).digest}, no torch), weight"
        in finding.detail
    )


def test_a_damaged_model_is_told_with_the_way_out(exported: Path, tmp_path: Path) -> None:
    """By doctor, and by every reply that it is missing from."""
    folder = Path(shutil.copytree(exported, tmp_path / "damaged"))
    (folder / exported_model.WEIGHTS).write_bytes(b"")
    named = settings(folder, tmp_path)
    finding = next(item for item in check_installation.examine(named) if item.subject == "model")
    assert finding.verdict == "failure"
    assert finding.detail.endswith("is damaged: weights.safetensors; BM25 alone will rank")
    assert "export it again" in finding.remedy
    base = base_stage(named)
    assert base is not None
    with pytest.raises(ModelError, match="is damaged"):
        base.reader.read("q", ["p"], deadline_s=60, is_cancelled=lambda: False)


def test_status_and_download_say_that_the_model_is_inside(tmp_path: Path) -> None:
    """Nobody should look for something to fetch."""
    root = write(tmp_path / "house", FILES)
    options = ["--cache", str(tmp_path / "cache")]
    assert (
        f"model     {exported_model.NAME}"
        in CliRunner().invoke(goldrank, ["status", str(root), *options]).output
    )
    said = CliRunner().invoke(goldrank, ["doctor", "--download-model", *options]).output
    assert f"{exported_model.NAME} is in the package: nothing to download" in said
