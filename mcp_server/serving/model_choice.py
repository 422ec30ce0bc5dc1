"""Which cross-encoder answers for a root, and how a newly promoted version takes over from the one before.

Each use of a root reads the pointer to its promoted version. When the pointer names another version, that one
goes on trial: a thread of its own verifies, loads and probes it, and the old model answers until then.

    ON_TRIAL --passes, and the pointer still names it--> SERVING
    ON_TRIAL --fails, or the pointer names another----> RETIRED
    SERVING  --another version or the base takes over-> RETIRED
    RETIRED  --its last user gives it back------------> STOPPED

So a request ends with the model it began with. A version that fails is rejected: the old model stays, and
every reply says so until the pointer changes. The first version that a server meets at a root is special, as
nothing answered there yet: callers wait for its trial instead of being answered by the base, and once it has
passed it serves until a later version has, even if the pointer names that one already.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from enum import Enum
from pathlib import Path

from retrieval.errors import ModelError
from retrieval.progress import Progress
from retrieval.rerank import exported_model, model_versions
from retrieval.rerank.fusion import PairScorer
from retrieval.rerank.model_loading import open_scorer, probe
from retrieval.rerank.model_thread import ModelThread
from retrieval.rerank.model_versions import ModelStore, Version
from retrieval.search.searcher import Request, may_rerank
from retrieval.search.second_stage import ALL_BUT_NAMES, QUESTIONS, Reader, SecondStage
from retrieval.settings import Settings

log = logging.getLogger(__name__)


def base_stage(settings: Settings) -> SecondStage | None:
    """Set up the cross-encoder that the settings name, without loading it; None where reranking is off."""
    if not settings.model or settings.rerank_weight == settings.rerank_tool_weight == 0:
        return None
    model = settings.model
    # What was measured of the embedded model holds for no other, and somebody who sets a weight means it.
    is_chosen = model != exported_model.NAME or "rerank_weight" in settings.explicit
    return SecondStage(
        reader=ModelThread(
            lambda: open_scorer(model, revision=settings.model_revision), idle_unload_s=settings.idle_unload_s
        ),
        name=Path(model).name,
        weight=settings.rerank_weight,
        rerank_tool_weight=settings.rerank_tool_weight,
        depth=settings.rerank_depth,
        deadline_s=settings.rerank_deadline_s,
        kinds=ALL_BUT_NAMES if is_chosen else QUESTIONS,
        is_spared=not is_chosen,
    )


def trusted(version: Version, reader: Reader, settings: Settings) -> SecondStage:
    """Trust a version with the weight and depth it was judged with, unless the settings name others."""
    facts, named = version.facts, settings.explicit
    return SecondStage(
        reader=reader,
        name=version.name,
        weight=settings.rerank_weight if "rerank_weight" in named else facts.weight,
        rerank_tool_weight=settings.rerank_tool_weight,
        depth=settings.rerank_depth if "rerank_depth" in named else facts.depth,
        deadline_s=settings.rerank_deadline_s,
        kinds=QUESTIONS if facts.lessons else ALL_BUT_NAMES,
        is_spared=bool(facts.lessons),
    )


class ModelChoice:
    """The cross-encoders of this process: the base, and one for each root that has a promoted version."""

    def __init__(self, settings: Settings, *, base: SecondStage | None, wait_s: float | None) -> None:
        """Load nothing yet.

        Args:
            settings: A model that they name explicitly wins over promoted versions.
            base: The model of the settings, or None where reranking is off.
            wait_s: Seconds that the first request of a root waits for its version; None for no limit.
        """
        self._settings = settings
        self._base = base
        self._wait_s = wait_s
        self._roots: dict[Path, _RootModel] = {}
        self._lock = threading.Lock()  # guards `_roots`

    def warm_up(self) -> None:
        """Load the base ahead of the first question where that is cheap: an exported model needs no torch.

        If the load fails, the first question says so.
        """
        reader = self._base.reader if self._base else None
        if isinstance(reader, ModelThread) and exported_model.folder_of(self._settings.model):
            reader.warm_up()

    def acquire(
        self, root: Path, *, request: Request | None = None, progress: Progress | None = None
    ) -> AbstractContextManager[SecondStage | None]:
        """Lend the second stage that answers for a root now; it keeps running at least until given back.

        Args:
            root: A served root, resolved.
            request: The search it is for, or None where something else is ranked. A search that the second
                stage is not asked about loads nothing.
            progress: Called with candidates read and candidates in all.
        """
        if self._base is None:
            return nullcontext(None)
        if not self._follows_promotions() or (request and not self._reads(request)):
            return nullcontext(_reporting(self._base, progress))
        with self._lock:
            if root not in self._roots:
                store = model_versions.store(self._settings.models, root)
                self._roots[root] = _RootModel(store, self._base, self._settings)
            model = self._roots[root]
        return model.acquire(wait_s=self._wait_s, progress=progress)

    def may_read(self, root: Path, request: Request) -> bool:
        """Tell whether a model may be asked about a search of a root, without loading one."""
        if self._base is None or not self._reads(request):
            return False
        if self._base.weight and not self._base.skips(request.need):
            return True
        try:
            store = model_versions.store(self._settings.models, root)
            return self._follows_promotions() and model_versions.current(store) is not None
        except ModelError:  # the pointer is damaged, and the base has no weight
            return False

    def _follows_promotions(self) -> bool:
        return bool(self._settings.model) and "model" not in self._settings.explicit

    def _reads(self, request: Request) -> bool:
        is_off = self._settings.rerank_weight == 0 and "rerank_weight" in self._settings.explicit
        return may_rerank(request) and not is_off


class _VersionState(Enum):
    """Where a promoted version stands in this process; the module draws the transitions."""

    ON_TRIAL = "on trial"
    SERVING = "serving"
    RETIRED = "retired"
    STOPPED = "stopped"


class _LoadedVersion:
    """A promoted version and the thread that runs it; the lock of its `_RootModel` guards it."""

    def __init__(self, version: Version, settings: Settings) -> None:
        self.name = version.name
        self.thread = ModelThread(lambda: _load_version(version), idle_unload_s=settings.idle_unload_s)
        self.stage = trusted(version, self.thread, settings)
        self.state = _VersionState.ON_TRIAL
        self._users = 1  # its trial, until it is judged

    def add_user(self) -> None:
        self._users += 1

    def drop_user(self) -> None:
        self._users -= 1
        self._stop_if_unused()

    def retire(self) -> None:
        self.state = _VersionState.RETIRED
        self._stop_if_unused()

    def _stop_if_unused(self) -> None:
        if self.state is _VersionState.RETIRED and not self._users:
            self.state = _VersionState.STOPPED
            self.thread.stop()


class _RootModel:
    """The model that answers for one root; the pointer decides, and a version must pass before it answers."""

    def __init__(self, store: ModelStore, base: SecondStage, settings: Settings) -> None:
        self._store = store
        self._base = base
        self._settings = settings
        self._lock = threading.Lock()  # guards all below
        self._pointer: str | None = None  # as last read
        self._was_asked = False
        self._answering: _LoadedVersion | None = None  # None: the base
        self._note = ""  # why the version that the pointer names does not answer
        self._has_answerer = threading.Event()  # unset while the first version is on trial
        self._has_answerer.set()

    @contextmanager
    def acquire(self, *, wait_s: float | None, progress: Progress | None) -> Iterator[SecondStage]:
        self._follow_pointer()
        has_answerer = self._has_answerer.wait(wait_s)
        with self._lock:
            version, note = self._answering, self._note
            if version:
                version.add_user()
        stage = replace(version.stage if version else self._base, note=note)
        # The time for loading is spent: a deadline of 0 makes the reader say so instead of waiting again.
        stage = stage if has_answerer else replace(stage, deadline_s=0.0)
        try:
            yield _reporting(stage, progress)
        finally:
            if version:
                with self._lock:
                    version.drop_user()

    def _follow_pointer(self) -> None:
        """Read the pointer; if it changed, put the version it names on trial."""
        fault = None
        try:
            name = model_versions.current(self._store)
        except ModelError as error:
            name, fault = "", error  # names no version, so the one before stays
        with self._lock:
            trial = self._begin_trial(name, fault) if name != self._pointer else None
            self._was_asked = True
        if trial:
            trial.thread.warm_up().add_done_callback(lambda done: self._judge(trial, done.exception()))

    def _begin_trial(self, name: str | None, fault: ModelError | None) -> _LoadedVersion | None:
        """Record a new pointer; return the version to try, if there is one to try."""
        self._pointer, self._note = name, ""
        if name is None:
            self._let_answer(None)
            self._has_answerer.set()
            return None
        if self._answering and self._answering.name == name:  # rolled back before the other had passed
            return None
        try:
            if fault:
                raise fault
            trial = _LoadedVersion(model_versions.read_version(self._store, name), self._settings)
        except ModelError as error:
            log.warning("the promoted model is not used: %s", error)
            self._note = f"the promoted model is not used: {error}"
            return None
        if not self._was_asked:  # nothing answered yet: callers wait for this version instead of the base
            self._answering = trial
            self._has_answerer.clear()
        return trial

    def _judge(self, trial: _LoadedVersion, error: BaseException | None) -> None:
        """Let a version answer that has passed, or retire it; runs on the version's own thread."""
        with self._lock:
            is_wanted, is_answering = self._pointer == trial.name, self._answering is trial
            if error and is_wanted:
                self._note = f"the promoted model is not used: {error}"
            if not error and (is_wanted or is_answering):
                self._let_answer(trial)
            else:
                if is_answering:
                    self._let_answer(None)
                trial.retire()
            trial.drop_user()
            self._has_answerer.set()

    def _let_answer(self, version: _LoadedVersion | None) -> None:
        """Let a version, or the base, take over; what is on trial is left to `_judge`."""
        before, self._answering = self._answering, version
        if version:
            version.state = _VersionState.SERVING
        if before and before is not version and before.state is _VersionState.SERVING:
            before.retire()


def _reporting(stage: SecondStage, progress: Progress | None) -> SecondStage:
    """Let a second stage report how many candidates it has read."""
    return replace(stage, progress=progress) if progress else stage


def _load_version(version: Version) -> PairScorer:
    """Load a version whose files are those that were promoted, and which can rank.

    Raises:
        ModelError: The files changed, or the model cannot be loaded or rank.
    """
    model_versions.verify(version)
    scorer = open_scorer(str(version.folder))
    try:
        probe(scorer)
    except ModelError as error:
        raise ModelError(
            f"{version.name} fails its probe: {error}", remedy=model_versions.ROLL_BACK
        ) from error
    return scorer
