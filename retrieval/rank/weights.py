"""How much each feature of the first stage counts: the one visible place, with the run that chose it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Weights:
    """What turns the features of a chunk into its score.

    Attributes:
        features: A factor for each feature that `ranker` measures; a feature without one counts nothing.
        coherence: What a file's best chunk gains, for the file with the highest sum of scores.
        decay: What a further chunk of a file keeps of its score, for each one placed above it.
        minor: What a chunk keeps of its score in a file where answers seldom lie.
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
# By hand: 188 questions cannot tell these from the fit's own choice (.937 to .943 in its objective), which
# does not trust a file's name at all.
SYMBOL = Weights(
    features={"body": 1.0, "names": 0.3, "path": 0.5, "title": 1.0, "definition": 2.0},
    coherence=0.2,
    decay=0.3,
    minor=0.3,
)
