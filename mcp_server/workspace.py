"""The repositories this process serves: which they are, opening them, and reading what candidates name.

Nothing outside the served roots is read: a candidate's path must be one of the files that its repository's
index holds, and those were all found below the root without following a link.
"""

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mcp_server.arguments import FeedbackArguments, TextCandidate
from mcp_server.keeper import Needed
from mcp_server.opened import OpenRoots
from mcp_server.stages import Stages
from retrieval import chunker, confinement, feedback, git, models, places, secrets
from retrieval.errors import ArgumentError, CancelledError, GoldrankError, RootError, shorten
from retrieval.glimpse import DETECTOR_S, NO_DETECTOR
from retrieval.indexer import Progress
from retrieval.passages import Passage, passages_of
from retrieval.records import Chunk
from retrieval.repository import Refresh, Repository
from retrieval.searcher import Request, SecondStage, rank_passages
from retrieval.settings import Settings
from retrieval.text import digest


@dataclass(frozen=True, slots=True)
class Held:
    """Candidates of a caller, as passages.

    Attributes:
        passages: What can be ranked, each chunk once.
        labels: How a passage is named in the reply, by its chunk.
        problems: What cannot be ranked, a sentence each.
    """

    passages: tuple[Passage, ...]
    labels: Mapping[Chunk, str]
    problems: tuple[str, ...]


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
        raise RootError(f"{around} is no project; name one: goldrank serve DIR")
    return around


