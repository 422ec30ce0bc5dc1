"""Which systems an evaluation compares, from the simplest baseline to both stages together."""

import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from retrieval.chunks import tokenizer
from retrieval.progress import IsCancelled
from retrieval.rank.confidence import judge
from retrieval.rank.learned_order import SHIPPED, Order
from retrieval.rank.need import read_need
from retrieval.rank.ranker import rank
from retrieval.records import Candidate, Chunk
from retrieval.rerank.fusion import PairScorer, fuse, pair_text, read_pairs
from retrieval.search.first_stage import features_of
from retrieval.sync.view import View
from retrieval.training.evaluation.comparison import Asked, Ranking, Result
from retrieval.training.golden import golden_file
from retrieval.training.golden.golden_file import Golden

TOP_K = 50  # results per question: recall@50 is the upper bound for a reranker
CONSTANTS = 5  # files in the constant list
RG_TIMEOUT_S = 60
WEIGHTS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

_END = 1_000_000_000  # beyond the last line of any file

Report = Callable[[int, int], None]
"""Called with questions done and questions to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """The first-stage results for one question, and the passages that a model reads.

    Attributes:
        candidates: Best first, at most TOP_K.
        passages: The text of each from `pair_text`.
        is_symbol: Whether the query is a single name, which is not reranked.
        confidence: Confidence in the best candidate, 0 to 1.
        milliseconds: Wall time of the search.
    """

    candidates: tuple[Candidate, ...]
    passages: tuple[str, ...]
    is_symbol: bool
    confidence: float
    milliseconds: float


def judged(asked: Golden, view: View, groups: Mapping[str, str]) -> list[Asked]:
    """Convert questions for evaluation; those without an answer in an indexed file are left out."""
    paths = frozenset(view.paths)
    return [
        Asked(
            question.question_id,
            question.text,
            groups.get(question.question_id, question.question_id),
            targets,
        )
        for question in asked.questions
        if (targets := golden_file.targets(question, paths))
    ]


def first_stage(asked: Sequence[Asked], view: View, order: Order = SHIPPED) -> dict[str, Found]:
    """Run the first stage on every question, as a search in this order does."""
    snapshot = view.snapshot
    answers: dict[str, Found] = {}
    for item in asked:
        start = time.perf_counter()
        need = read_need(item.text)
        features = features_of(view, need)
        candidates = rank(features, order.weights[need.kind], limit=TOP_K)
        spent = 1000 * (time.perf_counter() - start)
        sure = judge(need, snapshot, features, candidates).value
        texts = view.chunk_texts(candidate.chunk for candidate in candidates)
        passages = tuple(pair_text(passage.chunk, passage.text) for passage in texts)
        answers[item.question_id] = Found(tuple(candidates), passages, need.is_symbol, sure, spent)
    return answers


def read(
    asked: Iterable[Asked],
    found: Mapping[str, Found],
    scorer: PairScorer,
    *,
    depth: int,
    is_cancelled: IsCancelled = lambda: False,
    report: Report = lambda _done, _total: None,
) -> dict[str, tuple[tuple[float, ...], float]]:
    """Score each question's best candidates with a cross-encoder.

    Returns:
        By question id: a logit for each of the first `depth` candidates, and the milliseconds it took.
    """
    said: dict[str, tuple[tuple[float, ...], float]] = {}
    questions = list(asked)
    for number, item in enumerate(questions):
        report(number, len(questions))
        start = time.perf_counter()
        passages = found[item.question_id].passages[:depth]
        logits = read_pairs(item.text, passages, scorer, is_cancelled=is_cancelled).logits
        spent = 1000 * (time.perf_counter() - start)
        said[item.question_id] = (tuple(logit for logit in logits if logit is not None), spent)
    report(len(questions), len(questions))
    return said


def plain(found: Mapping[str, Found]) -> dict[str, Ranking]:
    """Return the first stage's own rankings."""
    return {
        identity: _ranking([candidate.chunk for candidate in item.candidates], item, item.milliseconds)
        for identity, item in found.items()
    }


def fused(
    found: Mapping[str, Found],
    said: Mapping[str, tuple[tuple[float, ...], float]],
    weights: Mapping[str, float],
) -> dict[str, Ranking]:
    """Fuse both stages as a search does, with a weight for each question."""
    rankings = {}
    for identity, (logits, spent) in said.items():
        item = found[identity]
        padded = [*logits, *[None] * (len(item.candidates) - len(logits))]
        ranked = fuse(item.candidates, padded, weight=0.0 if item.is_symbol else weights[identity])
        order = [entry.candidate.chunk for entry in ranked]
        rankings[identity] = _ranking(order, item, item.milliseconds + spent)
    return rankings


def constant(asked: Sequence[Asked], paths: Iterable[str]) -> dict[str, Ranking]:
    """Return the same few files for every question: those that answer most of the questions.

    The files are chosen greedily with knowledge of the answers. This is the baseline that a golden file
    itself sets: a system that does not beat it proves nothing.
    """
    left = {item.question_id: {target.path for target in item.targets} for item in asked}
    best: list[str] = []
    known = set(paths)
    while len(best) < CONSTANTS:
        counts = Counter(path for answers in left.values() for path in answers if path in known - set(best))
        if not counts:
            break
        best.append(min(counts, key=lambda path: (-counts[path], path)))
        left = {identity: answers for identity, answers in left.items() if best[-1] not in answers}
    whole = tuple(Result(Chunk(path, 1, _END), 0) for path in best)
    return {item.question_id: Ranking(whole) for item in asked}


def ripgrep(asked: Sequence[Asked], view: View) -> dict[str, Ranking] | None:
    """Rank files by the number of lines with a word of the question, as an assistant with ripgrep would.

    Returns:
        None if ripgrep is not installed.
    """
    if shutil.which("rg") is None:
        return None
    return {item.question_id: _grepped(item, view) for item in asked}


def _grepped(item: Asked, view: View) -> Ranking:
    start = time.perf_counter()
    words = tokenizer.query_terms(item.text)
    if not words:  # without a pattern, rg would read the folder as one
        return Ranking(())
    patterns = [word for term in words for word in ("-e", term)]
    command = ["rg", "--count", "--ignore-case", "--fixed-strings", "--no-config", "--null", *patterns, "."]
    try:
        done = subprocess.run(  # noqa: S603 - no shell; what is searched for stands behind -e
            command, cwd=view.root, stdin=subprocess.DEVNULL, capture_output=True, check=False,
            timeout=RG_TIMEOUT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:  # after a minute an assistant would have given up
        return Ranking((), 1000.0 * RG_TIMEOUT_S)
    indexed = set(view.paths)
    counts: dict[str, int] = {}
    for line in os.fsdecode(done.stdout).split("\n"):
        path, _, count = line.rpartition("\0")
        if path.removeprefix("./") in indexed:
            counts[path.removeprefix("./")] = int(count)
    order = sorted(counts, key=lambda path: (-counts[path], path))[:TOP_K]
    spent = 1000 * (time.perf_counter() - start)
    sizes = [sum(1 + len(line) for line in view.lines(path) or ()) for path in order]
    results = tuple(Result(Chunk(path, 1, _END), size) for path, size in zip(order, sizes, strict=True))
    return Ranking(results, spent)


def _ranking(order: Sequence[Chunk], item: Found, milliseconds: float) -> Ranking:
    lengths = {
        candidate.chunk: len(text.partition("\n")[2])
        for candidate, text in zip(item.candidates, item.passages, strict=True)
    }
    results = tuple(Result(chunk, lengths[chunk]) for chunk in order)
    return Ranking(results, milliseconds)
