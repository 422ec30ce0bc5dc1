"""How much each feature of the first stage counts, with the run that chose the weights."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from retrieval.paths.file_kinds import FileKind
from retrieval.rank.need import NeedKind


@dataclass(frozen=True, slots=True)
class Weights:
    """The weights that turn the features of a chunk into its score.

    Attributes:
        features: A factor for each of `features.FEATURES`; a feature without one is ignored.
        coherence: Factor of the gain of a file's best chunk, which depends on the file's sum of scores.
        decay: Factor for the score of a file's second chunk, of the fourth once more, of the eighth again.
        known_decay: The same where the history says which of the best files change together: other files then
            need less room.
        kinds: Factor for a chunk's score, by the kind of its file.
        asked: The same where the question asks for files of this kind.
        older: Factor for a chunk's score in a file that has a newer version.
        support: What the best supported file gains, as a share of the best score.
        together: The share of the gap to the best score that a file closes which always changes with the
            best one.
        puts_whole_first: Whether chunks that hold the whole identifier come before all others.
    """

    features: Mapping[str, float]
    coherence: float
    decay: float
    known_decay: float
    kinds: Mapping[FileKind, float]
    asked: Mapping[FileKind, float]
    older: float
    support: float = 0.0
    together: float = 0.0
    puts_whole_first: bool = False


# Chosen on people's questions and the older sets, none of them on the mined line set, on which they are
# reported: docs/decisions/0023-lines-and-guesses.md, benchmarks/runs/2026-11-28-lines.
KINDS: Mapping[FileKind, float] = {
    "code": 1.0,
    "test": 0.5,
    "prose": 0.3,
    "example": 0.3,
    "data": 0.3,
    "legal": 0.1,
}
ASKED: Mapping[FileKind, float] = {**KINDS, "prose": 0.5, "data": 0.5, "legal": 0.5}

QUESTION = Weights(
    features={
        "body": 1.0,
        "names": 0.3,
        "path": 0.3,
        "title": 1.0,
        "definition": 0.3,
        "whole": 0.1,
        "phrase": 0.75,
        "location": 4.0,
        "purpose": 0.4,  # docs/decisions/0041-what-a-file-says-it-is-for.md
        "past": 0.3,
        "expect_body": 1.5,
        "expect_names": 0.1,
        "expect_path": 0.75,
        "expect_title": 0.75,
        "expect_definition": 0.1,
    },
    coherence=0.3,
    decay=0.75,
    known_decay=0.85,  # this, support and together: docs/decisions/0040-files-that-change-together.md
    kinds=KINDS,
    asked=ASKED,
    older=0.3,
    support=0.05,
    together=0.3,
)
SYMBOL = Weights(
    features={
        "body": 1.0,
        "names": 0.3,
        "path": 0.5,
        "title": 1.5,
        "definition": 2.0,
        "expect_body": 1.0,
        "expect_names": 0.3,
        "expect_path": 0.75,
        "expect_title": 0.3,
        "expect_definition": 0.3,
    },
    coherence=0.3,
    decay=0.6,
    known_decay=0.6,
    kinds=KINDS,
    asked=ASKED,
    older=0.3,
    puts_whole_first=True,
)


def by_kind(question: Weights) -> Mapping[NeedKind, Weights]:
    """Return the weights of every kind of need, those of a question being given.

    A path is asked for by its words. With guesses, a second chunk of a file is as good as a first of another:
    the guesses are about one place, so neither the files that support it nor what its file is for count.
    Other weights of their own lost out of fold, for pasted texts too.
    """
    guessed = {**question.features, "purpose": 0.0}
    by_path = {**guessed, "path": 2.0, "title": 3.0}
    return {
        "name": SYMBOL,
        "path": replace(question, features=by_path),
        "guessed": replace(
            question, features=guessed, decay=0.85, known_decay=0.85, support=0.0, together=0.4
        ),
        "pasted": question,
        "question": question,
    }


WEIGHTS = by_kind(QUESTION)
