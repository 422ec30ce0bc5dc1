"""What one reply sees of a root: its files, what is known of each, the index and the commit.

A view is taken for one question and never changes. What takes long is worked out when it is first asked for,
and once: the index is opened once, git is asked once, and each file that is shown is read once.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from retrieval.chunks import split_file
from retrieval.chunks.chunk_text import ChunkText, FileLines, read_back
from retrieval.errors import CacheError
from retrieval.files import encoding, exclusion
from retrieval.files.ignores import MANY
from retrieval.files.walker import Listing
from retrieval.index.reader import Snapshot
from retrieval.paths.path_filter import Filter, Selection, nothing_passes, passing
from retrieval.progress import IsCancelled
from retrieval.records import Chunk, Exclusion
from retrieval.sync.file_table import Contents
from retrieval.sync.sync import Look, Sync, fingerprint
from retrieval.sync.work_tree import WorkTree, folders_above

SHOWN_REASONS = 4  # why files are not searched, in one reply


@dataclass(frozen=True)
class View:
    """A root as one reply sees it.

    Attributes:
        tree: The work tree; what a view reads of it is read now.
        sync: Keeps its index; asked only whether the index that this view opened still stands.
        look: The files as they were last listed.
        contents: What the store held.
    """

    tree: WorkTree
    sync: Sync
    look: Look
    contents: Contents

    @property
    def root(self) -> Path:
        """The folder."""
        return self.tree.root

    @property
    def fingerprint(self) -> str:
        """What the index was made by: its format, analyzer, chunker and engine."""
        return fingerprint()

    @property
    def listing(self) -> Listing | None:
        """The files as they were listed; None while they never were."""
        return self.look.listing

    @property
    def is_listed(self) -> bool:
        """Whether the files below the root were listed; before that, only indexed files are known."""
        return self.listing is not None

    @property
    def is_indexed(self) -> bool:
        """Whether there is an index to search, be it of a part."""
        return self.contents.index is not None

    @cached_property
    def snapshot(self) -> Snapshot:
        """The newest committed state of the index when it was first asked for.

        Raises:
            CacheError: There is no index.
        """
        if self.contents.index is None:
            raise CacheError(f"there is no index in {self.sync.store.folder}", remedy="refresh makes it")
        return self.contents.index.snapshot()

    @cached_property
    def commit(self) -> str:
        """The commit of the work tree and whether it is dirty, or why git is silent."""
        return self.tree.commit(self.listing, is_still=self.look.is_still)

    @cached_property
    def paths(self) -> list[str]:
        """The files that are searched, indexed already or not, in order; before a listing, those indexed."""
        known = self.contents.records if self.listing is None else self.listing.files
        return sorted((path for path in known if not self._reason(path)), key=os.fsencode)

    @cached_property
    def excluded(self) -> list[Exclusion]:
        """The files that are not searched, with reasons, in order; none before a listing."""
        if self.listing is None:
            return []
        read = (Exclusion(path, reason) for path in self.listing.files if (reason := self._reason(path)))
        return sorted((*self.listing.excluded, *read), key=lambda item: os.fsencode(item.path))

    @cached_property
    def notes(self) -> Mapping[str, str]:
        """What is odd about how searched files were read, by path, in order."""
        return {path: note for path in self.paths if (note := self.note(path))}

    @cached_property
    def reasons(self) -> Mapping[str, str]:
        """The reason of each file or folder that is not searched."""
        return {item.path.rstrip("/"): item.reason for item in self.excluded}

    @property
    def unmeant(self) -> int:
        """How many files outside git are indexed, if they are more than anyone may have meant; else 0."""
        count = len(self.listing.files) if self.listing and not self.listing.is_git else 0
        return count if count > MANY else 0

    def note(self, path: str) -> str:
        """Say what is odd about how a file was read, or ""."""
        record = self.contents.records.get(path)
        return record.note if record else ""

    def reason(self, path: str) -> str:
        """Say why a path is not searched, as it was left out or lies below what was; "" when it was not."""
        for folder in (path, *folders_above(path)):
            if reason := self.reasons.get(folder, ""):
                return reason if folder == path else f"it is below {folder}, {reason}"
        return self.tree.why_unlisted(path, is_git=self.listing is not None and self.listing.is_git)

    def left_out(self) -> str:
        """Say how many files that may hold an answer are not searched, and why; "" when all are."""
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
        """List the searched files that pass a filter; None when there is no filter.

        Before the files are listed, the filter applies to the indexed files, and it is no error when none
        passes.

        Raises:
            ArgumentError: A pattern is invalid, a language is unknown, or no searched file passes.
            CancelledError: `is_cancelled` said so.
        """
        if not wanted:
            return None
        rooted = replace(wanted, root=str(self.root))
        selection = passing(self.paths, rooted, is_cancelled=is_cancelled)
        if not selection.paths and self.is_listed:
            raise nothing_passes(rooted, self.excluded, name=self.root.name)
        return selection

    def names(self, wanted: Filter) -> list[str]:
        """List files that pass a filter before anything is indexed, even those that no search will read.

        Without a listing and without git to ask, it lists what it finds in a moment.

        Raises:
            ArgumentError: A pattern is invalid, or the language is unknown.
        """
        listed = self.paths if self.is_listed else self.tree.names()
        return passing(listed, replace(wanted, root=str(self.root))).paths

    def lines(self, path: str) -> Sequence[str] | None:
        """Read a file's lines, secrets masked; None when it is gone or may not be read."""
        return self._lines(path)

    def lines_before_listing(self, path: str) -> list[str] | None:
        """Read the lines of a file that was not judged yet; None when no search may read it."""
        return self.tree.lines_before_listing(path, clean_digest=self._clean_digest(path))

    def chunk_texts(self, chunks: Iterable[Chunk]) -> list[ChunkText]:
        """Read chunks back from disk, and tell which are as they were indexed."""
        return read_back(chunks, self._lines)

    def is_replaced(self) -> bool:
        """Tell whether any process has begun to rebuild the index since this view was taken."""
        return self.sync.is_replaced(self.contents)

    @cached_property
    def _lines(self) -> FileLines:
        return FileLines(lambda path: self.tree.lines(path, clean_digest=self._clean_digest(path)))

    def _clean_digest(self, path: str) -> str:
        """Return the digest of a file's content that is known to hold no secrets, or ""."""
        record = self.contents.records.get(path)
        return record.digest if record and not record.has_secrets and not record.reason else ""

    def _reason(self, path: str) -> str:
        record = self.contents.records.get(path)
        return record.reason if record else ""
