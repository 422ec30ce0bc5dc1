"""What was last seen of a root: which files are searched, which are not, and what is odd about some."""

import os
from collections import Counter
from collections.abc import Mapping
from functools import cached_property

from retrieval.chunks import stored_chunk
from retrieval.files import encoding, exclusion
from retrieval.files.walker import Listing
from retrieval.records import Exclusion
from retrieval.sync.store import FileRecord

REASONS = 4  # of files that are not searched, which a reply tells


class View:
    """What was last seen of the disk and of the store; never changed, only replaced."""

    def __init__(self, listing: Listing, records: Mapping[str, FileRecord]) -> None:
        """Put the two together.

        Args:
            listing: The files that may be read.
            records: What is known of those that were.
        """
        self.listing = listing
        self.records = records

    @cached_property
    def paths(self) -> list[str]:
        """The files that are searched, indexed already or not, in order."""
        found = (path for path in self.listing.files if not self._reason(path))
        return sorted(found, key=os.fsencode)

    @cached_property
    def excluded(self) -> list[Exclusion]:
        """The files that are not searched, with reasons, in order."""
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

    def note(self, path: str) -> str:
        """Say what is odd about how a file was read, or ""."""
        record = self.records.get(path)
        return record.note if record else ""

    def left_out(self) -> str:
        """Say how many files that may hold an answer are not searched, and why; "" where none."""
        reasons = Counter(item.reason for item in self.excluded if item.reason not in exclusion.NO_LOSS)
        reasons.update("of no certain encoding" for note in self.notes.values() if encoding.UNCERTAIN in note)
        reasons.update(
            stored_chunk.LONG_LINES for note in self.notes.values() if stored_chunk.LONG_LINES in note
        )
        if not reasons:
            return ""
        told = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common(REASONS))
        more = f", {len(reasons) - REASONS} other reasons" if len(reasons) > REASONS else ""
        count = reasons.total()
        are = "files are" if count > 1 else "file is"
        return f"{count:,} {are} not searched, or not all of it ({told}{more})"

    def _reason(self, path: str) -> str:
        record = self.records.get(path)
        return record.reason if record else ""
