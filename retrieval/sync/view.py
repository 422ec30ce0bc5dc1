"""Which state of a root one reply uses: its files, their records, the index and the commit.

A view is taken for one query and never changes. Slow values are computed once, on first use: the index is
opened once, git is called once, and each file that is shown is read once.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from retrieval.chunks import split_file
from retrieval.chunks.chunk_text import ChunkText, FileLines, read_back
from retrieval.errors import ArgumentError, CacheError, shorten
from retrieval.files import encoding, exclusion, own_ignores
from retrieval.files.ignores import MANY
from retrieval.files.walker import Listing
from retrieval.history.archive import Archive
from retrieval.history.past import Past
from retrieval.index.reader import Snapshot
from retrieval.paths import ignore_lines, path_roles
from retrieval.paths.ignore_lines import IdleLine
from retrieval.paths.path_filter import Filter, Selection, nothing_passes, passing
from retrieval.progress import IsCancelled
from retrieval.records import Chunk, Exclusion
from retrieval.sync.file_table import Contents
from retrieval.sync.sync import Look, Sync, fingerprint
from retrieval.sync.tree import Tree
from retrieval.sync.work_tree import GIT_IGNORES, folders_above

SHOWN_REASONS = 4  # why files are not searched, in one reply


@dataclass(frozen=True, slots=True)
class Unknown:
    """Why a path is no searched file.

    Attributes:
        reason: Why it is not searched, or "" when there is no such file.
        namesakes: Searched files of that name, if there is no such file.
    """

    reason: str
    namesakes: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """The state of a root for one reply.

    Attributes:
        tree: The files; they are read when they are needed.
        sync: Updates the index; used only to check whether this view's index was replaced.
        look: The last look at the files.
        contents: The contents of the store.
        archive: The commits before HEAD.
    """

    tree: Tree
    sync: Sync
    look: Look
    contents: Contents
    archive: Archive

    @property
    def root(self) -> Path:
        """The root."""
        return self.tree.root

    @property
    def name(self) -> str:
        """What replies call the root."""
        return self.tree.name

    @property
    def is_on_disk(self) -> bool:
        """Whether a shown path is a file below the root, which an editor can open."""
        return self.tree.is_on_disk

    @property
    def fingerprint(self) -> str:
        """Identifies what built the index: format, analyzer, chunker, masking and engine."""
        return fingerprint()

    @property
    def listing(self) -> Listing | None:
        """The files as they were listed; None before the first listing."""
        return self.look.listing

    @property
    def is_listed(self) -> bool:
        """Whether the files below the root have been listed; before that, only indexed files are known."""
        return self.listing is not None

    @property
    def is_indexed(self) -> bool:
        """Whether there is an index to search, even a partial one."""
        return self.contents.index is not None

    @cached_property
    def snapshot(self) -> Snapshot:
        """The newest committed state of the index at first use.

        Raises:
            CacheError: There is no index.
        """
        if self.contents.index is None:
            raise CacheError(f"there is no index in {self.sync.store.folder}", remedy="refresh builds it")
        return self.contents.index.snapshot()

    @cached_property
    def past(self) -> Past:
        """The commits before HEAD; empty without git, and while they are still being read."""
        return self.archive.past()

    @property
    def changes(self) -> Past | None:
        """What knows which files change together: the past; None without one."""
        return self.past if len(self.past) else None

    @cached_property
    def commit(self) -> str:
        """The commit of the files and whether they differ from it, or why git gives no answer."""
        return self.tree.commit(self.listing, is_still=self.look.is_still)

    @cached_property
    def paths(self) -> list[str]:
        """The files to search, already indexed or not, sorted; before a listing, the indexed files."""
        known = self.contents.records if self.listing is None else self.listing.files
        return sorted((path for path in known if not self._reason(path)), key=os.fsencode)

    @cached_property
    def excluded(self) -> list[Exclusion]:
        """The files that are not searched, with reasons, sorted; empty before a listing."""
        if self.listing is None:
            return []
        read = (Exclusion(path, reason) for path in self.listing.files if (reason := self._reason(path)))
        return sorted((*self.listing.excluded, *read), key=lambda item: os.fsencode(item.path))

    @cached_property
    def notes(self) -> Mapping[str, str]:
        """Notes on how searched files were read, by path, sorted."""
        return {path: note for path in self.paths if (note := self.note(path))}

    @cached_property
    def reasons(self) -> Mapping[str, str]:
        """The reason of each file or folder that is not searched."""
        return {item.path.rstrip("/"): item.reason for item in self.excluded}

    @property
    def unmeant(self) -> int:
        """The number of files in a folder outside git, if it is too large to be intended; else 0."""
        count = len(self.listing.files) if self.listing and not self.listing.is_git else 0
        return count if count > MANY else 0

    def note(self, path: str) -> str:
        """Return the note on how a file was read, or ""."""
        record = self.contents.records.get(path)
        return record.note if record else ""

    def reason(self, path: str) -> str:
        """Say why a path, or a folder above it, is not searched; "" when it is."""
        for folder in (path, *folders_above(path)):
            if reason := self.reasons.get(folder, ""):
                return reason if folder == path else f"it is below {folder}, {reason}"
        return self.tree.why_unlisted(path, is_git=self._is_git)

    def unknown(self, path: str) -> Unknown:
        """Say why a path is no searched file, and which searched files may be meant."""
        reason = self.reason(path)
        return Unknown(reason, () if reason else tuple(path_roles.namesakes(path, self.paths)))

    def ignored(self) -> list[Exclusion]:
        """List what git ignores and no pattern lets in, a folder as one; empty outside git.

        Each reason ends with the line that lets the path in, where one can.
        """
        if self.listing is None or not self._is_git:
            return []
        return [
            Exclusion(path, why)
            for path in self.tree.ignored()
            if path not in self.reasons and (why := _why_ignored(path, self.listing))
        ]

    def idle_lines(self) -> list[IdleLine]:
        """List the lines of `.goldrankignore` files on disk that have no effect, with reasons."""
        if not self.is_on_disk:
            return []
        return ignore_lines.without_effect(self.root, frozenset(self.paths), self.reasons)

    @property
    def _is_git(self) -> bool:
        return self.listing is not None and self.listing.is_git

    def left_out(self) -> str:
        """Say how many files that may contain an answer are not searched, and why; "" when all are."""
        reasons = Counter(item.reason for item in self.excluded if item.reason not in exclusion.NO_LOSS)
        reasons.update("of uncertain encoding" for note in self.notes.values() if encoding.UNCERTAIN in note)
        reasons.update(split_file.LONG_LINES for note in self.notes.values() if split_file.LONG_LINES in note)
        if not reasons:
            return ""
        shown = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common(SHOWN_REASONS))
        more = f", {len(reasons) - SHOWN_REASONS} other reasons" if len(reasons) > SHOWN_REASONS else ""
        count = reasons.total()
        are = "files are" if count > 1 else "file is"
        return f"{count:,} {are} not searched, or not all of it ({shown}{more})"

    def select(self, wanted: Filter, *, is_cancelled: IsCancelled = lambda: False) -> Selection | None:
        """List the searched files that match a filter; None without a filter.

        Before the first listing, the filter applies to the indexed files, and no match is not an error.

        Raises:
            ArgumentError: A pattern is invalid, a language is unknown, or no searched file matches.
            CancelledError: `is_cancelled` returned True.
        """
        if not wanted:
            return None
        rooted = replace(wanted, root=str(self.root))
        selection = passing(self.paths, rooted, is_cancelled=is_cancelled)
        if not selection.paths and self.is_listed:
            raise self._unlisted(rooted) or nothing_passes(rooted, self.excluded, name=self.name)
        return selection

    def _unlisted(self, wanted: Filter) -> ArgumentError | None:
        """Return the error for a filter that names a path which is in no listing for a reason."""
        for glob in wanted.globs:
            path = glob.strip("/")
            if path and (reason := self.tree.why_unlisted(path, is_git=self._is_git)):
                return ArgumentError(
                    f"path {shorten(glob)} is not searched: {reason}", remedy=_remedy(path, reason)
                )
        return None

    def names(self, wanted: Filter) -> list[str]:
        """List files that match a filter before anything is indexed, including files that are not searched.

        Without a listing and without git, the list has only the files found within a short time.

        Raises:
            ArgumentError: A pattern is invalid, or the language is unknown.
        """
        listed = self.paths if self.is_listed else self.tree.names()
        return passing(listed, replace(wanted, root=str(self.root))).paths

    def lines(self, path: str) -> Sequence[str] | None:
        """Read a file's lines with secrets masked; None when the file is gone or cannot be read."""
        return self._lines(path)

    def lines_before_listing(self, path: str) -> list[str] | None:
        """Read the lines of a file that is not listed yet; None when the file is not searched."""
        return self.tree.lines_before_listing(path, clean_digest=self._clean_digest(path))

    def chunk_texts(self, chunks: Iterable[Chunk]) -> list[ChunkText]:
        """Read the current lines of chunks, and flag which are unchanged since they were indexed."""
        return read_back(chunks, self._lines)

    def is_replaced(self) -> bool:
        """Return whether any process has begun to rebuild the index since this view was taken."""
        return self.sync.is_replaced(self.contents)

    @cached_property
    def _lines(self) -> FileLines:
        return FileLines(lambda path: self.tree.lines(path, clean_digest=self._clean_digest(path)))

    def _clean_digest(self, path: str) -> str:
        """Return the digest of a file's content if it is known to contain no secrets, else ""."""
        record = self.contents.records.get(path)
        return record.digest if record and not record.has_secrets and not record.reason else ""

    def _reason(self, path: str) -> str:
        record = self.contents.records.get(path)
        return record.reason if record else ""


def _why_ignored(path: str, listing: Listing) -> str:
    """Say why a path that git ignores is not searched; "" when a pattern lets it in."""
    bare, is_folder = path.rstrip("/"), path.endswith("/")
    verdict = listing.rules.folder_verdict(bare) if is_folder else listing.rules.verdict(bare)
    if verdict is True:
        return own_ignores.LEFT_OUT
    if refused := exclusion.never_let_in(bare):
        return f"{GIT_IGNORES}; {refused}"
    if verdict is False:
        return ""
    partly = f", except for what {own_ignores.NAME} lets in" if bare in listing.folders else ""
    return f"{GIT_IGNORES}{partly}; {own_ignores.line_for(path)} in {own_ignores.NAME} lets it in"


def _remedy(path: str, reason: str) -> str:
    """Say how a path that is in no listing could be searched."""
    if reason == own_ignores.LEFT_OUT:
        return f"change the line of {own_ignores.NAME} that leaves it out"
    if reason != GIT_IGNORES or exclusion.never_let_in(path):
        return "no pattern lets it in"
    return f"`{own_ignores.line_for(path)}` in {own_ignores.NAME} lets it in"
