"""How a cross-encoder of either kind is loaded from disk, and whether the loaded model can rank.

Torch and related libraries are imported inside the functions that need them, so that listing the tools, or
searching without reranking, never loads them.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval import installation
from retrieval.errors import ModelError
from retrieval.rerank import exported_model
from retrieval.rerank.fusion import PairScorer
from retrieval.rerank.onnx_scorer import GraphScorer

MAX_TOKENS = 256
"""A chunk of 750 non-blank characters has about 250 tokens; a pair costs twice as much at 512."""

PROBE_QUERY = "how is a failed request retried"
PROBE_PASSAGES = (
    "src/client.py function retry\ndef retry(request):\n    # wait, then again\n    return send(request)",
    "README.md\nLicense",
    "src/table.sql\nCREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER)",
)
"""Three passages of different lengths on different subjects: a working model scores them differently."""
PROBE_SPREAD = 1e-5  # logits closer than this are equal: padding alone moves a float32 logit by some 1e-6


def open_scorer(model: str, *, revision: str = "") -> PairScorer:
    """Load an exported model, such as the one that ships with goldrank, or one of sentence-transformers.

    Args:
        model: `exported_model.NAME`, a folder, or a hub id that is in the local hub cache.
        revision: Commit of a hub model, or "".

    Raises:
        ModelError: The model is missing or damaged, or is not a cross-encoder with one output.
    """
    exported = exported_model.folder_of(model)
    return GraphScorer(exported) if exported else CrossEncoderScorer(model, revision=revision)


class CrossEncoderScorer:
    """A sentence-transformers CrossEncoder as a `PairScorer`; two threads must not use it at once."""

    def __init__(self, model: str, *, revision: str = "") -> None:
        """Load from a folder, or from the local hub cache; never from the network.

        Raises:
            ModelError: The model is absent, or is not a cross-encoder with one output.
        """
        self._model = load_cross_encoder(model, revision=revision)

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return the raw logits, float32 [len(passages)]."""
        from torch.nn import Identity

        pairs = [(query, passage) for passage in passages]
        logits = self._model.predict(
            pairs, batch_size=len(pairs) or 1, show_progress_bar=False, activation_fn=Identity()
        )
        return np.asarray(logits, dtype=np.float32)


def load_cross_encoder(model: str, *, revision: str, max_tokens: int = MAX_TOKENS) -> Any:
    """Load a CrossEncoder with one output that truncates a pair at `max_tokens`; never from the network.

    Raises:
        ModelError: The model or the extra that runs it is absent, or it is no cross-encoder with one output.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir() and (folder.is_absolute() or model.startswith((".", "~"))):
        raise ModelError(f"the model folder {model} does not exist", remedy="choose another with --model")
    installation.require("hub", f"the model {folder.name if folder.is_dir() else model}", ModelError)
    if not is_on_disk(model, revision=revision):
        raise ModelError(
            f"{model} is not on this machine",
            remedy="`goldrank doctor --download-model` fetches it, or name a folder with --model",
        )
    from sentence_transformers import CrossEncoder
    from transformers import utils

    logging_of_transformers: Any = utils.logging  # partly untyped
    logging_of_transformers.disable_progress_bar()  # the loading bar is noise in a server's log
    try:
        loaded = CrossEncoder(
            str(folder) if folder.is_dir() else model,
            revision=None if folder.is_dir() or not revision else revision,
            local_files_only=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError) as error:
        raise ModelError(f"{model} cannot be loaded as a cross-encoder: {first_line(error)}") from error
    if loaded.num_labels != 1:
        raise ModelError(f"{model} has {loaded.num_labels} outputs; a reranker has one")
    loaded.max_seq_length = min(loaded.max_seq_length or max_tokens, max_tokens)
    return loaded


def is_on_disk(model: str, *, revision: str) -> bool:
    """Return whether a model can be loaded without the network; does not load it."""
    exported = exported_model.folder_of(model)
    if exported:
        return exported_model.is_exported(exported)
    if Path(model).expanduser().is_dir():
        return True
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - heavy, and needed here alone

    try:
        return isinstance(try_to_load_from_cache(model, "config.json", revision=revision or None), str)
    except ValueError:  # not a valid hub id, so a folder that does not exist
        return False


def download(model: str, *, revision: str) -> str:
    """Fetch a hub model into the local hub cache and return its folder; the only use of the network.

    Raises:
        ModelError: The hub was not reached or does not have the model.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - heavy, and needed here alone

    wanted = ["*.json", "*.txt", "*.safetensors", "*.model"]
    try:
        return str(snapshot_download(model, revision=revision or None, allow_patterns=wanted))
    except Exception as error:
        raise ModelError(f"{model} could not be downloaded: {first_line(error)}") from error


def probe(scorer: PairScorer) -> None:
    """Score a few fixed pairs, to reject a broken model before a caller waits for it.

    Raises:
        ModelError: The logits have the wrong shape, are not finite, or are all the same.
    """
    logits = np.asarray(scorer.score(PROBE_QUERY, PROBE_PASSAGES))  # float32 [3]
    if logits.shape != (len(PROBE_PASSAGES),):
        raise ModelError(f"it returns {logits.shape} logits for {len(PROBE_PASSAGES)} pairs")
    if not np.isfinite(logits).all():
        raise ModelError("its logits are not all numbers")
    if np.ptp(logits) < PROBE_SPREAD:
        raise ModelError(f"it returns {float(logits[0]):.3f} for every pair")


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error, for the text of a `ModelError`."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
