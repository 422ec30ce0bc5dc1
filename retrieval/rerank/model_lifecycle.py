"""When a model is in memory: one state machine that loads a scorer, keeps it or its failure, and unloads it.

    NOT_LOADED --scorer()--> LOADING --the load returns--> READY
                                     --the load raises---> FAILED
    READY, FAILED --unload()--> NOT_LOADED
    any state     --close()---> CLOSED

A failure is kept, so that no caller waits for the same load twice. `unload` clears it like a scorer. The next
use loads again, and finds a model that you repaired meanwhile.
"""

import logging
import time
from collections.abc import Callable
from enum import Enum

from retrieval import memory
from retrieval.errors import ModelError
from retrieval.rerank.fusion import PairScorer
from retrieval.rerank.model_loading import first_line

log = logging.getLogger(__name__)

Load = Callable[[], PairScorer]


class ModelState(Enum):
    """The state of a model; the module docstring shows the transitions."""

    NOT_LOADED = "not loaded"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    CLOSED = "closed"


class ModelLifecycle:
    """One model, loaded on first use; a single thread drives it, and any thread may read `state`."""

    def __init__(self, load: Load) -> None:
        """Load nothing yet; `load` is called again after each `unload`."""
        self._load = load
        self._state = ModelState.NOT_LOADED
        self._scorer: PairScorer | None = None  # set in READY
        self._failure: ModelError | None = None  # set in FAILED

    @property
    def state(self) -> ModelState:
        """The current state of the model."""
        return self._state

    @property
    def is_settled(self) -> bool:
        """Whether a scorer or a failure is kept, which `unload` would free."""
        return self._state in {ModelState.READY, ModelState.FAILED}

    def scorer(self) -> PairScorer:
        """Return the scorer; load it first if it is not in memory.

        Raises:
            ModelError: The model failed to load, now or since the last `unload`, or is closed.
        """
        if self._state is ModelState.NOT_LOADED:
            self._load_scorer()
        if self._failure:
            raise self._failure.with_traceback(None)  # else each raise would lengthen one traceback
        if self._scorer is None:
            raise ModelError(f"the model is {self._state.value}")
        return self._scorer

    def unload(self) -> None:
        """Free the scorer or the failure; the next use loads again."""
        self._state, self._scorer, self._failure = ModelState.NOT_LOADED, None, None
        memory.give_back()
        log.info("the cross-encoder was unloaded because it was idle")

    def close(self) -> None:
        """Free the scorer for good."""
        self._state, self._scorer, self._failure = ModelState.CLOSED, None, None

    def _load_scorer(self) -> None:
        self._state, start = ModelState.LOADING, time.monotonic()
        try:
            self._scorer = self._load()
        except ModelError as error:
            log.warning("no cross-encoder: %s", error)
            self._state, self._failure = ModelState.FAILED, error
        except Exception as error:
            log.exception("the cross-encoder failed to load")
            failure = ModelError(f"the cross-encoder failed to load: {first_line(error)}")
            self._state, self._failure = ModelState.FAILED, failure
        else:
            self._state = ModelState.READY
            log.info("the cross-encoder was loaded in %.1f s", time.monotonic() - start)
