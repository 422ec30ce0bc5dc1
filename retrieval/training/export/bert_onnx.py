"""How a BERT cross-encoder is written as an ONNX graph that multiplies in int8: its tensors and its nodes.

The graph takes one pair, without padding: on a CPU a batch gains nothing, and padding costs time per token.
It uses standard operators only. Its tensors are those of `int8`, in a safetensors file beside it.

Two parts differ from PyTorch's graph but compute the same values. A product reads the normalised values,
because the scale and shift of their norm are folded into its weights. The last layer is computed for the
first token only, because nothing reads the others.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from retrieval.training.export.int8 import (
    CLASSIFIER,
    EMBEDDINGS_NORM,
    POOLER,
    POSITIONS,
    TYPES,
    WORDS,
    Linear,
    Shape,
    linears,
)

OPSET = 20  # the first opset with Gelu
IR_VERSION = 10

_KINDS = {"I8": TensorProto.INT8, "F32": TensorProto.FLOAT}  # safetensors' names


def write(graph: Path, shape: Shape, *, tensors: Path) -> None:
    """Write the graph of a model whose tensors are in a file in the same folder.

    Its inputs are `ids` and `types`, int64 [length]; its output is `logit`, float32 [1, 1].
    """
    builder = _Builder(tensors)
    x, plain = _embedded(builder, shape)
    for number, products in enumerate(linears(shape)):
        x, plain = _layer(builder, shape, x, plain, products, number=number)
    pooled = builder.add("Tanh", _float_product(builder, x, POOLER))
    builder.add("Identity", _float_product(builder, pooled, CLASSIFIER), name="logit")
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["length"]) for name in ("ids", "types")]
    output = helper.make_tensor_value_info("logit", TensorProto.FLOAT, [1, 1])
    made = helper.make_graph(builder.nodes, "cross-encoder", inputs, [output], builder.initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    graph.write_bytes(model.SerializeToString(deterministic=True))
    onnx.checker.check_model(str(graph))


class _Builder:
    """The nodes and tensors of a graph under construction; values have descriptive names."""

    def __init__(self, tensors: Path) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._file = tensors.name
        self._table, self._base = _directory(tensors)
        self._known: set[str] = set()
        self._quantized: dict[str, list[str]] = {}

    def add(self, kind: str, *inputs: str, name: str = "", outputs: int = 1, **attributes: Any) -> str:
        """Add a node; return its output, or the first of several (the others are named FIRST.1 …)."""
        first = name or f"{kind.lower()}_{len(self.nodes)}"
        names = [first, *(f"{first}.{number}" for number in range(1, outputs))]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return first

    def stored(self, name: str) -> str:
        """Refer to a tensor of the file."""
        if name not in self._known:
            row = self._table[name]
            start, end = row["data_offsets"]
            tensor = TensorProto(name=name, data_type=_KINDS[row["dtype"]], dims=row["shape"])
            tensor.data_location = TensorProto.EXTERNAL
            place = {"location": self._file, "offset": self._base + start, "length": end - start}
            for key, value in place.items():
                tensor.external_data.add(key=key, value=str(value))
            self._keep(name, tensor)
        return name

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Refer to a small tensor that the graph itself holds."""
        if name not in self._known:
            self._keep(name, onnx.numpy_helper.from_array(value, name))
        return name

    def numbers(self, *values: int) -> str:
        """Refer to a list of whole numbers."""
        return self.constant("numbers" + "_".join(map(str, values)), np.array(values, dtype=np.int64))

    def product(self, x: str, linear: Linear) -> str:
        """Multiply in 8 bits: activations are quantized dynamically, with one scale per pair."""
        if x not in self._quantized:
            first = self.add("DynamicQuantizeLinear", x, outputs=3)
            self._quantized[x] = [first, f"{first}.1", f"{first}.2"]
        values, scale, zero = self._quantized[x]
        summed = self.add("MatMulInteger", values, self.stored(f"{linear.key}.weight"), zero)
        scales = self.add("Mul", scale, self.stored(f"{linear.key}.scale"))
        scaled = self.add("Mul", self.add("Cast", summed, to=TensorProto.FLOAT), scales)
        return self.add("Add", scaled, self.stored(f"{linear.key}.bias"))

    def _keep(self, name: str, tensor: Any) -> None:
        self._known.add(name)
        self.initializers.append(tensor)


def _directory(tensors: Path) -> tuple[Mapping[str, Any], int]:
    """Read a safetensors header: each tensor's type, shape and position, and where the data begins."""
    with tensors.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return json.loads(file.read(length)), 8 + length


