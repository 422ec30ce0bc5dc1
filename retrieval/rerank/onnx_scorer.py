"""An exported cross-encoder as a `PairScorer`: onnxruntime computes, `tokenizers` cuts; torch is not loaded.

A pair is one run of the graph, without padding; as many run at once as there are cores, up to `MOST_CORES`.
What was scored is kept: a question that is asked again, as agents do, costs nothing.
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

MOST_CORES = 4  # thirty pairs take a tenth of a second then; the rest of the machine is others'
KEPT_SCORES = 4_000  # of a hundred questions, less than 1 MB: a cache that fills for hours looks like a leak


class GraphScorer:
    """An exported model, loaded and checked; `score` is not for use by two threads at once."""

    def __init__(self, folder: Path, *, cores: int | None = None) -> None:
        """Load; nothing is fetched from anywhere.

        Args:
            folder: What `training.export` wrote.
            cores: How many pairs are scored at once; None for what this process may use.

        Raises:
            ModelError: It is missing or damaged, or cannot be loaded.
        """
        manifest = exported_model.read_manifest(folder)
        self.name = manifest.name
        self._session = _session(folder / exported_model.GRAPH)
        self._tokenizer = _tokenizer(folder / exported_model.TOKENIZER, max_tokens=manifest.max_tokens)
        self._pool = ThreadPoolExecutor(
            cores or min(MOST_CORES, _usable_cores()), thread_name_prefix="cross-encoder"
        )
        self._scores: OrderedDict[bytes, float] = OrderedDict()  # by question and passage, oldest use first

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return the raw logits, float32 [len(passages)]."""
        query, *passages = (text.encode("utf-8", "replace").decode("utf-8") for text in (query, *passages))
        keys = [_key(query, passage) for passage in passages]
        new = {key: passage for key, passage in zip(keys, passages, strict=True) if key not in self._scores}
        encoded = self._tokenizer.encode_batch([(query, passage) for passage in new.values()])
        # Longest first, so that no core is left with a long pair while the others have none.
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
    # Releases from 1.29 on send what they are used for to their makers unless this is set before they load.
    # We ask for one before that; somebody else's requirement may have brought another.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # cores are shared by pairs: a layer of one is too small to be divided
    # Else a plan of memory is kept for every length of pair: 8 to 10 MB, for no time gained
    # (benchmarks/runs/2026-11-27-server/memory.txt).
    options.enable_mem_pattern = False
    try:
        return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors share no base class of their own
        raise ModelError(f"{graph} cannot be loaded: {error}") from error


def _tokenizer(file: Path, *, max_tokens: int) -> Any:
    from tokenizers import Tokenizer  # noqa: PLC0415 - only where a model is to be run

    tokenizer = Tokenizer.from_file(str(file))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)  # the longer of the two is cut, as sentence-transformers does
    return tokenizer


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _key(query: str, passage: str) -> bytes:
    """Identify a pair; the length keeps question and passage apart."""
    return hashlib.blake2b(f"{len(query)}\0{query}{passage}".encode(), digest_size=16).digest()
