"""What a call gets of a repository that this process serves: a view, its order, its model."""

import copy
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mcp_server.serving.background_index import FirstRun, Needed
from mcp_server.serving.mirror_refresh import MirrorRefresher
from mcp_server.serving.model_choice import ModelChoice
from mcp_server.serving.repository_pool import RepositoryPool
from mcp_server.serving.served import served_as_named
from retrieval.errors import GoldrankError, RootError
from retrieval.files import git, secret_masking
from retrieval.mirrors.source import Root
from retrieval.progress import IsCancelled, Progress, no_progress
from retrieval.rank import learned_order
from retrieval.rank.learned_order import Order
from retrieval.rerank import model_versions
from retrieval.rerank.model_versions import ModelStore
from retrieval.search.filename_fallback import DETECTOR_S, NO_DETECTOR
from retrieval.search.searcher import Request
from retrieval.search.second_stage import SecondStage
from retrieval.settings import Settings
from retrieval.sync.sync import Refresh
from retrieval.sync.view import View


def default_root(environment: Mapping[str, str], working: Path) -> Path:
    """Choose the root when none is named: CLAUDE_PROJECT_DIR, else the repository around `working`.

    Raises:
        RootError: That would be the home folder or the whole disk, which hardly anybody means to index.
    """
    if environment.get("CLAUDE_PROJECT_DIR"):
        return Path(environment["CLAUDE_PROJECT_DIR"])
    folder = working.resolve()
    around = git.around(folder)
    if around == folder and git.refusal(folder) != "":  # no git to ask, or it refuses
        around = next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)
    if not is_project(around):
        raise RootError(f"{around} is no project", remedy="name one: goldrank serve DIR")
    return around


def is_project(folder: Path) -> bool:
    """Return whether a real folder may be served unasked: neither the home folder nor the whole disk is."""
    return folder not in {Path.home().resolve(), Path(folder.anchor)}


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far the served repositories are.

    Attributes:
        served: How many there are.
        indexed: How many have been indexed since the process began.
        failed: How many cannot be opened or indexed.
    """

    served: int
    indexed: int
    failed: int

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be waited for."""
        return self.indexed + self.failed >= self.served