def _embedded(builder: _Builder, shape: Shape) -> tuple[str, str]:
    """Embed the tokens; return them, float32 [length, hidden], and the same before scale and shift."""
    rows = builder.add("Gather", builder.stored(f"{WORDS}.weight"), "ids")
    words = builder.add(
        "Mul",
        builder.add("Cast", rows, to=TensorProto.FLOAT),
        builder.add("Gather", builder.stored(f"{WORDS}.scale"), "ids"),
    )
    length = builder.add("Shape", "ids")
    placed = builder.add("Slice", builder.stored(f"{POSITIONS}.weight"), builder.numbers(0), length)
    types = builder.add("Gather", builder.stored(f"{TYPES}.weight"), "types")
    summed = builder.add("Add", builder.add("Add", words, placed), types)
    return _norm(builder, summed, EMBEDDINGS_NORM, epsilon=shape.epsilon)


def _norm(builder: _Builder, x: str, name: str, *, epsilon: float) -> tuple[str, str]:
    """Normalise each token; return the values after and before scale and shift.

    This uses an InstanceNormalization of one image whose channels are tokens. The numbers are the same, and
    before 1.29 onnxruntime's LayerNormalization takes ten times as long, 13 % of the total time.
    """
    tokens = builder.add("Shape", x, start=0, end=1)
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])
    ones = builder.add("ConstantOfShape", tokens, value=one)
    zeros = builder.add("ConstantOfShape", tokens)
    image = builder.add("Unsqueeze", x, builder.numbers(0))  # [1, length, hidden]
    normal = builder.add("InstanceNormalization", image, ones, zeros, epsilon=epsilon)
    plain = builder.add("Squeeze", normal, builder.numbers(0))
    scaled = builder.add("Mul", plain, builder.stored(f"{name}.weight"))
    return builder.add("Add", scaled, builder.stored(f"{name}.bias")), plain


def _layer(
    builder: _Builder, shape: Shape, x: str, plain: str, products: tuple[Linear, ...], *, number: int
) -> tuple[str, str]:
    """Run one layer; `plain` and the return values are like those of `_norm`."""
    *inputs, output, intermediate, contracted = products
    layer = f"bert.encoder.layer.{number}"
    if len(inputs) > 1:
        queried, others = inputs
        x, first = (builder.add("Slice", each, builder.numbers(0), builder.numbers(1)) for each in (x, plain))
        (query,) = _heads(builder, shape, builder.product(first, queried), parts=1)
        key, value = _heads(builder, shape, builder.product(plain, others), parts=2)
    else:
        query, key, value = _heads(builder, shape, builder.product(plain, inputs[0]), parts=3)
    attended = builder.product(_attention(builder, shape, query, key, value), output)
    x, plain = _norm(
        builder,
        builder.add("Add", attended, x),
        f"{layer}.attention.output.LayerNorm",
        epsilon=shape.epsilon,
    )
    wide = builder.add("Gelu", builder.product(plain, intermediate))
    narrow = builder.product(wide, contracted)
    return _norm(builder, builder.add("Add", narrow, x), f"{layer}.output.LayerNorm", epsilon=shape.epsilon)


def _heads(builder: _Builder, shape: Shape, x: str, *, parts: int) -> list[str]:
    """Split a combined product, [length, parts x hidden], each [1, heads, length, hidden / heads]."""
    size = shape.hidden // shape.heads
    apart = builder.add("Reshape", x, builder.numbers(-1, parts, shape.heads, size))
    turned = builder.add("Transpose", apart, perm=[1, 2, 0, 3])
    if parts == 1:
        return [turned]
    first = builder.add("Split", turned, outputs=parts, axis=0, num_outputs=parts)
    return [first, *(f"{first}.{part}" for part in range(1, parts))]


def _attention(builder: _Builder, shape: Shape, query: str, key: str, value: str) -> str:
    """Let the queries attend to all tokens; there is no mask, as there is no padding."""
    root = builder.constant("root", np.array(1 / math.sqrt(shape.hidden // shape.heads), dtype=np.float32))
    turned = builder.add("Transpose", key, perm=[0, 1, 3, 2])
    share = builder.add("Softmax", builder.add("Mul", builder.add("MatMul", query, turned), root), axis=-1)
    mixed = builder.add("Transpose", builder.add("MatMul", share, value), perm=[0, 2, 1, 3])
    return builder.add("Reshape", mixed, builder.numbers(-1, shape.hidden))


def _float_product(builder: _Builder, x: str, module: str) -> str:
    """Multiply in float32: only one row is read here, so 8 bits would save nothing."""
    weight, bias = (builder.stored(f"{module}.{part}") for part in ("weight", "bias"))
    return builder.add("Gemm", x, weight, bias, transB=1)
