"""Which weights of a BERT cross-encoder are quantized to int8, and how the model is restored from them.

Tensors that belong to the model's state keep their names there, so one set of weights can both serve and be
fine-tuned. The scale and shift of a layer norm are folded into the products that read it: BERT's scales make
a few of 384 channels ten times larger than the rest, and activations share one scale of 8 bits, which would
leave 4 bits for the other channels.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ModelError

WORDS = "bert.embeddings.word_embeddings"
POSITIONS = "bert.embeddings.position_embeddings"
TYPES = "bert.embeddings.token_type_embeddings"
EMBEDDINGS_NORM = "bert.embeddings.LayerNorm"
POOLER = "bert.pooler.dense"
CLASSIFIER = "classifier"

ROW_LIMIT = 127
PRODUCT_LIMIT = 64
"""Largest byte of a weight. A CPU without VNNI adds pairs of products in 16 bits, where 2 x 255 x 127 does
not fit and 2 x 255 x 64 does: so the numbers are the same on every CPU, and the rank correlation with float32
is higher on those without (0.984 instead of 0.976, MiniLM of 6 layers)."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Shape:
    """The dimensions of a BERT that its graph depends on."""

    layers: int
    heads: int
    hidden: int
    epsilon: float


@dataclass(frozen=True, slots=True)
class Linear:
    """A product of the graph: one linear module of the model, or several with the same input.

    Attributes:
        modules: Their names in the model's state, as `bert.encoder.layer.0.attention.self.query`.
        norm: The layer norm whose scale and shift are folded into the weights, or "".
    """

    modules: tuple[str, ...]
    norm: str = ""

    @property
    def key(self) -> str:
        """The name of its tensors: `….self.query+key+value` with `.weight`, `.scale` and `.bias`."""
        first, *others = self.modules
        return "+".join([first, *(name.rpartition(".")[2] for name in others)])


def linears(shape: Shape) -> Iterator[tuple[Linear, ...]]:
    """Return the products of each layer, in order: two or one of the attention inputs, then the three others.

    The last layer has a separate product for its queries, which are computed for one token only.
    """
    below = EMBEDDINGS_NORM
    for number in range(shape.layers):
        layer = f"bert.encoder.layer.{number}"
        query, key, value = (f"{layer}.attention.self.{name}" for name in ("query", "key", "value"))
        is_last = number == shape.layers - 1
        inputs = ((query,), (key, value)) if is_last else ((query, key, value),)
        yield (
            *(Linear(modules, below) for modules in inputs),
            Linear((f"{layer}.attention.output.dense",)),
            Linear((f"{layer}.intermediate.dense",), f"{layer}.attention.output.LayerNorm"),
            Linear((f"{layer}.output.dense",)),
        )
        below = f"{layer}.output.LayerNorm"


def shape_of(folder: Path) -> Shape:
    """Read the dimensions of the BERT in a folder.

    Raises:
        ModelError: Its configuration cannot be read, or belongs to a model that `bert_onnx` cannot write.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        wanted = {
            "model_type": "bert",
            "hidden_act": "gelu",
            "is_decoder": False,
            "position_embedding_type": "absolute",
        }
        found = {key: config.get(key, value) for key, value in wanted.items()} | {"outputs": _outputs(config)}
        if found != wanted | {"outputs": 1}:
            raise ModelError(f"{folder} is no BERT with one output: {found}")
        return Shape(
            layers=config["num_hidden_layers"],
            heads=config["num_attention_heads"],
            hidden=config["hidden_size"],
            epsilon=config["layer_norm_eps"],
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder} has no config.json of a BERT: {error}") from error


def quantized(state: Mapping[str, NDArray[np.float32]], shape: Shape) -> Arrays:
    """Convert a model's state to the tensors of its graph: int8 with scales, and the rest unchanged."""
    kept: Arrays = dict(state)
    words = kept.pop(f"{WORDS}.weight")
    kept[f"{WORDS}.weight"], kept[f"{WORDS}.scale"] = _bytes(words, axis=1, limit=ROW_LIMIT)
    for linear in (linear for layer in linears(shape) for linear in layer):
        weight = np.concatenate([kept.pop(f"{name}.weight").T for name in linear.modules], axis=1)
        bias = np.concatenate([kept.pop(f"{name}.bias") for name in linear.modules])
        scale, shift = _folded(state, linear, inputs=len(weight))
        weight, bias = weight * scale[:, None], bias + shift @ weight  # float32 [inputs, outputs], [outputs]
        numbers, steps = _bytes(weight, axis=0, limit=PRODUCT_LIMIT)
        kept |= {f"{linear.key}.weight": numbers, f"{linear.key}.scale": steps[0], f"{linear.key}.bias": bias}
    return {name: np.ascontiguousarray(array) for name, array in kept.items()}


def dequantized(tensors: Mapping[str, NDArray[Any]], shape: Shape) -> Arrays:
    """Convert the tensors of a graph to a model's state that computes the same."""
    state: Arrays = dict(tensors)
    state[f"{WORDS}.weight"] = state[f"{WORDS}.weight"] * state.pop(f"{WORDS}.scale")
    for linear in (linear for layer in linears(shape) for linear in layer):
        numbers, steps, bias = (state.pop(f"{linear.key}.{part}") for part in ("weight", "scale", "bias"))
        scale, shift = _folded(tensors, linear, inputs=len(numbers))
        divisor = np.where(
            scale == 0, 1, scale
        )  # a channel that always equals its shift has no weight to restore
        weight = numbers * steps / divisor[:, None]  # float32 [inputs, outputs]
        bias = bias - shift @ weight
        parts = len(linear.modules)
        for name, columns, values in zip(
            linear.modules, np.split(weight, parts, axis=1), np.split(bias, parts), strict=True
        ):
            state |= {f"{name}.weight": columns.T, f"{name}.bias": values}
    return {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in state.items()}


def _folded(
    tensors: Mapping[str, NDArray[Any]], linear: Linear, *, inputs: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the scale and shift in a product's weights, float32 [inputs]; 1 and 0 without a norm."""
    if not linear.norm:
        return np.ones(inputs, dtype=np.float32), np.zeros(inputs, dtype=np.float32)
    return tensors[f"{linear.norm}.weight"], tensors[f"{linear.norm}.bias"]


def _bytes(
    values: NDArray[np.float32], *, axis: int, limit: int
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round to whole steps, at most `limit` in either direction; values along `axis` share a step."""
    steps = np.abs(values).max(axis=axis, keepdims=True) / limit
    steps = np.maximum(steps, np.finfo(np.float32).tiny).astype(np.float32)
    return np.rint(values / steps).astype(np.int8), steps


def _outputs(config: Mapping[str, Any]) -> int:
    """Count the outputs as transformers does: two by default."""
    return len(config.get("id2label") or "??")
