"""Which cross-encoder answers for a root, and how a newly promoted one takes over from the one before.

The pointer of a root's promoted model is read before each use. When it names another version, that one is
verified, loaded and probed on a thread of its own, and the old one answers until then; requests that began
with the old one end with it. A version that fails is refused: the old one stays, and every reply says so
until the pointer changes.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from retrieval.errors import ModelError
from retrieval.rerank import exported_model, model_versions
from retrieval.rerank.fusion import PairScorer
from retrieval.rerank.model_thread import CrossEncoderScorer, ModelThread, open_scorer, probe
from retrieval.rerank.model_versions import ModelStore, Version
from retrieval.search.searcher import Request, SecondStage, may_rerank
from retrieval.settings import Settings

log = logging.getLogger(__name__)


def second_stage(settings: Settings) -> SecondStage | None:
    """Set up the cross-encoder that the settings name; nothing is loaded before it is used."""
    if not settings.model or settings.rerank_weight == settings.rerank_tool_weight == 0:
        return None
    model = settings.model
    return SecondStage(
        reader=ModelThread(
            lambda: open_scorer(model, revision=settings.model_revision), idle_unload_s=settings.idle_unload_s
        ),
        name=Path(model).name,
        weight=settings.rerank_weight,
        rerank_tool_weight=settings.rerank_tool_weight,
        depth=settings.rerank_depth,
        deadline_s=settings.rerank_deadline_s,
    )


class Stages:
    """The cross-encoders of this process: the base, and one for each root that has a promoted version."""

    def __init__(self, settings: Settings, *, base: SecondStage | None, patience_s: float | None) -> None:
        """Nothing is loaded yet.

        Args:
            settings: What was set; a model that was named wins over promoted ones.
            base: The model of the settings, or None where reranking is off.
            patience_s: How long the first request of a root waits for its version; None for no end.
        """
        self._settings = settings
        self._base = base
        self._patience_s = patience_s
        self._turns: dict[Path, _Turn] = {}
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Load the base ahead of the first question where that is cheap: an exported model needs no torch.

        If it fails, the first question says so.
        """
        reader = self._base.reader if self._base else None
        if isinstance(reader, ModelThread) and exported_model.folder_of(self._settings.model):
            reader.warm_up()

    @contextmanager
    def lend(self, root: Path, *, request: Request | None = None) -> Iterator[SecondStage | None]:
        """Lend the second stage that answers for a root now; it lives at least until it is given back.

        Args:
            root: A served root, resolved.
            request: The search it is for, or None where something else is ranked. One that the second stage
                would not be asked about loads nothing.
        """
        if self._base is None or not self._follows() or (request and not self._asks(request)):
            yield self._base
            return
        with self._lock:
            if root not in self._turns:
                where = model_versions.store(self._settings.models, root)
                self._turns[root] = _Turn(where, self._base, self._settings)
            turn = self._turns[root]
        with turn.lend(self._patience_s) as stage:
            yield stage

    def may_read(self, root: Path, request: Request) -> bool:
        """Tell whether a model may be asked about a search of a root, without loading one."""
        if self._base is None or not self._asks(request):
            return False
        if self._base.weight:
            return True
        try:
            return (
                self._follows()
                and model_versions.current(model_versions.store(self._settings.models, root)) is not None
            )
        except ModelError:  # the pointer is damaged, and the base reads nothing
            return False

    def _follows(self) -> bool:
        return bool(self._settings.model) and "model" not in self._settings.explicit

    def _asks(self, request: Request) -> bool:
        is_off = self._settings.rerank_weight == 0 and "rerank_weight" in self._settings.explicit
        return may_rerank(request) and not is_off


class _Seat:
    """A version on its thread, which ends once it is retired and nobody uses it."""

    def __init__(self, version: Version, settings: Settings) -> None:
        self.name = version.name
        self.thread = ModelThread(lambda: _load(version), idle_unload_s=settings.idle_unload_s)
        self.stage = _trusted(version, self.thread, settings)
        self.users = 1  # its own trial, until it is judged
        self.is_retired = False

    def end_if_idle(self) -> None:
        if self.is_retired and not self.users:
            self.thread.stop()


