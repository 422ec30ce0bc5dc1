"""How much each feature of the first stage counts, with the run that chose the weights."""

from collections.abc import Mapping
from dataclasses import dataclass

from retrieval.paths.file_kinds import FileKind


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights that turn the features of a chunk into its score.

    Attributes:
        features: A factor for each feature that `ranker` measures; a feature without one is ignored.
        coherence: Factor of the gain of a file's best chunk, which depends on the file's sum of scores.
        decay: Factor for a chunk's score, applied once for each chunk of the same file ranked above it.
        kinds: Factor for a chunk's score, by the kind of its file.
        asked: The same where the question asks for files of this kind.
        older: Factor for a chunk's score in a file that has a newer version.
    """

    features: Mapping[str, float]
    coherence: float
    decay: float
    kinds: Mapping[FileKind, float]
    asked: Mapping[FileKind, float]
    older: float


KINDS: Mapping[FileKind, float] = {
    "code": 1.0,
    "test": 0.5,
    "prose": 0.3,
    "example": 0.3,
    "data": 0.3,
    "legal": 0.1,
}
ASKED: Mapping[FileKind, float] = {
    "code": 1.0,
    "test": 0.5,
    "prose": 0.5,
    "example": 0.3,
    "data": 0.5,
    "legal": 0.5,
}

QUESTION = Weights(
    features={
        "body": 1.0,
        "names": 0.2,
        "path": 1.0,
        "title": 0.75,
        "definition": 0.3,
        "whole": 0.5,
        "phrase": 1.0,
        "location": 4.0,
        "past": 0.3,
        "expect_body": 2.0,
        "expect_names": 0.3,
        "expect_path": 0.75,
        "expect_title": 0.3,
        "expect_definition": 0.1,
    },
    coherence=0.3,
    decay=0.85,
    kinds=KINDS,
    asked=ASKED,
    older=0.3,
)
SYMBOL = Weights(
    features={
        "body": 1.0,
        "names": 0.3,
        "path": 0.5,
        "title": 1.0,
        "definition": 2.0,
        "whole": 20.0,
        "expect_body": 1.0,
        "expect_names": 0.3,
        "expect_path": 0.75,
        "expect_title": 0.3,
        "expect_definition": 0.3,
    },
    coherence=0.2,
    decay=0.85,
    kinds=KINDS,
    asked=ASKED,
    older=0.3,
)
