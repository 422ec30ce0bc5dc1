"""Which pairs come from feedback: weak labels, beside the golden file for training, never for tests."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from retrieval.index.reader import Snapshot
from retrieval.records import Chunk
from retrieval.rerank.fusion import pair_text
from retrieval.search.feedback_log import Entry
from retrieval.sync.view import View
from retrieval.training.golden import golden_file
from retrieval.training.golden.golden_file import Expected, Golden
from retrieval.training.golden.groups import is_paraphrase, stems_of
from retrieval.training.golden.row_faults import WEAK
from retrieval.training.pairs.labeled_pairs import LabeledPair, Mined


def with_feedback(mined: Mined, asked: Golden, entries: Sequence[Entry], view: View) -> Mined:
    """Add the pairs of a feedback log; an entry that paraphrases a golden question joins its group.

    An entry that paraphrases questions of several groups is left out: it would leak one group into another's
    test. A passage with contradictory labels, from entries or from an entry and the golden file, is left out
    too.
    """
    snapshot, paths = view.snapshot, frozenset(view.paths)
    found: dict[tuple[str, str], LabeledPair] = {}
    labels: dict[tuple[str, str], set[int]] = defaultdict(set)
    for pair in mined.pairs:
        labels[pair.group, pair.passage].add(pair.label)
    for entry in entries:
        for pair in _pairs(entry, asked, mined, view, snapshot, paths):
            found.setdefault((pair.question_id, pair.passage), pair)
            labels[pair.group, pair.passage].add(pair.label)
    weak = tuple(pair for pair in found.values() if len(labels[pair.group, pair.passage]) == 1)
    provenance = {**mined.provenance, "feedback_entries": len(entries), "feedback_pairs": len(weak)}
    return replace(mined, pairs=(*mined.pairs, *weak), provenance=provenance)


def _pairs(
    entry: Entry,
    asked: Golden,
    mined: Mined,
    view: View,
    snapshot: Snapshot,
    paths: frozenset[str],
) -> Iterator[LabeledPair]:
    identity = WEAK + hashlib.blake2b(entry.query.encode("utf-8", "replace"), digest_size=6).hexdigest()
    groups = _groups(entry.query, asked, mined) or {identity}
    if len(groups) > 1:
        return
    group = groups.pop()
    for label, spans in ((1, entry.useful), (0, entry.not_useful)):
        chunks = [chunk for span in spans for chunk in _chunks(span, snapshot, paths)]
        for passage in view.chunk_texts(dict.fromkeys(chunks)):
            text = pair_text(passage.chunk, passage.text)
            yield LabeledPair(identity, group, entry.query, text, label, passage.chunk, 0)


def _groups(query: str, asked: Golden, mined: Mined) -> set[str]:
    stems = stems_of(query)
    return {
        mined.groups.get(question.question_id, question.question_id)
        for question in asked.questions
        if is_paraphrase(stems, stems_of(question.text))
    }


def _chunks(span: str, snapshot: Snapshot, paths: frozenset[str]) -> list[Chunk]:
    """Find the current chunks that a logged span touches; none if the file no longer exists."""
    target: Expected = golden_file.expected(span)
    if target.path not in paths:
        return []
    return [chunk for chunk in snapshot.chunks_of(target.path) if golden_file.touches(chunk, target)]
