"""How an exported cross-encoder scores pairs: with onnxruntime and `tokenizers`, without loading torch.

Each pair is one run of the graph, without padding, with one run per core in parallel, up to `MOST_CORES`.
Scores are cached, so a repeated query, as agents often send, costs nothing.
"""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ModelError
from retrieval.rerank import exported_model

MOST_CORES = 4  # with these, thirty pairs take 0.1 s; other cores are left to other programs
KEPT_SCORES = 4_000  # of a hundred queries, less than 1 MB: a cache that grows for hours looks like a leak


class GraphScorer:
    """An exported model, loaded and verified; two threads must not call `score` at once."""

    def __init__(self, folder: Path, *, cores: int | None = None) -> None:
        """Load the model, without network access.

        Args:
            folder: A folder written by `training.export`.
            cores: How many pairs to score at once; None for the cores that this process may use.

        Raises:
            ModelError: The model is missing or damaged, or cannot be loaded.
        """
        manifest = exported_model.read_manifest(folder)
        self.name = manifest.name
        self._session = _session(folder / exported_model.GRAPH)
        self._tokenizer = _tokenizer(folder / exported_model.TOKENIZER, max_tokens=manifest.max_tokens)
        self._pool = ThreadPoolExecutor(
            cores or min(MOST_CORES, _usable_cores()), thread_name_prefix="cross-encoder"
        )
        self._scores: OrderedDict[bytes, float] = (
            OrderedDict()
        )  # by query and passage, least recently used first

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return the raw logits, float32 [len(passages)]."""
        query, *passages = (text.encode("utf-8", "replace").decode("utf-8") for text in (query, *passages))
        keys = [_key(query, passage) for passage in passages]
        new = {key: passage for key, passage in zip(keys, passages, strict=True) if key not in self._scores}
        encoded = self._tokenizer.encode_batch([(query, passage) for passage in new.values()])
        # Longest first, so that no core is left with a long pair while the others are idle.
        order = sorted(zip(new, encoded, strict=True), key=lambda pair: -len(pair[1].ids))
        for (key, _), logit in zip(
            order, self._pool.map(self._run, [pair for _, pair in order]), strict=True
        ):
            self._scores[key] = logit
        found = np.array([self._scores[key] for key in keys], dtype=np.float32)
        for key in keys:
            self._scores.move_to_end(key)
        while len(self._scores) > KEPT_SCORES:
            self._scores.popitem(last=False)
        return found

    def _run(self, pair: Any) -> float:
        (logit,) = self._session.run(None, {"ids": pair.ids, "types": pair.type_ids})
        return float(logit[0, 0])


def _session(graph: Path) -> Any:
    # Releases from 1.29 on send usage data to their makers unless this is set before they load. We require an
    # older release, but another package's requirement may have installed a newer one.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # pairs run in parallel: a layer of one pair is too small to split
    # Otherwise a memory plan is kept for every pair length: 8 to 10 MB, without saving time
    # (benchmarks/runs/2026-11-27-server/memory.txt).
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common base class
        raise ModelError(f"{graph} cannot be loaded: {error}") from error


def _tokenizer(file: Path, *, max_tokens: int) -> Any:
    from tokenizers import Tokenizer  # noqa: PLC0415 - only needed to run a model

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)  # truncates the longer of the two, as sentence-transformers does
    return tokenizer


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _key(query: str, passage: str) -> bytes:
    """Identify a pair; the length separates query and passage."""
    return hashlib.blake2b(f"{len(query)}\0{query}{passage}".encode(), digest_size=16).digest()
