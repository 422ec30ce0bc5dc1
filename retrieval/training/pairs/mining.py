"""Which (question, passage) pairs the reranker is trained on: chunks that answer, and chunks that nearly do.

A positive is a chunk, not a file: one on the lines that the golden file names, or else the best chunks of an
expected file by first-stage features. A negative is a chunk of another file that the first stage still ranked
high; each of several rank bands gives some. The other chunks of an expected file are unlabelled and therefore
neither, like a chunk that quotes a question, and chunks of the golden file itself if it is indexed.
"""

import dataclasses
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.index.reader import Snapshot
from retrieval.rank.features import extract_features
from retrieval.rank.need import read_need
from retrieval.rank.ranker import weights_for
from retrieval.records import Candidate, Chunk
from retrieval.rerank.fusion import PAIR_TEXT_VERSION, pair_text
from retrieval.search import first_stage
from retrieval.sync.view import View
from retrieval.training.golden import golden_file, quotes, row_faults
from retrieval.training.golden.golden_file import Expected, Golden, Question
from retrieval.training.golden.groups import group
from retrieval.training.pairs import splits
from retrieval.training.pairs.content_filter import has_substance
from retrieval.training.pairs.labeled_pairs import LabeledPair, Mined

DEPTH = 50  # first-stage ranks from which negatives are taken
BANDS = ((1, 5, 3), (6, 15, 2), (16, DEPTH, 2))  # first rank, last rank, how many negatives
POSITIVES = 2  # chunks of an expected file, at most
SECOND_BEST = 0.8  # share of the best chunk's score that a second positive must reach
REUSE = 4  # questions that one passage may be a positive of, and a negative of
CARD_PAIRS, CARD_NEGATIVES, CARD_CHARS = 70, 4, 500  # from the model card of the first fine-tuned reranker


def mine(asked: Golden, view: View, *, seed: int) -> Mined:
    """Mine pairs for the questions of a golden file from a refreshed repository.

    The same file, index and seed give the same pairs.
    """
    snapshot = view.snapshot
    found = _all_answers(asked, view, snapshot)
    texts = _bare_texts(found, view)
    groups = group(asked.questions, texts)
    answers: dict[str, list[Chunk]] = {}
    uses: Counter[Chunk] = Counter()
    notes: list[str] = []
    for question in asked.questions:
        own = [chunk for chunk in found[question.question_id] if uses[chunk] < REUSE]
        if own:
            answers[question.question_id] = own
            uses.update(own)
        else:
            taken = f" (it answers {REUSE} others)" if found[question.question_id] else ""
            notes.append(
                f"row {question.row}: no chunk of its files can be shown as the answer{taken}: "
                f"{question.text}"
            )
    given = _Given(asked, answers, _by_group(texts, groups), groups, view, snapshot)
    return Mined(tuple(_pairs(given, seed=seed)), groups, tuple(notes), _provenance(asked, view, seed=seed))


def grouped(asked: Golden, view: View) -> dict[str, str]:
    """Return the group of each question, as in mining: paraphrases and shared answers are joined."""
    found = _all_answers(asked, view, view.snapshot)
    return group(asked.questions, _bare_texts(found, view))


def like_card(mined: Mined) -> Mined:
    """Choose the pairs that the first fine-tuned reranker would have had: 70, of which a fifth are positive.

    Its model card reports 70 pairs, mean label 0.2, passages of at most 500 characters: one positive and four
    negatives for each of 14 questions.
    """
    by_question: dict[str, list[LabeledPair]] = defaultdict(list)
    for pair in mined.pairs:
        by_question[pair.question_id].append(pair)
    chosen: list[LabeledPair] = []
    for own in by_question.values():
        positives = [pair for pair in own if pair.label][:1]
        negatives = [pair for pair in own if not pair.label][:CARD_NEGATIVES]
        if positives and len(negatives) == CARD_NEGATIVES and len(chosen) < CARD_PAIRS:
            chosen += positives + negatives
    cut = tuple(dataclasses.replace(pair, passage=pair.passage[:CARD_CHARS]) for pair in chosen)
    return dataclasses.replace(mined, pairs=cut)


def learnable(pairs: Sequence[LabeledPair], fold: splits.Fold) -> list[LabeledPair]:
    """Choose the pairs that a fold may train on: its training questions, and feedback about untested groups.

    They include no passage that answers a tested question, whatever its label, and no copy of one.
    """
    training, tested = set(fold.training), set(fold.testing)
    groups = {pair.group for pair in pairs if pair.question_id in tested} | tested
    answering = {bare(pair.passage) for pair in pairs if pair.label and pair.question_id in tested}
    return [
        pair
        for pair in pairs
        if (
            pair.question_id in training
            or (pair.question_id.startswith(row_faults.WEAK) and pair.group not in groups)
        )
        and bare(pair.passage) not in answering
    ]


@dataclass(frozen=True, slots=True)
class _Given:
    """The inputs of mining.

    Attributes:
        asked: All questions.
        answers: By question, the chunks that become positives; a question without any is absent.
        answering: By group, the texts that answer any of its questions.
        groups: The group of each question.
        view: For the texts.
        snapshot: For the ranking.
    """

    asked: Golden
    answers: Mapping[str, Sequence[Chunk]]
    answering: Mapping[str, set[str]]
    groups: Mapping[str, str]
    view: View
    snapshot: Snapshot


