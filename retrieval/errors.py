"""Which failures a caller may want to catch, as one short tree.

GoldrankError                 an anticipated failure: a fact and, if there is one, a remedy
├── RootError                 a root is missing, is not a folder, or cannot be read
├── ArgumentError             a value that a setting or filter does not accept
├── IndexLockedError          another process is writing this index and did not finish in time
├── ClientFileError           a client's configuration cannot be read, or not be changed safely
├── CacheError                an index folder cannot be written
├── MirrorError               a repository cannot be fetched from its URL
├── SharedIndexError          a place of shared indexes cannot be used
│   └── DamagedIndexError     what is published there is damaged, incomplete, or of another index
├── ModelError                a cross-encoder is missing or failed to load
├── ParserError               the process that parses files cannot be started
├── GrammarError              a grammar's package is missing or does not load
├── CheckError                a check found a problem
├── TrainingError             the pairs are useless, or training cannot run or diverged
└── CancelledError            the caller no longer wants the answer
"""

import shutil
from pathlib import Path

SHOWN_CHARS = 120  # enough to recognise a value

LITTLE_MB = 50  # a segment of the index may need this much free space


class GoldrankError(Exception):
    """An anticipated failure, with a message for the user or agent.

    Attributes:
        fact: What is wrong, including the wrong value.
        remedy: What to do about it, or "".

    >>> str(GoldrankError("no index in ~/.cache", remedy="make it with: goldrank index"))
    'no index in ~/.cache; make it with: goldrank index'
    """

    def __init__(self, fact: str, *, remedy: str = "", joint: str = "; ") -> None:
        """Keep the fact and the remedy separate.

        Args:
            fact: What is wrong.
            remedy: What to do, or "".
            joint: The text between the two; a space when both are sentences.
        """
        super().__init__(fact)
        self.fact = fact
        self.remedy = remedy
        self._joint = joint

    def __str__(self) -> str:
        """Join the fact and the remedy."""
        return f"{self.fact}{self._joint}{self.remedy}" if self.remedy else self.fact


class RootError(GoldrankError):
    """A root is missing, is not a folder, or cannot be read."""


class ArgumentError(GoldrankError):
    """A value that a setting or filter does not accept."""


class IndexLockedError(GoldrankError):
    """Another process is writing this index and did not finish in time."""


class CacheError(GoldrankError):
    """The folder of an index cannot be created or written."""


class MirrorError(GoldrankError):
    """A repository cannot be fetched from its URL."""


class SharedIndexError(GoldrankError):
    """A place of shared indexes cannot be used."""


class DamagedIndexError(SharedIndexError):
    """What is published there is damaged, incomplete, or of another index, and is not used."""


class ClientFileError(GoldrankError):
    """A client's configuration file cannot be read, or cannot be changed safely."""


class ModelError(GoldrankError):
    """A cross-encoder is missing or failed to load."""


class ParserError(GoldrankError):
    """The process that parses files cannot be started."""


class GrammarError(GoldrankError):
    """A grammar's package is missing or does not load."""


class CheckError(GoldrankError):
    """A check found a problem; its command exits with a different code than for a failure."""


class TrainingError(GoldrankError):
    """The pairs are useless, or training cannot run or diverged."""


class CancelledError(GoldrankError):
    """The caller no longer wants the answer."""


def shorten(text: str, limit: int = SHOWN_CHARS) -> str:
    r"""Shorten an external value for a message: one line, long enough to recognise it.

    >>> shorten("src/a.py\nsrc/b.py"), shorten("x" * 1_000, 5)
    ('src/a.py\\nsrc/b.py', 'xxxxx… (1,000 characters)')
    """
    shown = text[:limit].replace("\n", "\\n").replace("\r", "\\r")
    return shown if len(text) <= limit else f"{shown}… ({len(text):,} characters)"


def unwritable(folder: Path, cause: object) -> CacheError:
    """Return the error for an index that cannot be written, with the cause and a remedy."""
    around = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(around).free // 1_000_000
    full = f" ({free} MB are free there; `goldrank clean` frees some)" if free < LITTLE_MB else ""
    return CacheError(
        f"the index in {folder} cannot be written: {cause}{full}",
        remedy="choose another cache folder with --cache DIR or GOLDRANK_CACHE=DIR",
    )
