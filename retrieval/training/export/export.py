"""How a CrossEncoder folder becomes the 8-bit graph that `rerank.onnx_scorer` runs, and is restored from it.

An exported folder holds one set of weights, in int8 with their scales: the graph computes with them, and
`restore` turns them into an ordinary CrossEncoder folder that can be fine-tuned. The two differ only by the
graph's rounding of activations.

    manifest.json             name, token limit, pair text version, and the SHA-256 of every other file
    graph.onnx                the nodes; small
    weights.safetensors       the tensors of graph.onnx
    tokenizer.json
    config.json …             what sentence-transformers needs beside the weights
"""

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from retrieval import ownership
from retrieval.errors import CacheError, ModelError
from retrieval.rerank import exported_model
from retrieval.rerank.fusion import PAIR_TEXT_VERSION
from retrieval.sync.inventory import RESTORED
from retrieval.training.export.int8 import Arrays, dequantized, quantized, shape_of

STATE = "model.safetensors"
_RESTORED_NAME = re.compile(rf"{ownership.MARK}.*|lock|.+-[0-9a-f]{{8}}(\..+\.partial)?")
SMALL_FILES = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
)
"""What a CrossEncoder folder may hold beside its weights; the first two are needed."""


def export(folder: Path, out: Path, *, name: str, max_tokens: int) -> Path:
    """Export a CrossEncoder folder to the form that the server runs.

    Args:
        folder: A BERT with one output, in float32.
        out: A new folder.
        name: The model's name, for people.
        max_tokens: The length to which a pair is truncated.

    Raises:
        ModelError: The folder is not such a model, or `out` exists.
    """
    from retrieval.training.export import bert_onnx  # noqa: PLC0415 - onnx comes with the export extra alone

    shape = shape_of(folder)

    def fill(partial: Path) -> None:
        tensors = partial / exported_model.WEIGHTS
        save_file(quantized(_state(folder), shape), tensors)
        bert_onnx.write(partial / exported_model.GRAPH, shape, tensors=tensors)
        _copy_small(folder, partial)
        exported_model.seal(partial, name=name, max_tokens=max_tokens, pair_text_version=PAIR_TEXT_VERSION)

    return _whole(out, fill)


def restore(exported: Path, out: Path) -> Path:
    """Restore an ordinary CrossEncoder folder, in float32, from an exported one.

    Raises:
        ModelError: The exported folder is damaged, or `out` exists.
    """
    exported_model.read_manifest(exported)
    shape = shape_of(exported)

    def fill(partial: Path) -> None:
        state = dequantized(load_file(exported / exported_model.WEIGHTS), shape)
        save_file(state, partial / STATE, metadata={"format": "pt"})
        _copy_small(exported, partial)

    return _whole(out, fill)


def trainable(model: str, cache: Path) -> str:
    """Return what a training can start from: the model itself, or one restored from an exported model.

    Raises:
        ModelError: An exported model is missing or damaged.
    """
    exported = exported_model.folder_of(model)
    return str(restored(exported, cache)) if exported else model


def restored(exported: Path, cache: Path) -> Path:
    """Return the CrossEncoder folder of an exported one, restored once and cached below `cache`.

    Raises:
        ModelError: The exported folder is missing or damaged.
    """
    manifest = exported_model.read_manifest(exported)
    folder = cache / RESTORED / f"{manifest.name}-{manifest.digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(CacheError, OSError):  # it works in a folder of others too, which `goldrank clean` leaves
        ownership.claim(folder.parent, is_ours=_holds_only_restored)
    return folder if folder.is_dir() else restore(exported, folder)


def origin(folder: Path) -> str:
    """Return the name and digest of the exported model that a folder was restored from, or ""."""
    return folder.name if folder.parent.name == RESTORED else ""


def _holds_only_restored(folder: Path) -> bool:
    """Recognise the folder as earlier releases left it, without a mark."""
    return all(_RESTORED_NAME.fullmatch(path.name) for path in folder.iterdir())


def _state(folder: Path) -> Arrays:
    try:
        state = load_file(folder / STATE)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder} has no weights that can be read: {error}") from error
    return {name: array.astype(np.float32) for name, array in state.items() if array.dtype.kind == "f"}


def _copy_small(folder: Path, out: Path) -> None:
    for name in SMALL_FILES:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, out / name)
    vocabulary = json.loads((folder / exported_model.TOKENIZER).read_text(encoding="utf-8"))
    compact = json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":"))  # a third smaller
    (out / exported_model.TOKENIZER).write_text(compact, encoding="utf-8")


def _whole(out: Path, fill: Callable[[Path], None]) -> Path:
    """Create a folder atomically."""
    if out.exists():
        raise ModelError(f"{out} exists", remedy="name a new folder, or remove it first")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f"{out.name}.", suffix=".partial") as work:
        partial = Path(work) / out.name
        partial.mkdir()
        fill(partial)
        try:
            partial.rename(out)
        except OSError:
            if not out.is_dir():  # another process created the same folder meanwhile
                raise
    return out