class _Turn:
    """Who answers for one root; the pointer decides, and a version must pass before it answers."""

    def __init__(self, where: ModelStore, base: SecondStage, settings: Settings) -> None:
        self._where = where
        self._base = base
        self._settings = settings
        self._lock = threading.Lock()  # holds for all below
        self._pointer: str | None = None  # as it was last read
        self._was_asked = False
        self._serving: _Seat | None = None  # None: the base
        self._note = ""
        self._settled = threading.Event()  # unset while the first version of all is loading
        self._settled.set()

    @contextmanager
    def lend(self, patience_s: float | None) -> Iterator[SecondStage]:
        self._follow()
        is_ready = self._settled.wait(patience_s)
        with self._lock:
            seat, note = self._serving, self._note
            if seat:
                seat.users += 1
        stage = replace(seat.stage if seat else self._base, note=note)
        try:
            # The time for loading is spent: the reader says so instead of waiting for it once more.
            yield stage if is_ready else replace(stage, deadline_s=0.0)
        finally:
            if seat:
                with self._lock:
                    seat.users -= 1
                    seat.end_if_idle()

    def _follow(self) -> None:
        """Read the pointer; when it changed, let what it names take over as soon as that has passed."""
        fault = None
        try:
            name = model_versions.current(self._where)
        except ModelError as error:
            name, fault = "", error  # names nothing, so the version before it stays
        with self._lock:
            trial = self._change(name, fault) if name != self._pointer else None
            self._was_asked = True
        if trial:
            trial.thread.warm_up().add_done_callback(lambda done: self._judge(trial, done.exception()))

    def _change(self, name: str | None, fault: ModelError | None) -> _Seat | None:
        """Note a new pointer; return the version that is to be tried, if one is."""
        self._pointer, self._note = name, ""
        if name is None:
            self._seat(None)
            self._settled.set()
            return None
        if self._serving and self._serving.name == name:  # rolled back before the other had passed
            return None
        try:
            if fault:
                raise fault
            trial = _Seat(model_versions.read(self._where, name), self._settings)
        except ModelError as error:
            log.warning("the promoted model is not used: %s", error)
            self._note = f"the promoted model is not used: {error}"
            return None
        if not self._was_asked:  # nobody answered yet: those who ask now wait for it instead of for the base
            self._serving = trial
            self._settled.clear()
        return trial

    def _judge(self, trial: _Seat, error: BaseException | None) -> None:
        """Let a version take over that was loaded, or refuse it; it runs on the version's own thread."""
        with self._lock:
            trial.users -= 1
            is_wanted = self._pointer == trial.name
            if error and is_wanted:
                self._note = f"the promoted model is not used: {error}"
            if error:
                self._seat(None if self._serving is trial else self._serving)
            elif is_wanted:
                self._seat(trial)
            if self._serving is not trial:
                self._retire(trial)
            self._settled.set()

    def _seat(self, seat: _Seat | None) -> None:
        old, self._serving = self._serving, seat
        if old and old is not seat:
            self._retire(old)

    @staticmethod
    def _retire(seat: _Seat) -> None:
        seat.is_retired = True
        seat.end_if_idle()


def _trusted(version: Version, thread: ModelThread, settings: Settings) -> SecondStage:
    """Trust a version as far as it was judged, unless the settings say otherwise."""
    facts, named = version.facts, settings.explicit
    return SecondStage(
        reader=thread,
        name=version.name,
        weight=settings.rerank_weight if "rerank_weight" in named else facts.weight,
        rerank_tool_weight=settings.rerank_tool_weight,
        depth=settings.rerank_depth if "rerank_depth" in named else facts.depth,
        deadline_s=settings.rerank_deadline_s,
    )


def _load(version: Version) -> PairScorer:
    """Load a version that is what was promoted and that can score.

    Raises:
        ModelError: It is not, or cannot.
    """
    model_versions.verify(version)
    scorer = CrossEncoderScorer(str(version.folder))
    try:
        probe(scorer)
    except ModelError as error:
        raise ModelError(
            f"{version.name} fails its probe: {error}; `goldrank rollback` goes back to the model before it"
        ) from error
    return scorer