class Workspace:
    """The served roots, each opened when it is first asked for, and the cross-encoders of this process."""

    def __init__(
        self, roots: Sequence[Path], settings: Settings, *, second: SecondStage | None = None
    ) -> None:
        self._settings = settings
        self._roots = _named(roots)
        self._open = OpenRoots(self._roots, settings)
        self._stages = Stages(settings, base=second, patience_s=settings.rerank_deadline_s)

    @property
    def names(self) -> list[str]:
        """How the served roots are called."""
        return list(self._roots)

    def batches(self) -> list[list[str]]:
        """Part the names of the served roots into as many at once as may be open."""
        names, size = self.names, self._settings.open_roots
        return [names[i : i + size] for i in range(0, len(names), size)]

    def repository(self, name: str | None) -> Repository:
        """Return a served repository by name or path; the only one when `name` is None.

        Raises:
            ArgumentError: It is not served, or several are and none was named.
            RootError: The root does not exist or may not be read.
        """
        return self._open.lend(self._key(name))[0]

    def refresh(
        self, name: str | None, *, progress: Progress, is_cancelled: Callable[[], bool]
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
        if done.pending and (count := repository.unmeant):
            notes.append(
                f"{repository.root} holds {count:,} files outside git; serve a project if that is not meant"
            )
        return repository, replace(done, note=" ".join(filter(None, notes)))

    def _refreshed(
        self, key: str, *, needed: Needed = "index", progress: Progress, is_cancelled: Callable[[], bool]
    ) -> tuple[Repository, Refresh]:
        repository, keeper = self._open.lend(key)
        return repository, keeper.refresh(needed=needed, progress=progress, is_cancelled=is_cancelled)

    def listed(
        self,
        name: str | None,
        *,
        progress: Progress = lambda _done, _total: None,
        is_cancelled: Callable[[], bool],
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
                f"the files of {repository.root.name} are still being listed; ask again in a moment"
            )
        if done.pending and not secrets.is_ready(DETECTOR_S):
            raise GoldrankError(f"{NO_DETECTOR}. Ask again in a moment.")
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

    def home_of(
        self, name: str | None, candidates: Sequence[str | TextCandidate]
    ) -> tuple[str | None, list[str | TextCandidate]]:
        """Find the root that candidates are of, where none is named and a merged ranking prefixed them.

        Returns:
            The root's name and the candidates as it knows them; both as they were where that is not clear.
        """
        files = [candidate for candidate in candidates if isinstance(candidate, str)]
        for key in self._roots if name is None and len(self._roots) > 1 else ():
            if all(file.startswith(f"{key}/") for file in files):  # texts alone are of any root
                inside = (c.removeprefix(f"{key}/") if isinstance(c, str) else c for c in candidates)
                return key, list(inside)
        return name, list(candidates)

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
                if len(self._roots) > self._settings.open_roots:
                    keeper.finish()
        self._stages.begin()

    def second(
        self, repository: Repository, request: Request | None = None
    ) -> AbstractContextManager[SecondStage | None]:
        """Lend the second stage that answers for a repository now; None where reranking is off."""
        return self._stages.lend(repository.root, request=request)

    def may_read(self, name: str | None, request: Request) -> bool:
        """Tell whether the second stage may be asked about a search, which then takes long.

        Raises:
            ArgumentError: The repository is not served, or several are and none was named.
        """
        return self._stages.may_read(Path(os.path.realpath(self._roots[self._key(name)])), request)

    def remember(self, said: FeedbackArguments, *, is_cancelled: Callable[[], bool]) -> str:
        """Log what an assistant found useful; return what was kept.

        Raises:
            ArgumentError: Nothing was named, or a span is none of an indexed file.
            CacheError: The log cannot be written.
        """
        if not said.useful and not said.not_useful:
            raise ArgumentError("useful and not_useful are empty; name spans as path:start-end")
        name, held = self.home_of(said.repo, (*said.useful, *said.not_useful))
        repository, count = self.listed(name, is_cancelled=is_cancelled), len(said.useful)
        known = frozenset(repository.paths)
        spans = [_indexed_span(repository, known, str(span)) for span in held]
        entry = feedback.Entry(
            said.query, tuple(spans[:count]), tuple(spans[count:]), datetime.now(UTC).date().isoformat()
        )
        feedback.append(models.store(self._settings.models, repository.root).folder, entry)
        return f"kept: {len(said.useful)} useful, {len(said.not_useful)} not useful"

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
        raise ArgumentError(f"repo {shorten(repr(name))} is not served; served are: {served}")


def hold(
    repository: Repository,
    query: str,
    candidates: Sequence[str | TextCandidate],
    *,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Held:
    """Turn a caller's candidates into passages; what cannot be ranked is told one by one.

    Args:
        repository: Where paths are looked up, refreshed.
        query: Chooses the chunk that stands for a whole file.
        candidates: As `rag_rerank` takes them.
        is_cancelled: Asked before each, as files are read and cut.

    Raises:
        CancelledError: `is_cancelled` said so.
    """
    known = frozenset(repository.paths)
    labels: dict[Chunk, str] = {}
    passages: list[Passage] = []
    problems: list[str] = []
    for candidate in candidates:
        if is_cancelled():
            raise CancelledError("the caller no longer wants this ranking")
        try:
            if isinstance(candidate, TextCandidate):
                passage, label = _text_passage(candidate), _text_label(candidate)
            else:
                passage = _file_passage(repository, known, query, candidate)
                label = passage.chunk.span
            _refuse_twice(passage.chunk, label, labels, asked=_asked(candidate))
        except ArgumentError as error:
            problems.append(str(error))
            continue
        passages.append(passage)
        labels[passage.chunk] = label
    return Held(tuple(passages), labels, tuple(problems))


def _asked(candidate: str | TextCandidate) -> str:
    """Name a candidate as its caller did."""
    return _text_label(candidate) if isinstance(candidate, TextCandidate) else shorten(candidate)


def _text_label(candidate: TextCandidate) -> str:
    """Name a text so that it cannot be taken for a file, whatever its id looks like."""
    return f"text {json.dumps(candidate.id, ensure_ascii=False)}"


def _refuse_twice(chunk: Chunk, label: str, labels: Mapping[Chunk, str], *, asked: str) -> None:
    """Raise when a candidate is one that is held, or could not be told from it in the reply."""
    if label not in labels.values():
        return
    if chunk.kind == "text" and chunk not in labels:
        raise ArgumentError(f"{asked}: this id names another text already; give each text an id of its own")
    raise ArgumentError(f"{asked}: the same as {label}, ranked once")


def _indexed_span(repository: Repository, known: frozenset[str], asked: str) -> str:
    """Write a span as the log keeps it; an assistant may copy it from grep, or name a whole path."""
    span = feedback.read_span(asked)
    path = relative(str(repository.root), span.path)
    if path not in known:
        raise ArgumentError(_unknown(repository, path, shorten(asked)))
    count = len(repository.lines(path) or ())
    if span.start > count:
        raise ArgumentError(f"{shorten(asked)}: {shorten(path)} has lines 1-{count}")
    return str(feedback.Span(path, span.start, min(span.end, count)))


_SPAN = re.compile(r"(?P<path>.+?):(?P<start>\d+)(?:-(?P<end>\d+))?(?::.*)?", re.DOTALL)


def _file_passage(repository: Repository, known: frozenset[str], query: str, candidate: str) -> Passage:
    text, asked = candidate.strip(), shorten(candidate)
    match = None if text in known else _SPAN.fullmatch(text)
    path = relative(str(repository.root), match["path"] if match else text)
    if path not in known:
        raise ArgumentError(_unknown(repository, path, asked))
    lines = repository.lines(path)
    if lines is None:
        raise ArgumentError(f"{asked}: it vanished or may not be read")
    if match is None:
        return _best_chunk(path, query, lines)
    start = _number(match["start"])
    if not 1 <= start <= len(lines):
        raise ArgumentError(f"{asked}: {shorten(path)} has lines 1-{len(lines)}")
    if match["end"] is None:
        return _around(path, start, lines)
    end = min(_number(match["end"]), len(lines))
    if end < start:
        raise ArgumentError(f"{asked}: the span ends before it starts")
    return _passage(path, start, end, lines)


def _number(digits: str) -> int:
    """Read a line number; one too long for `int` is beyond every file."""
    return int(digits) if len(digits) < sys.int_info.str_digits_check_threshold else sys.maxsize


def _best_chunk(path: str, query: str, lines: Sequence[str]) -> Passage:
    """Let a whole file stand by the chunk that answers best: a model reads no more than that."""
    passages = passages_of(path, lines)
    if not passages:
        return _passage(path, 1, max(len(lines), 1), lines)
    best = rank_passages(query, passages)[0].chunk
    return next(passage for passage in passages if passage.chunk == best)


def _around(path: str, line: int, lines: Sequence[str]) -> Passage:
    """Widen a line to its chunk; a blank line between chunks stays alone."""
    for passage in passages_of(path, lines):
        if passage.chunk.start_line <= line <= passage.chunk.end_line:
            return passage
    return _passage(path, line, line, lines)


def _passage(path: str, start: int, end: int, lines: Sequence[str]) -> Passage:
    return Passage(Chunk(path, start, end), tuple(lines[start - 1 : end]), is_current=True)


def _text_passage(candidate: TextCandidate) -> Passage:
    lines = chunker.lines_of(candidate.text)
    content = digest(candidate.text.encode("utf-8", "surrogatepass"))
    chunk = Chunk(candidate.id, 1, max(len(lines), 1), kind="text", digest=content)
    return Passage(chunk, tuple(lines), is_current=True)


def relative(root: str, path: str, *, flavour: Any = os.path) -> str:
    """Write a path as the index does; an absolute one is taken when it lies below the root.

    Args:
        root: A served root.
        path: As a caller wrote it, with either kind of slash.
        flavour: `posixpath` or `ntpath`: the rules of this system. It is not asked whether anything exists.
    """
    normal = flavour.normpath(path.replace("\\", "/"))
    if flavour.isabs(normal):
        with suppress(ValueError):  # on another drive
            below = flavour.relpath(normal, root)
            normal = normal if below.startswith("..") else below
    return str(normal).replace(flavour.sep, "/")


def _unknown(repository: Repository, path: str, asked: str) -> str:
    if reason := repository.reason(path):
        return f"{asked}: not searched: {reason}"
    alike = [shorten(known) for known in places.namesakes(path, repository.paths)]
    hint = f"; did you mean {' or '.join(alike)}?" if alike else ""
    return f"{asked}: no such file in {repository.root.name}; paths are relative to its root{hint}"


def _named(roots: Sequence[Path]) -> dict[str, Path]:
    """Name each root by its folder, and by its whole path where two folders have one name."""
    absolute = list(dict.fromkeys(Path(os.path.abspath(root.expanduser())) for root in roots))  # noqa: PTH100 - a root may not exist yet
    names = [root.name or str(root) for root in absolute]
    return {
        name if names.count(name) == 1 else str(root): root
        for name, root in zip(names, absolute, strict=True)
    }
