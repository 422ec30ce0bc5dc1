"""Narrow a trained model: keep a few inner neurons of each layer and correct them for those removed.

    python -m embedded_model.prune --trained OUT/round-N --work WORK \
        --layers 0,1,2,3,4 --inner 256 --out FOLDER

Neurons are removed one by one, always the one whose removal changes the layer's output least, and the weights
of the remaining ones are corrected for it: optimal brain surgery (Hassibi and Stork 1993), with the
activations on training pairs as the curvature. Layers are narrowed in order, each on the output of the
narrowed layers before it. This program does not train: run `train.py --base FOLDER` next.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from embedded_model.train import MAX_TOKENS, lessons, start
from retrieval.rerank.excerpt import excerpt
from retrieval.rerank.model_loading import load_cross_encoder

LESSONS = 300  # some 1,800 pairs, 150,000 tokens: a hundred for each neuron
BATCH = 32
RIDGE = 1e-4  # of the mean curvature: neurons that the pairs never activate would have none


def main() -> None:
    """Read the arguments, narrow the model and save it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--trained", type=Path, required=True, help="a CrossEncoder folder that train.py made"
    )
    parser.add_argument("--work", type=Path, nargs="+", required=True, help="folders of lessons")
    parser.add_argument("--layers", default="", help="layers that are kept [default: all]")
    parser.add_argument("--inner", type=int, required=True, help="neurons that each layer keeps")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    kept = start(args.trained, args.out.with_name(f"{args.out.name}.layers"), args.layers)
    model = load_cross_encoder(str(kept), revision="", max_tokens=MAX_TOKENS)
    narrow(model, _batches(model, args.work), inner=args.inner)
    model.save_pretrained(str(args.out), create_model_card=False)


def narrow(model: Any, batches: Sequence[Any], *, inner: int) -> None:
    """Keep `inner` neurons of every layer of a CrossEncoder, in place.

    Args:
        model: A BERT with one output.
        batches: Tokenized pairs, padded, whose activations decide which neurons matter.
        inner: Neurons to keep in each layer.
    """
    bert = model[0].auto_model.eval()
    for layer in tqdm(bert.bert.encoder.layer, unit="layer", disable=None):
        narrowed, widened = layer.output.dense, layer.intermediate.dense
        weights, stay = surgery(narrowed.weight.data.double(), _curvature(bert, narrowed, batches), inner)
        narrowed.weight.data = weights[:, stay].float().contiguous()
        widened.weight.data = widened.weight.data[stay].clone()
        widened.bias.data = widened.bias.data[stay].clone()
        narrowed.in_features = widened.out_features = inner
    bert.config.intermediate_size = inner


def surgery(weights: Any, curvature: Any, count: int) -> tuple[Any, Any]:
    """Choose the columns to keep and correct them for those removed.

    Args:
        weights: float64 [outputs, inputs]; changed in place.
        curvature: Curvature of the inputs, X transposed times X, float64 [inputs, inputs].
        count: Columns to keep.

    Returns:
        The weights, zero in removed columns, and the columns kept, ascending.
    """
    import torch

    ridge = RIDGE * curvature.diagonal().mean()
    inverse = torch.linalg.inv(curvature + ridge * torch.eye(len(curvature), dtype=curvature.dtype))
    stays = torch.ones(len(curvature), dtype=torch.bool)
    for _ in range(len(curvature) - count):
        loss = (weights**2).sum(0) / inverse.diagonal()
        loss[~stays] = torch.inf
        going = int(loss.argmin())
        row = inverse[going] / inverse[going, going]
        weights.addr_(weights[:, going].clone(), row, alpha=-1)
        inverse.addr_(inverse[:, going].clone(), row, alpha=-1)
        stays[going] = False
        weights[:, going] = 0
    return weights, stays.nonzero().flatten()


def _curvature(bert: Any, product: Any, batches: Sequence[Any]) -> Any:
    """Sum x transposed times x of what a product reads, over all tokens except padding."""
    import torch

    total = torch.zeros(product.in_features, product.in_features, dtype=torch.float64)

    def look(_module: Any, read: tuple[Any, ...], _said: Any) -> None:
        tokens = read[0][batch["attention_mask"].bool()]
        total.add_((tokens.T @ tokens).double())

    hook = product.register_forward_hook(look)
    with torch.no_grad():
        for batch in batches:
            bert(**batch)
    hook.remove()
    return total


def _batches(model: Any, works: Sequence[Path]) -> list[Any]:
    """Tokenize training pairs, with pairs of similar length together."""
    pairs = sorted(_pairs(works), key=lambda pair: len(pair[0]) + len(pair[1]))
    groups = (pairs[start : start + BATCH] for start in range(0, len(pairs), BATCH))
    return [
        model.tokenizer(
            *map(list, zip(*group, strict=True)),
            truncation=True,
            max_length=MAX_TOKENS,
            padding=True,
            return_tensors="pt",
        )
        for group in groups
    ]


def _pairs(works: Sequence[Path]) -> Iterator[tuple[str, str]]:
    taught, _ = lessons(works)
    for lesson in taught[-LESSONS:]:
        for pair in lesson:
            yield pair.query, excerpt(pair.query, pair.passage)


if __name__ == "__main__":
    main()
