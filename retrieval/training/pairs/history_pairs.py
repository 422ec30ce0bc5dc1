"""Which of a question's candidates teach a model, where a commit or a reader says which lines answer."""

from collections.abc import Callable, Sequence

from retrieval.records import Candidate, Chunk
from retrieval.training.pairs.labeled_pairs import LabeledPair

SKIPPED = 3  # first candidates that are never negatives: they are often right, whatever a commit changed
POSITIVES, NEGATIVES = 3, 12  # of a question, by first-stage rank

ReadPassages = Callable[[Sequence[Chunk]], Sequence[str]]
"""Reads the `pair_text` of each chunk."""


def pairs_of(
    identity: str,
    query: str,
    positives: Sequence[Candidate],
    negatives: Sequence[Candidate],
    read: ReadPassages,
) -> list[LabeledPair]:
    """Return the first pairs of a question, positives first; none where either are missing."""
    if not positives or not negatives:
        return []
    kept = [*((one, 1) for one in positives[:POSITIVES]), *((one, 0) for one in negatives[:NEGATIVES])]
    passages = read([one.chunk for one, _ in kept])
    return [
        LabeledPair(identity, identity, query, passage, label, one.chunk, one.rank)
        for (one, label), passage in zip(kept, passages, strict=True)
    ]
