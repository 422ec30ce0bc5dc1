"""The repositories this process serves: which they are, opening them, and which of them a call is about."""

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mcp_server.messages.arguments import SHOWN_PROBLEMS, FeedbackArguments
from mcp_server.serving.background_index import Needed
from mcp_server.serving.candidates import files_of, indexed_span, written
from mcp_server.serving.model_choice import ModelChoice
from mcp_server.serving.repository_pool import RepositoryPool
from retrieval.errors import ArgumentError, GoldrankError, RootError, shorten
from retrieval.files import confinement, git, secret_masking
from retrieval.paths.spans import Files, readings
from retrieval.progress import IsCancelled, Progress
from retrieval.rerank import model_versions
from retrieval.search import feedback_log
from retrieval.search.filename_fallback import DETECTOR_S, NO_DETECTOR
from retrieval.search.searcher import Request
from retrieval.search.second_stage import SecondStage
from retrieval.settings import Settings
from retrieval.sync.repository import Repository
from retrieval.sync.sync import Refresh
from retrieval.sync.view import View


def default_root(environment: Mapping[str, str], working: Path) -> Path:
    """Choose the root when none is named: CLAUDE_PROJECT_DIR, else the repository around `working`.

    Raises:
        RootError: That would be the home folder or the whole disk, which nobody means to index.
    """
    if environment.get("CLAUDE_PROJECT_DIR"):
        return Path(environment["CLAUDE_PROJECT_DIR"])
    folder = working.resolve()
    around = git.around(folder)
    if around == folder and git.refusal(folder) != "":  # no git to ask, or it refuses
        around = next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)
    if around in (Path.home().resolve(), Path(around.anchor)):
        raise RootError(f"{around} is no project", remedy="name one: goldrank serve DIR")
    return around


