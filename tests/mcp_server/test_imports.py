"""What a command may import: loading modules is most of the CPU time that a short command takes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import goldrank_launcher

MODELS = {
    *("torch", "transformers", "sentence_transformers", "onnxruntime", "tokenizers", "huggingface_hub"),
    *("scipy", "sklearn", "matplotlib", "datasets", "onnx", "safetensors"),
}
PROTOCOL = {"mcp", "mcp_types", "pydantic", "anyio", "starlette", "uvicorn", "httpx2", "asyncio", "ssl"}
INDEXING = {"kingfisher_sdk", "chardet", "tqdm"}
SEARCHING = {"numpy", "tantivy", "tree_sitter", "watchfiles", "psutil", "filelock", "sqlite3", "platformdirs"}
_IMPORTED = re.compile(r"^import time: .*\| *(\S+)$", re.MULTILINE)


def imported(*arguments: str | Path, cwd: Path) -> set[str]:
    """Run the command and list what it imported, packages without what is in them."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", goldrank_launcher.__file__, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "GOLDRANK_CACHE": str(cwd.parent / "cache")},
    )
    assert done.returncode == 0, done.stderr
    names = set(_IMPORTED.findall(done.stderr))
    return {name.partition(".")[0] for name in names} | {name for name in names if "mcp_server" in name}


def test_the_version_is_said_without_loading_what_searches(tmp_path: Path) -> None:
    """Programs ask for it at every start, and people while they wait."""
    loaded = imported("--version", cwd=tmp_path)
    assert "click" in loaded
    assert not sorted(loaded & (MODELS | PROTOCOL | INDEXING | SEARCHING))
    assert not [name for name in loaded if name.startswith("mcp_server.commands.")]


def test_a_search_of_a_whole_index_loads_no_model_no_protocol_and_no_detector(example: Path) -> None:
    """A model that gains nothing is not asked, and what did not change is not checked for secrets again."""
    imported("index", cwd=example)
    loaded = imported("search", "how does the client retry", "--expect", "retry", cwd=example)
    assert {"numpy", "tantivy"} <= loaded
    assert not sorted(loaded & (MODELS | PROTOCOL | INDEXING))
    assert "onnxruntime" in imported("search", "how does it retry", "--rerank-weight", "0.5", cwd=example)


def test_nothing_of_ray_is_loaded_before_a_fleet_runs(tmp_path: Path) -> None:
    """It takes a second and tens of megabytes, and most people have one machine."""
    registry = tmp_path / "fleet.txt"
    registry.write_text("https://git.example.com/open/tools\n", encoding="utf-8")
    for arguments in (("fleet", "list"), ("fleet", "up", "--help"), ("serve", "--help")):
        loaded = imported(*arguments, cwd=tmp_path)
        assert "ray" not in loaded
        assert not [name for name in loaded if name.startswith("mcp_server.fleet")]


def test_numpy_starts_no_threads() -> None:
    """Its linear algebra starts one a core, which takes as much CPU as a search; what a user set stays."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    given: dict[str, str]
    for given in ({}, {"OPENBLAS_NUM_THREADS": "3"}):
        done = subprocess.run(
            [sys.executable, "-c", LAST_WORD],
            check=True,
            capture_output=True,
            text=True,
            env=environment | given,
        )
        assert done.stdout.split()[-1] == given.get("OPENBLAS_NUM_THREADS", "1")


LAST_WORD = """
import os, sys, goldrank_launcher
sys.argv = ["goldrank", "--version"]
os._exit = lambda _code: print(os.environ["OPENBLAS_NUM_THREADS"], flush=True)  # as the command ends
goldrank_launcher.main()
"""
