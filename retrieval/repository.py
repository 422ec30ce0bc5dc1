"""One repository on disk together with its index: brings the index up to date, reads chunks back."""

import importlib.metadata
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import PathSpec, Pattern

from retrieval import chunker, documents, git, languages, tokenizer, walker
from retrieval.errors import ArgumentError, CancelledError, IndexLockedError, shorten
from retrieval.index import Index, Snapshot
from retrieval.records import Chunk, Exclusion
from retrieval.storage import FORMAT, FileRecord, Store, digest, store_folder
from retrieval.writer import IndexWriter

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with files done and files to do."""

LOCK_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Refresh:
    """What bringing the index up to date did.

    Attributes:
        changed: Files whose chunks were made anew.
        removed: Files whose chunks were taken out.
        note: Why the index may not be up to date, or "".
    """

    changed: int = 0
    removed: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk with its lines as they are on disk now.

    Attributes:
        chunk: The span.
        lines: Its lines; empty when the file is gone.
        is_current: Whether the lines are those that were indexed.
    """

    chunk: Chunk
    lines: tuple[str, ...]
    is_current: bool

    @property
    def text(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


class Repository:
    """A served root and its store; one process may write it, any number may read it."""

    def __init__(self, root: Path, *, cache: Path, max_bytes: int) -> None:
        self.root = walker.resolve_root(root)
        self._store = Store(store_folder(cache, self.root))
        self._max_bytes = max_bytes
        self._listing = walker.Listing({}, ())
        self._records: dict[str, FileRecord] = {}

    def refresh(
        self, *, progress: Progress | None = None, is_cancelled: Callable[[], bool] | None = None
    ) -> Refresh:
        """Index what changed on disk since the last time, and nothing else.

        A store that is absent, damaged, or made by another analyzer, chunker or version is made anew.

        Raises:
            CancelledError: `is_cancelled` said so; nothing was changed.
            RootError: The root is gone or may not be read.
            IndexLockedError: Another process writes and there is no earlier index to search.
            CacheError: The index cannot be written.
        """
        walker.resolve_root(self.root)
        self._listing = walker.walk(self.root, max_bytes=self._max_bytes)
        try:
            if self._is_sound():
                self._records = self._store.files()
                if not any(self._difference()):
                    return Refresh()
            with self._store.writing(patience_s=LOCK_PATIENCE_S):
                if not self._is_sound():
                    self._store.reset(self.root, _fingerprint())
                self._records = self._store.files()  # another process may have done the work meanwhile
                return self._update(progress or _silent, is_cancelled or _never)
        except IndexLockedError as error:
            if not self._is_sound():
                raise
            return Refresh(note=str(error))

    def snapshot(self) -> Snapshot:
        """Return the newest committed state of the index; call `refresh` first."""
        return Index(self._store.chunks).snapshot()

    def rebuild(self) -> None:
        """Throw the index away; the next `refresh` makes it anew."""
        with self._store.writing(patience_s=LOCK_PATIENCE_S):
            self._store.reset(self.root, _fingerprint())

    @property
    def paths(self) -> list[str]:
        """The paths of all indexed files, in order."""
        return sorted((path for path, record in self._records.items() if not record.reason), key=os.fsencode)

    @property
    def excluded(self) -> list[Exclusion]:
        """The files that are not searched, with reasons, in order."""
        read = (Exclusion(path, record.reason) for path, record in self._records.items() if record.reason)
        return sorted((*self._listing.excluded, *read), key=lambda item: os.fsencode(item.path))

    @property
    def store_folder(self) -> Path:
        """Where the index lies."""
        return self._store.folder

    @property
    def fingerprint(self) -> str:
        """What the index was made by: its format, analyzer, chunker and engine."""
        return _fingerprint()

    def store_bytes(self) -> int:
        """Add up the sizes of the index's files."""
        return self._store.size_bytes()

    def select(self, globs: Sequence[str] | None, language: str | None) -> list[str] | None:
        """List the indexed files that pass the filters; None when there is no filter.

        Args:
            globs: gitignore-style patterns, the last match decides: `src/`, `*.py`, `!tests/`.
            language: A name or alias from `languages`.

        Raises:
            ArgumentError: A pattern is none, the language is unknown, or no indexed file passes.
        """
        if not globs and not language:
            return None
        paths = self.paths
        if globs:
            spec = _spec(globs)
            paths = [path for path in paths if spec.match_file(path)]
        if language:
            wanted = _suffixes(language)
            paths = [path for path in paths if languages.suffix_of(path) in wanted]
        if not paths:
            asked = [f"path {shorten(str(list(globs)))}"] if globs else []
            asked += [f"language {shorten(repr(language))}"] if language else []
            raise ArgumentError(
                f"no indexed file passes {' and '.join(asked)}; patterns are gitignore-style and relative to "
                f"{self.root.name}/, e.g. src/ or *.py or !tests/"
            )
        return paths

    def passages(self, chunks: Iterable[Chunk]) -> list[Passage]:
        """Read chunks back from disk, each file once, and tell which are as they were indexed."""
        cache: dict[str, list[str] | None] = {}
        found = []
        for chunk in chunks:
            if chunk.path not in cache:
                cache[chunk.path] = self.lines(chunk.path)
            lines = (cache[chunk.path] or [])[chunk.start_line - 1 : chunk.end_line]
            content = digest("\n".join(lines).encode("utf-8", "surrogatepass"))
            found.append(Passage(chunk, tuple(lines), content == chunk.digest))
        return found

    def lines(self, path: str) -> list[str] | None:
        """Read a file's lines; None when it is gone or may not be read."""
        try:
            return chunker.lines_of(chunker.decode(walker.read(self.root, path)))
        except OSError:
            return None

    def commit(self) -> str:
        """Describe the state of the work tree: its commit and whether it is dirty, or why git is silent."""
        refusal = git.refusal(self.root)
        if refusal:
            return refusal
        head = git.ask(self.root, "rev-parse", "--short", "HEAD")
        if head is None:
            return "no commit yet"
        return f"commit {head.decode().strip()}, {git.state(self.root)}"

    def _is_sound(self) -> bool:
        if not self._store.is_made_by(_fingerprint()):
            return False
        try:
            self._store.files()
            Index(self._store.chunks).snapshot()
        except (sqlite3.DatabaseError, ValueError, OSError) as error:
            log.warning("the index in %s is damaged and is made anew: %s", self._store.folder, error)
            return False
        return True

    def _difference(self) -> tuple[list[str], list[str]]:
        """List the paths that changed and those that are gone."""
        files, records = self._listing.files, self._records
        changed = [path for path, stat in files.items() if path not in records or records[path].stat != stat]
        return changed, [path for path in records if path not in files]

    def _update(self, progress: Progress, is_cancelled: Callable[[], bool]) -> Refresh:
        changed, gone = self._difference()
        done: dict[str, FileRecord] = {}
        touched: list[str] = []
        with IndexWriter(self._store.chunks) as writer:
            for count, path in enumerate(changed):
                if is_cancelled():
                    raise CancelledError(f"indexing stopped after {count} of {len(changed)} files")
                progress(count, len(changed))
                record = self._index_file(writer, path)
                if record is None:
                    gone.extend([path] if path in self._records else [])
                    continue
                done[path] = record
                if path not in self._records or self._records[path].digest != record.digest:
                    touched.append(path)
            for path in gone:
                writer.remove(path)
            self._store.mark(touched)
            writer.commit()
        self._store.remember(done)
        self._store.forget(gone)
        self._records = self._store.files()
        progress(len(changed), len(changed))
        return Refresh(sum(not done[path].reason for path in touched), len(gone))

    def _index_file(self, writer: IndexWriter, path: str) -> FileRecord | None:
        """Put a file's chunks in; return its record, or None when it is gone."""
        stat = self._listing.files[path]
        try:
            data = walker.read(self.root, path)
        except FileNotFoundError:
            return None
        except OSError as error:
            writer.remove(path)
            return FileRecord(stat, "", f"unreadable: {error.strerror}")
        record = FileRecord(stat, digest(data), walker.refusal(path, data))
        known = self._records.get(path)
        if known and known.digest == record.digest and known.reason == record.reason:
            return record  # touched, not changed
        writer.remove(path)
        if not record.reason:
            writer.add(path, documents.cut(path, chunker.decode(data)))
        return record


def _spec(globs: Sequence[str]) -> PathSpec[Pattern]:
    """Compile patterns of which the last match decides."""
    for glob in globs:
        try:
            PathSpec.from_lines("gitignore", [glob])
        except ValueError as error:
            shown = shorten(repr(glob))
            raise ArgumentError(
                f"path {shown} is no gitignore pattern; take e.g. src/ or *.py or !tests/"
            ) from error
    # Patterns that only take away take away from everything.
    takes_away = all(glob.startswith("!") for glob in globs)
    return PathSpec.from_lines("gitignore", ["*", *globs] if takes_away else globs)


def _suffixes(language: str) -> tuple[str, ...]:
    try:
        return languages.suffixes(language)
    except KeyError as error:
        known = ", ".join(languages.names())
        raise ArgumentError(f"language {shorten(repr(language))} is unknown; known are {known}") from error


def _fingerprint() -> str:
    engine = f"tantivy {importlib.metadata.version('tantivy')}"
    return " | ".join((FORMAT, f"terms {tokenizer.fingerprint()}", chunker.fingerprint(), engine))


def _silent(_done: int, _total: int) -> None:
    """Show no progress."""


def _never() -> bool:
    return False
