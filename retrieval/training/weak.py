"""What feedback teaches: weak labels, learned from beside the golden file and never tested on."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from retrieval.feedback import Entry
from retrieval.index import Snapshot
from retrieval.records import Chunk
from retrieval.repository import Repository
from retrieval.reranker import pair_text
from retrieval.training import golden, splits
from retrieval.training.golden import Expected, Golden
from retrieval.training.pairs import WEAK, LabeledPair, Mined


def with_feedback(mined: Mined, asked: Golden, entries: Sequence[Entry], repository: Repository) -> Mined:
    """Add the pairs of a feedback log; an entry that says what a golden question asks joins its group.

    A passage that was called both is left out: nobody knows.
    """
    snapshot, paths = repository.snapshot(), frozenset(repository.paths)
    found: dict[tuple[str, str], LabeledPair] = {}
    doubted: set[tuple[str, str]] = set()
    for entry in entries:
        for pair in _pairs(entry, asked, mined, repository, snapshot, paths):
            key = (pair.question_id, pair.passage)
            if key in found and found[key].label != pair.label:
                doubted.add(key)
            found.setdefault(key, pair)
    weak = tuple(pair for key, pair in found.items() if key not in doubted)
    provenance = {**mined.provenance, "feedback_entries": len(entries), "feedback_pairs": len(weak)}
    return replace(mined, pairs=(*mined.pairs, *weak), provenance=provenance)


def _pairs(
    entry: Entry,
    asked: Golden,
    mined: Mined,
    repository: Repository,
    snapshot: Snapshot,
    paths: frozenset[str],
) -> Iterator[LabeledPair]:
    identity = WEAK + hashlib.blake2b(entry.query.encode(), digest_size=6).hexdigest()
    group = _group(entry.query, asked, mined) or identity
    for label, spans in ((1, entry.useful), (0, entry.not_useful)):
        chunks = [chunk for span in spans for chunk in _chunks(span, snapshot, paths)]
        for passage in repository.passages(dict.fromkeys(chunks)):
            text = pair_text(passage.chunk, passage.text)
            yield LabeledPair(identity, group, entry.query, text, label, passage.chunk, 0)


def _group(query: str, asked: Golden, mined: Mined) -> str:
    stems = splits.stems_of(query)
    for question in asked.questions:
        if splits.is_paraphrase(stems, splits.stems_of(question.text)):
            return mined.groups.get(question.question_id, question.question_id)
    return ""


def _chunks(span: str, snapshot: Snapshot, paths: frozenset[str]) -> list[Chunk]:
    """Find the chunks of today that a span of then touches; none where the file is gone."""
    target: Expected = golden.expected(span)
    if target.path not in paths:
        return []
    return [chunk for chunk in snapshot.chunks_of(target.path) if golden.touches(chunk, target)]
