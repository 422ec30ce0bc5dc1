"""How much each feature of the first stage counts, with the run that chose the weights."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights that turn the features of a chunk into its score.

    Attributes:
        features: A factor for each feature that `ranker` measures; a feature without one is ignored.
        coherence: Factor of the gain of a file's best chunk, which depends on the file's sum of scores.
        decay: Factor for a chunk's score, applied once for each chunk of the same file ranked above it.
        minor: Factor for a chunk's score in a file that seldom has the answer.
    """

    features: Mapping[str, float]
    coherence: float
    decay: float
    minor: float


# Chosen by benchmarks/quality/fit.py on the development questions: docs/decisions/0007-features.md.
QUESTION = Weights(
    features={
        "body": 1.0,
        "names": 0.2,
        "path": 2.0,
        "title": 1.5,
        "definition": 0.3,
        "phrase": 1.0,
        "location": 4.0,
    },
    coherence=0.3,
    decay=0.3,
    minor=0.3,
)
# Set by hand: on 188 questions, these are indistinguishable from the fitted weights (.937 to .943 in the
# objective), which ignore file names completely.
SYMBOL = Weights(
    features={"body": 1.0, "names": 0.3, "path": 0.5, "title": 1.0, "definition": 2.0},
    coherence=0.2,
    decay=0.3,
    minor=0.3,
)
