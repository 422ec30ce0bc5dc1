"""Which values travel through the pipeline; a value changes type when it changes meaning."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_LINE_BREAKS = str.maketrans({"\n": "\\n", "\r": "\\r"})  # a file name may contain them


@dataclass(frozen=True, slots=True)
class Chunk:
    """A range of lines of one file.

    Attributes:
        path: POSIX path relative to the repository root.
        start_line: First line, 1-based.
        end_line: Last line, inclusive.
        kind: Kind of the chunk's main definition ("function", "class", …), or "" without definitions.
        symbol: Name of the chunk's main definition, or "".
        scope: Names of the enclosing definitions, outermost first, joined by a dot.
        names: Every name defined in the chunk, in line order.
        digest: Hash of the chunk's text when it was indexed; "" for a chunk that is in no index.
        masked: Number of values masked in the chunk's text when it was indexed.
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
    def qualified_name(self) -> str:
        """The name of the chunk's main definition after its scope; of a chunk without one, the scope."""
        return ".".join(filter(None, (self.scope, self.symbol)))

    @property
    def span(self) -> str:
        """The chunk's location as people and tools write it, `path:start-end`, always on one line."""
        return f"{self.path.translate(_LINE_BREAKS)}:{self.start_line}-{self.end_line}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that the first stage found in an index.

    Attributes:
        chunk: The chunk.
        score: Sum of the weighted features, comparable only within one query.
        rank: Position in the first-stage order, 1-based.
        parts: The contribution of each named feature, in the order of summation.
    """

    chunk: Chunk
    score: float
    rank: int
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bm25Candidate:
    """A passage that BM25 ranked among a caller's passages; the scale differs from a `Candidate`'s.

    Attributes:
        chunk: The passage.
        score: Its BM25 score among these passages only; where the index knows them, mixed with its score.
        rank: Position in that order, 1-based.
    """

    chunk: Chunk
    score: float
    rank: int

    @property
    def parts(self) -> Mapping[str, float]:
        """The only contribution to the score."""
        return {"body": self.score}


AnyCandidate = Candidate | Bm25Candidate
"""The input of the second stage, which divides either score by the best one."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate after both stages.

    Attributes:
        candidate: The first stage's candidate, with its own rank.
        score: Fused score, comparable only within one query.
        rank: Position in the final order, 1-based.
        logit: The cross-encoder's output, or None when it did not read this candidate.
    """

    candidate: AnyCandidate
    score: float
    rank: int
    logit: float | None = None


@dataclass(frozen=True, slots=True)
class RankedAcross:
    """A candidate ranked among those of several repositories.

    Attributes:
        candidate: The first stage's candidate in its own repository.
        score: Its fused score there times the repository's confidence, comparable only within one query.
        rank: Position in the order across all repositories, 1-based.
        logit: The cross-encoder's output, or None when it did not read this candidate.
    """

    candidate: AnyCandidate
    score: float
    rank: int
    logit: float | None = None


@dataclass(frozen=True, slots=True)
class FileStat:
    """The file system's metadata of a file; equal values mean that the file is unchanged.

    Attributes:
        size: Size in bytes.
        mtime_ns: Time of the last change of content, in nanoseconds.
        ctime_ns: Time of the last change of content or inode; reveals a restored mtime.
        inode: Reveals that the file was replaced.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A file that is not searched, and the reason."""

    path: str
    reason: str
