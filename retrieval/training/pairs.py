"""Which (question, passage) pairs the reranker learns from: chunks that answer, and chunks that nearly do."""

from dataclasses import dataclass

from retrieval.records import Chunk


@dataclass(frozen=True, slots=True)
class LabeledPair:
    """A question, a passage as the model reads it, and whether the one answers the other.

    Attributes:
        question_id: Of the golden question.
        group: Questions of one group are never parted between training and testing.
        query: The question's text.
        passage: What `reranker.pair_text` made of the chunk.
        label: 1 relevant, 0 not.
        chunk: Where the passage comes from.
        rank: Its place in the first-stage order, 1-based; 0 where the first stage did not find it.
    """

    question_id: str
    group: str
    query: str
    passage: str
    label: int
    chunk: Chunk
    rank: int
