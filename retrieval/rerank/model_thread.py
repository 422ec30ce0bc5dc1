"""The cross-encoder itself: loading one of either kind, and the one thread that runs it.

Torch and its friends are imported on that thread, when the first pair is to be scored: listing our tools or a
search without reranking never loads them.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval import memory
from retrieval.errors import CancelledError, ModelError
from retrieval.progress import IsCancelled, Progress
from retrieval.rerank import exported_model
from retrieval.rerank.fusion import PairScorer, Reading, read_stepwise
from retrieval.rerank.onnx_scorer import GraphScorer

log = logging.getLogger(__name__)

MAX_TOKENS = 256
"""A chunk of 750 non-blank characters has about 250 tokens; a pair costs twice as much at 512."""

LAST_BATCH_S = 1.0  # a batch that was begun before the deadline is worth waiting for
LOOK_EVERY_S = 0.05  # how often one who waits looks whether it is still wanted, and tells how far it is

PROBE_QUERY = "how is a failed request retried"
PROBE_PASSAGES = (
    "src/client.py function retry\ndef retry(request):\n    # wait, then again\n    return send(request)",
    "README.md\nLicense",
    "src/table.sql\nCREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER)",
)
"""Of different lengths and about different things: a model that works cannot say the same of all."""
PROBE_SPREAD = 1e-5  # logits that differ by less are one logit; padding alone moves float32 by some 1e-6

Load = Callable[[], PairScorer]


def open_scorer(model: str, *, revision: str = "") -> PairScorer:
    """Load a model of either kind: an exported one, as comes with goldrank, or sentence-transformers' own.

    Args:
        model: `embedded.NAME`, a folder, or a hub id that is in the local hub cache.
        revision: Commit of a hub model, or "".

    Raises:
        ModelError: It is not there, damaged, or no cross-encoder with one output.
    """
    exported = exported_model.folder_of(model)
    return GraphScorer(exported) if exported else CrossEncoderScorer(model, revision=revision)


class CrossEncoderScorer:
    """A sentence-transformers CrossEncoder as a `PairScorer`; not for use by two threads at once."""

    def __init__(self, model: str, *, revision: str = "") -> None:
        """Load from a folder, or from the local hub cache; never from the network.

        Raises:
            ModelError: It is not there, or is no cross-encoder with one output.
        """
        self._model = load(model, revision=revision)

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return the raw logits, float32 [len(passages)]."""
        from torch.nn import Identity

        pairs = [(query, passage) for passage in passages]
        logits = self._model.predict(
            pairs, batch_size=len(pairs) or 1, show_progress_bar=False, activation_fn=Identity()
        )
        return np.asarray(logits, dtype=np.float32)


def probe(scorer: PairScorer) -> None:
    """Let a model score a few fixed pairs, to find out that it is broken before anybody waits for it.

    Raises:
        ModelError: Its logits are no numbers, of the wrong shape, or all the same.
    """
    logits = np.asarray(scorer.score(PROBE_QUERY, PROBE_PASSAGES))  # float32 [3]
    if logits.shape != (len(PROBE_PASSAGES),):
        raise ModelError(f"it returns {logits.shape} logits for {len(PROBE_PASSAGES)} pairs")
    if not np.isfinite(logits).all():
        raise ModelError("its logits are not all numbers")
    if np.ptp(logits) < PROBE_SPREAD:
        raise ModelError(f"it says {float(logits[0]):.3f} whatever it reads")


def download(model: str, *, revision: str) -> str:
    """Fetch a hub model into the local hub cache and return its folder; the only use of the network.

    Raises:
        ModelError: The hub was not reached or does not have it.
    """
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - heavy, and needed here alone

    wanted = ["*.json", "*.txt", "*.safetensors", "*.model"]
    try:
        return str(snapshot_download(model, revision=revision or None, allow_patterns=wanted))
    except Exception as error:
        raise ModelError(f"{model} could not be downloaded: {_first_line(error)}") from error


def is_at_hand(model: str, *, revision: str) -> bool:
    """Tell whether a model can be loaded without the network, without loading it."""
    exported = exported_model.folder_of(model)
    if exported:
        return exported_model.is_exported(exported)
    if Path(model).expanduser().is_dir():
        return True
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - heavy, and needed here alone

    try:
        return isinstance(try_to_load_from_cache(model, "config.json", revision=revision or None), str)
    except ValueError:  # no valid hub id, so a folder that is not there
        return False


@dataclass(slots=True, eq=False)
class _Job:
    """A reading that waits, or is under way.

    Attributes:
        steps: Makes the reading with a scorer, batch by batch; None where the model is only to be loaded.
        left: Candidates that are not read yet.
        is_unwanted: Whether nobody waits for it any more.
        future: Its outcome.
        under_way: The steps that are left, once the first was made.
        reading: What is known by now.
    """

    steps: Callable[[PairScorer], Iterator[Reading]] | None
    left: int
    is_unwanted: Callable[[], bool]
    future: "Future[Any]" = field(default_factory=Future)
    under_way: Iterator[Reading] | None = None
    reading: Reading = Reading(())  # noqa: RUF009 - it is frozen