def _all_answers(asked: Golden, view: View, snapshot: Snapshot) -> dict[str, list[Chunk]]:
    """Find the chunks that carry each question's answer, however many questions share one."""
    paths = frozenset(view.paths)
    return {
        question.question_id: list(_answers(question, view, snapshot, paths)) for question in asked.questions
    }


def _bare_texts(found: Mapping[str, Sequence[Chunk]], view: View) -> dict[str, set[str]]:
    """Read each question's answers as texts, not as places, because a copy also gives an answer away."""
    return {identity: set(map(bare, _texts(view, chunks).values())) for identity, chunks in found.items()}


def _answers(question: Question, view: View, snapshot: Snapshot, paths: frozenset[str]) -> Iterator[Chunk]:
    """Yield the chunks that carry the answer, each once."""
    seen: set[Chunk] = set()
    for target in golden_file.targets(question, paths):
        for chunk in _answering(question, target, view, snapshot):
            if chunk not in seen:
                seen.add(chunk)
                yield chunk


def _answering(question: Question, target: Expected, view: View, snapshot: Snapshot) -> Iterator[Chunk]:
    """Yield the chunks of one target, best first: those on its lines, or else the first stage's choice."""
    if target.start_line is not None:
        chunks = [chunk for chunk in snapshot.chunks_of(target.path) if golden_file.touches(chunk, target)]
    else:
        chunks = _preferred(question.text, target.path, snapshot)
    passages = view.chunk_texts(chunks)
    solid = [
        passage.chunk
        for passage in passages
        if has_substance(target.path, passage.lines, defines=bool(passage.chunk.names))
    ]
    yield from solid[:POSITIVES]


def _preferred(text: str, path: str, snapshot: Snapshot) -> list[Chunk]:
    """Order a file's chunks by the sum of their features, without the parts that move whole files."""
    need = read_need(text)
    features = extract_features(need, snapshot, paths=[path])
    weights = weights_for(need)
    scores = sum(
        (weights.features.get(name, 0.0) * values for name, values in features.by_name.items()),
        np.zeros(len(features.pool.chunks)),
    )  # float64 [n_chunks]
    best = max(float(scores.max(initial=0.0)), 1e-12)
    order = np.argsort(-np.round(scores, 6), kind="stable")
    return [features.pool.chunks[i] for i in order if scores[i] >= SECOND_BEST * best]


def _pairs(given: _Given, *, seed: int) -> Iterator[LabeledPair]:
    paths = frozenset(given.view.paths)
    golden_path = os.path.relpath(given.asked.path.resolve(), given.view.root).replace(os.sep, "/")
    quotable = quotes.quotable(item.text for item in given.asked.questions)
    uses: Counter[str] = Counter()
    for question in given.asked.questions:
        identity = question.question_id
        if identity not in given.answers:
            continue
        group = given.groups[identity]
        candidates = first_stage.candidates_of(given.view, read_need(question.text), limit=DEPTH)
        ranks = {candidate.chunk: candidate.rank for candidate in candidates}
        expected = {target.path for target in golden_file.targets(question, paths)}
        others = [
            candidate for candidate in candidates if candidate.chunk.path not in {*expected, golden_path}
        ]
        texts = _texts(given.view, [candidate.chunk for candidate in others])
        allowed = [
            candidate
            for candidate in others
            if bare(texts[candidate.chunk]) not in given.answering[group]
            and uses[texts[candidate.chunk]] < REUSE
            and not quotes.quoted(texts[candidate.chunk], quotable)
        ]
        chosen = _by_band(allowed, rng=np.random.default_rng([seed, int.from_bytes(identity.encode()[-6:])]))
        uses.update(texts[candidate.chunk] for candidate in chosen)
        positives = _texts(given.view, given.answers[identity])
        labelled = [(chunk, positives[chunk], 1) for chunk in given.answers[identity]]
        labelled += [(candidate.chunk, texts[candidate.chunk], 0) for candidate in chosen]
        for chunk, text, label in labelled:
            yield LabeledPair(identity, group, question.text, text, label, chunk, ranks.get(chunk, 0))


def _texts(view: View, chunks: Sequence[Chunk]) -> dict[Chunk, str]:
    return {item.chunk: pair_text(item.chunk, item.text) for item in view.chunk_texts(chunks)}


def _by_group(texts: Mapping[str, set[str]], groups: Mapping[str, str]) -> dict[str, set[str]]:
    """Collect the texts that answer any question of a group: they are negatives for none of them."""
    found: dict[str, set[str]] = defaultdict(set)
    for identity, own in texts.items():
        found[groups[identity]] |= own
    return found


def bare(passage: str) -> str:
    """Write a passage without its path and whitespace, so that a copy in another file is the same text."""
    return " ".join(passage.partition("\n")[2].split())


def _by_band(candidates: Sequence[Candidate], *, rng: np.random.Generator) -> list[Candidate]:
    """Draw each band's share of negatives, in first-stage order."""
    chosen: list[Candidate] = []
    for first, last, count in BANDS:
        band = [candidate for candidate in candidates if first <= candidate.rank <= last]
        picks = rng.permutation(len(band))[:count]
        chosen += [band[i] for i in sorted(picks)]
    return chosen


def _provenance(asked: Golden, view: View, *, seed: int) -> dict[str, Any]:
    return {
        "golden_sha256": asked.digest,
        "commit": view.commit,
        "index": view.fingerprint,
        "seed": seed,
        "pair_text_version": PAIR_TEXT_VERSION,
    }
