"""The values that travel through the pipeline; a value changes type when it changes meaning."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_LINE_BREAKS = str.maketrans({"\n": "\\n", "\r": "\\r"})  # a file name may hold them


@dataclass(frozen=True, slots=True)
class Chunk:
    """A span of one file.

    Attributes:
        path: POSIX path relative to the repository root.
        start_line: First line, 1-based.
        end_line: Last line, inclusive.
        kind: What the chunk defines first ("function", "class", …), or "" when it defines nothing.
        symbol: The name it defines first, or "".
        scope: Names of the definitions around it, outermost first, joined by a dot.
        names: Every name defined in the chunk, in line order.
        digest: Hash of the chunk's text when it was indexed; "" for a chunk that is in no index.
        masked: How many values of its text were masked when it was indexed.
    """

    path: str
    start_line: int
    end_line: int
    kind: str = ""
    symbol: str = ""
    scope: str = ""
    names: tuple[str, ...] = ()
    digest: str = ""
    masked: int = 0

    @property
    def span(self) -> str:
        """The chunk's address as people and tools write it: `path:start-end`, always on one line."""
        return f"{self.path.translate(_LINE_BREAKS)}:{self.start_line}-{self.end_line}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk as the first stage found it in an index.

    Attributes:
        chunk: What was found.
        score: Sum of the weighed features, comparable within one query only.
        rank: Place in the first-stage order, 1-based.
        parts: The share of each named feature, in the order they were added up.
    """

    chunk: Chunk
    score: float
    rank: int
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bm25Candidate:
    """A passage as BM25 ranks it among a caller's passages: another scale than a `Candidate`'s.

    Attributes:
        chunk: What was ranked.
        score: BM25 among these passages, and nothing else.
        rank: Place in that order, 1-based.
    """

    chunk: Chunk
    score: float
    rank: int

    @property
    def parts(self) -> Mapping[str, float]:
        """The one share that the score consists of."""
        return {"body": self.score}


AnyCandidate = Candidate | Bm25Candidate
"""What the second stage takes: it makes a share of the best of either score."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate after both stages.

    Attributes:
        candidate: The first stage's view of it, its own rank included.
        score: Fused score, comparable within one query only.
        rank: Place in the final order, 1-based.
        logit: What the cross-encoder said, or None when it did not read this candidate.
    """

    candidate: AnyCandidate
    score: float
    rank: int
    logit: float | None = None


@dataclass(frozen=True, slots=True)
class RankedAcross:
    """A ranked candidate among those of several repositories.

    Attributes:
        candidate: The first stage's view of it in its own repository.
        score: Its fused score there times the confidence of the repository, comparable within one query only.
        rank: Place in the order of all repositories, 1-based.
        logit: What the cross-encoder said, or None when it did not read this candidate.
    """

    candidate: AnyCandidate
    score: float
    rank: int
    logit: float | None = None


@dataclass(frozen=True, slots=True)
class FileStat:
    """What the file system says of a file; equal stats are taken as an unchanged file.

    Attributes:
        size: Bytes.
        mtime_ns: Time of the last change of content, nanoseconds.
        ctime_ns: Time of the last change of content or inode; sees a restored mtime.
        inode: Sees a file that another one replaced.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A file that is not searched, and why."""

    path: str
    reason: str