class Workspace:
    """The served repositories, each opened on first use, and the cross-encoders of this process.

    Attributes:
        served: The repositories and their names.
        mirrors: Fetches the repositories that are served from their URLs.
    """

    def __init__(
        self, roots: Sequence[Root], settings: Settings, *, second: SecondStage | None = None
    ) -> None:
        """Open and load nothing yet.

        Args:
            roots: The served folders and URLs; folders need not exist, and URLs need not be fetched.
            settings: How to serve them.
            second: The base cross-encoder, or None where reranking is off.
        """
        self._settings = settings
        self.served = served_as_named(roots, settings.cache)
        self._pool = RepositoryPool(self.served.roots.values(), settings)
        self.mirrors = MirrorRefresher(self.served.sources, settings, on_change=self._follow)
        self._models = ModelChoice(settings, base=second, wait_s=settings.rerank_deadline_s)
        self._begun: dict[Root, FirstRun] = {}  # "failed" where it could not even be opened

    @property
    def names(self) -> list[str]:
        """The names of the served repositories."""
        return self.served.names

    @property
    def roots(self) -> list[Path]:
        """The served folders, as they were named."""
        return list(self.served.folders.values())

    def seen_by(self, may_see: Callable[[Root], bool]) -> "Workspace":
        """Return the workspace of a caller who may not see all: what they can observe is of its roots alone.

        It has the same open repositories and models. Its names are computed of its own roots, because a
        namesake that is hidden would change the name of a visible one.
        """
        visible = copy.copy(self)
        roots = [root for root in self.served.roots.values() if may_see(root)]
        visible.served = served_as_named(roots, self._settings.cache)
        return visible

    def moved_to(self, roots: Sequence[Root]) -> "Workspace":
        """Return a workspace of other roots with the same settings and the same models."""
        other = Workspace(roots, self._settings)
        other._models = self._models
        return other

    def close(self) -> None:
        """Close the open repositories; a call that still runs is answered."""
        self._pool.close()

    @property
    def models(self) -> ModelChoice:
        """Which cross-encoder answers for a root."""
        return self._models

    def order(self, root: Path) -> Order:
        """Return the first-stage order that serves a root now."""
        return learned_order.serving(self._settings.models, root)

    def model_store(self, root: Path) -> ModelStore:
        """Say where the models and the feedback of a root lie."""
        return model_versions.store(self._settings.models, root)

    def batches(self) -> list[list[str]]:
        """Split the names of the served repositories into batches that may be open at once."""
        names, size = self.names, self._settings.max_open_repositories
        return [names[i : i + size] for i in range(0, len(names), size)]

    def begin(self) -> None:
        """Bring all indexes up to date in the background; then load the base model.

        If more repositories are served than may be open, they are indexed one after the other. A root that
        cannot be opened is reported when a call asks for it.
        """
        threading.Thread(target=self._begin, name="begin", daemon=True).start()
        self.mirrors.begin()

    def _follow(self, name: str) -> None:
        """Index what a mirror has fetched, if its repository is open; else the next question opens it."""
        if indexer := self._pool.indexers().get(self.served.roots[name]):
            indexer.begin()

    def _begin(self) -> None:
        for root in self.served.roots.values():
            try:
                _, indexer = self._pool.acquire(root)
            except GoldrankError:
                self._begun[root] = "failed"
                continue
            indexer.begin()
            if len(self.served.roots) > self._settings.max_open_repositories:
                indexer.finish()
            self._begun[root] = "indexed"
        self._models.warm_up()

    def readiness(self) -> Readiness:
        """Say how far the repositories are, without opening any; one that was closed since is indexed."""
        now = {root: indexer.first_run for root, indexer in self._pool.indexers().items()}
        begun, visible = list(self._begun.items()), set(self.served.roots.values())
        seen = [now.get(root, first_run) for root, first_run in begun if root in visible]
        return Readiness(len(self.served.roots), seen.count("indexed"), seen.count("failed"))

    def refresh(
        self, repo: str | None, *, progress: Progress, is_cancelled: IsCancelled
    ) -> tuple[View, Refresh]:
        """Return a view of a repository, indexed as far as possible while a question waits.

        Args:
            repo: Its name or path; None for the only one.
            progress: Called with files done and files to do.
            is_cancelled: Checked while this waits.

        Raises:
            ArgumentError: The repository is not served, or several are and `repo` is None.
            CancelledError: `is_cancelled` said so.
            RootError, CacheError, IndexLockedError: It cannot be searched.
        """
        name = self.served.name_of(repo)
        view, refresh = self._indexed(name, progress=progress, is_cancelled=is_cancelled)
        notes = [self._pool.take_move_note(self.served.roots[name], name), refresh.note]
        if refresh.pending and (count := view.unmeant):
            notes.append(
                f"{view.root} holds {count:,} files outside git; serve a project if that is not meant"
            )
        return view, replace(refresh, note=" ".join(filter(None, notes)))

    def list_files(
        self, repo: str | None, *, progress: Progress = no_progress, is_cancelled: IsCancelled
    ) -> View:
        """Return a view of a repository whose files are listed and can be read, indexed or not.

        Raises:
            GoldrankError: Listing takes longer than a question waits, or as `refresh` says.
        """
        view, refresh = self._indexed(
            self.served.name_of(repo), needed="listing", progress=progress, is_cancelled=is_cancelled
        )
        if not view.is_listed:
            raise GoldrankError(
                f"the files of {view.name} are still being listed", remedy="ask again in a moment"
            )
        if refresh.pending and not secret_masking.is_ready(DETECTOR_S):
            raise GoldrankError(f"{NO_DETECTOR}.", remedy="Ask again in a moment.", joint=" ")
        return view

    def _indexed(
        self, name: str, *, needed: Needed = "index", progress: Progress, is_cancelled: IsCancelled
    ) -> tuple[View, Refresh]:
        repository, indexer = self._pool.acquire(self.served.roots[name])
        refresh = indexer.refresh(needed=needed, progress=progress, is_cancelled=is_cancelled)
        return repository.view(), refresh

    def may_read(self, repo: str | None, request: Request) -> bool:
        """Tell whether the model may read for a search of a repository, which then takes long.

        Raises:
            ArgumentError: The repository is not served, or several are and `repo` is None.
        """
        root = self.served.folders[self.served.name_of(repo)]
        return self._models.may_read(Path(os.path.realpath(root)), request)
