"""Every failure a caller may want to catch, as one short tree.

GoldrankError                 anticipated: a fact, and its remedy where there is one
├── RootError                 a root that is missing, no folder, or may not be read
├── ArgumentError             a value that no setting or filter accepts
├── IndexLockedError          another process writes this index and did not finish in time
├── ClientFileError           a client's configuration that cannot be read, or not be changed safely
├── CacheError                an index folder that cannot be written
├── ModelError                a cross-encoder that is absent or failed to load
├── ParserError               no process can be started that parses files
├── CheckError                a check that ran and found something wrong
├── TrainingError             pairs that teach nothing, or a training that cannot run or diverged
└── CancelledError            the caller no longer wants the answer
"""

import shutil
from pathlib import Path

SHOWN_CHARS = 120  # enough to recognise a value by

LITTLE_MB = 50  # free space that a segment of the index may take up


class GoldrankError(Exception):
    """An anticipated failure, with a text meant for the person or the agent who asked.

    Attributes:
        fact: What is wrong, with the value that was wrong.
        remedy: What to do about it, or "".

    >>> str(GoldrankError("no index in ~/.cache", remedy="make it with: goldrank index"))
    'no index in ~/.cache; make it with: goldrank index'
    """

    def __init__(self, fact: str, *, remedy: str = "", joint: str = "; ") -> None:
        """State the fact, and apart from it what to do.

        Args:
            fact: What is wrong.
            remedy: What to do, or "".
            joint: What stands between the two in a text; a blank where both are sentences.
        """
        super().__init__(fact)
        self.fact = fact
        self.remedy = remedy
        self._joint = joint

    def __str__(self) -> str:
        """Write both in one text."""
        return f"{self.fact}{self._joint}{self.remedy}" if self.remedy else self.fact


class RootError(GoldrankError):
    """A root that is missing, is no folder, or may not be read."""


class ArgumentError(GoldrankError):
    """A value that no setting or filter accepts."""


class IndexLockedError(GoldrankError):
    """Another process is writing this index and did not finish in time."""


class CacheError(GoldrankError):
    """The folder of an index cannot be made or written."""


class ClientFileError(GoldrankError):
    """A configuration that belongs to a client and cannot be read, or not be changed safely."""


class ModelError(GoldrankError):
    """A cross-encoder that is absent or failed to load."""


class ParserError(GoldrankError):
    """No process can be started that parses files."""


class CheckError(GoldrankError):
    """A check that ran and found something wrong: its command ends with another code than a failure."""


class TrainingError(GoldrankError):
    """Pairs that teach nothing, or a training that cannot run or diverged."""


class CancelledError(GoldrankError):
    """The caller no longer wants the answer."""


def shorten(text: str, limit: int = SHOWN_CHARS) -> str:
    r"""Show a value from outside in a message: on one line, and no more of it than tells which it was.

    >>> shorten("src/a.py\nsrc/b.py"), shorten("x" * 1_000, 5)
    ('src/a.py\\nsrc/b.py', 'xxxxx… (1,000 characters)')
    """
    shown = text[:limit].replace("\n", "\\n").replace("\r", "\\r")
    return shown if len(text) <= limit else f"{shown}… ({len(text):,} characters)"


def unwritable(folder: Path, cause: object) -> CacheError:
    """Say that an index cannot be written, why, and the way out."""
    around = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(around).free // 1_000_000
    full = f" ({free} MB are free there; `goldrank clean` frees some)" if free < LITTLE_MB else ""
    return CacheError(
        f"the index in {folder} cannot be written: {cause}{full}",
        remedy="name another cache folder: --cache DIR or GOLDRANK_CACHE=DIR",
    )