class Workspace:
    """The served roots, each opened when it is first asked for, and the cross-encoders of this process."""

    def __init__(
        self, roots: Sequence[Path], settings: Settings, *, second: SecondStage | None = None
    ) -> None:
        self._settings = settings
        self._roots = _named(roots)
        self._open = RepositoryPool(self._roots, settings)
        self._models = ModelChoice(settings, base=second, wait_s=settings.rerank_deadline_s)

    @property
    def names(self) -> list[str]:
        """How the served roots are called."""
        return list(self._roots)

    def batches(self) -> list[list[str]]:
        """Part the names of the served roots into as many at once as may be open."""
        names, size = self.names, self._settings.max_open_repositories
        return [names[i : i + size] for i in range(0, len(names), size)]

    def repository(self, name: str | None) -> Repository:
        """Return a served repository by name or path; the only one when `name` is None.

        Raises:
            ArgumentError: It is not served, or several are and none was named.
            RootError: The root does not exist or may not be read.
        """
        return self._open.lend(self._key(name))[0]

    def refresh(
        self, name: str | None, *, progress: Progress, is_cancelled: IsCancelled
    ) -> tuple[Repository, Refresh]:
        """Return a served repository, its index up to date or as far as it gets in the time a question waits.

        Raises:
            ArgumentError: It is not served, or several are and none was named.
            CancelledError: `is_cancelled` said so.
            RootError, CacheError, IndexLockedError: It cannot be searched.
        """
        key = self._key(name)
        repository, done = self._refreshed(key, progress=progress, is_cancelled=is_cancelled)
        notes = [self._open.moved(key), done.note]
        if done.pending and (count := repository.view().unmeant):
            notes.append(
                f"{repository.root} holds {count:,} files outside git; serve a project if that is not meant"
            )
        return repository, replace(done, note=" ".join(filter(None, notes)))

    def _refreshed(
        self, key: str, *, needed: Needed = "index", progress: Progress, is_cancelled: IsCancelled
    ) -> tuple[Repository, Refresh]:
        repository, keeper = self._open.lend(key)
        return repository, keeper.refresh(needed=needed, progress=progress, is_cancelled=is_cancelled)

    def listed(
        self,
        name: str | None,
        *,
        progress: Progress = lambda _done, _total: None,
        is_cancelled: IsCancelled,
    ) -> Repository:
        """Return a served repository whose files are known and can be read, be they indexed or not.

        Raises:
            GoldrankError: That takes longer than a question waits, or as `refresh` says.
        """
        repository, done = self._refreshed(
            self._key(name), needed="listing", progress=progress, is_cancelled=is_cancelled
        )
        if not repository.is_listed:
            raise GoldrankError(
                f"the files of {repository.root.name} are still being listed", remedy="ask again in a moment"
            )
        if done.pending and not secret_masking.is_ready(DETECTOR_S):
            raise GoldrankError(f"{NO_DETECTOR}.", remedy="Ask again in a moment.")
        return repository

    def scoped(self, name: str | None) -> tuple[str | None, str]:
        """Read a name that may be that of a folder in a root, as `root/packages/api`.

        Returns:
            The name of the root, and the folder in it that a search is held to, or "".
        """
        for key in self._roots if name and name not in self._roots else ():
            folder = name.removeprefix(f"{key}/").strip("/") if name and name.startswith(f"{key}/") else ""
            if folder and not confinement.escape(folder):
                return key, folder
        return name, ""

    def home_of(self, name: str | None, candidates: Sequence[object]) -> str | None:
        """Find the root that candidates are of, where none is named: all begin with its name or its path.

        Returns:
            The name of the root, or `name` where that is not clear.
        """
        if name is not None or len(self._roots) == 1:
            return name
        asked = list(written(candidates))
        for key, root in self._roots.items():
            if all(_is_below(text, key, str(root)) for text in asked):  # texts alone are of any root
                return key
        return name

    def begin(self) -> None:
        """Bring the indexes of all served roots up to date in the background; then load our own model.

        Where there are more than may be open, one is made after the other. A root that cannot be opened says
        so when it is asked for.
        """
        threading.Thread(target=self._begin, name="begin", daemon=True).start()

    def _begin(self) -> None:
        for key in self._roots:
            with suppress(GoldrankError):
                keeper = self._open.lend(key)[1]
                keeper.begin()
                if len(self._roots) > self._settings.max_open_repositories:
                    keeper.finish()
        self._models.warm_up()

    @property
    def models(self) -> ModelChoice:
        """Which cross-encoder answers for a root."""
        return self._models

    def may_read(self, name: str | None, request: Request) -> bool:
        """Tell whether the second stage may be asked about a search, which then takes long.

        Raises:
            ArgumentError: The repository is not served, or several are and none was named.
        """
        return self._models.may_read(Path(os.path.realpath(self._roots[self._key(name)])), request)

    def remember(self, said: FeedbackArguments, *, is_cancelled: IsCancelled) -> str:
        """Log what an assistant found useful; return what was kept.

        Raises:
            ArgumentError: Nothing was named, or no span is one of an indexed file.
            CacheError: The log cannot be written.
        """
        if not said.useful and not said.not_useful:
            raise ArgumentError("useful and not_useful are empty", remedy="name spans as path:start-end")
        name = self.home_of(said.repo, (*said.useful, *said.not_useful))
        repository = self.listed(name, is_cancelled=is_cancelled)
        view = repository.view()
        files, problems = files_of(view), list[str]()
        useful = _indexed(view, files, said.useful, problems)
        not_useful = _indexed(view, files, said.not_useful, problems)
        if not useful and not not_useful:
            raise ArgumentError("; ".join(problems[:SHOWN_PROBLEMS]))
        entry = feedback_log.Entry(said.query, useful, not_useful, datetime.now(UTC).date().isoformat())
        feedback_log.append(model_versions.store(self._settings.models, repository.root).folder, entry)
        kept = f"kept: {len(useful)} useful, {len(not_useful)} not useful"
        return "\n".join((kept, *(f"not kept: {problem}" for problem in problems[:SHOWN_PROBLEMS])))

    def _key(self, name: str | None) -> str:
        served = ", ".join(self._roots)
        if name is None:
            if len(self._roots) == 1:
                return next(iter(self._roots))
            raise ArgumentError(f"repo is needed, because several repositories are served: {served}")
        if name in self._roots:
            return name
        for key, root in self._roots.items():
            if os.path.abspath(os.path.expanduser(name)) == str(root):  # noqa: PTH100, PTH111 - no link is to be resolved
                return key
        raise ArgumentError(f"repo {shorten(repr(name))} is not served", remedy=f"served are: {served}")


def _indexed(view: View, files: Files, asked: Sequence[str], problems: list[str]) -> tuple[str, ...]:
    """Write spans as the log keeps them; those that are none are added to the problems."""
    spans = []
    for text in asked:
        try:
            spans.append(str(indexed_span(view, files, text)))
        except ArgumentError as error:
            problems.append(str(error))
    return tuple(dict.fromkeys(spans))


def _is_below(text: str, name: str, root: str) -> bool:
    """Tell whether a candidate begins with a root's name or path, in any form that a place is written in."""
    for reading in readings(text):
        path = reading.path.replace("\\", "/").removeprefix("file://").removeprefix("./")
        if path.startswith((f"{name}/", f"{root}/")):
            return True
    return False


def _named(roots: Sequence[Path]) -> dict[str, Path]:
    """Name each root by its folder, and by its whole path where two folders have one name."""
    absolute = list(dict.fromkeys(Path(os.path.abspath(root.expanduser())) for root in roots))  # noqa: PTH100 - a root may not exist yet
    names = [root.name or str(root) for root in absolute]
    return {
        name if names.count(name) == 1 else str(root): root
        for name, root in zip(names, absolute, strict=True)
    }
