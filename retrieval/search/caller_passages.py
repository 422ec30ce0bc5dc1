"""How a caller's own passages are ranked: by BM25 among themselves, and by what the index knows of them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from retrieval.chunks import tokenizer
from retrieval.chunks.chunk_text import ChunkText
from retrieval.errors import CancelledError
from retrieval.index.bm25 import bm25_scores
from retrieval.index.reader import path_terms
from retrieval.progress import IsCancelled
from retrieval.rank.learned_order import SHIPPED, Order
from retrieval.rank.need import Need
from retrieval.rank.spelling import respelled
from retrieval.records import Bm25Candidate, Candidate, Chunk
from retrieval.search.first_stage import in_order, measure
from retrieval.sync.view import View

KNOWN_SHARE, KNOWN_TRUST = 0.75, 0.4
"""How much the index's score of a caller's passage counts beside BM25 among the passages, and how much of the
embedded cross-encoder's weight remains where it knows them all. Over what BM25 finds for 1,031 questions of
people, that gains .060 nDCG@10 as asked and .024 with guesses (docs/decisions/0027-who-decides.md)."""


def known_scores(
    view: View, need: Need, passages: Sequence[ChunkText], *, order: Order = SHIPPED
) -> dict[Chunk, float]:
    """Return the first-stage score of the best chunk that each passage of an indexed file touches, or 0."""
    indexed = view.contents.records
    mine = [one for one in passages if one.chunk.kind != "text" and one.chunk.path in indexed]
    paths = sorted({one.chunk.path for one in mine})
    found: dict[str, list[Candidate]] = {}
    measured = measure(view, need, paths=paths)
    # Which files change together says where the rest of an answer is, not what one passage is worth.
    alone = replace(measured, features=replace(measured.features, changes=None))
    for candidate in in_order(view, alone, order=order):
        found.setdefault(candidate.chunk.path, []).append(candidate)
    return {
        passage.chunk: max(
            (one.score for one in found.get(passage.chunk.path, ()) if _meets(one, passage)), default=0.0
        )
        for passage in mine
    }


def _meets(candidate: Candidate, passage: ChunkText) -> bool:
    one, other = candidate.chunk, passage.chunk
    return one.start_line <= other.end_line and one.end_line >= other.start_line


def rank_passages(
    need: Need,
    passages: Sequence[ChunkText],
    *,
    known: Mapping[Chunk, float] = MappingProxyType({}),
    is_cancelled: IsCancelled = lambda: False,
) -> list[Bm25Candidate]:
    """Rank passages by BM25 among themselves, best first; ties by path, then line.

    The score is the mean of the wordings' scores, plus each guess's with the weight of its place. Where the
    index knows passages, it is a share of the best, and KNOWN_SHARE of it is the index's.

    Raises:
        CancelledError: `is_cancelled` returned True.
    """
    documents = []
    for passage in passages:
        if is_cancelled():
            raise CancelledError("the caller no longer wants this ranking")
        documents.append(tokenizer.stems(tokenizer.terms(passage.text) + path_terms(passage.chunk.path)))
    need, _ = respelled(need, lambda stem: sum(stem in document for document in documents))
    asked = [(wording.query.stems, wording.share) for wording in need.wordings]
    asked += [(guess.stems, guess.weight) for guess in need.guesses]
    scores = sum(
        (weight * bm25_scores(stems, documents) for stems, weight in asked), np.zeros(len(documents))
    )
    chunks = [passage.chunk for passage in passages]
    if any(known.values()):
        shares = scores / max(scores.max(), 1e-12)
        best = max(known.values())
        ours = [known[chunk] / best if chunk in known else shares[i] for i, chunk in enumerate(chunks)]
        scores = (1 - KNOWN_SHARE) * shares + KNOWN_SHARE * np.array(ours)
    order = sorted(
        range(len(passages)),
        key=lambda i: (-round(float(scores[i]), 9), passages[i].chunk.path, passages[i].chunk.start_line),
    )
    return [Bm25Candidate(passages[i].chunk, float(scores[i]), number) for number, i in enumerate(order, 1)]