class ModelThread:
    """The one thread that loads a model and scores with it until stopped; while nobody asks it lets go of it.

    Several may ask at once. Between any two batches whoever has fewest candidates left goes on, the earlier
    one first, so that a short reading never waits for a long one; whoever is not waited for is dropped.
    """

    def __init__(self, load: Load, *, idle_unload_s: float | None = None) -> None:
        """Nothing is loaded before it is asked for.

        Args:
            load: Makes the scorer; called again after a rest.
            idle_unload_s: How long nobody asks until the model is let go; None for never.
        """
        self._load = load
        self._rest_after_s = idle_unload_s
        self._jobs: list[_Job] = []  # in the order they came; of those that are under way too
        self._thread: threading.Thread | None = None
        self._is_stopped = False
        self._changed = threading.Condition()  # holds for all above

    @property
    def waiting(self) -> int:
        """How many wait or are under way."""
        with self._changed:
            return len(self._jobs)

    def warm_up(self) -> "Future[None]":
        """Begin to load the model; the future fails with `ModelError` if that fails."""
        return self._submit(_Job(None, 0, lambda: False))

    def stop(self) -> None:
        """End the thread after the jobs that were submitted, and let go of the model; it cannot be undone."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()

    def read(
        self,
        query: str,
        passages: Sequence[str],
        *,
        deadline_s: float,
        is_cancelled: IsCancelled,
        progress: Progress = lambda _read, _all: None,
    ) -> Reading:
        """Score passages as `reranker.read_pairs` does, and wait for the model no longer than the deadline.

        Raises:
            ModelError: The model could not be loaded, or was stopped.
            CancelledError: `is_cancelled` said so; the model has stopped, or does after its batch.
        """
        deadline = time.monotonic() + deadline_s
        abandoned = threading.Event()

        def is_unwanted() -> bool:
            return abandoned.is_set() or is_cancelled()

        def steps(scorer: PairScorer) -> Iterator[Reading]:
            return read_stepwise(query, passages, scorer, deadline=deadline, is_cancelled=is_unwanted)

        job = _Job(steps, len(passages), is_unwanted)
        self._submit(job)
        while time.monotonic() < deadline + LAST_BATCH_S:
            try:
                reading: Reading = job.future.result(timeout=LOOK_EVERY_S)
            except FutureTimeoutError:
                if is_cancelled():
                    raise CancelledError("the caller no longer wants this ranking") from None
                progress(len(passages) - job.left, len(passages))
            else:
                return reading
        abandoned.set()
        return Reading(
            (None,) * len(passages), "the model is still loading or busy; ask again in a few seconds"
        )

    def _submit(self, job: _Job) -> "Future[Any]":
        with self._changed:
            if self._is_stopped:
                raise ModelError("this model was replaced by another; ask again")
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="cross-encoder", daemon=True)
                self._thread.start()
            self._changed.notify()
        return job.future

    def _run(self) -> None:
        scorer: PairScorer | ModelError | None = None
        while True:
            try:
                job = self._next(self._rest_after_s if scorer else None)
            except TimeoutError:
                scorer = job = None  # what was cancelled half-way holds the scorer too
                memory.give_back()
                log.info("the cross-encoder was let go, as nobody asks")
                continue
            if job is None:
                return
            if scorer is None:
                scorer = self._try_to_load()
            if isinstance(scorer, ModelError):
                job.future.set_exception(scorer)
            elif not _is_over(job, scorer):
                continue
            with self._changed:
                self._jobs.remove(job)

    def _next(self, patience_s: float | None) -> _Job | None:
        """Wait for a job and choose who goes on; None when the thread is to end.

        Raises:
            TimeoutError: Nobody asked for so long.
        """
        with self._changed:
            while True:
                for job in [job for job in self._jobs if job.is_unwanted()]:
                    self._jobs.remove(job)
                    job.future.set_exception(CancelledError("the caller no longer wants this ranking"))
                if self._jobs:
                    return min(self._jobs, key=lambda job: job.left)  # of equals the first to come
                if self._is_stopped:
                    return None
                if not self._changed.wait(patience_s):
                    raise TimeoutError

    def _try_to_load(self) -> PairScorer | ModelError:
        start = time.monotonic()
        try:
            scorer = self._load()
        except ModelError as error:
            log.warning("no cross-encoder: %s", error)
            return error
        except Exception as error:
            log.exception("the cross-encoder failed to load")
            return ModelError(f"the cross-encoder failed to load: {_first_line(error)}")
        log.info("the cross-encoder was loaded in %.1f s", time.monotonic() - start)
        return scorer


def _is_over(job: _Job, scorer: PairScorer) -> bool:
    """Read one batch more; tell whether that was the last, and settle the job's future if it was."""
    try:
        if job.steps is None:
            job.future.set_result(None)
            return True
        job.under_way = job.under_way or job.steps(scorer)
        reading = next(job.under_way, None)
    except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for the future
        job.future.set_exception(error)
        return True
    if reading is None:
        job.future.set_result(job.reading)
        return True
    job.reading = reading
    job.left = sum(logit is None for logit in reading.logits)
    return False


def load(model: str, *, revision: str, max_tokens: int = MAX_TOKENS) -> Any:
    """Load a CrossEncoder with one output, which cuts a pair to `max_tokens`; never from the network.

    Raises:
        ModelError: It is not there, or is no cross-encoder with one output.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir() and (folder.is_absolute() or model.startswith((".", "~"))):
        raise ModelError(f"the model folder {model} does not exist; name another with --model")
    if not is_at_hand(model, revision=revision):
        raise ModelError(
            f"{model} is not on this machine; `goldrank doctor --download-model` fetches it, "
            "or name a folder with --model"
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
        raise ModelError(f"{model} cannot be loaded as a cross-encoder: {_first_line(error)}") from error
    if loaded.num_labels != 1:
        raise ModelError(f"{model} has {loaded.num_labels} outputs; a reranker has one")
    loaded.max_seq_length = min(loaded.max_seq_length or max_tokens, max_tokens)
    return loaded


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
